//! Reading single values out of JSON text that travels on unread.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text of a JSON string; None where it is something else.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

/// Whether the value is an object. A derived reader takes arrays for objects too.
pub(super) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// Whether the value is `null`.
pub(super) fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.into()).unwrap()
    }

    #[test]
    fn a_string_is_read_with_its_escapes() {
        assert_eq!(text(&raw(r#""a\n\u00fc""#)).unwrap(), "a\nü");
        for other in ["1", "null", "[\"a\"]", "{}"] {
            assert_eq!(text(&raw(other)), None, "{other}");
        }
    }

    #[test]
    fn an_array_is_no_object() {
        assert!(is_object(&raw("{}")));
        assert!(!is_object(&raw("[]")));
        assert!(is_null(&raw("null")));
    }
}

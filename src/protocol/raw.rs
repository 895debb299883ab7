//! Reading single values out of JSON text that travels on unread.

use std::{borrow::Cow, str::FromStr};

use serde_json::{Error, Value, value::RawValue};

/// The text of a JSON string; None where it is something else.
pub fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    match value(raw.get()) {
        Ok(Value::String(text)) => Some(Cow::Owned(text)),
        _ => None,
    }
}

/// The same, owned.
pub fn string(raw: &RawValue) -> Option<String> {
    text(raw).map(Cow::into_owned)
}

/// A number; None where it is something else, or does not fit.
pub fn number<N: FromStr>(raw: &RawValue) -> Option<N> {
    raw.get().parse().ok()
}

/// A whole number, which JSON may also write as `40.0`; None where it is something else.
pub fn whole(raw: &RawValue) -> Option<u64> {
    let (whole, fraction) = raw.get().split_once('.').unwrap_or((raw.get(), ""));
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    whole.parse().ok().filter(|_| is_whole)
}

/// A number with a fraction; None where it is something else.
pub fn float(raw: &RawValue) -> Option<f64> {
    value(raw.get()).ok()?.as_f64()
}

/// A truth value; None where it is something else.
pub fn flag(raw: &RawValue) -> Option<bool> {
    raw.get().parse().ok()
}

/// The elements of an array.
///
/// # Errors
/// Where the text is no array.
pub fn elements(json: &str) -> Result<Vec<&RawValue>, Error> {
    serde_json::from_str(json)
}

/// The whole value, as a tree.
///
/// # Errors
/// Where the text is no JSON.
pub fn value(json: &str) -> Result<Value, Error> {
    serde_json::from_str(json)
}

/// The value in bytes from elsewhere; None where they are no JSON.
pub fn value_of_bytes(bytes: &[u8]) -> Option<Value> {
    value(std::str::from_utf8(bytes).ok()?).ok()
}

/// Whether the value is an object.
pub fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// Whether the value is `null`.
pub fn is_null(raw: &RawValue) -> bool {
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

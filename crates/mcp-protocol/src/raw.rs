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
pub fn whole_number(raw: &RawValue) -> Option<u64> {
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

/// The whole value, as a tree. Half of a surrogate pair, which JSON can write and no text can hold,
/// is U+FFFD.
///
/// # Errors
/// Where the text is no JSON.
pub fn value(json: &str) -> Result<Value, Error> {
    serde_json::from_str(json).or_else(|error| match replace_lone_surrogates(json) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(error),
    })
}

/// The value in bytes from elsewhere; None where they are no JSON.
pub fn value_of_bytes(bytes: &[u8]) -> Option<Value> {
    value(std::str::from_utf8(without_bom(bytes)).ok()?).ok()
}

/// A text without the byte order mark that some programs put before it (RFC 8259 §8.1).
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The text with U+FFFD for each escape of half a surrogate pair; None where there is none.
fn replace_lone_surrogates(json: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = json;
    // A backslash stands nowhere else in JSON than before what it escapes.
    while let Some((before, escape)) = rest
        .find('\\')
        .and_then(|at| rest.split_at_checked(at))
        .filter(|(_, escape)| escape.len() > 1)
    {
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str(before);
                out.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        let (escape, after) = escape.split_at_checked(length)?;
        out.push_str(before);
        out.push_str(escape);
        rest = after;
    }
    out.push_str(rest);
    (out != json).then_some(out)
}

/// The UTF-16 unit that an escape at the beginning of a text stands for.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
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
    fn half_a_surrogate_pair_is_a_replacement_character() {
        for (json, text) in [
            (r#""a\ud800b""#, "a\u{fffd}b"),
            (r#""\udc00\ud83d\ude00\uD83D""#, "\u{fffd}😀\u{fffd}"),
            (r#""\ud800\ud800\udc00""#, "\u{fffd}\u{10000}"),
            (r#""\\ud800 \\\ud800""#, "\\ud800 \\\u{fffd}"),
            (r#""ü\"\ud800""#, "ü\"\u{fffd}"),
            (r#""\ud800\n\u0041""#, "\u{fffd}\nA"),
        ] {
            assert_eq!(value(json).unwrap(), text, "{json}");
            assert_eq!(value_of_bytes(json.as_bytes()).unwrap(), text, "{json}");
        }
        assert_eq!(text(&raw(r#""\udfff""#)).unwrap(), "\u{fffd}");
        for json in [r#""\ud800"#, r#"{"a":"\ud800",}"#, r#""\ud80""#, r#""\"#, "\\ud800", ""] {
            assert!(value(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_a_value() {
        assert_eq!(value_of_bytes(b"\xef\xbb\xbf{}"), Some(Value::Object(Default::default())));
        assert_eq!(value_of_bytes(b"\xef\xbb\xbf\xef\xbb\xbf{}"), None);
        assert_eq!(without_bom(b"\xef\xbb"), b"\xef\xbb");
    }

    #[test]
    fn an_array_is_no_object() {
        assert!(is_object(&raw("{}")));
        assert!(!is_object(&raw("[]")));
        assert!(is_null(&raw("null")));
    }
}

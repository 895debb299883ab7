//! The fields of a JSON object by their place in its text, so that one is replaced or left out and every
//! other byte stays.
//!
//! Invariant: the text is JSON that was read before. Of a text that is no object nothing is changed.

use std::ops::Range;

use crate::raw;
use serde_json::value::RawValue;

/// A field in the text of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// From the first byte of the name to the last one of the value.
    pub whole: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// The fields of an object, in their order. None: the text is no object.
pub fn fields(text: &str) -> Option<Vec<Field>> {
    let bytes = text.as_bytes();
    let mut at = blank(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at = blank(bytes, at.saturating_add(1));
    let mut found = Vec::new();
    if bytes.get(at) == Some(&b'}') {
        return Some(found);
    }
    loop {
        let begin = at;
        let name_end = string_end(bytes, at)?;
        at = blank(bytes, name_end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        let value = blank(bytes, at.saturating_add(1));
        let end = value_end(bytes, value)?;
        let name = name_of(text.get(begin..name_end)?)?;
        found.push(Field { name, whole: begin..end, value: value..end });
        at = blank(bytes, end);
        match bytes.get(at)? {
            b',' => at = blank(bytes, at.saturating_add(1)),
            b'}' => return Some(found),
            _ => return None,
        }
    }
}

/// The elements of an array by their places. None: the text is no array.
pub fn elements(text: &str) -> Option<Vec<Range<usize>>> {
    let bytes = text.as_bytes();
    let mut at = blank(bytes, 0);
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    at = blank(bytes, at.saturating_add(1));
    let mut found = Vec::new();
    if bytes.get(at) == Some(&b']') {
        return Some(found);
    }
    loop {
        let end = value_end(bytes, at)?;
        found.push(at..end);
        at = blank(bytes, end);
        match bytes.get(at)? {
            b',' => at = blank(bytes, at.saturating_add(1)),
            b']' => return Some(found),
            _ => return None,
        }
    }
}

/// The text with other texts at these places, which are in their order and do not overlap.
pub fn replaced(text: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (place, new) in edits {
        out.push_str(text.get(from..place.start).unwrap_or_default());
        out.push_str(new);
        from = place.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// The object without its fields of these names, as often as they are there.
pub fn without(text: &str, names: &[&str]) -> String {
    let Some(all) = fields(text) else {
        return text.to_owned();
    };
    let is_kept = |field: &&Field| !names.contains(&field.name.as_str());
    let kept: Vec<&Field> = all.iter().filter(is_kept).collect();
    if kept.len() == all.len() {
        return text.to_owned();
    }
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(text.get(..first.whole.start).unwrap_or_default());
    for (place, field) in kept.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(text.get(field.whole.clone()).unwrap_or_default());
    }
    out.push_str(text.get(last.whole.end..).unwrap_or_default());
    out
}

/// The object with this value for a field, which is added at the end where it is not there.
pub fn with(text: &str, name: &str, json: &str) -> String {
    let Some(all) = fields(text) else {
        return text.to_owned();
    };
    if let Some(field) = all.iter().find(|field| field.name == name) {
        return replaced(text, &[(field.value.clone(), json.to_owned())]);
    }
    let added = format!("{}:{json}", crate::object::quoted(name));
    match all.last() {
        Some(last) => replaced(text, &[(last.whole.end..last.whole.end, format!(",{added}"))]),
        None => format!("{{{added}}}"),
    }
}

fn name_of(quoted: &str) -> Option<String> {
    let raw: &RawValue = serde_json::from_str(quoted).ok()?;
    raw::string(raw)
}

/// The place of the next byte that is no white space.
fn blank(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    from.saturating_add(rest.iter().take_while(is_space).count())
}

/// The place behind a string that begins here.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = rest.iter().position(|byte| match (escaped, byte) {
        (true, _) => {
            escaped = false;
            false
        }
        (false, b'\\') => {
            escaped = true;
            false
        }
        (false, byte) => *byte == b'"',
    })?;
    Some(from.saturating_add(end).saturating_add(2))
}

/// The place behind a value that begins here.
fn value_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut depth = 0_usize;
    loop {
        at = match bytes.get(at)? {
            b'"' => string_end(bytes, at)?,
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                at.saturating_add(1)
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at.saturating_add(1)
            }
            _ if depth > 0 => at.saturating_add(1),
            _ => {
                let rest = bytes.get(at..)?;
                let ends =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                let length = rest.iter().position(ends).unwrap_or(rest.len());
                return (length > 0).then(|| at.saturating_add(length));
            }
        };
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use test_support::json::ANY_TEXT;

    #[test]
    fn a_field_is_replaced_and_every_other_byte_stays() {
        let text = "{ \"a\" : 1.0 ,\n\"b\":{\"a\":\"}\\\"\"} , \"\\u0063\": [ 1,2 ] }";
        assert_eq!(with(text, "b", "null"), "{ \"a\" : 1.0 ,\n\"b\":null , \"\\u0063\": [ 1,2 ] }");
        assert_eq!(
            with(text, "c", "3"),
            "{ \"a\" : 1.0 ,\n\"b\":{\"a\":\"}\\\"\"} , \"\\u0063\": 3 }"
        );
        assert_eq!(with("{}", "x", "1"), r#"{"x":1}"#);
        assert_eq!(with(r#"{"a":1 }"#, "x", "2"), r#"{"a":1,"x":2 }"#);
    }

    #[test]
    fn a_field_is_left_out_with_its_comma() {
        for (text, left) in [
            (r#"{"r":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":2,"r":1}"#, r#"{"a":2}"#),
            (r#"{ "a" : 2 , "r":1, "b":{"r":1} }"#, r#"{ "a" : 2,"b":{"r":1} }"#),
            (r#"{"r":{}}"#, "{}"),
            (r#"{"a":1}"#, r#"{"a":1}"#),
            ("[1]", "[1]"),
        ] {
            assert_eq!(without(text, &["r"]), left);
        }
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for text in
            ["", "1", "[]", "null", "\"{}\"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,"]
        {
            assert_eq!(fields(text), None, "{text}");
        }
        assert_eq!(fields(" {} "), Some(Vec::new()));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ANY_TEXT.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((ANY_TEXT, inner), 0..5)
                    .prop_map(|all| Value::Object(all.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn places_are_those_of_the_values(value in any_json(), pretty: bool) {
            let text = match pretty {
                true => serde_json::to_string_pretty(&value).unwrap(),
                false => value.to_string(),
            };
            match &value {
                Value::Object(map) => {
                    let found = fields(&text).unwrap();
                    prop_assert_eq!(found.len(), map.len());
                    for field in found {
                        let read: Value = serde_json::from_str(&text[field.value]).unwrap();
                        prop_assert_eq!(&read, &map[&field.name]);
                    }
                }
                Value::Array(all) => {
                    let found = elements(&text).unwrap();
                    prop_assert_eq!(found.len(), all.len());
                    for (place, value) in found.into_iter().zip(all) {
                        let read: Value = serde_json::from_str(&text[place]).unwrap();
                        prop_assert_eq!(&read, value);
                    }
                }
                _ => prop_assert_eq!(fields(&text), None),
            }
        }

        #[test]
        fn no_text_is_too_wrong(text in ANY_TEXT) {
            let _ = (fields(&text), elements(&text), without(&text, &["a"]), with(&text, "a", "1"));
        }
    }

    #[test]
    fn edits_are_made_at_their_places() {
        let text = json!([1, 22, 3]).to_string();
        let places = elements(&text).unwrap();
        let edits = [(places[0].clone(), "x".to_owned()), (places[2].clone(), String::new())];
        assert_eq!(replaced(&text, &edits), "[x,22,]");
    }
}

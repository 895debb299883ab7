//! JSON in tests.

use serde_json::value::RawValue;

/// Any text, as a pattern.
pub const ANY_TEXT: &str = "(?s).{0,100}";

/// A raw JSON value.
pub fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.into()).expect(json)
}

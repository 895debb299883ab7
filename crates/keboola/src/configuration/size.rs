//! How large and how deep a JSON value is.

use std::io::{self, Write};

use serde_json::Value;
use thiserror::Error;

/// The most bytes that a configuration may have as JSON: Storage takes 4 MB.
pub const MAX_CONFIGURATION_BYTES: usize = 4 * 1024 * 1024;

/// The most levels of objects and arrays in a configuration. JSON that is deeper than 127 levels is refused
/// on reading, and a configuration is part of an answer that adds levels of its own.
pub const MAX_CONFIGURATION_DEPTH: usize = 100;

/// A configuration that Storage would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SizeError {
    /// It has more bytes than [`MAX_CONFIGURATION_BYTES`].
    #[error(
        "the configuration has {0} bytes as JSON, and Keboola takes at most {MAX_CONFIGURATION_BYTES}: \
         put less into it, or use several configurations or rows"
    )]
    TooLarge(usize),
    /// It is deeper than [`MAX_CONFIGURATION_DEPTH`].
    #[error(
        "the configuration has more than {MAX_CONFIGURATION_DEPTH} levels of objects and arrays"
    )]
    TooDeep,
}

/// Refuses a configuration that is too large or too deep to be sent.
pub fn check(configuration: &Value) -> Result<(), SizeError> {
    if is_deeper(configuration, MAX_CONFIGURATION_DEPTH) {
        return Err(SizeError::TooDeep);
    }
    match json_bytes(configuration) {
        bytes if bytes > MAX_CONFIGURATION_BYTES => Err(SizeError::TooLarge(bytes)),
        _ => Ok(()),
    }
}

/// The bytes of a value as compact JSON, which is not built for it.
pub fn json_bytes(value: &Value) -> usize {
    let mut count = Count(0);
    // A value has only text as keys, and counting never fails.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

/// Whether a value has more than this many levels of objects and arrays.
pub(crate) fn is_deeper(value: &Value, levels: usize) -> bool {
    let below = |mut children: Box<dyn Iterator<Item = &Value> + '_>| match levels.checked_sub(1) {
        None => true,
        Some(levels) => children.any(|child| is_deeper(child, levels)),
    };
    match value {
        Value::Array(items) => below(Box::new(items.iter())),
        Value::Object(map) => below(Box::new(map.values())),
        _ => false,
    }
}

struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!([inner]))
    }

    #[test]
    fn a_configuration_of_exactly_the_limit_passes_and_one_byte_more_is_refused() {
        let around = json_bytes(&json!({ "a": "" }));
        let filled = |bytes: usize| json!({ "a": "x".repeat(bytes - around) });
        assert_eq!(check(&filled(MAX_CONFIGURATION_BYTES)), Ok(()));
        let bytes = MAX_CONFIGURATION_BYTES + 1;
        assert_eq!(check(&filled(bytes)), Err(SizeError::TooLarge(bytes)));
    }

    #[test]
    fn bytes_count_and_not_characters() {
        let many = json!({ "a": "ž".repeat(MAX_CONFIGURATION_BYTES / 2) });
        assert!(matches!(check(&many), Err(SizeError::TooLarge(_))));
    }

    #[test]
    fn depth_is_counted_in_levels() {
        assert!(!is_deeper(&json!(1), 0));
        assert!(is_deeper(&json!({}), 0));
        assert!(!is_deeper(&json!({ "a": 1 }), 1));
        assert!(is_deeper(&json!({ "a": [] }), 1));
        assert_eq!(check(&nested(MAX_CONFIGURATION_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_CONFIGURATION_DEPTH + 1)), Err(SizeError::TooDeep));
    }

    proptest! {
        #[test]
        fn the_count_is_the_length_of_the_json(text in ".*", number in any::<i64>()) {
            let value = json!({ "text": text, "list": [number, null, { "inner": true }] });
            prop_assert_eq!(json_bytes(&value), value.to_string().len());
        }
    }
}

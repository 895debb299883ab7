//! Headers on their way to JavaScript, in one string.
//!
//! Invariant: names and values in turn, a line each, for all values. A value that is no
//! line, and so no header's value (RFC 9110 §5.5), is refused: cut or left out, it would say
//! something else.

use worker::{Error, Result};

/// Header lines, as `record` in `glue.js` reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderLines(String);

impl HeaderLines {
    /// With one more header, where it has a value.
    ///
    /// # Errors
    /// Where the value is no line.
    pub fn push(&mut self, name: &'static str, value: Option<&str>) -> Result<()> {
        let Some(value) = value else {
            return Ok(());
        };
        if value.contains(['\n', '\r', '\0']) {
            return Err(Error::RustError(format!("the value of the header {name} is no line")));
        }
        for text in [name, value] {
            if !self.0.is_empty() {
                self.0.push('\n');
            }
            self.0.push_str(text);
        }
        Ok(())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `record` in `glue.js` reads them.
    fn record(lines: &HeaderLines) -> Vec<(&str, &str)> {
        let parts: Vec<&str> = lines.as_str().split('\n').collect();
        parts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    }

    #[test]
    fn a_value_of_several_lines_makes_no_header() {
        for value in ["a\nx-internal-seal\nforged", "a\r\nb", "\n", "a\0"] {
            let mut lines = HeaderLines::default();
            lines.push("x-internal-seal", Some("seal")).unwrap();
            assert!(lines.push("origin", Some(value)).is_err(), "{value:?}");
            lines.push("traceparent", None).unwrap();
            lines.push("last-event-id", Some("")).unwrap();
            assert_eq!(record(&lines), [("x-internal-seal", "seal"), ("last-event-id", "")]);
        }
    }

    proptest! {
        #[test]
        fn each_header_has_the_value_that_was_given_for_it(values in proptest::collection::vec("(?s).{0,12}", 1..6)) {
            let mut lines = HeaderLines::default();
            for value in &values {
                let _ = lines.push("name", Some(value));
            }
            let good = values.iter().filter(|value| !value.contains(['\n', '\r', '\0']));
            let wanted: Vec<(&str, &str)> = good.map(|value| ("name", value.as_str())).collect();
            prop_assert_eq!(record(&lines), wanted);
        }
    }
}

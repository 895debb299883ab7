//! How much a query may return.

use serde_json::Value;
use thiserror::Error;

/// Rows where a caller asks for no number.
const ROWS: u32 = 100;
/// Rows at most.
const MOST_ROWS: u32 = 1_000;
/// Bytes that the rows of an answer may have as JSON.
const MOST_BYTES: usize = 1024 * 1024;

/// The bounds of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    rows: u32,
    bytes: usize,
}

/// A number of rows that cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("`limit` is a whole number from 1 to {MOST_ROWS}")]
pub struct LimitError;

impl Default for Limits {
    fn default() -> Self {
        Self { rows: ROWS, bytes: MOST_BYTES }
    }
}

impl Limits {
    /// The bounds for the `limit` of a call. Null and absence are the default.
    ///
    /// # Errors
    /// Where it is no whole number from 1 to 1,000. It is never rounded or cut.
    pub fn of(limit: Option<&Value>) -> Result<Self, LimitError> {
        let rows = match limit {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(limit) => limit.as_u64().and_then(|rows| u32::try_from(rows).ok()),
        };
        let rows = rows.filter(|rows| (1..=MOST_ROWS).contains(rows)).ok_or(LimitError)?;
        Ok(Self { rows, ..Self::default() })
    }

    /// The same with fewer bytes.
    #[must_use]
    pub const fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Rows that are shown.
    pub const fn rows(self) -> u32 {
        self.rows
    }

    /// Rows that are asked for: one more tells whether there are more.
    pub const fn asked(self) -> u32 {
        self.rows.saturating_add(1)
    }

    /// Bytes that the rows may have as JSON.
    pub const fn bytes(self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_in_its_range_and_nothing_else() {
        assert_eq!(Limits::of(None).unwrap().rows(), 100);
        assert_eq!(Limits::of(Some(&json!(null))).unwrap().rows(), 100);
        assert_eq!(Limits::of(Some(&json!(1000))).unwrap().asked(), 1001);
        for wrong in
            [json!(0), json!(-1), json!(1.5), json!(1e9), json!("10"), json!(1001), json!([1])]
        {
            assert_eq!(Limits::of(Some(&wrong)), Err(LimitError), "{wrong}");
        }
    }
}

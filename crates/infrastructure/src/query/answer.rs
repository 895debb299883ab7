//! What a database answered: rows with the types of their columns, cut to the bounds.

use mcp_protocol::raw;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use thiserror::Error;

use super::{limits::Limits, statement::writes};

/// The type of the values in a column, as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Only NULL came.
    Null,
    /// Whole numbers. Beyond 2^53 they are rounded.
    Integer,
    /// Numbers.
    Real,
    /// Text.
    Text,
    /// Bytes, as a list of numbers.
    Blob,
    /// Values of several types.
    Mixed,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name. Equal names are told apart by the engine: `id`, `id:1`.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// What the database says of its work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// Rows that were read: the cost of the query.
    pub rows_read: u64,
    /// Rows that were written.
    pub rows_written: u64,
    /// Rows that were changed.
    pub changes: u64,
    /// Whether the database is another one than before.
    pub changed_db: bool,
    /// Milliseconds that it took.
    pub duration: f64,
}

/// Rows that were read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
    /// There are more rows, or their text would be too long.
    pub truncated: bool,
    /// What the database says of its work.
    pub meta: Meta,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// It does not have the form of an answer.
    #[error("the database's answer is not as expected: {0}")]
    Malformed(&'static str),
    /// It claims that something was changed. This is an incident.
    #[error("the database reports that the query changed something, which no query may")]
    Changed,
    /// The engine's plan shows a write, or cannot be read.
    #[error("nothing was run: the database's plan of the query does not show that it only reads")]
    Writes,
}

/// The result of a statement, unread.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(default)]
    success: Option<bool>,
    #[serde(borrow, default)]
    results: Option<&'a RawValue>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

/// Its rows, unread.
#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    columns: Vec<&'a RawValue>,
    #[serde(borrow)]
    rows: Vec<&'a RawValue>,
}

impl Answer {
    /// Reads the result of one statement, which is JSON: `results {columns, rows}` and `meta`. Rows beyond the bounds are never read:
    /// a blob comes as a list of numbers, which takes many times its size.
    ///
    /// # Errors
    /// Where the form is another, or the database reports a change.
    pub fn read(result: &str, limits: Limits) -> Result<Self, AnswerError> {
        let parts: Parts<'_> =
            serde_json::from_str(result).map_err(|_| AnswerError::Malformed("it is no result"))?;
        let meta = parts.meta.map(|meta| serde_json::from_str(meta.get()));
        let meta: Meta = meta
            .transpose()
            .map_err(|_| AnswerError::Malformed("its numbers cannot be read"))?
            .unwrap_or_default();
        if meta.changed_db || meta.changes > 0 || meta.rows_written > 0 {
            return Err(AnswerError::Changed);
        }
        if parts.success == Some(false) {
            return Err(AnswerError::Malformed("its statement did not succeed"));
        }
        let results = parts.results.ok_or(AnswerError::Malformed("it has no rows"))?;
        let Rows { columns, rows } = serde_json::from_str(results.get())
            .map_err(|_| AnswerError::Malformed("it has no columns and rows"))?;
        let names = columns.into_iter().map(column_name).collect();
        Self::cut(names, &rows, limits, meta)
    }

    fn cut(
        names: Vec<String>,
        came: &[&RawValue],
        limits: Limits,
        meta: Meta,
    ) -> Result<Self, AnswerError> {
        let (mut rows, mut bytes) = (Vec::new(), 0_usize);
        let most = usize::try_from(limits.rows()).unwrap_or(usize::MAX);
        for row in came.iter().take(most) {
            bytes = bytes.saturating_add(row.get().len()).saturating_add(1);
            if bytes > limits.bytes() {
                break;
            }
            let Ok(Value::Array(row)) = raw::value(row.get()) else {
                return Err(AnswerError::Malformed("a row is no list"));
            };
            if row.len() != names.len() {
                return Err(AnswerError::Malformed("a row has another number of values"));
            }
            rows.push(row);
        }
        let column = |(at, name): (usize, String)| Column {
            name,
            kind: column_type(rows.iter().filter_map(|row: &Vec<Value>| row.get(at))),
        };
        let columns = names.into_iter().enumerate().map(column).collect();
        Ok(Self { columns, truncated: rows.len() < came.len(), rows, meta })
    }
}

/// The name of a column. One that had none was called by its text, with the end of the wrapping in it.
fn column_name(name: &RawValue) -> String {
    let name = raw::string(name).unwrap_or_default();
    let without = name.trim_end().strip_suffix("/**/").map(|name| name.trim_end().to_owned());
    without.unwrap_or(name)
}

fn column_type<'a>(values: impl Iterator<Item = &'a Value>) -> ColumnType {
    let mut found = ColumnType::Null;
    for value in values {
        let kind = match value {
            Value::Null => continue,
            Value::Bool(_) => ColumnType::Integer,
            Value::Number(number) if number.is_f64() => ColumnType::Real,
            Value::Number(_) => ColumnType::Integer,
            Value::String(_) => ColumnType::Text,
            Value::Array(_) | Value::Object(_) => ColumnType::Blob,
        };
        found = match (found, kind) {
            (ColumnType::Null, kind) => kind,
            (found, kind) if found == kind => found,
            // A whole number that SQLite keeps as a REAL comes as `1`.
            (ColumnType::Integer, ColumnType::Real) | (ColumnType::Real, ColumnType::Integer) => {
                ColumnType::Real
            }
            _ => return ColumnType::Mixed,
        };
    }
    found
}

/// Whether what `EXPLAIN` answered, as objects with `opcode` and `p2`, shows that nothing is written.
pub fn only_reads(opcodes: &[Value]) -> bool {
    !opcodes.is_empty() && !writes(opcodes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(columns: Value, rows: Value, limits: Limits) -> Answer {
        let result = json!({"results": {"columns": columns, "rows": rows}});
        Answer::read(&result.to_string(), limits).unwrap()
    }

    #[test]
    fn columns_have_the_type_of_the_values_that_came() {
        let answer = read(
            json!(["a", "id:1", "1 +\n/**/", "d", "e", "f"]),
            json!([[1, 1.5, "x", null, [1, 2], 1], [2, 2, "y", null, null, "z"]]),
            Limits::default(),
        );
        let columns: Vec<(String, ColumnType)> =
            answer.columns.into_iter().map(|column| (column.name, column.kind)).collect();
        use ColumnType::{Blob, Integer, Mixed, Null, Real, Text};
        let named = |name: &str, kind| (name.to_owned(), kind);
        assert_eq!(
            columns,
            [
                named("a", Integer),
                named("id:1", Real),
                named("1 +", Text),
                named("d", Null),
                named("e", Blob),
                named("f", Mixed),
            ]
        );
    }

    #[test]
    fn rows_and_bytes_are_cut_and_the_answer_says_so() {
        let rows: Vec<Value> = (0..11).map(|at| json!([at])).collect();
        let limit = |rows: u32| Limits::of(Some(&json!(rows))).unwrap();
        let ten = read(json!(["a"]), json!(rows), limit(10));
        assert_eq!((ten.rows.len(), ten.truncated), (10, true));
        let all = read(json!(["a"]), json!(rows), limit(11));
        assert_eq!((all.rows.len(), all.truncated), (11, false));
        let few = read(json!(["a"]), json!(rows), limit(11).with_bytes(20));
        assert_eq!((few.rows.len(), few.truncated), (5, true));
        assert_eq!(few.rows[4], [json!(4)]);
    }

    #[test]
    fn rows_beyond_the_bounds_are_never_read() {
        // Deeper than JSON is read as a tree.
        let deep = format!("[{}1{}]", "[".repeat(200), "]".repeat(200));
        let result = format!(r#"{{"results":{{"columns":["a"],"rows":[[1],{deep}]}}}}"#);
        let one = Limits::of(Some(&json!(1))).unwrap();
        let answer = Answer::read(&result, one).unwrap();
        assert_eq!((answer.rows, answer.truncated), (vec![vec![json!(1)]], true));
        let few = Answer::read(&result, Limits::default().with_bytes(20)).unwrap();
        assert_eq!((few.rows.len(), few.truncated), (1, true));
        let all = Answer::read(&result, Limits::default());
        assert_eq!(all, Err(AnswerError::Malformed("a row is no list")));
    }

    #[test]
    fn an_answer_that_claims_a_change_is_refused() {
        let with = |meta: Value| {
            let result = json!({"results": {"columns": [], "rows": []}, "meta": meta});
            Answer::read(&result.to_string(), Limits::default())
        };
        let read = with(
            json!({"rows_read": 7, "changes": 0, "rows_written": 0, "changed_db": false, "duration": 0.2, "served_by": "x"}),
        );
        assert_eq!(read.unwrap().meta.rows_read, 7);
        for meta in [json!({"changes": 1}), json!({"rows_written": 2}), json!({"changed_db": true})]
        {
            assert_eq!(with(meta.clone()), Err(AnswerError::Changed));
            let without_rows = json!({ "meta": meta }).to_string();
            let without_rows = Answer::read(&without_rows, Limits::default());
            assert_eq!(without_rows, Err(AnswerError::Changed));
        }
        assert!(matches!(with(json!({"changes": "many"})), Err(AnswerError::Malformed(_))));
    }

    #[test]
    fn anything_else_is_no_answer() {
        for wrong in [
            json!(null),
            json!({"results": []}),
            json!({"results": {"columns": ["a"], "rows": [[1, 2]]}}),
            json!({"results": {"columns": ["a"], "rows": [{"a": 1}]}}),
        ] {
            let read = Answer::read(&wrong.to_string(), Limits::default());
            assert!(matches!(read, Err(AnswerError::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn a_plan_that_writes_or_cannot_be_read_is_not_taken_for_a_reading_one() {
        let row = |opcode: &str, p2: i64| json!({"opcode": opcode, "p2": p2});
        assert!(only_reads(&[row("Init", 1), row("Transaction", 0), row("Halt", 0)]));
        assert!(!only_reads(&[row("Init", 1), row("Transaction", 1)]));
        assert!(!only_reads(&[row("SqlExec", 0)]));
        assert!(!only_reads(&[json!({"detail": "SCAN t"})]));
        assert!(!only_reads(&[]));
    }
}

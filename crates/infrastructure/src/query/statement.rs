//! The text of a caller as a statement that reads.

use serde_json::Value;
use thiserror::Error;

use super::limits::Limits;

/// Bytes that a text may have: D1 takes 100,000, and the wrapping needs some.
const MOST_BYTES: usize = 90_000;
/// Parameters that D1 takes.
const MOST_PARAMETERS: usize = 100;
/// Integers beyond this are rounded on their way through JavaScript.
const EXACT: u64 = 1 << 53;

/// Why a text is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// It is empty.
    #[error("`query` is empty. Send one SELECT.")]
    Empty,
    /// It is too long.
    #[error(
        "`query` has {0} bytes; at most {MOST_BYTES} can be sent. Put long values into `params`."
    )]
    TooLong(usize),
    /// It has a semicolon in it.
    #[error(
        "`query` has a `;` in it: only one SELECT can be sent, and a value with a `;` belongs into `params`, with `?` in its place."
    )]
    Semicolon,
    /// It has a NUL in it.
    #[error("`query` has a NUL in it: put the value into `params`, with `?` in its place.")]
    Nul,
    /// It names a pragma.
    #[error(
        "`query` names `pragma_`: pragmas can change a database. The schema can be had from describe_database."
    )]
    Pragma,
    /// There are too many parameters.
    #[error("`params` has {0} values; at most {MOST_PARAMETERS} can be sent.")]
    TooManyParameters(usize),
    /// A parameter is no single value.
    #[error(
        "`params[{0}]` is a list or an object: each parameter is a string, a number, a boolean or null."
    )]
    NotAValue(usize),
    /// A parameter would be rounded.
    #[error(
        "`params[{0}]` is an integer beyond 2^53, which would be rounded: send it as a string."
    )]
    NotExact(usize),
}

/// A statement that reads, with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The SQL that is sent.
    pub sql: String,
    /// The values for the `?` in it.
    pub params: Vec<Value>,
    /// Its bounds.
    pub limits: Limits,
}

impl Statement {
    /// Wraps the text of a caller.
    ///
    /// # Errors
    /// Why it is not sent, and what to do instead.
    pub fn new(query: &str, params: &[Value], limits: Limits) -> Result<Self, QueryError> {
        let text = body(query)?;
        check_parameters(params)?;
        // A comment that the text left open is closed here; without one this is a comment of its own.
        let close = if text.contains("/*") { "/**/\n" } else { "" };
        let asked = limits.asked();
        // The line ends keep a comment of the text from swallowing what follows.
        let sql = format!("SELECT * FROM (\n{text}\n{close}) LIMIT {asked}");
        Ok(Self { sql, params: params.to_vec(), limits })
    }

    /// The same statement for the plan of the engine: no write has a transaction that only reads. The way by binding
    /// asks for it first, as no token guards there.
    pub fn explain(&self) -> String {
        format!("EXPLAIN {}", self.sql)
    }
}

/// The text without white space and one semicolon at its end.
fn body(query: &str) -> Result<&str, QueryError> {
    if query.len() > MOST_BYTES {
        return Err(QueryError::TooLong(query.len()));
    }
    let text = query.trim_end();
    let text = text.strip_suffix(';').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(QueryError::Empty);
    }
    if text.contains(';') {
        return Err(QueryError::Semicolon);
    }
    if text.contains('\0') {
        return Err(QueryError::Nul);
    }
    // Identifiers of SQLite have no escapes and no case outside of ASCII's.
    if text.to_ascii_lowercase().contains("pragma_") {
        return Err(QueryError::Pragma);
    }
    Ok(text)
}

fn check_parameters(params: &[Value]) -> Result<(), QueryError> {
    if params.len() > MOST_PARAMETERS {
        return Err(QueryError::TooManyParameters(params.len()));
    }
    for (at, param) in params.iter().enumerate() {
        match param {
            Value::Array(_) | Value::Object(_) => return Err(QueryError::NotAValue(at)),
            Value::Number(number) if !is_exact(number) => return Err(QueryError::NotExact(at)),
            _ => {}
        }
    }
    Ok(())
}

/// Of a larger integer than 64 bits hold only the rounded number came: a whole one is taken for that.
fn is_exact(number: &serde_json::Number) -> bool {
    match (number.as_u64(), number.as_i64()) {
        (Some(whole), _) => whole <= EXACT,
        (None, Some(whole)) => whole.unsigned_abs() <= EXACT,
        (None, None) => {
            let float = number.as_f64().unwrap_or_default();
            float.fract() != 0.0 || float.abs() <= EXACT as f64
        }
    }
}

/// Whether the opcodes of an `EXPLAIN` show a statement that writes: a row `Transaction` whose `p2` is not 0, or one of
/// `SqlExec`. Rows are objects with `opcode` and `p2`.
pub(super) fn writes(opcodes: &[Value]) -> bool {
    opcodes.iter().any(|row| {
        let p2 = row.get("p2").and_then(Value::as_i64);
        match row.get("opcode").and_then(Value::as_str) {
            Some("Transaction") => p2 != Some(0),
            Some("SqlExec") | None => true,
            Some(_) => false,
        }
    })
}

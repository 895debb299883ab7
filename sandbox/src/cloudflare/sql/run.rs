//! Running statements, one after the other.
//!
//! Known: the text may hold several statements and every one is carried out; only the last may have
//! parameters; integers beyond 2^53 come back rounded, blobs as arrays of bytes, infinities as null.
//! Inferred: `rows_read` is the number of rows that a scan passed, or that came back where more did.
//! A statement counts as one that writes when SQLite says that it is not read-only, so that
//! `SELECT * FROM pragma_optimize` passes and writes, as on D1's binding.

use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Batch, StatementStatus};
use serde_json::{Value, json};

use crate::cloudflare::sql::database::{Ran, Statement, Store};
use crate::cloudflare::sql::failure::SqlFailure;

/// The largest integer that a double has exactly.
const EXACT: u64 = 1 << 53;

/// What statements may use.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) reads_only: bool,
    pub(super) begun: Instant,
    pub(super) time: Duration,
}

/// Runs all statements: the outcomes of each text.
pub(super) fn all(
    store: &Store,
    statements: &[Statement],
    room: &Room,
) -> Result<Vec<Vec<Ran>>, SqlFailure> {
    statements.iter().map(|statement| text(store, statement, room)).collect()
}

/// Runs the statements of one text.
fn text(store: &Store, wanted: &Statement, room: &Room) -> Result<Vec<Ran>, SqlFailure> {
    let mut batch = Batch::new(&store.connection, &wanted.text);
    let (mut done, mut is_bound) = (Vec::new(), false);
    while let Some(mut statement) = batch.next().map_err(|error| refused(store, error))? {
        if is_bound {
            let text = "When executing multiple SQL statements, only the last may have parameters";
            return Err(SqlFailure::statement(text));
        }
        if room.reads_only && !statement.readonly() {
            return Err(SqlFailure::ReadOnly);
        }
        let count = statement.parameter_count();
        if count > 0 {
            if count != wanted.params.len() {
                return Err(miscounted());
            }
            for (at, value) in (1_usize..).zip(&wanted.params) {
                statement.raw_bind_parameter(at, cell(value))?;
            }
            is_bound = true;
        }
        done.push(one(store, &mut statement, room)?);
    }
    if done.is_empty() {
        return Err(SqlFailure::statement("No SQL statements detected: SQLITE_ERROR"));
    }
    if !is_bound && !wanted.params.is_empty() {
        return Err(miscounted());
    }
    Ok(done)
}

fn miscounted() -> SqlFailure {
    SqlFailure::statement("Wrong number of parameter bindings for SQL query: SQLITE_RANGE")
}

/// A refusal; that of a transaction says what it is about.
fn refused(store: &Store, error: rusqlite::Error) -> SqlFailure {
    if store.guard.take_transaction() {
        return SqlFailure::statement(
            "Transactions cannot be begun, ended or nested by SQL statements: SQLITE_AUTH",
        );
    }
    error.into()
}

fn one(
    store: &Store,
    statement: &mut rusqlite::Statement<'_>,
    room: &Room,
) -> Result<Ran, SqlFailure> {
    let begun = Instant::now();
    let before = (store.measures()?, store.connection.total_changes());
    let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let mut rows = Vec::new();
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        let cells = (0..columns.len()).map(|at| row.get_ref(at).map(shown));
        rows.push(cells.collect::<Result<Vec<_>, _>>()?);
        if room.begun.elapsed() > room.time {
            return Err(SqlFailure::TimedOut);
        }
    }
    drop(found);
    let scanned = statement.get_status(StatementStatus::FullscanStep);
    let (sizes, total) = (store.measures()?, store.connection.total_changes());
    Ok(Ran {
        changes: if statement.readonly() { 0 } else { total.saturating_sub(before.1) },
        last_row_id: store.connection.last_insert_rowid(),
        changed_db: !statement.readonly() || (sizes, total) != before,
        size_after: sizes.0,
        rows_read: u64::try_from(scanned).unwrap_or_default().max(rows.len() as u64),
        millis: begun.elapsed().as_secs_f64() * 1000.0,
        columns,
        rows,
    })
}

/// A parameter as SQLite takes it.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Integer(i64::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Integer(whole),
            None => Cell::Real(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cell::Text(text.clone()),
        // Bytes, as a binding sends them; the REST API refuses lists.
        Value::Array(bytes) => Cell::Blob(bytes.iter().map(byte).collect()),
        other => Cell::Text(other.to_string()),
    }
}

fn byte(value: &Value) -> u8 {
    value.as_f64().unwrap_or_default() as u8
}

/// A value as an answer has it.
fn shown(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(whole) if whole.unsigned_abs() > EXACT => json!(whole as f64),
        ValueRef::Integer(whole) => json!(whole),
        ValueRef::Real(real) => json!(real),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!(bytes),
    }
}

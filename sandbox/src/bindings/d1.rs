//! A database of D1, as `cloudflare-internal:d1-api` of `workerd` asks it.
//!
//! Known, from that module and from runs of `workerd`: `POST /query` and `/execute` with one statement or a list
//! of them, which is one transaction; a result for each text, which is that of its last statement; an error is an
//! object with `error`, whatever the status; numbers arrive as doubles; a session's bookmark is a header; `dump`
//! is refused. Inferred: what `meta` says of rows written is the number of changes, which in D1 counts
//! indexes as well; the forms of `served_by` and bookmarks.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::bindings::world::World;
use crate::cloudflare::sql::{Ran, SqlFailure, Statement, Store};
use crate::engine::call::Call;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

/// How long the statements of one request may take.
const TIME: Duration = Duration::from_secs(30);
/// The header with the bookmark of a session.
const BOOKMARK: &str = "x-cf-d1-session-commit-token";

/// A database.
#[derive(Debug)]
pub(crate) struct Database {
    store: Store,
    /// How many requests changed it.
    changes: u64,
}

impl Database {
    /// An empty one.
    pub(crate) fn open() -> Result<Self, String> {
        let store = Store::open().map_err(|error| error.to_string())?;
        Ok(Self { store, changes: 0 })
    }

    /// Runs statements without a request, and gives the rows of the last one as objects.
    pub(crate) fn rows(&mut self, sql: &str) -> Result<Vec<Value>, String> {
        let statement = Statement { text: sql.to_owned(), params: Vec::new() };
        let ran = self.run(&[statement])?;
        Ok(ran.first().map(objects).unwrap_or_default())
    }

    /// The whole database as a text.
    pub(crate) fn dump(&self) -> Result<String, String> {
        self.store.dump().map_err(|error| error.to_string())
    }

    /// The outcome of the last statement of each text.
    fn run(&mut self, statements: &[Statement]) -> Result<Vec<Ran>, String> {
        let ran =
            self.store.run_each(statements, false, TIME).map_err(|failure| match failure {
                SqlFailure::Statement(text) => text,
                SqlFailure::ReadOnly => "not authorized: SQLITE_AUTH".to_owned(),
                SqlFailure::TimedOut => {
                    "D1 DB storage operation exceeded timeout which caused object to be reset."
                        .to_owned()
                }
            })?;
        if ran.iter().flatten().any(|one| one.changed_db) {
            self.changes = self.changes.saturating_add(1);
        }
        Ok(ran.into_iter().filter_map(|mut of_text| of_text.pop()).collect())
    }

    /// Later ones are greater texts.
    fn bookmark(&self) -> String {
        format!("{:08x}-{:08x}-00004f5c-{:032x}", self.changes, 0, self.changes)
    }
}

/// An answer with an error. The binding looks at the body only.
pub(crate) fn refusal(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "success": false, "error": text }))
}

/// Answers a request of the binding.
pub(crate) fn answer(world: &mut World, name: &str, call: &Call) -> Reply {
    let database = match world.database(name) {
        Ok(database) => database,
        Err(text) => return refusal(500, &text),
    };
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/query" | "/execute") => query(database, call),
        ("POST", "/dump") => refusal(400, "dump() is not available for this database"),
        _ => refusal(404, "Not Found"),
    }
}

fn query(database: &mut Database, call: &Call) -> Reply {
    let Some(statements) = statements(call) else {
        return refusal(400, "the body is neither a statement nor a list of them");
    };
    let statements: Vec<_> =
        statements.into_iter().filter(|one| says_something(&one.text)).collect();
    if statements.is_empty() {
        return refusal(200, "No SQL statements detected.");
    }
    let ran = match database.run(&statements) {
        Ok(ran) => ran,
        Err(text) => return refusal(200, &text),
    };
    let in_columns = call.parameters().iter().any(|(_, value)| value == "ROWS_AND_COLUMNS");
    let views = ran.iter().map(|one| {
        let results = match in_columns {
            true => json!({ "columns": one.columns, "rows": one.rows }),
            false => objects(one).into(),
        };
        json!({ "success": true, "results": results, "meta": meta(one) })
    });
    let reply = Reply::ok(&views.collect());
    match call.header(BOOKMARK) {
        Some(_) => reply.with(BOOKMARK, database.bookmark()),
        None => reply,
    }
}

/// Whether a text has more than blanks and comments up to the ends of lines.
fn says_something(text: &str) -> bool {
    text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
}

fn statements(call: &Call) -> Option<Vec<Statement>> {
    match serde_json::from_slice(&call.body).ok()? {
        Value::Array(items) => items.iter().map(statement).collect(),
        one => Some(vec![statement(&one)?]),
    }
}

fn statement(item: &Value) -> Option<Statement> {
    let text = item.field("sql").as_str()?.to_owned();
    let params = match item.field("params") {
        Value::Null => Vec::new(),
        Value::Array(params) => params.iter().map(param).collect::<Option<_>>()?,
        _ => return None,
    };
    Some(Statement { text, params })
}

/// A parameter, of which every number is a double, as in JavaScript.
fn param(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => Some(json!(number.as_f64()?)),
        Value::Array(bytes) if bytes.iter().all(Value::is_number) => Some(value.clone()),
        Value::Null | Value::String(_) => Some(value.clone()),
        _ => None,
    }
}

/// Rows as objects: of two columns with one name, the later wins.
fn objects(ran: &Ran) -> Vec<Value> {
    let rows = ran.rows.iter().map(|row| {
        let fields = ran.columns.iter().cloned().zip(row.iter().cloned());
        Value::Object(fields.collect::<Map<_, _>>())
    });
    rows.collect()
}

fn meta(ran: &Ran) -> Value {
    json!({
        "served_by": "v3-prod",
        "served_by_region": "WEUR",
        "served_by_primary": true,
        "duration": ran.millis,
        "timings": { "sql_duration_ms": ran.millis },
        "changes": ran.changes,
        "last_row_id": ran.last_row_id,
        "changed_db": ran.changed_db,
        "size_after": ran.size_after,
        "rows_read": ran.rows_read,
        "rows_written": ran.changes,
        "total_attempts": 1,
    })
}

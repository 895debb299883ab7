//! The schema of a database.

use catalogue::{CallOutcome, call::data};
use serde_json::{Value, json};

use super::query;
use crate::{
    call::{Call, error},
    query::{Limits, Statement},
};

/// What SQLite and D1 keep for themselves is left out.
const SCHEMA: &str = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' \
    AND name NOT LIKE '!_cf!_%' ESCAPE '!' ORDER BY tbl_name, type DESC, name";
/// Tables, views, indexes and triggers that are shown.
const MOST: u64 = 1_000;
/// Characters of the SQL of one.
const LONGEST: usize = 4_000;

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let database = query::database(call)?;
    let limits = Limits::of(Some(&json!(MOST))).map_err(|why| error(why.to_string()))?;
    let statement = Statement::new(SCHEMA, &[], limits).map_err(|why| error(why.to_string()))?;
    let answer = query::answer(call, database, &statement).await?;
    let objects: Vec<Value> = answer.rows.iter().map(|row| object(row)).collect();
    let fields = vec![
        ("stage", json!(call.state.stage()?.name)),
        ("database", json!(database.id)),
        ("objects", json!(objects)),
        ("truncated", json!(answer.truncated)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

fn object(row: &[Value]) -> Value {
    let text = |at: usize| row.get(at).and_then(Value::as_str).unwrap_or_default();
    let sql = row.get(3).and_then(Value::as_str);
    let sql = sql.map(|sql| catalogue::render::cut(sql, LONGEST));
    json!({ "type": text(0), "name": text(1), "table": text(2), "sql": sql })
}

//! Statements for a database.
//!
//! Known: `/query` gives rows as objects and `/raw` as lists, one result for each statement; 7400 for a
//! body that does not fit, `params: null` included; 400 with 7500 for a statement that fails; a token
//! that only reads may query and not write. Inferred: such a write is a 403 with 10000 (another source
//! may say 400); all statements of a request are one transaction; one that takes too long is a 400.

use serde_json::{Map, Value, json};

use crate::cloudflare::access::{Level, Product::D1};
use crate::cloudflare::api::d1::find;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::body::Body;
use crate::cloudflare::data::World;
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, post};
use crate::cloudflare::sql::{Ran, SqlFailure, Statement};

pub(super) const ROUTES: &[Route] = &[
    post("accounts/{account}/d1/database/{database}/query", D1, query).reads(),
    post("accounts/{account}/d1/database/{database}/raw", D1, raw).reads(),
];

fn query(world: &mut World, ask: &Ask<'_>) -> Outcome {
    run(world, ask, |ran| {
        let rows = ran.rows.iter().map(|row| {
            // Of two columns with one name, the later wins.
            let fields = ran.columns.iter().cloned().zip(row.iter().cloned());
            Value::Object(fields.collect::<Map<_, _>>())
        });
        rows.collect()
    })
}

fn raw(world: &mut World, ask: &Ask<'_>) -> Outcome {
    run(world, ask, |ran| json!({ "columns": ran.columns, "rows": ran.rows }))
}

fn run(world: &mut World, ask: &Ask<'_>, shape: impl Fn(&Ran) -> Value) -> Outcome {
    let statements = statements(ask)?;
    let time = world.options.query_time;
    let database = find(world, ask, false)?;
    let reads_only = !ask.may(D1, Level::Write);
    let ran = database.store.run(&statements, reads_only, time).map_err(problem)?;
    if ran.iter().any(|one| one.changed_db) {
        database.remember(ask.now);
    }
    let views =
        ran.iter().map(|one| json!({ "success": true, "meta": meta(one), "results": shape(one) }));
    Ok(success(&views.collect()))
}

fn statements(ask: &Ask<'_>) -> Result<Vec<Statement>, Problem> {
    let body = ask.body()?;
    let Some(batch) = body.list("batch")? else {
        return Ok(vec![statement(&body)?]);
    };
    if batch.is_empty() {
        return Err(body.wrong("batch", "must not be empty"));
    }
    batch.iter().map(|item| statement(&Body::within(item, ask)?)).collect()
}

fn statement(body: &Body) -> Result<Statement, Problem> {
    let text = body.text("sql")?.ok_or_else(|| body.wrong("sql", "is required"))?;
    let params = match body.raw("params") {
        None => Vec::new(),
        Some(Value::Array(items))
            if items.iter().all(|one| !one.is_object() && !one.is_array()) =>
        {
            items.clone()
        }
        Some(_) => return Err(body.wrong("params", "must be an array of plain values")),
    };
    Ok(Statement { text, params })
}

fn problem(failure: SqlFailure) -> Problem {
    match failure {
        SqlFailure::Statement(text) => Problem::new(400, 7500, text),
        SqlFailure::ReadOnly => Problem::denied(),
        SqlFailure::TimedOut => {
            let text = "D1 DB storage operation exceeded timeout which caused object to be reset.";
            Problem::new(400, 7500, text)
        }
    }
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
    })
}

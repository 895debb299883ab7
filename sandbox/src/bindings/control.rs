//! The control routes that only the stand-in for bindings has.
//!
//! `POST clock {"advance_ms"}` moves the clock. `POST sql {"database", "sql"}` runs statements and answers with the
//! rows of the last one; `GET dump?database=NAME` is a database as a text. `POST value {"namespace", "key",
//! "value"}` puts a value into KV. `GET points?dataset=NAME` has the points of a dataset, `GET state` the names of
//! what is there.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::bindings::kv::Entry;
use crate::bindings::play::Play;
use crate::engine::call::Call;
use crate::engine::clock;
use crate::engine::control::{done, read};
use crate::engine::reply::Reply;
use crate::engine::service::Inner;

#[derive(Deserialize)]
struct Move {
    advance_ms: u64,
}

#[derive(Deserialize)]
struct Sql {
    database: String,
    sql: String,
}

#[derive(Deserialize)]
struct Put {
    namespace: String,
    key: String,
    value: String,
}

/// Answers a control request; `None` where there is no such route.
pub(crate) fn answer(inner: &mut Inner<Play>, name: &str, call: &Call) -> Option<Reply> {
    let world = &mut inner.service.world;
    let named = |wanted: &str| {
        let found = call.parameters().into_iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    let reply = match (call.method.as_str(), name) {
        ("POST", "clock") => read::<Move>(call).map(|by| {
            world.clock.advance(Duration::from_millis(by.advance_ms));
            done()
        }),
        ("POST", "sql") => read::<Sql>(call).map(|sent| {
            let rows = world.database(&sent.database).and_then(|it| it.rows(&sent.sql));
            outcome(rows.map(|rows| json!({ "rows": rows })))
        }),
        ("POST", "value") => read::<Put>(call).map(|sent| {
            let entry = Entry { value: sent.value.into(), ..Entry::default() };
            world.namespaces.entry(sent.namespace).or_default().put(&sent.key, entry);
            done()
        }),
        ("GET", "dump") => {
            let dump = world.database(&named("database")).and_then(|it| it.dump());
            Ok(outcome(dump.map(|text| json!({ "dump": text }))))
        }
        ("GET", "points") => Ok(Reply::ok(&json!(world.datasets.points(&named("dataset"))))),
        ("GET", "state") => Ok(Reply::ok(&state(inner))),
        _ => return None,
    };
    Some(reply.unwrap_or_else(|refused| refused))
}

fn outcome(result: Result<Value, String>) -> Reply {
    match result {
        Ok(body) => Reply::ok(&body),
        Err(text) => Reply::json(400, &json!({ "detail": text })),
    }
}

fn state(inner: &Inner<Play>) -> Value {
    let world = &inner.service.world;
    json!({
        "now": clock::text(world.clock.now()),
        "namespaces": world.namespaces.keys().collect::<Vec<_>>(),
        "databases": world.databases.keys().collect::<Vec<_>>(),
        "buckets": world.buckets.keys().collect::<Vec<_>>(),
        "datasets": world.datasets.names(),
        "assets": world.sites.keys().collect::<Vec<_>>(),
        "faults": inner.faults.waiting(),
        "requests": inner.log.len(),
    })
}

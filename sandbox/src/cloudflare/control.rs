//! The control routes that only Cloudflare's stand-in has.
//!
//! `POST clock {"advance_ms"}` moves the clock. `POST workflow` takes a [`WorkflowPlan`], `POST points
//! {"dataset", "points"}` writes [`DataPoint`]s, `POST numbers` a list of [`Number`]s, `POST sql
//! {"database", "sql"}` changes a database behind the API's back. `GET dump?database=NAME` is a
//! database as a text. `GET state` shows the clock, the accounts and the tokens, `GET routes` the
//! operations. All are about the sample account.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloudflare::data::{ACCOUNT, DataPoint, Number, WorkflowPlan, World};
use crate::cloudflare::dispatch;
use crate::cloudflare::play::Play;
use crate::cloudflare::sql::Statement;
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
struct Written {
    dataset: String,
    points: Vec<DataPoint>,
}

#[derive(Deserialize)]
struct Sql {
    database: String,
    sql: String,
}

/// Answers a control request; `None` where there is no such route.
pub(crate) fn answer(inner: &mut Inner<Play>, name: &str, call: &Call) -> Option<Reply> {
    let world = &mut inner.service.world;
    let reply = match (call.method.as_str(), name) {
        ("POST", "clock") => read::<Move>(call).map(|by| {
            world.clock.advance(Duration::from_millis(by.advance_ms));
            done()
        }),
        ("POST", "workflow") => read::<WorkflowPlan>(call).map(|plan| {
            world.plans.push(plan);
            done()
        }),
        ("POST", "points") => read::<Written>(call)
            .map(|sent| outcome(write_points(world, &sent.dataset, &sent.points))),
        ("POST", "numbers") => read::<Vec<Number>>(call).map(|numbers| {
            if let Ok(account) = world.account_mut(ACCOUNT) {
                account.numbers.extend(numbers);
            }
            done()
        }),
        ("POST", "sql") => {
            read::<Sql>(call).map(|sent| outcome(execute(world, &sent.database, &sent.sql)))
        }
        ("GET", "dump") => {
            let named = call.parameters().into_iter().find(|(name, _)| name == "database");
            let name = named.map(|(_, value)| value).unwrap_or_default();
            Ok(match dump(world, &name) {
                Ok(text) => Reply::ok(&json!({ "dump": text })),
                Err(text) => Reply::json(400, &json!({ "detail": text })),
            })
        }
        ("GET", "routes") => Ok(Reply::ok(&routes())),
        ("GET", "state") => Ok(Reply::ok(&state(inner))),
        _ => return None,
    };
    Some(reply.unwrap_or_else(|refused| refused))
}

fn outcome(result: Result<(), String>) -> Reply {
    result.map_or_else(|text| Reply::json(400, &json!({ "detail": text })), |()| done())
}

/// Writes points of a dataset.
pub(crate) fn write_points(
    world: &mut World,
    dataset: &str,
    points: &[DataPoint],
) -> Result<(), String> {
    let now = world.clock.now();
    let account = world.account(ACCOUNT).map_err(|problem| problem.message)?;
    let kept = account.points.as_ref().ok_or("SQLite could not be opened")?;
    for point in points {
        let ago = chrono::TimeDelta::seconds(i64::from(point.seconds_ago));
        let at = now.checked_sub_signed(ago).unwrap_or(now);
        kept.write(dataset, at, point).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Runs statements on a database, by its name.
pub(crate) fn execute(world: &mut World, database: &str, sql: &str) -> Result<(), String> {
    let (now, time) = (world.clock.now(), world.options.query_time);
    let account = world.account_mut(ACCOUNT).map_err(|problem| problem.message)?;
    let found = account.databases.iter_mut().find(|known| known.name == database);
    let found = found.ok_or_else(|| format!("there is no database {database}"))?;
    let statement = Statement { text: sql.to_owned(), params: Vec::new() };
    found.store.run(&[statement], false, time).map_err(|failure| format!("{failure:?}"))?;
    found.remember(now);
    Ok(())
}

/// A database as a text, by its name.
pub(crate) fn dump(world: &World, database: &str) -> Result<String, String> {
    let account = world.account(ACCOUNT).map_err(|problem| problem.message)?;
    let found = account.databases.iter().find(|known| known.name == database);
    let found = found.ok_or_else(|| format!("there is no database {database}"))?;
    found.store.dump().map_err(|error| error.to_string())
}

fn routes() -> Value {
    let routes = dispatch::routes();
    let views = routes.map(|route| {
        json!({ "method": route.method, "path": format!("{}{}", dispatch::BASE, route.path) })
    });
    views.collect()
}

fn state(inner: &Inner<Play>) -> Value {
    let world = &inner.service.world;
    let now = world.clock.now();
    let accounts = world.accounts.iter().map(|account| {
        json!({
            "id": account.id,
            "name": account.name,
            "workers": each(&account.workers, |one| &one.name),
            "databases": each(&account.databases, |one| &one.name),
            "buckets": each(&account.buckets, |one| &one.name),
            "namespaces": each(&account.namespaces, |one| &one.title),
            "queues": each(&account.queues, |one| &one.name),
            "workflows": each(&account.workflows, |one| &one.name),
            "domains": each(&account.domains, |one| &one.hostname),
            "zones": each(&account.zones, |one| &one.name),
            "policies": account.policies.len(),
        })
    });
    let tokens = world.tokens.iter().map(|token| {
        json!({
            "name": token.name,
            "token": token.text,
            "status": token.status(now),
            "permissions": token.groups(),
        })
    });
    json!({
        "now": clock::text(now),
        "accounts": accounts.collect::<Value>(),
        "tokens": tokens.collect::<Value>(),
        "faults": inner.faults.waiting(),
        "requests": inner.log.len(),
    })
}

fn each<T>(items: &[T], name: impl Fn(&T) -> &String) -> Value {
    items.iter().map(|item| json!(name(item))).collect()
}

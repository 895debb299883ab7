//! Keys and values of a namespace.
//!
//! Known: lists by cursor with `prefix` and `limit` 10 to 1,000, an empty cursor at the end; values
//! come without an envelope; bulk operations. Inferred: 10009 for a key that there is not.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::cloudflare::access::Product::Kv;
use crate::cloudflare::api::multipart::parts;
use crate::cloudflare::api::namespaces::find;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::body::Body;
use crate::cloudflare::data::{Entry, World};
use crate::cloudflare::paging::cut;
use crate::cloudflare::problem::{Problem, success, success_page};
use crate::cloudflare::route::{Outcome, Route, delete, get, post, put};
use crate::engine::clock::{Time, later};
use crate::engine::reply::Reply;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/storage/kv/namespaces/{namespace}/keys", Kv, list),
    get("accounts/{account}/storage/kv/namespaces/{namespace}/values/{key*}", Kv, value),
    put("accounts/{account}/storage/kv/namespaces/{namespace}/values/{key*}", Kv, write),
    delete("accounts/{account}/storage/kv/namespaces/{namespace}/values/{key*}", Kv, remove),
    get("accounts/{account}/storage/kv/namespaces/{namespace}/metadata/{key*}", Kv, metadata),
    put("accounts/{account}/storage/kv/namespaces/{namespace}/bulk", Kv, write_many),
    delete("accounts/{account}/storage/kv/namespaces/{namespace}/bulk", Kv, remove_many),
    post("accounts/{account}/storage/kv/namespaces/{namespace}/bulk/get", Kv, read_many).reads(),
    post("accounts/{account}/storage/kv/namespaces/{namespace}/bulk/delete", Kv, remove_many),
];

/// The most values that are written at once, and the most that are read.
const BULK: (usize, usize) = (10_000, 100);

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let prefix = ask.param("prefix").unwrap_or_default();
    let most = ask.whole("limit", 1000, (10, 1000))?;
    let namespace = find(world, ask)?;
    let scope = format!("{} {prefix}", namespace.id);
    let fits = namespace.entries.iter().filter(|(name, _)| name.starts_with(&prefix));
    let views = fits.map(|(name, entry)| (name.clone(), entry.view(name)));
    let page = cut(ask, &scope, views, most)?;
    let info = json!({ "count": page.items.len(), "cursor": page.cursor.unwrap_or_default() });
    Ok(success_page(Value::Array(page.items), info))
}

fn entry<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a Entry, Problem> {
    let key = ask.argument("key");
    let found = find(world, ask)?.entries.get(&key);
    found.ok_or_else(|| Problem::new(404, 10009, "get: 'key not found'"))
}

fn value(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let entry = entry(world, ask)?;
    Ok(Reply::of(200, "application/octet-stream", entry.value.clone()))
}

fn metadata(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&entry(world, ask)?.metadata.clone()))
}

/// When a value ends, of two ways to say it. Sixty seconds is the least.
fn end(ask: &Ask<'_>, at: Option<&str>, within: Option<&str>) -> Result<Option<Time>, Problem> {
    let number = |text: &str| text.parse::<i64>().ok();
    let wrong = || ask.invalid("The expiration must be at least 60 seconds in the future");
    let end = match (at, within) {
        (None, None) => return Ok(None),
        (_, Some(within)) => {
            let seconds = number(within).and_then(|seconds| u64::try_from(seconds).ok());
            seconds.map(|seconds| later(ask.now, Duration::from_secs(seconds)))
        }
        (Some(at), None) => number(at).and_then(|at| Time::from_timestamp(at, 0)),
    };
    let soonest = later(ask.now, Duration::from_secs(60));
    end.filter(|end| *end >= soonest).map(Some).ok_or_else(wrong)
}

fn write(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (at, within) = (ask.param("expiration"), ask.param("expiration_ttl"));
    let expires = end(ask, at.as_deref(), within.as_deref())?;
    let is_form =
        ask.call.header("content-type").is_some_and(|kind| kind.starts_with("multipart/"));
    let mut written = Entry { expires, ..Entry::new(ask.call.body.clone()) };
    if is_form {
        for part in parts(ask)? {
            match part.name.as_str() {
                "value" => written.value = part.body.into(),
                "metadata" => {
                    let metadata = serde_json::from_slice(&part.body);
                    written.metadata = metadata.map_err(|_| ask.invalid("metadata is no JSON"))?;
                }
                _ => {}
            }
        }
    }
    let key = ask.argument("key");
    if key.len() > 512 {
        return Err(Problem::new(414, 10030, "The key is longer than 512 bytes"));
    }
    find(world, ask)?.entries.insert(key, written);
    Ok(success(&Value::Null))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let key = ask.argument("key");
    find(world, ask)?.entries.remove(&key);
    Ok(success(&Value::Null))
}

fn write_many(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let items = ask.items()?;
    if items.len() > BULK.0 {
        return Err(ask.invalid("At most 10000 values can be written at once"));
    }
    let mut written = Vec::new();
    for item in &items {
        let body = Body::within(item, ask)?;
        let (key, text) = (body.required("key")?, body.text("value")?.unwrap_or_default());
        let number = |name: &str| body.get(name).map(Value::to_string);
        let expires =
            end(ask, number("expiration").as_deref(), number("expiration_ttl").as_deref())?;
        let bytes = match body.flag("base64")? {
            Some(true) => {
                STANDARD.decode(&text).map_err(|_| body.wrong("value", "is no base64"))?
            }
            _ => text.into_bytes(),
        };
        let metadata = body.get("metadata").cloned().unwrap_or_default();
        written.push((key, Entry { expires, metadata, ..Entry::new(bytes) }));
    }
    let count = written.len();
    find(world, ask)?.entries.extend(written);
    Ok(success(&json!({ "successful_key_count": count, "unsuccessful_keys": [] })))
}

fn remove_many(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let items = ask.items()?;
    let namespace = find(world, ask)?;
    for key in items.iter().filter_map(Value::as_str) {
        namespace.entries.remove(key);
    }
    Ok(success(&json!({ "successful_key_count": items.len(), "unsuccessful_keys": [] })))
}

fn read_many(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let keys = ask.body()?.texts("keys")?;
    if keys.len() > BULK.1 {
        return Err(ask.invalid("At most 100 values can be read at once"));
    }
    let namespace = find(world, ask)?;
    let values = keys.into_iter().map(|key| {
        let found = namespace.entries.get(&key);
        let value = found.map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
        (key, json!(value))
    });
    Ok(success(&json!({ "values": values.collect::<Map<_, _>>() })))
}

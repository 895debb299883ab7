//! A namespace of KV.
//!
//! Known: the requests, from `workerd`; the limits and the words after the status, which `workerd` puts into
//! its errors (`KV PUT failed: 413 Value length of …`). Inferred: a cursor that is none is refused.

use std::collections::BTreeMap;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::bindings::world::World;
use crate::engine::call::Call;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

const KEY: usize = 512;
const METADATA: usize = 1024;
const VALUE: usize = 25 * 1024 * 1024;
const LISTED: i64 = 1000;
const MANY: usize = 100;
/// The shortest time that a value may be kept, in seconds.
const SHORTEST: i64 = 60;
/// The shortest time that a value may be cached, in seconds.
const CACHED: i64 = 30;

/// A namespace.
#[derive(Debug, Default)]
pub(crate) struct Namespace {
    entries: BTreeMap<String, Entry>,
}

/// A value with what is kept beside it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) value: Bytes,
    /// Seconds since 1970.
    pub(crate) expires: Option<i64>,
    /// A JSON text.
    pub(crate) metadata: Option<String>,
}

impl Namespace {
    /// An entry that has not expired.
    pub(crate) fn get(&self, key: &str, now: i64) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| !entry.is_over(now))
    }

    /// Puts an entry under a key.
    pub(crate) fn put(&mut self, key: &str, entry: Entry) {
        self.entries.insert(key.to_owned(), entry);
    }

    /// The entries that begin with a prefix and come after a key, in their order.
    fn after<'a>(
        &'a self,
        prefix: &'a str,
        key: Option<&'a str>,
        now: i64,
    ) -> impl Iterator<Item = (&'a String, &'a Entry)> {
        let from = match key {
            Some(key) if key >= prefix => Bound::Excluded(key),
            _ => Bound::Included(prefix),
        };
        let found = self.entries.range::<str, _>((from, Bound::Unbounded));
        let found = found.take_while(move |(key, _)| key.starts_with(prefix));
        found.filter(move |(_, entry)| !entry.is_over(now))
    }
}

impl Entry {
    fn is_over(&self, now: i64) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// As lists show it: the metadata as a text of JSON.
    fn view(&self, name: &str) -> Value {
        let mut view = json!({ "name": name });
        if let Some(end) = self.expires {
            view.set("expiration", end);
        }
        if let Some(metadata) = &self.metadata {
            view.set("metadata", metadata.as_str());
        }
        view
    }
}

/// A refusal, whose words come after the status.
fn refusal(status: u16, words: impl Into<String>) -> Reply {
    Reply::empty(status).saying(words)
}

/// Answers a request of the binding.
pub(crate) fn answer(world: &mut World, name: &str, call: &Call) -> Reply {
    let now = world.clock.now().timestamp();
    let namespace = world.namespaces.entry(name.to_owned()).or_default();
    let done = match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/") => list(namespace, call, now),
        ("POST", "/bulk/get") => get_many(namespace, call, now),
        ("GET", _) => key(call).and_then(|key| get(namespace, &key, call, now)),
        ("PUT", _) => key(call).and_then(|key| put(namespace, &key, call, now)),
        ("DELETE", _) => key(call).map(|key| {
            namespace.entries.remove(&key);
            Reply::empty(200)
        }),
        _ => Err(refusal(405, "Method Not Allowed")),
    };
    done.unwrap_or_else(|refused| refused)
}

fn key(call: &Call) -> Result<String, Reply> {
    let raw = call.path.strip_prefix('/').unwrap_or(&call.path);
    let key = percent_decode_str(raw).decode_utf8();
    let key = key.map_err(|_| refusal(400, "Could not URL-decode key name"))?.into_owned();
    check(&key).map(|()| key)
}

fn check(key: &str) -> Result<(), Reply> {
    match key {
        "" => Err(refusal(400, "Key names must not be empty")),
        "." | ".." => {
            let text = format!("Illegal key name \"{key}\". Please use a different name.");
            Err(refusal(400, text))
        }
        _ => is_short(key),
    }
}

fn is_short(key: &str) -> Result<(), Reply> {
    if key.len() <= KEY {
        return Ok(());
    }
    let length = key.len();
    let text = format!("UTF-8 encoded length of {length} exceeds key length limit of {KEY}.");
    Err(refusal(414, text))
}

fn get(namespace: &Namespace, key: &str, call: &Call, now: i64) -> Result<Reply, Reply> {
    if let Some(ttl) = parameter(call, "cache_ttl") {
        is_cacheable(&ttl)?;
    }
    let entry = namespace.get(key, now).ok_or_else(|| refusal(404, "Not Found"))?;
    let mut reply = Reply::of(200, "", entry.value.clone());
    if let Some(end) = entry.expires {
        reply = reply.with("cf-expiration", end.to_string());
    }
    if let Some(metadata) = &entry.metadata {
        reply = reply.with("cf-kv-metadata", metadata);
    }
    Ok(reply)
}

fn is_cacheable(ttl: &str) -> Result<(), Reply> {
    if ttl.parse().is_ok_and(|seconds: i64| seconds >= CACHED) {
        return Ok(());
    }
    let least = format!("Cache TTL must be at least {CACHED}.");
    Err(refusal(400, format!("Invalid cache_ttl of {ttl}. {least}")))
}

fn get_many(namespace: &Namespace, call: &Call, now: i64) -> Result<Reply, Reply> {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let kind = body.field("type").as_str().unwrap_or("text");
    if !["text", "json"].contains(&kind) {
        let text = format!("\"{kind}\" is not a valid type. Use \"json\" or \"text\"");
        return Err(refusal(400, text));
    }
    if let Some(ttl) = body.field("cacheTtl").as_str() {
        is_cacheable(ttl)?;
    }
    let keys = body.field("keys").as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.len() > MANY {
        return Err(refusal(400, format!("You can request a maximum of {MANY} keys")));
    }
    if keys.is_empty() {
        return Err(refusal(400, "You must request a minimum of 1 key"));
    }
    let (mut found, mut total) = (Map::new(), 0_usize);
    for key in keys.iter().filter_map(Value::as_str) {
        check(key)?;
        let entry = namespace.get(key, now);
        total = total.saturating_add(entry.map_or(0, |entry| entry.value.len()));
        let shown = entry.map(|entry| one_of_many(entry, kind, body.field("withMetadata")));
        found.insert(key.to_owned(), shown.transpose()?.unwrap_or_default());
    }
    if total > VALUE {
        return Err(refusal(413, "Total size of request exceeds the limit of 25MB"));
    }
    Ok(Reply::ok(&Value::Object(found)))
}

fn one_of_many(entry: &Entry, kind: &str, with_metadata: &Value) -> Result<Value, Reply> {
    let text = String::from_utf8_lossy(&entry.value);
    let value = match kind {
        "json" => serde_json::from_str(&text).map_err(|_| {
            refusal(400, "At least one of the requested keys corresponds to a non-json value")
        })?,
        _ => json!(text),
    };
    if with_metadata != &json!(true) {
        return Ok(value);
    }
    let metadata = entry.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let metadata: Value = metadata.unwrap_or_default();
    Ok(json!({ "value": value, "metadata": metadata }))
}

fn put(namespace: &mut Namespace, key: &str, call: &Call, now: i64) -> Result<Reply, Reply> {
    let expires = expiration(call, now)?;
    let metadata = call.headers.get("cf-kv-metadata");
    let metadata = metadata.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
    if let Some(text) = metadata.as_ref().filter(|text| text.len() > METADATA) {
        let length = text.len();
        let text = format!("Metadata length of {length} exceeds limit of {METADATA}.");
        return Err(refusal(413, text));
    }
    let length = call.body.len();
    if length > VALUE {
        let text = format!("Value length of {length} exceeds limit of {VALUE}.");
        return Err(refusal(413, text));
    }
    namespace.put(key, Entry { value: call.body.clone(), expires, metadata });
    Ok(Reply::empty(200))
}

/// When a value expires, in seconds since 1970.
fn expiration(call: &Call, now: i64) -> Result<Option<i64>, Reply> {
    if let Some(text) = parameter(call, "expiration_ttl") {
        let refused = |why| refusal(400, format!("Invalid expiration_ttl of {text}. {why}"));
        return match text.parse::<i64>() {
            Ok(seconds) if seconds >= SHORTEST => Ok(Some(now.saturating_add(seconds))),
            Ok(seconds) if seconds > 0 => Err(refused("Expiration TTL must be at least 60.")),
            _ => Err(refused("Please specify integer greater than 0.")),
        };
    }
    let Some(text) = parameter(call, "expiration") else {
        return Ok(None);
    };
    let refused = |why| refusal(400, format!("Invalid expiration of {text}. {why}"));
    match text.parse::<i64>() {
        Ok(end) if end >= now.saturating_add(SHORTEST) => Ok(Some(end)),
        Ok(end) if end > now => {
            Err(refused("Expiration times must be at least 60 seconds in the future."))
        }
        _ => Err(refused(
            "Please specify integer greater than the current number of seconds since the UNIX epoch.",
        )),
    }
}

fn list(namespace: &Namespace, call: &Call, now: i64) -> Result<Reply, Reply> {
    let text = parameter(call, "key_count_limit");
    let limit = text.as_ref().map_or(Some(LISTED), |text| text.parse().ok());
    let shown = text.unwrap_or_default();
    let refused = |why| refusal(400, format!("Invalid key_count_limit of {shown}. {why}"));
    let limit = match limit {
        Some(limit) if limit > LISTED => {
            return Err(refused("Please specify an integer less than 1000."));
        }
        Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or_default(),
        _ => return Err(refused("Please specify an integer greater than 0.")),
    };
    let prefix = parameter(call, "prefix").unwrap_or_default();
    is_short(&prefix)?;
    let cursor = parameter(call, "cursor").filter(|cursor| !cursor.is_empty());
    let last = cursor.map(|cursor| opened(&cursor)).transpose()?;
    let mut found = namespace.after(&prefix, last.as_deref(), now);
    let page: Vec<_> = found.by_ref().take(limit).collect();
    let keys: Value = page.iter().map(|(key, entry)| entry.view(key)).collect();
    let mut view = json!({ "keys": keys, "list_complete": true, "cacheStatus": null });
    if let (Some(_), Some((last, _))) = (found.next(), page.last()) {
        view.set("list_complete", false);
        view.set("cursor", URL_SAFE_NO_PAD.encode(last));
    }
    Ok(Reply::ok(&view))
}

fn opened(cursor: &str) -> Result<String, Reply> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| refusal(400, "Invalid cursor"))
}

fn parameter(call: &Call, name: &str) -> Option<String> {
    call.parameters().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

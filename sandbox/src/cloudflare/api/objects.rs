//! Objects of a bucket.
//!
//! Known: the list with `prefix`, `delimiter` of one character, `start_after`, `cursor` and `per_page`
//! up to 1,000; `is_truncated`, `cursor` and `delimited` in `result_info`; the body of an object comes
//! without an envelope. Inferred: `is_truncated` is a text, as Miniflare has it; 10007 for an object
//! that there is not; deleting one that there is not succeeds.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::R2;
use crate::cloudflare::api::buckets::find;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Object, World};
use crate::cloudflare::paging::cut;
use crate::cloudflare::problem::{Problem, success, success_page};
use crate::cloudflare::route::{Outcome, Route, delete, get, put};
use crate::engine::clock;
use crate::engine::reply::Reply;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/r2/buckets/{bucket}/objects", R2, list),
    delete("accounts/{account}/r2/buckets/{bucket}/objects", R2, remove_many),
    get("accounts/{account}/r2/buckets/{bucket}/objects/{key*}", R2, one),
    put("accounts/{account}/r2/buckets/{bucket}/objects/{key*}", R2, upload),
    delete("accounts/{account}/r2/buckets/{bucket}/objects/{key*}", R2, remove),
];

/// The longest key, in bytes.
const KEY: usize = 1024;

/// What a list shows: an object, or the part of keys up to a delimiter.
enum Item {
    Object(Value),
    Prefix(String),
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let prefix = ask.param("prefix").unwrap_or_default();
    let delimiter = ask.param("delimiter").filter(|text| !text.is_empty());
    if delimiter.as_ref().is_some_and(|text| text.chars().count() > 1) {
        return Err(ask.invalid("delimiter must be a single character"));
    }
    if prefix.len() > KEY {
        return Err(ask.invalid("prefix is too long"));
    }
    let after = ask.param("start_after");
    let most = ask.whole("per_page", 20, (1, 1000))?;
    let bucket = find(world, ask)?;
    let scope = format!("{} {prefix} {}", bucket.name, delimiter.as_deref().unwrap_or_default());
    let mut items: Vec<(String, Item)> = Vec::new();
    for (key, object) in &bucket.objects {
        let Some(rest) = key.strip_prefix(&prefix) else {
            continue;
        };
        if after.as_ref().is_some_and(|after| key <= after) {
            continue;
        }
        let group = delimiter.as_deref().and_then(|mark| rest.split_once(mark));
        let Some((front, mark)) = group.map(|(front, _)| front).zip(delimiter.as_deref()) else {
            items.push((key.clone(), Item::Object(object.view(key))));
            continue;
        };
        let group = format!("{prefix}{front}{mark}");
        if items.last().is_none_or(|(last, _)| *last != group) {
            items.push((group.clone(), Item::Prefix(group)));
        }
    }
    let page = cut(ask, &scope, items.into_iter(), most)?;
    let is_truncated = page.cursor.is_some();
    let (mut views, mut delimited) = (Vec::new(), Vec::new());
    for item in page.items {
        match item {
            Item::Object(view) => views.push(view),
            Item::Prefix(group) => delimited.push(group),
        }
    }
    let info = json!({
        "cursor": page.cursor.unwrap_or_default(),
        "is_truncated": is_truncated.to_string(),
        "per_page": most,
        "delimited": delimited,
    });
    Ok(success_page(Value::Array(views), info))
}

fn no_object() -> Problem {
    Problem::new(404, 10007, "The specified key does not exist.")
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let key = ask.argument("key");
    let object = find(world, ask)?.objects.get(&key).ok_or_else(no_object)?;
    let content_type = object.content_type.clone();
    let content_type = content_type.unwrap_or("application/octet-stream".to_owned());
    let reply = Reply::of(200, content_type, object.body.clone());
    Ok(reply.with("etag", format!("\"{}\"", object.etag())))
}

fn upload(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let key = ask.argument("key");
    if key.len() > KEY {
        return Err(Problem::new(400, 10013, "The key is too long."));
    }
    let version = world.ids.uuid();
    let object = Object::new(ask.call.body.clone(), ask.call.header("content-type"), ask.now);
    let view = json!({
        "key": key,
        "etag": object.etag(),
        "size": object.body.len().to_string(),
        "storage_class": object.storage_class,
        "uploaded": clock::text(object.modified),
        "version": version,
    });
    find(world, ask)?.objects.insert(key, object);
    Ok(success(&view))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let key = ask.argument("key");
    find(world, ask)?.objects.remove(&key);
    Ok(success(&json!({ "key": key })))
}

fn remove_many(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let keys = ask.items()?;
    let bucket = find(world, ask)?;
    let keys: Vec<_> = keys.iter().filter_map(Value::as_str).collect();
    for key in &keys {
        bucket.objects.remove(*key);
    }
    Ok(success(&keys.iter().map(|key| json!({ "key": key })).collect()))
}

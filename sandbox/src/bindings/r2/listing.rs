//! Listing a bucket.

use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::bindings::r2::problem::{Problem, framed};
use crate::bindings::r2::{Bucket, Object, number};
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

const MOST: i64 = 1000;
/// The most objects with what is kept beside them.
const MOST_WITH_METADATA: i64 = 100;

/// The parts of an answer.
#[derive(Default)]
struct Page {
    objects: Vec<Value>,
    prefixes: Vec<String>,
    /// The last key that the page is about.
    last: Option<String>,
    has_more: bool,
}

/// Lists objects, and the prefixes up to a delimiter.
pub(super) fn list(bucket: &Bucket, parameters: &Value) -> Result<Reply, Problem> {
    let text = |name: &str| parameters.field(name).as_str().filter(|text| !text.is_empty());
    let include = parameters.field("include").as_array().cloned().unwrap_or_default();
    let limit = number(parameters.field("limit")).unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        let text = "MaxKeys params must be positive integer <= 1000.";
        return Err(Problem::new(400, 10022, text));
    }
    let limit = if include.is_empty() { limit } else { limit.min(MOST_WITH_METADATA) };
    let after = text("cursor").map(opened).transpose()?;
    let after = after.as_deref().max(text("startAfter"));
    let (prefix, delimiter) = (text("prefix").unwrap_or_default(), text("delimiter"));
    let found = after_key(bucket, prefix, after);
    let show = |key: &str, object: &Object| shown(key, object, &include);
    let limit = usize::try_from(limit).unwrap_or_default();
    let page = page(found, prefix, delimiter, limit, show);
    let mut view = json!({
        "objects": page.objects,
        "truncated": page.has_more,
        "delimitedPrefixes": page.prefixes,
    });
    if let Some(last) = page.last.filter(|_| page.has_more) {
        view.set("cursor", URL_SAFE_NO_PAD.encode(last));
    }
    Ok(framed(&view, &[], 200))
}

fn opened(cursor: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| Problem::new(400, 10029, "The cursor is not valid."))
}

/// The objects that begin with a prefix and come after a key.
fn after_key<'a>(
    bucket: &'a Bucket,
    prefix: &'a str,
    key: Option<&'a str>,
) -> impl Iterator<Item = (&'a String, &'a Object)> {
    let from = match key {
        Some(key) if key >= prefix => Bound::Excluded(key),
        _ => Bound::Included(prefix),
    };
    let found = bucket.objects.range::<str, _>((from, Bound::Unbounded));
    found.take_while(move |(key, _)| key.starts_with(prefix))
}

fn page<'a>(
    found: impl Iterator<Item = (&'a String, &'a Object)>,
    prefix: &str,
    delimiter: Option<&str>,
    limit: usize,
    show: impl Fn(&str, &Object) -> Value,
) -> Page {
    let mut page = Page::default();
    for (key, object) in found {
        let folder = delimiter.and_then(|delimiter| folder(key, prefix, delimiter));
        let is_known = folder.is_some() && page.prefixes.last().map(String::as_str) == folder;
        if !is_known && page.objects.len().saturating_add(page.prefixes.len()) == limit {
            page.has_more = true;
            break;
        }
        page.last = Some(key.clone());
        match folder {
            Some(folder) if !is_known => page.prefixes.push(folder.to_owned()),
            Some(_) => {}
            None => page.objects.push(show(key, object)),
        }
    }
    page
}

/// The beginning of a key up to the first delimiter after the prefix.
fn folder<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    let rest = key.get(prefix.len()..)?;
    let end = prefix.len().saturating_add(rest.find(delimiter)?).saturating_add(delimiter.len());
    key.get(..end)
}

/// An object with what was asked for: 0 is what HTTP says of it, 1 is what was added.
fn shown(key: &str, object: &Object, include: &[Value]) -> Value {
    let mut view = object.outline(key);
    if include.contains(&json!(0)) {
        view.set("httpFields", object.http.clone());
    }
    if include.contains(&json!(1)) {
        view.set("customFields", object.custom.clone());
    }
    view
}

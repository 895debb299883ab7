//! A bucket of R2, as `workerd` asks it.
//!
//! Known: the framing and the fields, from `workerd`; what is refused with which code and words, from the
//! simulator of Cloudflare's own tools. A request that reads has its parameters as JSON in a header, one that
//! writes before its body; an answer has its parameters before the object. Inferred: a cursor that is none, and
//! more than a thousand keys to delete, are refused. Not played: the limit of 5 GiB.

mod condition;
mod find;
mod listing;
mod object;
mod problem;
mod range;
mod request;
mod store;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::bindings::world::World;
use crate::engine::call::Call;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

pub(crate) use object::Object;
use problem::Problem;
use request::Request;

/// The longest key, in bytes.
const KEY: usize = 1024;

/// A bucket.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// By key, in the order of lists.
    pub(crate) objects: BTreeMap<String, Object>,
    /// How many objects were put, for the versions of objects.
    pub(crate) puts: u64,
}

/// The method that a request names.
pub(crate) fn method(call: &Call) -> Option<String> {
    let request = Request::of(call).ok()?;
    request.parameters.field("method").as_str().map(str::to_owned)
}

/// An answer to a request that was not carried out.
pub(crate) fn failure(status: u16, words: &str) -> Reply {
    Problem { status, code: 10001, text: words.to_owned(), object: None }.reply()
}

/// Answers a request of the binding.
pub(crate) fn answer(world: &mut World, name: &str, call: &Call) -> Reply {
    let now = world.clock.now().timestamp_millis();
    let bucket = world.buckets.entry(name.to_owned()).or_default();
    let done = Request::of(call).and_then(|request| {
        let named = request.parameters.field("method").as_str().unwrap_or_default();
        match (call.method.as_str(), named) {
            ("GET", "head") => find::head(bucket, &request.parameters),
            ("GET", "get") => find::get(bucket, &request.parameters),
            ("GET", "list") => listing::list(bucket, &request.parameters),
            ("PUT", "put") => store::put(bucket, &request, now),
            ("PUT", "delete") => store::delete(bucket, &request.parameters),
            (_, "createMultipartUpload" | "uploadPart" | "completeMultipartUpload") => {
                Err(Problem::not_played("multipart uploads"))
            }
            (_, "abortMultipartUpload") => Err(Problem::not_played("multipart uploads")),
            _ => Err(Problem::invalid()),
        }
    });
    done.unwrap_or_else(Problem::reply)
}

/// Puts an object without a request.
pub(crate) fn put(bucket: &mut Bucket, key: &str, bytes: Vec<u8>, now: i64) {
    let request = Request { parameters: json!({ "object": key }), bytes: bytes.into() };
    // Without conditions and metadata, only a key that is too long is refused.
    let _ = store::put(bucket, &request, now);
}

/// The key that a request is about.
fn key(parameters: &Value) -> Result<&str, Problem> {
    let key = parameters.field("object").as_str().ok_or_else(Problem::invalid)?;
    check(key).map(|()| key)
}

fn check(key: &str) -> Result<(), Problem> {
    if key.len() > KEY {
        return Err(Problem::new(400, 10020, "The specified object name is not valid."));
    }
    Ok(())
}

/// A number, which may be written as a text because JavaScript does not have all of 64 bits.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

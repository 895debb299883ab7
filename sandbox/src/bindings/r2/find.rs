//! Reading one object.

use serde_json::{Value, json};

use crate::bindings::r2::object::Object;
use crate::bindings::r2::problem::{Problem, framed};
use crate::bindings::r2::{Bucket, condition, key, range};
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

fn object<'a>(bucket: &'a Bucket, key: &str) -> Result<&'a Object, Problem> {
    bucket.objects.get(key).ok_or_else(Problem::no_such_key)
}

/// What is known of an object.
pub(super) fn head(bucket: &Bucket, parameters: &Value) -> Result<Reply, Problem> {
    let key = key(parameters)?;
    Ok(framed(&object(bucket, key)?.view(key), &[], 200))
}

/// The same, and its bytes or a part of them.
pub(super) fn get(bucket: &Bucket, parameters: &Value) -> Result<Reply, Problem> {
    let key = key(parameters)?;
    if !parameters.field("ssec").is_null() {
        return Err(Problem::not_played("keys of customers"));
    }
    let object = object(bucket, key)?;
    let mut view = object.view(key);
    let size = object.bytes.len();
    if !condition::holds(parameters.field("onlyIf"), Some(object)) {
        view.set("range", json!({ "offset": 0, "length": size }));
        return Err(Problem::precondition().about(view));
    }
    let part = range::wanted(parameters, size)?;
    view.set("range", json!({ "offset": part.start, "length": part.len() }));
    let bytes = object.bytes.get(part).unwrap_or_default();
    Ok(framed(&view, bytes, 200))
}

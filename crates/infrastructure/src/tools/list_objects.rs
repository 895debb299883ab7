//! Lists objects of a bucket.

use catalogue::{CallOutcome, ShortCircuit, call::data};
use mcp_server::arguments::Problems;
use serde_json::{Value, json};

use crate::{
    api::{ApiError, ObjectPage, ObjectQuery, Purpose, open_cursor, seal_cursor},
    bound::{self, First, Way},
    call::{Call, error, text, told},
    host::BindingError,
    manifest::{Kind, Resource},
};

/// Bytes that a key may have.
const LONGEST_KEY: usize = 1_024;
/// The code of R2 for a bucket that does not exist, as a binding has it in its text.
const NO_BUCKET: &str = "(10006)";

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let argument = |name: &str| call.arguments.text(name);
    let prefix = argument("prefix").unwrap_or_default();
    if prefix.len() > LONGEST_KEY || prefix.contains('\0') {
        let why = "expected at most 1,024 bytes without a NUL";
        return Err(Problems::one("prefix", why).into_result(call.operation.name).into());
    }
    let stage = call.state.stage()?;
    let bucket =
        call.state.resource(Kind::R2, ("bucket", argument("bucket")), "buckets", |_| true)?;
    let delimiter = argument("delimiter");
    let way = call.state.way(bucket, First::Binding, &[Purpose::Read])?;
    let by = if way == Way::Api { "" } else { "binding" };
    let list = [&stage.name, &bucket.name, prefix, delimiter.unwrap_or_default(), by];
    let key = call.state.cursor_key();
    let cursor = argument("cursor").map(|sealed| {
        key.as_ref().and_then(|key| open_cursor(key, &list, sealed)).ok_or_else(|| {
            let why = "this is no next_cursor of a list with the same stage, bucket, prefix and delimiter";
            Problems::one("cursor", why).into_result(call.operation.name)
        })
    });
    let cursor = cursor.transpose()?;
    let limit = call.arguments.get("limit").and_then(Value::as_u64).unwrap_or(1);
    let asked =
        ObjectQuery { bucket: &bucket.name, prefix, delimiter, limit, cursor: cursor.as_deref() };
    let page = page(call, way, bucket, asked).await?;
    let objects: Option<Vec<Value>> = page.objects.iter().map(object).collect();
    let objects = objects.ok_or_else(|| told(&ApiError::Incomplete("key of an object")))?;
    let next = page.cursor.as_deref().zip(key.as_ref());
    let next = next.and_then(|(cursor, key)| seal_cursor(key, &list, cursor));
    let fields = vec![
        ("stage", json!(stage.name)),
        ("bucket", json!(bucket.id)),
        ("objects", json!(objects)),
        ("prefixes", json!(page.prefixes)),
        ("truncated", json!(page.cursor.is_some())),
        ("next_cursor", json!(next)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

async fn page(
    call: &Call<'_>,
    way: Way<'_>,
    bucket: &Resource,
    asked: ObjectQuery<'_>,
) -> Result<ObjectPage, ShortCircuit> {
    let stage = &call.state.stage()?.name;
    let gone = || {
        error(format!(
            "The bucket `{}` of the stage `{stage}` (`{}`) does not exist at Cloudflare. get_resource_status shows what does.",
            bucket.id, bucket.name
        ))
    };
    match way {
        Way::Api => {
            let page = call.state.client(call.ctx).object_page(asked).await;
            page.map_err(|why| if why.is_gone() { gone() } else { told(&why) })
        }
        Way::Binding(binding) => {
            let page = bound::object_page(call.state.host, binding, asked).await;
            page.map_err(|why| match &why {
                BindingError::Failed(text) if text.contains(NO_BUCKET) => gone(),
                why => error(format!("The bucket gave no list: {}.", call.state.hidden(why))),
            })
        }
    }
}

fn object(object: &Value) -> Option<Value> {
    let metadata = object.get("http_metadata");
    let kind = metadata.and_then(|it| text(it, "contentType").or_else(|| text(it, "content_type")));
    Some(json!({
        "key": text(object, "key")?,
        "size": object.get("size").and_then(Value::as_u64),
        "last_modified": text(object, "last_modified"),
        "content_type": kind,
        "storage_class": text(object, "storage_class"),
    }))
}

//! Lists objects of a bucket.

use catalogue::{CallOutcome, call::data};
use mcp_server::arguments::Problems;
use serde_json::{Value, json};

use crate::{
    api::{ApiError, ObjectQuery},
    call::{Call, error, text, told},
    manifest::Kind,
};

/// Bytes that a key may have.
const LONGEST_KEY: usize = 1_024;

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
    let list = [&stage.name, &bucket.name, prefix, delimiter.unwrap_or_default()];
    let settings = &call.state.settings;
    let cursor = argument("cursor").map(|sealed| {
        settings.open_cursor(&list, sealed).ok_or_else(|| {
            let why = "this is no next_cursor of a list with the same stage, bucket, prefix and delimiter";
            Problems::one("cursor", why).into_result(call.operation.name)
        })
    });
    let cursor = cursor.transpose()?;
    let limit = call.arguments.get("limit").and_then(Value::as_u64).unwrap_or(1);
    let client = call.state.client(call.ctx);
    let asked =
        ObjectQuery { bucket: &bucket.name, prefix, delimiter, limit, cursor: cursor.as_deref() };
    let page = client.object_page(asked).await.map_err(|why| match why.is_gone() {
        true => error(format!(
            "The bucket `{}` of the stage `{}` (`{}`) does not exist at Cloudflare. get_resource_status shows what does.",
            bucket.id, stage.name, bucket.name
        )),
        false => told(&why),
    })?;
    let objects: Option<Vec<Value>> = page.objects.iter().map(object).collect();
    let objects = objects.ok_or_else(|| told(&ApiError::Incomplete("key of an object")))?;
    let next = page.cursor.as_deref().and_then(|cursor| settings.seal_cursor(&list, cursor));
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

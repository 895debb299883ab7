//! Jobs of the queue as answers show them.

use serde_json::{Value, json};

use crate::{
    api::{ApiError, Path, Service, plain},
    call::{Call, id_of},
    configuration::{normalise, secrets},
    moment,
};

/// Reads a job.
pub(super) async fn read(call: &Call<'_>, id: &str) -> Result<Value, ApiError> {
    call.read_from(Service::Queue, Path::new("jobs").part(id), &[]).await
}

/// Whether a job has come to its end.
pub(super) fn is_over(job: &Value) -> bool {
    let status = job.get("status").and_then(Value::as_str).unwrap_or_default();
    job.get("isFinished") == Some(&Value::Bool(true))
        || matches!(status, "success" | "warning" | "error" | "terminated" | "cancelled")
}

/// A job in short form.
pub(super) fn summary(job: &Value) -> Value {
    let text = |name: &str| job.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name).map(moment::iso);
    let id = |name: &str, other: &str| {
        let id = job.get(name).or_else(|| job.get(other)).map(plain).unwrap_or_default();
        if id.is_empty() { Value::Null } else { Value::from(id) }
    };
    json!({
        "id": id_of(job),
        "status": text("status").unwrap_or_default(),
        "component_id": id("component", "componentId"),
        "config_id": id("config", "configId"),
        "is_finished": job.get("isFinished") == Some(&Value::Bool(true)),
        "created_time": time("createdTime"),
        "start_time": time("startTime"),
        "end_time": time("endTime"),
        "duration_seconds": job.get("durationSeconds").filter(|value| value.is_number()),
    })
}

/// A job in full. Its configuration data shows no secret in plain text.
pub(super) fn detail(call: &Call<'_>, job: &Value) -> Value {
    // An empty object comes as a list.
    let object = |name: &str| {
        let object = job.get(name).cloned().and_then(normalise::into_object);
        secrets::redact(Value::Object(object.unwrap_or_default()))
    };
    let text = |name: &str| job.get(name).and_then(Value::as_str);
    let more = json!({
        "url": text("url").unwrap_or_default(),
        "config_data": object("configData"),
        "config_row": text("configRow"),
        "run_id": job.get("runId").map(plain),
        "result": object("result"),
        "links": call.links().job(&id_of(job)),
        "logs": null,
        "logs_error": null,
    });
    let mut view = summary(job);
    if let (Some(view), Value::Object(more)) = (view.as_object_mut(), more) {
        view.extend(more);
    }
    view
}

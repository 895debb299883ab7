//! Flows, conditional and legacy: a list, or some in full with their schedules.

use serde_json::{Value, json};

use super::config_view;
use crate::{
    api::{ApiError, Path, Service, plain},
    call::{Call, Outcome, ShortCircuit, all, failed, id_of, items, shown},
    configuration::{normalise, secrets},
    links::{FLOW, ORCHESTRATOR},
};

const TYPES: [&str; 2] = [FLOW, ORCHESTRATOR];

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let ids = call.texts("flow_ids");
    if !ids.is_empty() {
        let flows = all(ids, async |id: String| read(call, &id).await).await?;
        return Ok(json!({ "flows": flows }));
    }
    let folders = config_view::folders(call).await;
    let mut flows = Vec::new();
    for component in TYPES {
        let records = match call.storage(call.configs(component), &[]).await {
            Ok(records) => items(records),
            // A project may be without one of the two kinds.
            Err(ApiError::Refused { status: 404, .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let counted = async |mut record: Value| {
            config_view::file(&folders, component, &mut record);
            // Without the right to see schedules there is a list all the same.
            let schedules = schedules(call, component, &id_of(&record)).await.unwrap_or_default();
            Ok(summary(component, &record, schedules.len()))
        };
        flows.extend(all(records, counted).await?);
    }
    let links = TYPES.map(|component| call.links().flows(component));
    Ok(json!({ "flows": flows, "links": links }))
}

async fn read(call: &Call<'_>, id: &str) -> Result<Value, ShortCircuit> {
    for component in TYPES {
        let path = call.configs(component).part(id);
        match call.storage(path.clone(), &[]).await {
            Ok(record) => {
                let record = config_view::with_metadata(call, path, record).await;
                let schedules = schedules(call, component, id).await?;
                return Ok(detail(call, component, &record, &schedules));
            }
            Err(ApiError::Refused { status: 404, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    failed(format!("There is no flow {}. keboola_get_flows lists those that there are.", shown(id)))
}

async fn schedules(call: &Call<'_>, component: &str, id: &str) -> Result<Vec<Value>, ApiError> {
    let query = [("componentId", component.to_owned()), ("configurationId", id.to_owned())];
    let found = call.client.get(Service::Scheduler, Path::new("schedules"), &query).await;
    found.map(items)
}

/// The fields that both forms have.
fn common(component: &str, record: &Value) -> Value {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let flag = |name: &str| record.get(name) == Some(&Value::Bool(true));
    json!({
        "component_id": component,
        "configuration_id": id_of(record),
        "name": text("name").unwrap_or_default(),
        "description": text("description"),
        "version": record.get("version").and_then(Value::as_i64).unwrap_or_default(),
        "is_disabled": flag("isDisabled"),
        "is_deleted": flag("isDeleted"),
        "folder": config_view::folder(record),
        "created": text("created"),
        "updated": text("updated"),
    })
}

fn with(mut view: Value, more: Value) -> Value {
    if let (Some(view), Value::Object(more)) = (view.as_object_mut(), more) {
        view.extend(more);
    }
    view
}

fn summary(component: &str, record: &Value, schedules: usize) -> Value {
    let count = |name: &str| {
        let list = record.get("configuration").and_then(|inner| inner.get(name));
        list.and_then(Value::as_array).map_or(0, Vec::len)
    };
    let more = json!({
        "phases_count": count("phases"),
        "tasks_count": count("tasks"),
        "schedules_count": schedules,
    });
    with(common(component, record), more)
}

fn detail(call: &Call<'_>, component: &str, record: &Value, schedules: &[Value]) -> Value {
    let inner = record.get("configuration").cloned().and_then(normalise::into_object);
    let inner = secrets::redact(Value::Object(inner.unwrap_or_default()));
    let list = |name: &str| inner.get(name).cloned().unwrap_or_else(|| json!([]));
    let id = id_of(record);
    let name = record.get("name").and_then(Value::as_str).unwrap_or_default();
    let more = json!({
        "configuration": { "phases": list("phases"), "tasks": list("tasks") },
        "change_description": record.get("changeDescription").and_then(Value::as_str),
        "configuration_metadata": record.get("metadata").filter(|m| m.is_array()).cloned().unwrap_or_else(|| json!([])),
        "schedules": {
            "schedules": schedules.iter().map(schedule).collect::<Vec<_>>(),
            "n_schedules": schedules.len(),
            "links": [call.links().schedules(component, &id)],
        },
        "links": call.links().flow_and_flows(component, &id, name),
    });
    with(common(component, record), more)
}

fn schedule(record: &Value) -> Value {
    let at = |name: &str| record.pointer(&format!("/schedule/{name}")).cloned().unwrap_or_default();
    json!({
        "schedule_id": record.get("configurationId").map(plain),
        "timezone": at("timezone"),
        "state": at("state"),
        "cron_tab": at("cronTab"),
        "target_executions": record.get("executions").filter(|list| list.is_array()).cloned().unwrap_or_else(|| json!([])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_get_flows";
    const BASE: &str = "Get connection /v2/storage/branch/default/components";

    fn flow() -> Value {
        json!({"id": "3", "name": "Nightly", "version": 2, "created": "2026-01-01T00:00:00+0100",
            "configuration": {"phases": [{"id": "1"}], "tasks": [{"id": "a"}, {"id": "b"}]}})
    }

    #[test]
    fn both_kinds_are_listed_with_counts() {
        let fake = FakeKeboola::new();
        fake.on(&format!("{BASE}/keboola.flow/configs"), 200, json!([flow()]));
        fake.on("Get scheduler /schedules", 200, json!([{"configurationId": "9"}]));
        let listed = run(&fake, TOOL, json!({}));
        let one = &listed["flows"][0];
        assert_eq!(
            (&one["phases_count"], &one["tasks_count"], &one["schedules_count"]),
            (&json!(1), &json!(2), &json!(1))
        );
        assert_eq!(listed["links"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_flow_is_found_in_either_kind() {
        let fake = FakeKeboola::new();
        fake.on(&format!("{BASE}/keboola.orchestrator/configs/3"), 200, flow());
        fake.on(
            "Get scheduler /schedules",
            200,
            json!([{"configurationId": "9",
            "schedule": {"cronTab": "0 * * * *", "timezone": "UTC", "state": "enabled"}}]),
        );
        let read = run(&fake, TOOL, json!({"flow_ids": ["3"]}));
        let one = &read["flows"][0];
        assert_eq!(one["component_id"], "keboola.orchestrator");
        assert_eq!(one["schedules"]["schedules"][0]["cron_tab"], "0 * * * *");
        assert!(fails(&fake, TOOL, json!({"flow_ids": ["4"]})).contains("no flow \"4\""));
    }
}

//! Flows, conditional and legacy: a list, or some in full with their schedules.

use serde_json::{Value, json};

use super::{
    config_view, flow_view,
    lookup::{self, Missed},
};
use crate::{
    api::{ApiError, Path, Service},
    call::{Call, Outcome, all, id_of, items, sentence, shown},
    links::{FLOW, ORCHESTRATOR},
};

const TYPES: [&str; 2] = [FLOW, ORCHESTRATOR];

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let ids = call.texts("flow_ids");
    call.budget();
    if !ids.is_empty() {
        let read = async |id: String| read(call, &id).await;
        return Ok(lookup::each(ids, String::clone, read).await?.into_answer("flows"));
    }
    let folders = config_view::folders(call).await;
    let mut flows = Vec::new();
    for component in TYPES {
        let records = match call.storage(call.configs(component), &[]).await {
            Ok(records) => items(records)?,
            // A project may be without one of the two kinds.
            Err(ApiError::Refused { status: 404, .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let counted = async |mut record: Value| {
            config_view::file(&folders, component, &mut record);
            // Without the right to see schedules there is a list all the same.
            let schedules = schedules(call, component, &id_of(&record)).await;
            let count = schedules.map(|schedules| schedules.len());
            Ok(flow_view::summary(component, &record, count.map_err(|error| sentence(&error))))
        };
        flows.extend(all(records, counted).await?);
    }
    let links = [ORCHESTRATOR, FLOW].map(|component| call.links().flows(component));
    Ok(json!({ "flows": flows, "links": links }))
}

async fn read(call: &Call<'_>, id: &str) -> Result<Value, Missed> {
    for component in TYPES {
        let path = call.configs(component).part(id);
        match call.storage(path.clone(), &[]).await {
            Ok(record) => {
                let record = config_view::with_metadata(call, path, record).await;
                let schedules = schedules(call, component, id).await;
                let schedules = schedules.map_err(|error| sentence(&error));
                return Ok(flow_view::detail(call, component, &record, schedules));
            }
            Err(ApiError::Refused { status: 404, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let why = "keboola_get_flows lists those that there are.";
    Err(Missed::NotFound(format!("There is no flow {}. {why}", shown(id))))
}

async fn schedules(call: &Call<'_>, component: &str, id: &str) -> Result<Vec<Value>, ApiError> {
    let query = [("componentId", component.to_owned()), ("configurationId", id.to_owned())];
    let found = call.read_from(Service::Scheduler, Path::new("schedules"), &query).await;
    found.and_then(items)
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
        assert_eq!(one["schedules_error"], json!(null));
    }

    #[test]
    fn schedules_that_cannot_be_read_are_not_counted_as_none() {
        let fake = FakeKeboola::new();
        fake.on(&format!("{BASE}/keboola.flow/configs"), 200, json!([flow()]));
        fake.on("Get scheduler /schedules", 403, json!({"error": "no rights"}));
        let one = &run(&fake, TOOL, json!({}))["flows"][0];
        assert_eq!((&one["schedules_count"], &one["tasks_count"]), (&json!(null), &json!(2)));
        assert!(one["schedules_error"].as_str().unwrap().contains("no rights"), "{one}");
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
        fake.clear("Get scheduler /schedules");
        fake.on("Get scheduler /schedules", 403, json!({"error": "no rights"}));
        let read = run(&fake, TOOL, json!({"flow_ids": ["4", "3"]}));
        let one = &read["flows"][0];
        assert_eq!((&read["not_found"][0]["id"], &one["schedules"]), (&json!("4"), &json!(null)));
        assert!(one["schedules_error"].as_str().unwrap().contains("no rights"), "{one}");
    }
}

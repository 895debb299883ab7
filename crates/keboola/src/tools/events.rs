//! Events of the project's Storage.

use serde_json::{Value, json};

use crate::{
    api::{Path, plain},
    call::{Call, Outcome, id_of, items},
};

/// Fields of an event that are shown as they came, if they are texts, and the API's names of them.
const FIELDS: [(&str, &str); 10] = [
    ("event", "event"),
    ("type", "type"),
    ("message", "message"),
    ("description", "description"),
    ("component", "component"),
    ("configuration_id", "configurationId"),
    ("run_id", "runId"),
    ("created", "created"),
    ("object_id", "objectId"),
    ("object_type", "objectType"),
];

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let mut query = Vec::new();
    for (name, argument) in [
        ("runId", "job_id"),
        ("component", "component_id"),
        ("configurationId", "configuration_id"),
        ("q", "query"),
    ] {
        query.extend(call.text(argument).map(|text| (name, text.to_owned())));
    }
    for name in ["limit", "offset"] {
        query.extend(call.number(name).map(|number| (name, number.to_string())));
    }
    query.push(("forceUuid", "true".to_owned()));
    let events = items(call.storage(Path::new("events"), &query).await?)?;
    let events: Vec<Value> = events.iter().map(view).collect();
    Ok(json!({ "events": events }))
}

fn view(event: &Value) -> Value {
    let field = |(name, api): &(&str, &str)| {
        let text = event.get(*api).map(plain).filter(|text| !text.is_empty());
        ((*name).to_owned(), text.map_or(Value::Null, Value::from))
    };
    let mut view: serde_json::Map<String, Value> = FIELDS.iter().map(field).collect();
    let uuid = event.get("uuid").and_then(Value::as_str).map(str::to_owned);
    view.insert("id".to_owned(), uuid.unwrap_or_else(|| id_of(event)).into());
    Value::Object(view)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    #[test]
    fn events_of_a_job_are_those_of_its_id() {
        let fake = FakeKeboola::new();
        fake.on(
            "Get connection /v2/storage/events",
            200,
            json!([{"id": 5, "uuid": "u", "event": "storage.tableImportDone",
            "configurationId": 7, "message": "done", "params": {"#secret": "x"}}]),
        );
        let listed = run(&fake, "keboola_get_events", json!({"job_id": "12", "limit": 3}));
        assert_eq!(listed["events"][0]["id"], "u");
        assert_eq!(listed["events"][0]["configuration_id"], "7");
        assert!(listed["events"][0].get("params").is_none());
        assert_eq!(
            fake.lines(),
            ["Get connection /v2/storage/events?runId=12&limit=3&offset=0&forceUuid=true"]
        );
        assert!(fails(&fake, "keboola_get_events", json!({"limit": 1001})).contains("- limit"));
    }
}

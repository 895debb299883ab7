//! Jobs: a filtered list, or some in full with their log lines.

use serde_json::{Value, json};

use super::{job_view, lookup};
use crate::{
    api::{ApiError, Path, Service},
    call::{Call, Outcome, items, sentence},
    moment,
};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let ids = call.texts("job_ids");
    if ids.is_empty() {
        return list(call).await;
    }
    call.budget();
    let read = async |id: String| {
        let job = job_view::read(call, &id).await?;
        let mut view = job_view::detail(call, &job);
        if call.flag("include_logs")
            && let Some(view) = view.as_object_mut()
        {
            match logs(call, &id).await {
                Ok(lines) => view.insert("logs".to_owned(), lines),
                Err(error) => view.insert("logs_error".to_owned(), sentence(&error).into()),
            };
        }
        Ok(view)
    };
    Ok(lookup::each(ids, String::clone, read).await?.into_answer("jobs"))
}

async fn list(call: &Call<'_>) -> Outcome {
    let mut query = Vec::new();
    for (name, argument) in [
        ("componentId", "component_id"),
        ("configId", "config_id"),
        ("status", "status"),
        ("sortBy", "sort_by"),
        ("sortOrder", "sort_order"),
    ] {
        query.extend(call.text(argument).map(|text| (name, text.to_owned())));
    }
    for name in ["limit", "offset"] {
        query.extend(call.number(name).map(|number| (name, number.to_string())));
    }
    query.extend(call.branch.id().map(|id| ("branchId", id.to_owned())));
    let found = call.client.get(Service::Queue, Path::new("search/jobs"), &query).await?;
    let jobs: Vec<Value> = items(found)?.iter().map(job_view::summary).collect();
    Ok(json!({ "jobs": jobs, "links": [call.links().jobs()] }))
}

/// The log lines of a job in the order in which they were written. Storage has them under the job's
/// id as run id.
async fn logs(call: &Call<'_>, id: &str) -> Result<Value, ApiError> {
    let most = call.number("log_tail_lines").unwrap_or(50);
    let types = call.texts("log_event_types");
    let query = [
        ("runId", id.to_owned()),
        ("limit", most.to_string()),
        ("offset", "0".to_owned()),
        ("forceUuid", "true".to_owned()),
    ];
    let mut events = items(call.storage(Path::new("events"), &query).await?)?;
    events.reverse();
    let text = |event: &Value, name: &str| {
        event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let wanted = |event: &&Value| types.is_empty() || types.contains(&text(event, "type"));
    let line = |event: &Value| {
        json!({
            "message": text(event, "message"),
            "type": text(event, "type"),
            "created": moment::iso(&text(event, "created")),
        })
    };
    Ok(events.iter().filter(wanted).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_get_jobs";
    const SEARCH: &str = "Get queue /search/jobs";

    #[test]
    fn a_list_sends_its_filters_and_leaves_main_out() {
        let fake = FakeKeboola::new();
        fake.on(
            SEARCH,
            200,
            json!([{"id": 7, "status": "success", "component": "ex", "config": "1",
            "isFinished": true, "createdTime": "2026-11-20T08:00:00+0100", "startTime": "2026-11-20T08:00:00+00:00", "durationSeconds": 3}]),
        );
        let listed =
            run(&fake, TOOL, json!({"status": "success", "component_id": "ex", "limit": 5}));
        let one = &listed["jobs"][0];
        assert_eq!(
            (&one["id"], &one["component_id"], &one["config_id"]),
            (&json!("7"), &json!("ex"), &json!("1"))
        );
        assert_eq!(
            (&one["created_time"], &one["start_time"]),
            (&json!("2026-11-20T08:00:00+01:00"), &json!("2026-11-20T08:00:00Z"))
        );
        let line =
            "?componentId=ex&status=success&sortBy=startTime&sortOrder=desc&limit=5&offset=0";
        assert_eq!(fake.lines(), [format!("{SEARCH}{line}")]);
        run(&fake, TOOL, json!({"branch_id": "9"}));
        assert!(fake.lines().last().unwrap().ends_with("&branchId=9"), "{:?}", fake.lines());
    }

    #[test]
    fn a_list_is_ordered_by_each_field_that_the_schema_names() {
        for field in ["startTime", "endTime", "createdTime", "durationSeconds", "id"] {
            let fake = FakeKeboola::new();
            fake.on(SEARCH, 200, json!([]));
            run(&fake, TOOL, json!({"sort_by": field, "sort_order": "asc"}));
            let order = format!("sortBy={field}&sortOrder=asc");
            assert!(fake.lines()[0].contains(&order), "{:?}", fake.lines());
        }
    }

    #[test]
    fn a_job_in_full_has_its_logs_in_order_and_no_secrets() {
        let fake = FakeKeboola::new();
        fake.on("Get queue /jobs/7", 200, json!({"id": "7", "status": "error", "isFinished": true, "result": [],
            "configData": {"parameters": {"#p": "plain"}}, "runId": "1.7", "url": "https://q/jobs/7"}));
        fake.on(
            "Get connection /v2/storage/events",
            200,
            json!([
                {"message": "second", "type": "error", "created": "2026-11-20T08:00:02Z"},
                {"message": "first", "type": "info", "created": "2026-11-20T08:00:01Z"},
            ]),
        );
        let read = run(&fake, TOOL, json!({"job_ids": ["7"], "include_logs": true}));
        let one = &read["jobs"][0];
        assert_eq!((&one["result"], &one["run_id"]), (&json!({}), &json!("1.7")));
        assert_eq!(one["config_data"]["parameters"]["#p"], "[REDACTED]");
        assert_eq!(one["logs"][0]["message"], "first");
        assert!(fake.lines()[1].contains("?runId=7&limit=50"), "{:?}", fake.lines());
        let read = run(
            &fake,
            TOOL,
            json!({"job_ids": ["7"], "include_logs": true, "log_event_types": ["error"]}),
        );
        assert_eq!(read["jobs"][0]["logs"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn wrong_filters_are_refused_before_anything_is_sent() {
        let fake = FakeKeboola::new();
        for (arguments, line) in [
            (json!({"limit": 0}), "- limit: expected an integer from 1 to 500"),
            (json!({"limit": -1}), "- limit: "),
            (json!({"limit": 501}), "- limit: "),
            (
                json!({"limit": "10"}),
                "- limit: expected an integer from 1 to 500; got the string \"10\"",
            ),
            (json!({"status": "unknown"}), "- status: "),
            (json!({"job_ids": [7]}), "- job_ids[0]: expected a string"),
        ] {
            let why = fails(&fake, TOOL, arguments);
            assert!(why.contains(line), "{why}");
        }
        assert!(fake.requests().is_empty());
    }

    #[test]
    fn an_unknown_job_is_told_in_the_queues_words() {
        let fake = FakeKeboola::new();
        let error = json!({"error": "Job \"9\" not found", "code": 404, "exceptionId": "e9", "status": "error"});
        fake.on("Get queue /jobs/9", 404, error);
        let why = fails(&fake, TOOL, json!({"job_ids": ["9"]}));
        assert!(
            why.contains("job queue answered 404: Job \"9\" not found (exception id e9)"),
            "{why}"
        );
        fake.on("Get queue /jobs/7", 200, json!({"id": "7", "status": "success", "url": "u"}));
        fake.on("Get connection /v2/storage/events", 403, json!({"error": "no rights"}));
        let read = run(&fake, TOOL, json!({"job_ids": ["9", "7"], "include_logs": true}));
        assert_eq!(read["not_found"][0]["id"], "9");
        let one = &read["jobs"][0];
        assert_eq!((&one["id"], &one["logs"]), (&json!("7"), &json!(null)));
        assert!(one["logs_error"].as_str().unwrap().contains("no rights"), "{one}");
    }
}

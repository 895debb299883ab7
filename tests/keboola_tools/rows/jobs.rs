//! Jobs and events.

use serde_json::json;

use crate::keboola_tools::row::{Row, agreed, call, reads};

const STORAGE: &str = "connection /v2/storage";
const MYSQL: &str = "keboola.ex-db-mysql";
const CONFIG: &str = "236606822";

pub fn rows() -> Vec<Row> {
    [listed(), vec![events(), started(), stopped()]].concat()
}

fn listed() -> Vec<Row> {
    let filters = json!({
        "status": "error", "component_id": MYSQL, "config_id": CONFIG, "limit": 500, "offset": 0,
        "sort_by": "createdTime", "sort_order": "asc",
    });
    let logs = format!("{STORAGE}/events?runId=101001&limit=50&offset=0&forceUuid=true");
    vec![
        call("get_jobs", filters)
            .get(&format!(
                "queue /search/jobs?componentId={MYSQL}&configId={CONFIG}&status=error&sortBy=createdTime\
                 &sortOrder=asc&limit=500&offset=0"
            ))
            .says("\"id\":\"101002\"")
            .wrong(json!({ "limit": 0 }), "- limit: expected an integer from 1 to 500")
            .wrong(json!({ "limit": -1 }), "- limit: expected an integer from 1 to 500")
            .wrong(json!({ "limit": 501 }), "- limit: expected an integer from 1 to 500")
            .wrong(json!({ "limit": "10" }), "- limit: expected an integer from 1 to 500")
            .wrong(json!({ "offset": -1 }), "- offset: expected")
            .wrong(json!({ "status": "done" }), "- status: expected")
            .wrong(json!({ "sort_by": "name" }), "- sort_by: expected")
            .wrong(json!({ "sort_order": "descending" }), "- sort_order: expected")
            .wrong(json!({ "log_tail_lines": 501 }), "- log_tail_lines: expected")
            .wrong(json!({ "log_event_types": ["debug"] }), "- log_event_types[0]: expected"),
        call("get_jobs", json!({ "job_ids": ["101001", "999"], "include_logs": true }))
            .get("queue /jobs/101001")
            .get("queue /jobs/999")
            .get(&logs)
            .says("\"not_found\":[{\"id\":\"999\"")
            .wrong_after(
                json!({ "job_ids": ["1/kill", "a b"], "include_logs": null }),
                "Nothing was found.",
                vec![reads("queue /jobs/1/kill"), reads("queue /jobs/a b")],
            ),
    ]
}

fn events() -> Row {
    let filters = json!({
        "job_id": "101001", "component_id": MYSQL, "configuration_id": CONFIG, "query": "ü & x",
        "limit": 2, "offset": 1,
    });
    call("get_events", filters)
        .get(&format!(
            "{STORAGE}/events?runId=101001&component={MYSQL}&configurationId={CONFIG}&q=ü & x&limit=2\
             &offset=1&forceUuid=true"
        ))
        .says("events")
        .wrong(json!({ "limit": 1_001 }), "- limit: expected an integer from 1 to 1000")
        .wrong(json!({ "limit": 0 }), "- limit: expected an integer from 1 to 1000")
        .wrong(json!({ "job_id": "" }), "- job_id: expected")
        .wrong(json!({ "job_id": 101_001 }), "- job_id: expected")
        .wrong(json!({ "branch_id": "1012" }), "- branch_id")
}

fn started() -> Row {
    let rows = ["row-orders"];
    let run =
        json!({ "component_id": MYSQL, "configuration_id": CONFIG, "configuration_row_ids": rows });
    let config = format!("{STORAGE}/branch/default/components/{MYSQL}/configs/{CONFIG}");
    call("run_job", agreed(run))
        .post(
            "queue /jobs",
            json!({ "component": MYSQL, "config": CONFIG, "mode": "run", "configRowIds": rows }),
        )
        .says("\"status\":\"created\"")
        .wrong(json!({ "configuration_id": null }), "- configuration_id: ")
        .wrong(json!({ "component_id": "" }), "- component_id: expected")
        .wrong(json!({ "wait": 1 }), "- wait: expected")
        .wrong(json!({ "configuration_row_ids": "row-orders" }), "- configuration_row_ids: expected")
        .wrong_after(
            json!({ "confirm": null }),
            "Configuration: \"MySQL of the shop\" (\"236606822\"), version 3\n- Rows: \"row-orders\"",
            vec![reads(&config)],
        )
        .wrong_after(
            json!({ "confirm": null, "configuration_id": "nothing" }),
            "404",
            vec![reads(&format!("{STORAGE}/branch/default/components/{MYSQL}/configs/nothing"))],
        )
}

fn stopped() -> Row {
    let run = json!({ "component": "keboola.ex-http", "config": "http-1", "mode": "run" });
    call("stop_job", agreed(json!({ "job_id": "{id}" })))
        .given("POST queue /jobs", run)
        .post("queue /jobs/{id}/kill", json!(null))
        .says("\"status\":\"cancelled\"")
        .wrong(json!({ "job_id": "" }), "- job_id: expected")
        .wrong(json!({ "job_id": "1".repeat(65) }), "- job_id: expected")
        .wrong(json!({ "branch_id": "1012" }), "- branch_id")
        .wrong_after(
            json!({ "job_id": "101001", "confirm": false }),
            "job 101001 has ended (success)",
            vec![reads("queue /jobs/101001")],
        )
        .wrong_after(
            json!({ "job_id": "999", "confirm": false }),
            "Job \"999\" not found",
            vec![reads("queue /jobs/999")],
        )
}

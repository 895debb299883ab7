//! Workflows and their instances.

use sandbox::cloudflare::{WorkflowEnd, WorkflowPlan};
use serde_json::{Value, json};

use crate::client::{Lab, WORKER, assert_refused, each};

const WORKFLOW: &str = "workflows/sitebay-mcp-staging-onboarding";

async fn begin(lab: &Lab, body: Value) -> (u16, Value) {
    lab.post(&format!("{WORKFLOW}/instances"), body).await
}

async fn status(lab: &Lab, id: &str) -> Value {
    Lab::result(lab.get(&format!("{WORKFLOW}/instances/{id}")).await)
}

#[tokio::test]
async fn workflows_are_listed_and_put() {
    let lab = Lab::start().await;
    let (_, list) = lab.get("workflows?search=staging").await;
    assert_eq!(list["result"][0]["class_name"], "OnboardingWorkflow");
    assert_eq!(list["result"][0]["instances"]["complete"], 1);
    assert!(list["result_info"].get("total_pages").is_none());
    let body = json!({ "class_name": "OtherWorkflow", "script_name": WORKER });
    let made = Lab::result(lab.put("workflows/other", body.clone()).await);
    let again = Lab::result(lab.put("workflows/other", body).await);
    assert_eq!(again["id"], made["id"]);
    assert_refused(&lab.put("workflows/a%20b", json!({})).await, 400, 10021);
    let nowhere = json!({ "class_name": "A", "script_name": "none" });
    assert_refused(&lab.put("workflows/x", nowhere).await, 404, 10007);
    Lab::result(lab.delete("workflows/other").await);
    assert_refused(&lab.get("workflows/other").await, 404, 10200);
}

#[tokio::test]
async fn an_instance_moves_with_the_clock_to_its_end() {
    let lab = Lab::start().await;
    let body = json!({ "instance_id": "one", "params": { "userId": 7 } });
    let made = Lab::result(begin(&lab, body.clone()).await);
    assert_eq!((&made["id"], &made["status"]), (&json!("one"), &json!("queued")));
    assert_refused(&begin(&lab, body).await, 409, 10201);
    lab.advance(1);
    let running = status(&lab, "one").await;
    assert_eq!((&running["status"], &running["step_count"]), (&json!("running"), &json!(1)));
    assert_eq!(running["params"], json!({ "userId": 7 }));
    lab.advance(2);
    let done = status(&lab, "one").await;
    assert_eq!((&done["status"], &done["output"]), (&json!("complete"), &json!({ "ok": true })));
    assert_eq!((&done["success"], &done["steps"][1]["success"]), (&json!(true), &json!(true)));
    let listed = Lab::result(lab.get(&format!("{WORKFLOW}/instances?status=complete")).await);
    assert_eq!(each(&listed, "id"), ["one", "first-staging"]);
}

#[tokio::test]
async fn a_plan_says_how_instances_end() {
    let lab = Lab::start().await;
    let plan = |end| WorkflowPlan { end, times: Some(1), ..WorkflowPlan::default() };
    lab.cloudflare.plan_workflow(WorkflowPlan {
        message: Some("no such user".into()),
        ..plan(WorkflowEnd::Errored)
    });
    Lab::result(begin(&lab, json!({ "instance_id": "fails" })).await);
    lab.cloudflare.plan_workflow(plan(WorkflowEnd::Never));
    Lab::result(begin(&lab, json!({ "instance_id": "stays" })).await);
    Lab::result(begin(&lab, json!({ "instance_id": "ends" })).await);
    lab.advance(100);
    let failed = status(&lab, "fails").await;
    assert_eq!(failed["error"], json!({ "name": "Error", "message": "no such user" }));
    assert_eq!((&failed["status"], &failed["output"]), (&json!("errored"), &Value::Null));
    assert_eq!(status(&lab, "stays").await["status"], "running");
    assert_eq!(status(&lab, "ends").await["status"], "complete");
}

#[tokio::test]
async fn an_instance_is_paused_resumed_terminated_and_restarted() {
    let lab = Lab::start().await;
    Lab::result(begin(&lab, json!({ "instance_id": "one" })).await);
    let path = format!("{WORKFLOW}/instances/one/status");
    let tell = async |what: &str| lab.patch(&path, json!({ "status": what })).await;
    assert_eq!(Lab::result(tell("pause").await)["status"], "paused");
    lab.advance(100);
    assert_eq!(status(&lab, "one").await["status"], "paused");
    assert_eq!(Lab::result(tell("resume").await)["status"], "running");
    let event = format!("{WORKFLOW}/instances/one/events/approved");
    assert_eq!(lab.post(&event, json!({ "by": "me" })).await.0, 200);
    assert_eq!(Lab::result(tell("terminate").await)["status"], "terminated");
    assert_refused(&tell("pause").await, 400, 10204);
    assert_refused(&lab.post(&event, json!({})).await, 400, 10204);
    assert_eq!(Lab::result(tell("restart").await)["status"], "queued");
    assert_refused(&tell("explode").await, 400, 10021);
    Lab::result(lab.delete(&format!("{WORKFLOW}/instances/one")).await);
    assert_refused(&lab.get(&format!("{WORKFLOW}/instances/one")).await, 404, 10202);
}

#[tokio::test]
async fn ids_and_parameters_have_a_form() {
    let lab = Lab::start().await;
    let reserved = format!("cf_{}", "0".repeat(64));
    for id in ["a b", "-a", "", &"x".repeat(101), &reserved] {
        assert_refused(&begin(&lab, json!({ "instance_id": id })).await, 400, 10203);
    }
    let large = json!({ "params": "x".repeat(1_048_577) });
    assert_refused(&begin(&lab, large).await, 400, 10021);
    let text = json!({ "instance_id": "text", "params": "{\"userId\": 8}" });
    Lab::result(begin(&lab, text).await);
    assert_eq!(status(&lab, "text").await["params"], json!({ "userId": 8 }));
    let many = json!([{ "instance_id": "a" }, { "instance_id": "b" }]);
    let made = Lab::result(lab.post(&format!("{WORKFLOW}/instances/batch"), many).await);
    assert_eq!(each(&made, "id"), ["a", "b"]);
}

#[tokio::test]
async fn instances_are_listed_by_page_or_by_cursor() {
    let lab = Lab::start().await;
    for id in ["a", "b", "c"] {
        Lab::result(begin(&lab, json!({ "instance_id": id })).await);
    }
    let at = |query: &str| format!("{WORKFLOW}/instances?{query}");
    let (_, page) = lab.get(&at("page=2&per_page=3")).await;
    assert_eq!(each(&page["result"], "id"), ["first-staging"]);
    let (_, first) = lab.get(&at("cursor=&per_page=3")).await;
    let cursor = first["result_info"]["cursor"].as_str().unwrap();
    let (_, rest) = lab.get(&at(&format!("per_page=3&cursor={cursor}"))).await;
    assert_eq!(each(&rest["result"], "id"), ["first-staging"]);
    let (_, recent) = lab.get(&at("date_start=2026-11-20T11:59:00Z")).await;
    assert_eq!(each(&recent["result"], "id"), ["c", "b", "a"]);
    assert_refused(&lab.get(&at("date_start=soon")).await, 400, 10021);
}

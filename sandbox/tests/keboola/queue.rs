//! Jobs of the queue, by a clock that is moved.

use sandbox::keboola::{JobEnd, JobPlan, token};
use serde_json::{Value, json};

use crate::client::{Lab, answer, each};

fn run(config: &str) -> Value {
    json!({ "component": "keboola.ex-http", "config": config, "mode": "run" })
}

async fn start(lab: &Lab, body: Value) -> String {
    let (status, job) = lab.send("POST", "queue", "jobs", body).await;
    assert_eq!(status, 201, "{job}");
    job["id"].as_str().unwrap().to_owned()
}

async fn job(lab: &Lab, id: &str) -> Value {
    lab.ask("GET", "queue", &format!("jobs/{id}")).await.1
}

#[tokio::test]
async fn a_job_goes_through_its_states_as_the_clock_moves() {
    let lab = Lab::start().await;
    let id = start(&lab, run("http-1")).await;
    let created = job(&lab, &id).await;
    assert_eq!((&created["status"], &created["isFinished"]), (&json!("created"), &json!(false)));
    assert_eq!((&created["runId"], &created["result"]), (&json!(id), &json!([])));
    assert_eq!(created["configData"], json!([]));
    assert_eq!(created["project"], json!({ "id": "101", "name": "Shop" }));
    assert_eq!(created["startTime"], Value::Null);
    lab.advance(100);
    assert_eq!(job(&lab, &id).await["status"], "waiting");
    lab.advance(1400);
    let running = job(&lab, &id).await;
    assert_eq!(
        (&running["status"], &running["durationSeconds"]),
        (&json!("processing"), &json!(1))
    );
    lab.advance(1000);
    let done = job(&lab, &id).await;
    assert_eq!((&done["status"], &done["isFinished"]), (&json!("success"), &json!(true)));
    assert_eq!(done["result"]["message"], "Component processing finished.");
    assert_eq!(done["desiredStatus"], "processing");
}

#[tokio::test]
async fn jobs_end_as_planned() {
    let lab = Lab::start().await;
    let failing = start(&lab, run("always-fails")).await;
    let plan = JobPlan {
        end: JobEnd::Warning,
        config: Some("http-1".into()),
        runs_ms: Some(60_000),
        times: Some(1),
        ..JobPlan::default()
    };
    lab.keboola.plan_job(plan);
    let warned = start(&lab, run("http-1")).await;
    let usual = start(&lab, run("http-1")).await;
    lab.advance(10_000);
    let failed = job(&lab, &failing).await;
    assert_eq!(
        (&failed["status"], &failed["result"]["message"]),
        (&json!("error"), &json!("The server answered 404"))
    );
    assert_eq!(job(&lab, &warned).await["status"], "processing");
    assert_eq!(job(&lab, &usual).await["status"], "success");
    lab.advance(60_000);
    assert_eq!(job(&lab, &warned).await["status"], "warning");
    lab.keboola.plan_job(JobPlan { empty_result: true, ..JobPlan::default() });
    let empty = start(&lab, run("http-1")).await;
    lab.keboola.finish();
    let empty = job(&lab, &empty).await;
    assert_eq!((&empty["status"], &empty["result"]), (&json!("success"), &json!([])));
}

#[tokio::test]
async fn a_running_job_is_terminated_and_a_waiting_one_cancelled() {
    let lab = Lab::start().await;
    lab.keboola.plan_job(JobPlan { end: JobEnd::Never, ..JobPlan::default() });
    let kill =
        async |id: &str| lab.send("POST", "queue", &format!("jobs/{id}/kill"), json!({})).await;
    let waiting = start(&lab, run("http-1")).await;
    let (status, killed) = kill(&waiting).await;
    assert_eq!((status, &killed["desiredStatus"]), (200, &json!("terminating")));
    assert_eq!(killed["status"], "cancelled");
    let running = start(&lab, run("http-1")).await;
    lab.advance(3_600_000);
    assert_eq!(job(&lab, &running).await["status"], "processing");
    assert_eq!(kill(&running).await.1["status"], "terminating");
    lab.advance(1000);
    let ended = job(&lab, &running).await;
    assert_eq!((&ended["status"], &ended["isFinished"]), (&json!("terminated"), &json!(true)));
    let (status, refused) = kill(&running).await;
    assert_eq!((status, &refused["code"]), (400, &json!(400)));
}

#[tokio::test]
async fn the_events_of_a_job_are_under_its_id() {
    let lab = Lab::start().await;
    let request = lab.request("POST", "queue", "jobs").header("X-KBC-RunId", "77");
    let (_, made) = answer(request.json(&run("always-fails"))).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["runId"], &made["parentRunId"]), (&json!(format!("77.{id}")), &json!("77")));
    let path = format!("events?runId={id}");
    assert_eq!(lab.get(&path).await.1, json!([]));
    lab.advance(1000);
    assert_eq!(lab.get(&path).await.1.as_array().unwrap().len(), 2);
    lab.advance(9000);
    let (_, events) = lab.get(&path).await;
    assert_eq!(each(&events, "type"), ["error", "info", "info"]);
    assert_eq!(events[0]["message"], "The server answered 404");
    assert_eq!(events[0]["created"], "2026-08-17T07:39:20+0200");
}

#[tokio::test]
async fn the_queue_refuses_bearers_and_unknown_jobs_in_its_own_shape() {
    let lab = Lab::start().await;
    let bearer = lab.bare("GET", "queue", "search/jobs").bearer_auth(token(101, "master"));
    let (status, body) = answer(bearer).await;
    assert_eq!((status, &body["code"], &body["status"]), (401, &json!(401), &json!("error")));
    let (status, body) = lab.ask("GET", "queue", "jobs/999999999").await;
    assert_eq!(status, 404);
    assert_eq!(body["error"], "Job \"999999999\" not found");
    assert!(body["exceptionId"].is_string());
}

#[tokio::test]
async fn jobs_that_make_no_sense_are_not_started() {
    let lab = Lab::start().await;
    for body in [
        json!({ "config": "http-1" }),
        json!({ "component": "nope", "config": "http-1" }),
        json!({ "component": "keboola.ex-http" }),
        run("nope"),
        run("deleted-1"),
        json!({ "component": "keboola.ex-http", "config": "http-1", "mode": "walk" }),
        json!({ "component": "keboola.ex-http", "config": "http-1", "configRowIds": ["x"] }),
    ] {
        assert_eq!(lab.send("POST", "queue", "jobs", body.clone()).await.0, 400, "{body}");
    }
    let branch = json!({ "component": "keboola.ex-http", "config": "http-1", "branchId": 7 });
    assert_eq!(lab.send("POST", "queue", "jobs", branch).await.0, 404);
    assert_eq!(lab.ask("GET", "queue", "search/jobs").await.1.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn jobs_are_searched_sorted_and_paged() {
    let lab = Lab::start().await;
    let ids = async |query: &str| {
        let (status, jobs) = lab.ask("GET", "queue", &format!("search/jobs?{query}")).await;
        assert_eq!(status, 200, "{jobs}");
        each(&jobs, "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["101004", "101003", "101002", "101001"]);
    assert_eq!(ids("limit=1&offset=1").await, ["101003"]);
    assert_eq!(ids("status=error&status=warning").await, ["101003", "101002"]);
    assert_eq!(ids("status[]=error").await, ["101002"]);
    assert_eq!(ids("sortBy=startTime&sortOrder=asc&limit=2").await, ["101001", "101002"]);
    assert_eq!(ids("createdTimeFrom=2025-01-01T15:00:00Z").await, ["101004", "101003"]);
    assert_eq!(ids("createdTimeFrom=-1%20week").await, [""; 0]);
    let mut body = run("http-1");
    body["branchId"] = json!("1012");
    let dev = start(&lab, body).await;
    assert_eq!(ids("branchId=1012").await, [dev]);
    assert_eq!(ids("componentId=keboola.ex-db-mysql&configId=236606822").await.len(), 4);
    for query in
        ["limit=0", "limit=501", "offset=-1", "sortBy=colour", "sortOrder=up", "endTimeTo=x"]
    {
        let (status, _) = lab.ask("GET", "queue", &format!("search/jobs?{query}")).await;
        assert_eq!(status, 400, "{query}");
    }
}

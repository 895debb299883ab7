//! The query service.

use sandbox::keboola::SqlRule;
use serde_json::{Value, json};

use crate::client::Lab;

const WORKSPACE: &str = "api/v1/branches/1011/workspaces/101500/queries";

async fn submit(lab: &Lab, statements: &[&str]) -> (u16, Value) {
    lab.send("POST", "query", WORKSPACE, json!({ "statements": statements })).await
}

async fn status(lab: &Lab, job: &str) -> Value {
    lab.ask("GET", "query", &format!("api/v1/queries/{job}")).await.1
}

/// Runs statements to their end; the job and the results of one of them.
async fn run(lab: &Lab, statements: &[&str], place: usize, query: &str) -> (Value, (u16, Value)) {
    let (code, job) = submit(lab, statements).await;
    assert_eq!(code, 201, "{job}");
    lab.keboola.finish();
    let job = status(lab, job["queryJobId"].as_str().unwrap()).await;
    let (id, statement) = (job["queryJobId"].as_str().unwrap(), &job["statements"][place]["id"]);
    let path = format!("api/v1/queries/{id}/{}/results{query}", statement.as_str().unwrap());
    let results = lab.ask("GET", "query", &path).await;
    (job, results)
}

#[tokio::test]
async fn a_statement_runs_as_the_clock_moves() {
    let lab = Lab::start().await;
    let (code, job) = submit(&lab, &["SELECT 1;", "select 1"]).await;
    assert_eq!(code, 201);
    let id = job["queryJobId"].as_str().unwrap();
    assert_eq!(status(&lab, id).await["status"], "created");
    lab.advance(100);
    let job = status(&lab, id).await;
    assert_eq!((&job["status"], &job["actorType"]), (&json!("processing"), &json!("user")));
    assert_eq!(job["statements"][0]["status"], "processing");
    assert_eq!(job["statements"][1]["status"], "waiting");
    let early = job["statements"][0]["id"].as_str().unwrap();
    let path = format!("api/v1/queries/{id}/{early}/results");
    assert_eq!(lab.ask("GET", "query", &path).await.0, 400);
    lab.advance(300);
    let job = status(&lab, id).await;
    assert_eq!(job["status"], "completed");
    let (_, results) = lab.ask("GET", "query", &path).await;
    assert_eq!((&results["status"], &results["data"]), (&json!("completed"), &json!([["1"]])));
    let column = json!({ "name": "1", "type": "text", "nullable": true, "length": 16_777_216 });
    assert_eq!(results["columns"], json!([column]));
}

#[tokio::test]
async fn tables_are_read_under_the_names_of_the_backend() {
    let lab = Lab::start().await;
    let sql = r#"SELECT * FROM "KEBOOLA_101"."in.c-main"."customers" LIMIT 2"#;
    let (_, (_, results)) = run(&lab, &[sql], 0, "").await;
    assert_eq!(results["data"], json!([["1", "Jana Nováková"], ["2", null]]));
    let sql = r#"select count(*) from "KEBOOLA_101"."in.c-main"."events""#;
    assert_eq!(run(&lab, &[sql], 0, "").await.1.1["data"], json!([["1500"]]));
    let alias = r#"SELECT * FROM "KEBOOLA_101"."out.c-results"."orders_alias""#;
    let (job, (_, results)) = run(&lab, &[alias], 0, "").await;
    assert_eq!(job["status"], "failed");
    assert!(results["message"].as_str().unwrap().contains("does not exist"));
    let lab = lab.with_token(102, "master");
    let path = "api/v1/branches/1021/workspaces/102500/queries";
    let sql = "SELECT * FROM `in_c_main`.`orders`";
    let (_, job) = lab.send("POST", "query", path, json!({ "statements": [sql] })).await;
    lab.advance(1000);
    let job = status(&lab, job["queryJobId"].as_str().unwrap()).await;
    assert_eq!(job["statements"][0]["numberOfRows"], 3);
}

#[tokio::test]
async fn a_failure_ends_the_job_and_what_follows_does_not_run() {
    let lab = Lab::start().await;
    let statements = ["SELECT 1", "DROP TABLE x", "SELECT 1"];
    let (job, (code, results)) = run(&lab, &statements, 1, "").await;
    let states: Vec<_> =
        (0..3).map(|place| job["statements"][place]["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["completed", "failed", "notExecuted"]);
    assert_eq!((&job["status"], code), (&json!("failed"), 200));
    let text = results["message"].as_str().unwrap();
    assert!(text.starts_with("SQL compilation error") && text.contains("'drop'"), "{text}");
    assert_eq!(job["statements"][1]["error"], text);
}

#[tokio::test]
async fn bigquery_wraps_its_errors() {
    let lab = Lab::start().await.with_token(102, "master");
    let path = "api/v1/branches/1021/workspaces/102500/queries";
    let (_, job) = lab.send("POST", "query", path, json!({ "statements": ["nonsense"] })).await;
    lab.keboola.finish();
    let job = status(&lab, job["queryJobId"].as_str().unwrap()).await;
    let error = job["statements"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("{Location: \"query\"; Message: \""), "{error}");
}

#[tokio::test]
async fn rows_come_in_pages_of_a_hundred_to_ten_thousand() {
    let lab = Lab::start().await;
    let sql = ["SELECT n FROM many"];
    let (_, (_, first)) = run(&lab, &sql, 0, "?pageSize=10000").await;
    assert_eq!(first["data"].as_array().unwrap().len(), 10_000);
    assert_eq!(first["numberOfRows"], 12_345);
    let (_, (_, last)) = run(&lab, &sql, 0, "?pageSize=10000&offset=10000").await;
    assert_eq!(last["data"].as_array().unwrap().len(), 2345);
    assert_eq!(last["data"][2344], json!(["12345"]));
    for size in ["99", "10001", "x"] {
        let (_, (code, body)) = run(&lab, &sql, 0, &format!("?pageSize={size}")).await;
        assert_eq!(code, 400, "{size}");
        assert!(body["exception"].is_string() && body["exceptionId"].is_string());
    }
    let (_, (_, twins)) = run(&lab, &["SELECT a, a FROM twins"], 0, "").await;
    assert_eq!(
        (&twins["columns"][0], &twins["data"]),
        (&twins["columns"][1], &json!([["x", null]]))
    );
}

#[tokio::test]
async fn a_job_is_cancelled_with_a_reason() {
    let lab = Lab::start().await;
    let (_, job) = submit(&lab, &["SELECT waited FROM sleep", "SELECT 1"]).await;
    let id = job["queryJobId"].as_str().unwrap();
    lab.advance(5000);
    let cancel = format!("api/v1/queries/{id}/cancel");
    let (code, body) = lab.send("POST", "query", &cancel, json!({ "reason": "no time" })).await;
    assert_eq!((code, body), (200, json!({ "queryJobId": id })));
    lab.advance(60_000);
    let job = status(&lab, id).await;
    assert_eq!(
        (&job["status"], &job["cancellationReason"]),
        (&json!("canceled"), &json!("no time"))
    );
    assert_eq!(job["canceledAt"], "2026-08-17T07:39:23+0200");
    assert_eq!(job["statements"][0]["status"], "canceled");
    assert_eq!(job["statements"][1]["status"], "notExecuted");
    let (job, _) = run(&lab, &["SELECT 1"], 0, "").await;
    let cancel = format!("api/v1/queries/{}/cancel", job["queryJobId"].as_str().unwrap());
    assert_eq!(lab.send("POST", "query", &cancel, json!({})).await.0, 200);
    assert_eq!(status(&lab, job["queryJobId"].as_str().unwrap()).await["status"], "completed");
}

#[tokio::test]
async fn missing_credentials_pass_after_two_refusals() {
    let lab = Lab::start().await;
    for _ in 0..2 {
        let (code, body) = submit(&lab, &["SELECT 1 FROM refused_twice"]).await;
        assert_eq!(code, 403);
        assert_eq!(body["exception"], "Failed to get workspace credentials");
    }
    assert_eq!(submit(&lab, &["SELECT 1 FROM refused_twice"]).await.0, 201);
}

#[tokio::test]
async fn the_default_branch_needs_its_number_and_a_workspace_of_its_own() {
    let lab = Lab::start().await;
    let body = json!({ "statements": ["SELECT 1"] });
    for (branch, workspace, wanted) in
        [("default", "101500", 400), ("1012", "101500", 404), ("1011", "7", 404), ("7", "1", 404)]
    {
        let path = format!("api/v1/branches/{branch}/workspaces/{workspace}/queries");
        let (code, _) = lab.send("POST", "query", &path, body.clone()).await;
        assert_eq!(code, wanted, "{path}");
    }
    for statements in [json!([]), json!([" "]), json!("SELECT 1"), json!([{}])] {
        let body = json!({ "statements": statements });
        assert_eq!(lab.send("POST", "query", WORKSPACE, body).await.0, 400);
    }
    assert_eq!(lab.ask("GET", "query", "api/v1/queries/nope").await.0, 404);
}

#[tokio::test]
async fn rules_say_what_a_statement_gives() {
    let lab = Lab::start().await;
    let row = vec![Some("7".to_owned())];
    let rule = SqlRule {
        sql: "SELECT total FROM*".into(),
        columns: vec!["TOTAL".into()],
        rows: vec![row],
        ..SqlRule::default()
    };
    lab.keboola.answer_sql(rule);
    let (_, (_, results)) = run(&lab, &["select  total\nfrom sales"], 0, "").await;
    assert_eq!(results["data"], json!([["7"]]));
    let error = Some("Statement reached its statement timeout".to_owned());
    lab.keboola.answer_sql(SqlRule { sql: "SELECT 1".into(), error, ..SqlRule::default() });
    let (job, _) = run(&lab, &["SELECT 1"], 0, "").await;
    assert_eq!(job["status"], "failed");
}

use std::{cell::Cell, rc::Rc, time::Duration};

use futures_util::future::LocalBoxFuture;
use mcp_platform::OutboundRequest;
use mcp_protocol::{capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest};
use mcp_server::{
    changes::Changes,
    client_request::{Stop, StopReason},
    context::Context,
    notifier::{NoClient, Notifier},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    Keboola,
    testing::{Connected, FakeKeboola, Steps, fails, rises, run, run_in},
};

const TOOL: &str = "keboola_query_data";
const CONFIGS: &str =
    "connection /v2/storage/branch/default/components/keboola.mcp-server-tool/configs";
const SUBMIT: &str = "Post query /api/v1/branches/5/workspaces/234/queries";
const JOB: &str = "Get query /api/v1/queries/q1";
const RESULTS: &str = "Get query /api/v1/queries/q1/s1/results";

fn workspace() -> Value {
    json!([{"id": 233, "readOnlyStorageAccess": false, "connection": {"backend": "snowflake"}},
        {"id": 234, "readOnlyStorageAccess": true, "connection": {"backend": "snowflake"}}])
}

/// A project with a workspace, in which queries are taken.
fn with_workspace() -> Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    fake.on(&format!("Get {CONFIGS}"), 200, json!([{"id": "c1"}]));
    fake.on(&format!("Get {CONFIGS}/c1/workspaces"), 200, workspace());
    fake.on(SUBMIT, 201, json!({"queryJobId": "q1"}));
    fake
}

fn ended(status: &str) -> Value {
    json!({"queryJobId": "q1", "status": status, "statements": [{"id": "s1"}]})
}

fn query(sql: &str) -> Value {
    json!({"sql_query": sql, "query_name": "A query"})
}

#[test]
fn rows_come_as_csv_with_their_count() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("processing"));
    fake.on(JOB, 200, ended("completed"));
    fake.on(
        RESULTS,
        200,
        json!({"status": "completed", "columns": [{"name": "id"}, {"name": "id"}],
        "data": [["1", null], ["ž", "a,b"]], "numberOfRows": 2, "message": ""}),
    );
    let answer = run(&fake, TOOL, query("SELECT 1"));
    assert_eq!(answer["csv_data"], "id,id\r\n1,\r\nž,\"a,b\"\r\n");
    assert!(answer["message"].as_str().unwrap().starts_with("Returning 2 of 2 selected rows."));
    assert_eq!(fake.body(SUBMIT), json!({"statements": ["SELECT 1"]}));
    let reports = fake.reports();
    assert!(reports.iter().all(|line| line.ends_with("the query runs as job q1")), "{reports:?}");
    assert_eq!((reports.len(), rises(&reports)), (2, true), "{reports:?}");
    assert_eq!(answer["query_ref"], json!(null));
    // The workspace is remembered.
    let mut again = query("SELECT 2");
    again["query_ref"] = json!("my-7");
    assert_eq!(run(&fake, TOOL, again)["query_ref"], "my-7");
    assert_eq!(fake.count(&format!("Get {CONFIGS}")), 1);
}

#[test]
fn a_long_result_is_read_in_pages_up_to_the_limit() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("completed"));
    let page: Vec<Value> = (0..1_000).map(|n| json!([n.to_string()])).collect();
    fake.on(
        RESULTS,
        200,
        json!({"status": "completed", "columns": [{"name": "n"}], "data": page,
        "numberOfRows": 50_000, "message": ""}),
    );
    let answer = run(&fake, TOOL, query("SELECT n"));
    assert_eq!(fake.count(RESULTS), 10);
    let lines = answer["csv_data"].as_str().unwrap().lines().count();
    assert_eq!(lines, 10_001);
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("10000 of 50000"), "{message}");
    assert!(fake.lines().last().unwrap().ends_with("?offset=9000&pageSize=1000"));
}

#[test]
fn a_query_that_fails_is_told_in_the_databases_words() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("failed"));
    fake.on(
        RESULTS,
        200,
        json!({"status": "failed", "message": "invalid identifier 'X'", "data": []}),
    );
    let why = fails(&fake, TOOL, query("SELECT x"));
    assert_eq!(why, "Failed to run SQL query, error: invalid identifier 'X'");
}

#[test]
fn a_query_that_never_ends_is_cancelled_after_five_minutes() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("processing"));
    fake.on("Post query /api/v1/queries/q1/cancel", 200, json!({"queryJobId": "q1"}));
    let why = fails(&fake, TOOL, query("SELECT slow"));
    assert!(
        why.contains("timed out after 300 seconds") && why.contains("could not be confirmed"),
        "{why}"
    );
    let passed = fake.elapsed();
    assert!((Duration::from_secs(300)..Duration::from_secs(420)).contains(&passed), "{passed:?}");
    let fake = with_workspace();
    (0..100).for_each(|_| fake.on(JOB, 200, ended("processing")));
    fake.on("Post query /api/v1/queries/q1/cancel", 200, json!({"queryJobId": "q1"}));
    fake.pass(Duration::from_secs(1));
    let arguments = json!({"sql_query": "SELECT slow", "query_name": "x", "long_running": true});
    fake.on(JOB, 200, ended("canceled"));
    assert_eq!(fails(&fake, TOOL, arguments), "Query was cancelled");
    assert!(fake.elapsed() > Duration::from_secs(600), "{:?}", fake.elapsed());
}

#[test]
fn credentials_that_are_not_there_yet_are_waited_for() {
    let fake = with_workspace();
    fake.clear(SUBMIT);
    let refused = json!({"exception": "Failed to get workspace credentials", "exceptionId": "e"});
    fake.on(SUBMIT, 403, refused.clone());
    fake.on(SUBMIT, 403, refused.clone());
    fake.on(SUBMIT, 201, json!({"queryJobId": "q1"}));
    fake.on(JOB, 200, ended("completed"));
    fake.on(
        RESULTS,
        200,
        json!({"status": "completed", "columns": [], "message": "Statement executed."}),
    );
    let answer = run(&fake, TOOL, query("SELECT 1"));
    assert_eq!(fake.count(SUBMIT), 3);
    assert_eq!(answer["csv_data"], "message\r\nStatement executed.\r\n");
    let fake = with_workspace();
    fake.clear(SUBMIT);
    fake.on(SUBMIT, 403, json!({"exception": "no rights"}));
    assert!(fails(&fake, TOOL, query("SELECT 1")).contains("403: no rights"));
    assert_eq!(fake.count(SUBMIT), 1);
}

#[test]
fn the_first_query_makes_the_workspace() {
    let fake = FakeKeboola::new();
    fake.on(&format!("Get {CONFIGS}"), 200, json!([]));
    fake.on(&format!("Get {CONFIGS}"), 200, json!([{"id": "new"}]));
    fake.on(&format!("Post {CONFIGS}"), 201, json!({"id": "new", "version": 1}));
    fake.on(&format!("Post {CONFIGS}/new/workspaces"), 202, json!({"id": 77}));
    fake.on(&format!("Get {CONFIGS}/new/workspaces"), 200, json!([]));
    fake.on(&format!("Get {CONFIGS}/new/workspaces"), 200, workspace());
    fake.on("Get connection /v2/storage/jobs/77", 200, json!({"id": 77, "status": "waiting"}));
    fake.on(SUBMIT, 201, json!({"queryJobId": "q1"}));
    fake.on(JOB, 200, ended("completed"));
    fake.on(RESULTS, 200, json!({"status": "completed", "columns": [{"name": "n"}], "data": [["1"]], "message": null}));
    let answer = run(&fake, TOOL, query("SELECT 1"));
    assert_eq!(answer["csv_data"], "n\r\n1\r\n");
    let body = fake.body(&format!("Post {CONFIGS}/new/workspaces"));
    assert_eq!(
        body,
        json!({"readOnlyStorageAccess": true, "loginType": "snowflake-person-sso", "backend": "snowflake"})
    );
}

#[test]
fn a_workspace_that_cannot_be_made_leaves_no_configuration() {
    let fake = FakeKeboola::new();
    fake.on(&format!("Get {CONFIGS}"), 200, json!([]));
    fake.on(&format!("Post {CONFIGS}"), 201, json!({"id": "new"}));
    fake.on(
        &format!("Post {CONFIGS}/new/workspaces"),
        403,
        json!({"error": "not allowed", "code": "accessDenied"}),
    );
    fake.on(&format!("Delete {CONFIGS}/new"), 204, json!(null));
    let why = fails(&fake, TOOL, query("SELECT 1"));
    assert!(why.contains("could not be made") && why.contains("not allowed"), "{why}");
    assert_eq!(fake.count(&format!("Delete {CONFIGS}/new")), 1);
}

#[test]
fn too_much_sql_and_none_is_refused_before_anything_is_sent() {
    let fake = FakeKeboola::new();
    let long = format!("SELECT '{}'", "x".repeat(1024 * 1024));
    assert!(fails(&fake, TOOL, query(&long)).contains("- sql_query: "));
    assert!(fake.requests().is_empty());
    for (sql, why) in [
        ("  \n ", "has no statement"),
        ("-- only a comment", "has no statement"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("DROP TABLE x", "must begin with SELECT"),
    ] {
        let text = fails(&fake, TOOL, query(sql));
        assert!(text.contains(why) && text.contains("Nothing was sent"), "{text}");
    }
    assert!(fake.lines().is_empty());
}

#[test]
fn a_job_that_vanishes_is_told() {
    let fake = with_workspace();
    fake.on(JOB, 404, json!({"exception": "Query job q1 not found"}));
    let why = fails(&fake, TOOL, query("SELECT 1"));
    assert!(why.contains("is lost") && why.contains("q1 not found"), "{why}");
}

#[test]
fn a_query_that_ends_without_a_statement_says_so() {
    let fake = with_workspace();
    fake.on(JOB, 200, json!({"queryJobId": "q1", "status": "failed", "statements": []}));
    let why = fails(&fake, TOOL, query("SELECT 1"));
    assert!(why.contains("job q1 ended as failed, without a statement"), "{why}");
}

#[test]
fn a_workspace_whose_making_had_no_answer_is_looked_for() {
    let fake = FakeKeboola::new();
    fake.on(&format!("Get {CONFIGS}"), 200, json!([]));
    fake.on(&format!("Post {CONFIGS}"), 201, json!({"id": "new"}));
    fake.breaks(&format!("Post {CONFIGS}/new/workspaces"));
    let why = fails(&fake, TOOL, query("SELECT 1"));
    assert!(why.contains("The workspace MAY be made all the same"), "{why}");
    let delete = format!("Delete {CONFIGS}/new");
    assert_eq!((fake.count(&format!("Post {CONFIGS}")), fake.count(&delete)), (1, 0));
    let fake = FakeKeboola::new();
    fake.on(&format!("Get {CONFIGS}"), 200, json!([]));
    fake.breaks(&format!("Post {CONFIGS}"));
    let why = fails(&fake, TOOL, query("SELECT 1"));
    assert!(why.contains("MAY be there now"), "{why}");
}

/// A client that takes its request back once it was asked so often whether it did.
struct Fickle(Cell<usize>);

impl Notifier for Fickle {
    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        NoClient.ask(questions)
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::default()
    }

    fn is_cancelled(&self) -> bool {
        self.0.set(self.0.get().saturating_sub(1));
        self.0.get() == 0
    }
}

const CANCEL: &str = "Post query /api/v1/queries/q1/cancel";

/// Runs a query whose client stays for so many looks; how it stopped, and whether it outlived its client.
fn taken_back(fake: &Rc<FakeKeboola>, after: usize) -> (StopReason, bool) {
    let changes = Rc::new(Changes::default());
    let notifier = Rc::new(Fickle(Cell::new(after)));
    let ctx = Context { notifier, changes: changes.clone(), ..fake.context() };
    let raw = to_raw_value(&query("SELECT 1")).unwrap();
    let called = pollster::block_on(Keboola::new(&Connected).called(&ctx, TOOL, Some(&raw)));
    (called.unwrap_err().0, changes.outlives_client())
}

#[test]
fn a_query_whose_call_is_taken_back_is_cancelled_at_keboola() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("processing"));
    fake.on(CANCEL, 200, json!({"queryJobId": "q1"}));
    let (why, outlived) = taken_back(&fake, 4);
    assert!(matches!(why, StopReason::TakenBack(true)) && outlived, "{why:?}");
    assert_eq!(fake.body(CANCEL), json!({"reason": "the client took its request back"}));
    assert!(fake.elapsed() < Duration::from_secs(30));
}

/// What is left of the time without a client once it was found out that the client left.
const WITHOUT_CLIENT: Duration = Duration::from_secs(20);

#[test]
fn a_look_that_has_no_answer_leaves_time_to_cancel_the_query() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("processing"));
    fake.on(CANCEL, 200, json!({"queryJobId": "q1"}));
    // The client leaves while the query is looked at: it is there before the look, and gone after it.
    let (why, _) = taken_back(&fake, 4);
    assert!(matches!(why, StopReason::TakenBack(true)), "{why:?}");
    assert_eq!(fake.count(JOB), 1);
    let timeout = |route: &str| {
        let requests = fake.requests();
        let is_it = |request: &&OutboundRequest| request.url.ends_with(route);
        requests.iter().find(is_it).unwrap().timeout
    };
    let (look, cancel) = (timeout("/queries/q1"), timeout("/queries/q1/cancel"));
    assert!(look + cancel < WITHOUT_CLIENT, "{look:?} {cancel:?}");
}

#[test]
fn a_query_that_cannot_be_cancelled_is_said_to_go_on() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("processing"));
    fake.breaks(CANCEL);
    let (why, _) = taken_back(&fake, 4);
    assert!(matches!(why, StopReason::TakenBack(false)), "{why:?}");
    assert_eq!(fake.count(CANCEL), 3);
}

#[test]
fn a_query_whose_call_is_taken_back_before_is_not_submitted() {
    let fake = with_workspace();
    let (why, outlived) = taken_back(&fake, 1);
    assert!(matches!(why, StopReason::TakenBack(true)) && !outlived, "{why:?}");
    assert_eq!((fake.count(SUBMIT), fake.count(CANCEL)), (0, 0));
}

#[test]
fn a_short_query_that_went_into_a_task_is_submitted_once() {
    let fake = with_workspace();
    fake.on(JOB, 200, ended("failed"));
    fake.on(RESULTS, 200, json!({"status": "failed", "message": "no", "data": []}));
    let steps = Rc::new(Steps::default());
    for _ in 0..2 {
        run_in(&Context { execution: steps.clone(), ..fake.context() }, TOOL, query("SELECT 1"));
        steps.forgets("query-end");
    }
    assert_eq!(fake.count(SUBMIT), 1);
}

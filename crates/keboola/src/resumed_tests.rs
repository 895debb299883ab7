//! Tasks that go on while Keboola, or what is between, has a fault.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use mcp_protocol::content::ContentBlock;
use mcp_server::{
    client_request::{Stop, StopReason},
    context::Context,
    remote::KeyError,
};
use serde_json::{Value, json, value::to_raw_value};

use mcp_auth::secret::Secret;

use crate::{
    Connection, Connections, Keboola,
    testing::{Connected, FakeKeboola, STACK, Steps},
};

/// How the hub of a person is.
#[derive(Clone, Copy, PartialEq)]
enum Hub {
    /// It fails so often.
    Fails(usize),
    /// It answers once, and fails once then.
    FailsNext,
    /// It has no connection any more.
    Gone,
    /// It has none, and says that there will be none.
    Closed,
    /// It has this token of this stack.
    Other(&'static str, &'static str),
}

thread_local!(static HUB: Cell<Hub> = const { Cell::new(Hub::Fails(0)) });

struct Moody;

impl Connections for Moody {
    fn connection<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<Connection>, KeyError>> {
        async {
            match HUB.get() {
                Hub::Fails(0) => Connected.connection(ctx).await,
                Hub::Fails(times) => {
                    HUB.set(Hub::Fails(times.saturating_sub(1)));
                    Err(KeyError::Passing("the hub gave no answer".to_owned()))
                }
                Hub::FailsNext => {
                    HUB.set(Hub::Fails(1));
                    Connected.connection(ctx).await
                }
                Hub::Gone => Ok(None),
                Hub::Closed => Err(KeyError::Lasting("there are no keys here".to_owned())),
                Hub::Other(stack, token) => Ok(Some(Connection {
                    stack: stack.to_owned(),
                    token: Secret::new(token),
                    branch: None,
                })),
            }
        }
        .boxed_local()
    }
}

static KEBOOLA: Keboola = Keboola::new(&Moody);
const VERIFY: &str = "Get connection /v2/storage/tokens/verify";
const BRANCHES: &str = "Get connection /v2/storage/dev-branches";
const START: &str = "Post queue /jobs";
const JOB: &str = "Get queue /jobs/12";

/// Runs a task once; whether it failed, and its text, or why it is held back.
fn once(
    fake: &Rc<FakeKeboola>,
    steps: &Rc<Steps>,
    tool: &str,
    arguments: &Value,
) -> Result<(bool, String), String> {
    let ctx = Context { execution: steps.clone(), ..fake.context() };
    let raw = to_raw_value(arguments).unwrap();
    let result = match pollster::block_on(KEBOOLA.called(&ctx, tool, Some(&raw))) {
        Ok(result) => result,
        Err(Stop(StopReason::Held(why))) => return Err(why),
        Err(stop) => panic!("{stop:?}"),
    };
    let [ContentBlock::Text { text }] = result.content.as_slice() else { panic!("no text") };
    Ok((result.is_error, text.clone()))
}

/// Runs a task as often as it is held back; whether it failed, and its text.
fn run(fake: &Rc<FakeKeboola>, steps: &Rc<Steps>, tool: &str, arguments: &Value) -> (bool, String) {
    loop {
        match once(fake, steps, tool, arguments) {
            Ok(ended) => return ended,
            Err(why) => assert!(why.contains("the hub gave no answer"), "{why}"),
        }
    }
}

fn job(status: &str) -> Value {
    json!({"id": 12, "status": status, "component": "ex", "config": "7", "branchId": "9"})
}

fn arguments() -> Value {
    json!({"component_id": "ex", "configuration_id": "7", "branch_id": "9", "confirm": true,
        "wait": true})
}

/// A Keboola whose job was started in a branch by a run that died before its end.
fn started() -> (Rc<FakeKeboola>, Rc<Steps>) {
    HUB.set(Hub::Fails(0));
    let fake = FakeKeboola::new();
    fake.on(START, 201, job("created"));
    fake.on(JOB, 200, job("success"));
    let steps = Rc::new(Steps::default());
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(!failed, "{text}");
    steps.forgets("ended");
    (fake, steps)
}

/// Storage has a fault.
fn breaks(fake: &FakeKeboola) {
    for route in [VERIFY, BRANCHES] {
        fake.clear(route);
        fake.on(route, 500, json!({"error": "internal"}));
    }
    // Nothing is remembered for so long.
    fake.pass(Duration::from_secs(3_600));
}

#[test]
fn a_job_is_followed_through_faults_of_storage_and_of_the_hub() {
    let (fake, steps) = started();
    breaks(&fake);
    // However often: the task decides when it is over.
    HUB.set(Hub::Fails(40));
    let before = fake.count(VERIFY);
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(!failed && text.contains("branch/9"), "{text}");
    assert_eq!((fake.count(VERIFY), fake.count(START)), (before, 1));
}

#[test]
fn a_task_that_is_held_back_names_its_job_and_no_tool() {
    let (fake, steps) = started();
    HUB.set(Hub::Fails(1));
    let why = once(&fake, &steps, "keboola_run_job", &arguments()).unwrap_err();
    assert_eq!(why, "job 12 cannot be looked at: the hub gave no answer");
}

#[test]
fn a_task_whose_hub_fails_before_its_start_ends_and_nothing_is_started_later() {
    let fake = FakeKeboola::new();
    fake.on(START, 201, job("created"));
    fake.on(JOB, 200, job("success"));
    let steps = Rc::new(Steps::default());
    // It fails at once, or where it is asked again before the start.
    for (hub, what) in [(Hub::Fails(1), "started"), (Hub::FailsNext, "changed")] {
        HUB.set(hub);
        let (failed, text) = once(&fake, &steps, "keboola_run_job", &arguments()).unwrap();
        let why = format!("Nothing was {what}: the hub gave no answer");
        assert!(failed && text.contains(&why), "{text}");
        assert_eq!(fake.count(START), 0);
    }
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(!failed && fake.count(START) == 1, "{text}");
}

#[test]
fn a_job_is_looked_at_in_the_project_in_which_it_was_started_only() {
    let (fake, steps) = started();
    let looks = fake.count(JOB);
    HUB.set(Hub::Other("https://connection.eu-central-1.keboola.com", "99-1-x"));
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(failed && text.contains("Job 12 was started"), "{text}");
    assert!(text.contains("https://connection.eu-central-1.keboola.com is connected"), "{text}");
    assert_eq!(
        (fake.count(JOB), fake.requests().iter().filter(|r| r.url.contains("eu-")).count()),
        (looks, 0)
    );
    // Another token of the same project goes on.
    HUB.set(Hub::Other(STACK, "58-45-another"));
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(!failed, "{text}");
    steps.forgets("ended");
    let looks = fake.count(JOB);
    fake.clear(VERIFY);
    fake.on(VERIFY, 200, json!({"id": "1", "owner": {"id": 77, "name": "Other"}}));
    HUB.set(Hub::Other(STACK, "77-1-other"));
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(
        failed && text.contains("\"Other\" (77) is connected, and not \"Sales\" (58)"),
        "{text}"
    );
    assert_eq!(fake.count(JOB), looks);
    assert_eq!(fake.count(START), 1);
}

#[test]
fn a_role_that_changed_does_not_end_what_was_started() {
    let (fake, steps) = started();
    fake.clear(VERIFY);
    fake.on(
        VERIFY,
        200,
        json!({"id": "44", "owner": {"id": 58, "name": "Sales", "isDisabled": true},
        "admin": {"role": "readonly"}}),
    );
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(!failed, "{text}");
    // Before the start it counts.
    steps.forgets("start");
    let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
    assert!(failed && text.contains("disabled"), "{text}");
    assert_eq!(fake.count(START), 1);
}

#[test]
fn a_call_that_must_end_names_its_job_and_how_to_look_at_it() {
    for hub in [Hub::Gone, Hub::Closed] {
        let (fake, steps) = started();
        HUB.set(hub);
        let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
        let named = "Job 12 was started and goes on at Keboola. Read it with keboola_get_jobs";
        assert!(failed && text.contains(named), "{text}");
        assert!(text.contains("do not start it again") && !text.contains("Nothing was"), "{text}");
        // A start whose answer was lost is doubt.
        steps.loses("start");
        HUB.set(Hub::Gone);
        let (failed, text) = run(&fake, &steps, "keboola_run_job", &arguments());
        assert!(failed && text.contains("MAY have been started"), "{text}");
        assert_eq!(fake.count(START), 1);
    }
}

const CONFIGS: &str =
    "Get connection /v2/storage/branch/default/components/keboola.mcp-server-tool/configs";
const SUBMIT: &str = "Post query /api/v1/branches/5/workspaces/234/queries";
const RESULTS: &str = "Get query /api/v1/queries/q1/s1/results";

fn queried() -> (Rc<FakeKeboola>, Rc<Steps>) {
    HUB.set(Hub::Fails(0));
    let fake = FakeKeboola::new();
    fake.on(CONFIGS, 200, json!([{"id": "c1"}]));
    fake.on(
        &format!("{CONFIGS}/c1/workspaces"),
        200,
        json!([{"id": 234, "readOnlyStorageAccess": true, "connection": {"backend": "snowflake"}}]),
    );
    fake.on(SUBMIT, 201, json!({"queryJobId": "q1"}));
    let ended = json!({"queryJobId": "q1", "status": "completed", "statements": [{"id": "s1"}]});
    fake.on("Get query /api/v1/queries/q1", 200, ended);
    fake.on(RESULTS, 500, json!({"exception": "internal"}));
    fake.on(RESULTS, 503, json!({"exception": "busy"}));
    let rows = json!({"status": "completed", "columns": [{"name": "n"}], "data": [["1"]]});
    fake.on(RESULTS, 200, rows);
    (fake, Rc::new(Steps::default()))
}

#[test]
fn a_long_query_survives_faults_and_is_submitted_once() {
    let (fake, steps) = queried();
    let query = json!({"sql_query": "SELECT 1", "query_name": "q", "long_running": true});
    let (failed, text) = run(&fake, &steps, "keboola_query_data", &query);
    assert!(!failed && fake.count(RESULTS) >= 3, "{text}");
    for key in ["query-end", "rows"] {
        steps.forgets(key);
    }
    breaks(&fake);
    fake.clear(CONFIGS);
    HUB.set(Hub::Fails(2));
    let (failed, text) = run(&fake, &steps, "keboola_query_data", &query);
    assert!(!failed, "{text}");
    HUB.set(Hub::Gone);
    let (failed, text) = run(&fake, &steps, "keboola_query_data", &query);
    assert!(failed && text.contains("job q1 may go on"), "{text}");
    HUB.set(Hub::Fails(0));
    steps.loses("query");
    let (failed, text) = run(&fake, &steps, "keboola_query_data", &query);
    assert!(failed && text.contains("MAY run at Keboola"), "{text}");
    assert_eq!(fake.count(SUBMIT), 1);
}

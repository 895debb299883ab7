use std::{cell::Cell, rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, pending, ready},
};
use mcp_auth::secret::Secret;
use mcp_server::{
    context::Context,
    execution::Execution as _,
    remote::KeyError,
    toolset::{TAKE_BACK_WITHIN, Toolset as _},
};
use serde_json::{Value, json};

use crate::{
    Connection, Connections, Keboola, OwnDoor,
    testing::{FakeKeboola, STACK, Steps, TOKEN, run_in},
};

const CONFIGS: &str =
    "Get connection /v2/storage/branch/default/components/keboola.mcp-server-tool/configs";
const SUBMIT: &str = "Post query /api/v1/branches/5/workspaces/234/queries";
const JOB: &str = "Get query /api/v1/queries/q1";
const CANCEL: &str = "Post query /api/v1/queries/q1/cancel";
const TOOL: &str = "keboola_query_data";

/// So many failures: it never answers.
const NEVER: usize = usize::MAX;

thread_local!(static FAILS: Cell<(usize, &'static str)> = const { Cell::new((0, TOKEN)) });

/// The hub fails so often, and has this token then.
struct Hub;

impl Connections for Hub {
    fn connection<'a>(
        &'a self,
        _ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<Connection>, KeyError>> {
        let (fails, token) = FAILS.get();
        if fails == NEVER {
            return pending().boxed_local();
        }
        FAILS.set((fails.saturating_sub(1), token));
        let found = Connection { stack: STACK.into(), token: Secret::new(token), branch: None };
        let busy = || KeyError::Passing("the hub gave no answer".into());
        ready(if fails > 0 { Err(busy()) } else { Ok(Some(found)) }).boxed_local()
    }
}

static KEBOOLA: Keboola = Keboola::new(&Hub);
static DOOR: OwnDoor = OwnDoor::new(&KEBOOLA);

fn job(status: &str) -> Value {
    json!({"queryJobId": "q1", "status": status, "statements": []})
}

/// A task with a query that runs, as its run left it.
fn running() -> (Rc<FakeKeboola>, Rc<Steps>) {
    FAILS.set((0, TOKEN));
    let fake = FakeKeboola::new();
    fake.on(CONFIGS, 200, json!([{"id": "c1"}]));
    fake.on(
        &format!("{CONFIGS}/c1/workspaces"),
        200,
        json!([{"id": 234, "readOnlyStorageAccess": true, "connection": {"backend": "snowflake"}}]),
    );
    fake.on(SUBMIT, 201, json!({"queryJobId": "q1"}));
    fake.on(JOB, 200, job("failed"));
    fake.on(CANCEL, 200, json!({"queryJobId": "q1"}));
    let steps = Rc::new(Steps::default());
    let query = json!({"sql_query": "SELECT 1", "query_name": "q", "long_running": true});
    run_in(&Context { execution: steps.clone(), ..fake.context() }, TOOL, query);
    steps.forgets("query-end");
    (fake, steps)
}

fn take_back(fake: &Rc<FakeKeboola>, steps: &Rc<Steps>) -> Result<String, String> {
    let ctx = Context { execution: steps.clone(), ..fake.context() };
    let tool = KEBOOLA.find(TOOL).unwrap();
    pollster::block_on(KEBOOLA.take_back(&ctx, tool))
}

#[test]
fn the_query_of_a_cancelled_task_is_cancelled_at_keboola() {
    let (fake, steps) = running();
    let said = take_back(&fake, &steps).unwrap();
    assert_eq!(said, "The query's job q1 was cancelled at Keboola.");
    assert_eq!(fake.body(CANCEL), json!({"reason": "its task was cancelled"}));
    let own = DOOR.find("query_data").unwrap();
    let ctx = Context { execution: steps, ..fake.context() };
    assert!(DOOR.takes_back(own));
    pollster::block_on(DOOR.take_back(&ctx, own)).unwrap();
    assert_eq!(fake.count(CANCEL), 2);
}

#[test]
fn only_a_query_that_may_run_is_cancelled() {
    let (fake, steps) = running();
    pollster::block_on(steps.record("query-end", Some("\"Cancelled\"".into()))).unwrap();
    assert_eq!(take_back(&fake, &steps), Ok(String::new()));
    steps.forgets("query");
    steps.forgets("query-end");
    assert_eq!(take_back(&fake, &steps), Ok(String::new()));
    steps.loses("query");
    assert!(take_back(&fake, &steps).unwrap_err().contains("MAY have been submitted"));
    assert_eq!(fake.count(CANCEL), 0);
    for tool in KEBOOLA.tools() {
        assert_eq!(KEBOOLA.takes_back(tool), tool.name == TOOL, "{}", tool.name);
    }
}

#[test]
fn cancelling_is_tried_again_and_says_where_it_failed() {
    let (fake, steps) = running();
    FAILS.set((2, TOKEN));
    fake.clear(CANCEL);
    fake.on(CANCEL, 503, json!({"exception": "busy"}));
    fake.on(CANCEL, 200, json!({}));
    take_back(&fake, &steps).unwrap();
    assert_eq!(fake.count(CANCEL), 2);
    fake.clear(CANCEL);
    fake.on(CANCEL, 503, json!({"exception": "busy"}));
    let why = take_back(&fake, &steps).unwrap_err();
    assert!(why.contains("job q1 may go on") && why.contains("503"), "{why}");
    assert_eq!(fake.count(CANCEL), 5);
    FAILS.set((9, TOKEN));
    let why = take_back(&fake, &steps).unwrap_err();
    assert!(why.contains("job q1 may go on") && why.contains("the hub gave no answer"), "{why}");
    assert_eq!(fake.count(CANCEL), 5);
}

#[test]
fn nothing_is_cancelled_in_another_project() {
    let (fake, steps) = running();
    FAILS.set((0, "77-1-other"));
    let verify = "Get connection /v2/storage/tokens/verify";
    fake.clear(verify);
    fake.on(verify, 200, json!({"id": "1", "owner": {"id": 77, "name": "Other"}}));
    let why = take_back(&fake, &steps).unwrap_err();
    assert!(why.contains("job q1 may go on") && why.contains("\"Other\" (77)"), "{why}");
    assert_eq!(fake.count(CANCEL), 0);
}

#[test]
fn a_cancel_that_runs_out_of_time_names_the_job_and_the_first_reason() {
    let (fake, steps) = running();
    fake.clear(CANCEL);
    fake.on(CANCEL, 503, json!({"exception": "busy"}));
    fake.takes(Duration::from_secs(11));
    let before = fake.elapsed();
    let why = take_back(&fake, &steps).unwrap_err();
    assert!(why.contains("job q1 may go on") && why.contains("503"), "{why}");
    assert_eq!((fake.count(CANCEL), fake.elapsed() - before), (1, Duration::from_secs(11)));
    // A second one that cannot be sent any more hides nothing either.
    fake.takes(Duration::from_millis(8_999));
    let before = fake.elapsed();
    let why = take_back(&fake, &steps).unwrap_err();
    assert!(why.contains("job q1 may go on") && why.contains("503"), "{why}");
    assert!(fake.elapsed() - before < TAKE_BACK_WITHIN);
}

#[test]
fn the_project_of_another_credential_is_asked_for_in_the_time_there_is() {
    let (fake, steps) = running();
    FAILS.set((0, "58-45-another"));
    let verify = "Get connection /v2/storage/tokens/verify";
    fake.clear(verify);
    fake.on(verify, 503, json!({"exception": "busy"}));
    fake.takes(Duration::from_secs(9));
    let before = fake.elapsed();
    let why = take_back(&fake, &steps).unwrap_err();
    assert!(why.contains("job q1 may go on") && why.contains("503"), "{why}");
    assert!(fake.elapsed() - before < TAKE_BACK_WITHIN, "{:?}", fake.elapsed() - before);
}

#[test]
fn the_job_is_named_where_its_end_takes_too_long() {
    let (fake, steps) = running();
    FAILS.set((NEVER, TOKEN));
    let why = take_back(&fake, &steps).unwrap_err();
    assert!(why.contains("job q1 may go on") && why.contains("in time"), "{why}");
}

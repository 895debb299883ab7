//! People who take their time before they agree.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_protocol::{capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest};
use mcp_server::{
    client_request::Stop, context::Context, notifier::Notifier, remote::KeyError,
    toolset::Toolset as _,
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    Connection, Connections, Keboola,
    testing::{Connected, FakeKeboola},
};

thread_local!(static IS_REMOVED: RefCell<bool> = const { RefCell::new(false) });

/// A connection that its person may remove.
struct Removable;

impl Connections for Removable {
    fn connection<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<Connection>, KeyError>> {
        match IS_REMOVED.with_borrow(|is_removed| *is_removed) {
            true => ready(Ok(None)).boxed_local(),
            false => Connected.connection(ctx),
        }
    }
}

static KEBOOLA: Keboola = Keboola::new(&Removable);

/// A person who agrees after this has happened.
struct Person(Box<dyn Fn()>);

impl Notifier for Person {
    fn ask(
        &self,
        _questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        (self.0)();
        ready(Ok(vec![json!({ "action": "accept", "content": { "confirm": true } })])).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::ELICITATION_FORM
    }
}

const JOB: &str = "Get queue /jobs/7";
const KILL: &str = "Post queue /jobs/7/kill";

fn fake() -> Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    let job = json!({
        "id": "7", "status": "processing", "isFinished": false, "component": "ex", "config": "1",
        "branchId": "5",
    });
    fake.on(JOB, 200, job.clone());
    fake.on(KILL, 200, job);
    fake
}

/// Stops a job, to which a person agrees after this; the text of the result.
fn stopped(fake: &Rc<FakeKeboola>, before: Box<dyn Fn()>) -> String {
    let ctx = Context { notifier: Rc::new(Person(before)), ..fake.context() };
    let arguments = to_raw_value(&json!({ "job_id": "7" })).unwrap();
    let tool = KEBOOLA.find("keboola_stop_job").unwrap();
    let result = pollster::block_on(KEBOOLA.call(&ctx, tool, Some(&arguments))).unwrap();
    result.to_json()
}

#[test]
fn a_person_may_think_for_minutes() {
    let fake = fake();
    let clock = fake.clone();
    let text = stopped(&fake, Box::new(move || clock.pass(Duration::from_secs(500))));
    assert_eq!(fake.count(KILL), 1, "{text}");
}

#[test]
fn a_connection_that_is_removed_meanwhile_changes_nothing() {
    let fake = fake();
    let text = stopped(&fake, Box::new(|| IS_REMOVED.set(true)));
    assert!(text.contains("Nothing was changed: the project was disconnected"), "{text}");
    assert_eq!(fake.count(KILL), 0);
    IS_REMOVED.set(false);
}

//! A caller that leaves at any moment: the call is dropped at every one of its awaits.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, poll_fn},
    task::noop_waker_ref,
};
use serde_json::{Value, json, value::to_raw_value};

use crate::testing::REGISTRY;
use mcp_platform::{Method, NetworkFailure, OutboundRequest, OutboundResponse, Platform};
use mcp_protocol::{capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest};
use mcp_server::{
    client_request::Stop,
    context::Context,
    dispatch::dispatch,
    execution::{Execution, Idempotency, InPlace, Recorded},
    notifier::{NoClient, Notifier},
    params::Params,
    telemetry::audit::{Audit, AuditEntry},
    testing::{FakePlatform, ScriptedResponse, broken, json as answer},
};

/// A machine where every wait takes a turn before it is over.
struct Waiting(Rc<FakePlatform>);

async fn turn() {
    let waited = Cell::new(false);
    poll_fn(|_| if waited.replace(true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Platform for Waiting {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        let answered = self.0.fetch(request);
        turn().then(|()| answered).boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        let slept = self.0.sleep(duration);
        turn().then(|()| slept).boxed_local()
    }

    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    fn uuid(&self) -> String {
        self.0.uuid()
    }
}

#[derive(Default)]
struct Entries(RefCell<Vec<AuditEntry>>);

impl Audit for Entries {
    fn wants_reads(&self) -> bool {
        false
    }

    fn note(&self, entry: AuditEntry) {
        self.0.borrow_mut().push(entry);
    }
}

/// Calls a tool, and leaves after so many polls. Returns whether the call had ended, how many changes
/// SiteBay was sent by then, and the outcomes in the audit.
fn leave(
    polls: usize,
    script: Vec<ScriptedResponse>,
    call: &Value,
) -> (bool, usize, Vec<&'static str>) {
    let fake = FakePlatform::new(script);
    let (machine, entries) = (Rc::new(Waiting(fake.clone())), Rc::new(Entries::default()));
    let ctx = Context {
        registry: &REGISTRY,
        platform: machine.clone(),
        execution: Rc::new(InPlace::new(machine)),
        audit: entries.clone(),
        ..fake.context()
    };
    let params = to_raw_value(call).unwrap();
    let ended = {
        let call = dispatch(&ctx, "tools/call", Params::read(Some(&params)).unwrap());
        let mut call = pin!(call);
        let mut cx = std::task::Context::from_waker(noop_waker_ref());
        (0..polls).any(|_| call.as_mut().poll(&mut cx).is_ready())
    };
    let changes = fake.requests().iter().filter(|sent| sent.method != Method::Get).count();
    let outcomes = entries.0.borrow().iter().map(|entry| entry.outcome).collect();
    (ended, changes, outcomes)
}

/// The way back to a client that takes its request back.
#[derive(Default)]
struct Fickle(Cell<bool>);

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
        self.0.get()
    }
}

/// Work whose permission to begin takes a turn.
struct Slowly(InPlace);

impl Execution for Slowly {
    fn begin(&self, effect: Idempotency) -> LocalBoxFuture<'static, Result<(), Stop>> {
        let begun = self.0.begin(effect);
        turn().then(|()| begun).boxed_local()
    }

    fn recorded(&self, key: &str) -> Recorded {
        self.0.recorded(key)
    }

    fn record(
        &self,
        key: &str,
        outcome: Option<String>,
    ) -> LocalBoxFuture<'static, Result<(), Stop>> {
        self.0.record(key, outcome)
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.0.sleep(duration)
    }

    fn pause(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.0.pause(duration)
    }
}

/// Calls a tool, takes the request back after so many polls, and waits for the end. Returns how many
/// changes SiteBay was sent by then and in all, and whether the call had ended before.
fn take_back(polls: usize, script: Vec<ScriptedResponse>, call: &Value) -> (usize, usize, bool) {
    let fake = FakePlatform::new(script);
    let (machine, back) = (Rc::new(Waiting(fake.clone())), Rc::new(Fickle::default()));
    let work = InPlace::new(machine.clone());
    let ctx = Context {
        platform: machine,
        execution: Rc::new(Slowly(work)),
        notifier: back.clone(),
        ..fake.context()
    };
    let params = to_raw_value(call).unwrap();
    let call = dispatch(&ctx, "tools/call", Params::read(Some(&params)).unwrap());
    let mut call = pin!(call);
    let mut cx = std::task::Context::from_waker(noop_waker_ref());
    let mut run = |polls: usize| (0..polls).any(|_| call.as_mut().poll(&mut cx).is_ready());
    let changes = || fake.requests().iter().filter(|sent| sent.method != Method::Get).count();
    let had_ended = run(polls);
    let before = changes();
    back.0.set(true);
    assert!(had_ended || run(1_000), "it does not end");
    (before, changes(), had_ended)
}

#[test]
fn a_request_that_was_taken_back_begins_no_change() {
    for (call, script) in calls() {
        let (mut polls, mut was_spared) = (0, false);
        loop {
            let (before, in_all, had_ended) = take_back(polls, script(), &call);
            if before == 0 {
                assert_eq!(in_all, 0, "{} after {polls} polls", call["name"]);
                was_spared |= polls > 0;
            }
            if had_ended {
                break;
            }
            polls += 1;
        }
        assert!(was_spared, "{call}: it began at once");
    }
}

/// A call, and what SiteBay answers.
type Scene = (Value, fn() -> Vec<ScriptedResponse>);

fn calls() -> Vec<Scene> {
    let site = "www.shop.example";
    vec![
        (
            json!({ "name": "sitebay_toggle_waf_login_protection",
                "arguments": { "fqdn": site, "enabled": true } }),
            || vec![answer(200, json!({ "enabled": true }))],
        ),
        (
            json!({ "name": "sitebay_update_site",
                "arguments": { "fqdn": site, "cf_dev_mode_enabled": true } }),
            || vec![broken(), broken(), broken(), broken(), broken(), broken()],
        ),
        (
            json!({ "name": "sitebay_delete_site",
                "arguments": { "fqdn": site, "confirm": true } }),
            || vec![answer(200, json!({ "fqdn": "www.shop.example", "id": "1" }))],
        ),
    ]
}

#[test]
fn whenever_the_caller_leaves_a_change_that_was_sent_is_in_the_audit_once() {
    for (call, script) in calls() {
        let (mut polls, mut seen_unknown) = (0, false);
        loop {
            let (ended, changes, outcomes) = leave(polls, script(), &call);
            let place = format!("{} after {polls} polls: {changes} changes", call["name"]);
            assert!(outcomes.len() <= 1, "{place}: {outcomes:?}");
            if changes > 0 {
                assert_eq!(outcomes.len(), 1, "{place}");
                if !ended {
                    assert_eq!(outcomes, ["unknown"], "{place}");
                    seen_unknown = true;
                }
            } else if polls > 0 && !ended {
                assert!(["left", "unknown"].contains(&outcomes[0]), "{place}: {outcomes:?}");
            }
            if ended {
                break;
            }
            polls += 1;
            assert!(polls < 1_000, "{place}: it does not end");
        }
        assert!(seen_unknown, "{call}: no change was ever sent");
    }
}

#[test]
fn a_change_without_an_answer_ends_as_unknown() {
    let (call, _) = &calls()[0];
    let (ended, changes, outcomes) = leave(1_000, vec![broken()], call);
    assert!(ended);
    assert_eq!((changes, outcomes), (1, vec!["unknown"]));
    let (_, _, outcomes) = leave(1_000, vec![answer(422, json!({ "detail": "no" }))], call);
    assert_eq!(outcomes, ["failed"]);
    let (_, _, outcomes) = leave(1_000, vec![answer(200, json!("ok"))], call);
    assert_eq!(outcomes, ["done"]);
}

//! Consent: who is asked, for what, and what follows.

use std::{cell::RefCell, rc::Rc};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use serde_json::{Value, json};

use crate::testing::{Seen, run_in};
use mcp_protocol::{capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest};
use mcp_server::{
    client_request::Stop,
    context::{Consent, Context},
    notifier::Notifier,
    testing::{FakePlatform, ScriptedResponse, json, text},
};

/// A client with a person who gives these answers.
struct Person {
    answers: RefCell<Vec<Value>>,
    asked: RefCell<Vec<String>>,
}

impl Notifier for Person {
    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        let message = questions[0].question.params()["message"].as_str().unwrap().to_owned();
        self.asked.borrow_mut().push(message);
        ready(Ok(vec![self.answers.borrow_mut().remove(0)])).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::ELICITATION_FORM
    }
}

fn says(confirm: bool) -> Value {
    json!({ "action": "accept", "content": { "confirm": confirm, "checkpoint": confirm } })
}

fn site(point: &str) -> ScriptedResponse {
    json(200, json!({"fqdn": "a.org", "status": "idle", "max_restore_point": point}))
}

/// Calls a tool for a person; the result, what was sent, and what they were asked.
fn call(
    steps: Vec<ScriptedResponse>,
    answers: Vec<Value>,
    tool: &str,
    arguments: Value,
) -> (Seen, Vec<String>, Vec<String>) {
    let fake = FakePlatform::new(steps);
    let person = Rc::new(Person { answers: RefCell::new(answers), asked: RefCell::default() });
    let ctx = Context { notifier: person.clone(), ..fake.context() };
    let seen = run_in(&ctx, tool, arguments);
    (seen, fake.lines(), person.asked.take())
}

#[test]
fn a_person_is_asked_whatever_the_model_passed() {
    let arguments = json!({"fqdn": "a.org", "confirm": true});
    for (answer, part) in [
        (says(false), "said no"),
        (json!({"action": "decline"}), "said no"),
        (json!({"action": "cancel"}), "without an answer"),
    ] {
        let (seen, lines, asked) =
            call(vec![site("1")], vec![answer], "sitebay_delete_site", arguments.clone());
        assert!(seen.is_error && seen.text.contains(part), "{}", seen.text);
        assert_eq!(lines, ["Get /site/a.org"]);
        assert!(asked[0].contains("a.org") && asked[0].contains("restore point: 1"), "{asked:?}");
    }
}

#[test]
fn what_they_agree_to_happens() {
    let steps = vec![site("1"), site("1"), text(200, "")];
    let (seen, lines, _) =
        call(steps, vec![says(true)], "sitebay_delete_site", json!({"fqdn": "a.org"}));
    assert!(!seen.is_error, "{}", seen.text);
    assert_eq!(lines, ["Get /site/a.org", "Get /site/a.org", "Delete /site/a.org"]);
}

#[test]
fn a_state_that_changed_is_asked_about_again() {
    let steps = vec![site("1"), site("2"), site("2"), text(200, "")];
    let (seen, _, asked) =
        call(steps, vec![says(true), says(true)], "sitebay_delete_site", json!({"fqdn": "a.org"}));
    assert!(!seen.is_error && asked.len() == 2, "{}", seen.text);
    let steps = (1..=9).map(|point| site(&point.to_string())).collect();
    let answers = vec![says(true); 3];
    let (seen, _, _) = call(steps, answers, "sitebay_delete_site", json!({"fqdn": "a.org"}));
    assert!(seen.is_error && seen.text.contains("changed each time"), "{}", seen.text);
}

#[test]
fn a_checkpoint_comes_before_a_restore_and_its_failure_stops_it() {
    let restored = json(200, json!({"id": "r1", "status": "started"}));
    let made = json(200, json!({"id": "c1"}));
    let steps = vec![site("1"), site("1"), made, restored];
    let arguments = json!({"fqdn": "a.org"});
    let (seen, lines, _) =
        call(steps, vec![says(true)], "sitebay_backup_restore", arguments.clone());
    assert!(!seen.is_error, "{}", seen.text);
    assert_eq!(lines[2..], ["Post /site/a.org/checkpoints", "Post /site/a.org/pit_restore"]);
    let steps = vec![site("1"), site("1"), text(500, "")];
    let (seen, lines, _) = call(steps, vec![says(true)], "sitebay_backup_restore", arguments);
    assert!(seen.is_error && seen.text.contains("checkpoint"), "{}", seen.text);
    assert_eq!(lines.len(), 3);
}

#[test]
fn the_operator_may_refuse_clients_that_cannot_ask() {
    let fake = FakePlatform::new([]);
    let ctx = Context { consent: Consent::Refuse, ..fake.context() };
    for confirm in [true, false] {
        let arguments = json!({"fqdn": "a.org", "confirm": confirm});
        let seen = run_in(&ctx, "sitebay_delete_site", arguments);
        assert!(seen.is_error && seen.text.contains("cannot ask them"), "{}", seen.text);
    }
    assert!(fake.lines().is_empty(), "nothing is sent, not even to read");
    // One that can ask is served as ever.
    let fake = FakePlatform::new([site("1"), site("1"), text(200, "")]);
    let answers = RefCell::new(vec![says(true)]);
    let person = Rc::new(Person { answers, asked: RefCell::default() });
    let ctx = Context { notifier: person, consent: Consent::Refuse, ..fake.context() };
    let seen = run_in(&ctx, "sitebay_delete_site", json!({"fqdn": "a.org"}));
    assert!(!seen.is_error, "{}", seen.text);
}

#[test]
fn the_operator_may_leave_it_to_the_model() {
    let fake = FakePlatform::new([text(200, "")]);
    let ctx = Context { consent: Consent::Argument, ..fake.context() };
    let seen = run_in(&ctx, "sitebay_delete_site", json!({"fqdn": "a.org", "confirm": true}));
    assert!(!seen.is_error, "{}", seen.text);
    assert_eq!(fake.lines(), ["Delete /site/a.org"]);
}

use std::{cell::RefCell, rc::Rc};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_protocol::{capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest};
use mcp_server::{client_request::Stop, context::Context, notifier::Notifier};
use serde_json::{Value, json};

use crate::testing::{FakeKeboola, fails, run, run_in};

const TOOL: &str = "keboola_update_config";
const CONFIG: &str = "connection /v2/storage/branch/default/components/ex/configs/7";

fn config() -> Value {
    json!({"id": "7", "name": "Orders", "description": "all", "version": 3, "metadata": [],
        "configuration": {"parameters": {"host": "a", "#password": "KBC::ProjectSecure::old", "list": [1]},
            "storage": {"input": {"tables": []}}}})
}

fn fake() -> Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    fake.on(&format!("Get {CONFIG}"), 200, config());
    fake.on(
        "Get connection /v2/storage/branch/default/components/ex",
        200,
        json!({"id": "ex", "type": "extractor"}),
    );
    fake.on(
        &format!("Put {CONFIG}"),
        200,
        json!({"id": "7", "name": "Orders", "description": "all", "version": 4}),
    );
    fake.on(&format!("Post {CONFIG}/metadata"), 201, json!([]));
    fake
}

fn arguments(updates: Value) -> Value {
    json!({"change_description": "another host", "component_id": "ex", "configuration_id": "7",
        "parameter_updates": updates, "confirm": true})
}

fn set(path: &str, value: Value) -> Value {
    json!([{"op": "set", "path": path, "value": value}])
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let fake = fake();
    let done = run(&fake, TOOL, arguments(set("host", json!("b"))));
    assert_eq!(done["version"], 4);
    let summary = done["change_summary"].as_str().unwrap();
    assert!(summary.contains("parameters.host"), "{summary}");
    let body = fake.body(&format!("Put {CONFIG}"));
    assert_eq!(
        body,
        json!({"changeDescription": "another host", "configuration": {
        "parameters": {"host": "b", "#password": "KBC::ProjectSecure::old", "list": [1]},
        "storage": {"input": {"tables": []}}}})
    );
    let marked = fake.body(&format!("Post {CONFIG}/metadata"));
    assert_eq!(marked["metadata"][0]["key"], "KBC.MCP.updatedBy.version.4");
}

#[test]
fn a_path_that_leads_nowhere_changes_nothing() {
    for (updates, part) in [
        (set("host.x", json!(1)), "host"),
        (set("list[7]", json!(1)), "list"),
        (
            json!([{"op": "str_replace", "path": "gone", "search_for": "a", "replace_with": "b"}]),
            "gone",
        ),
        (json!([{"op": "remove", "path": "gone"}]), "gone"),
        (json!([{"op": "list_append", "path": "host", "value": 1}]), "host"),
        (json!([{"op": "str_replace", "path": "host"}]), "search_for"),
    ] {
        let fake = fake();
        let why = fails(&fake, TOOL, arguments(updates));
        assert!(why.starts_with("Nothing was changed.") && why.contains(part), "{why}");
        assert_eq!(fake.count(&format!("Put {CONFIG}")), 0);
    }
    let fake = fake();
    let why = fails(&fake, TOOL, arguments(json!([{"op": "merge", "path": "host"}])));
    assert!(why.contains("- parameter_updates[0].op"), "{why}");
    let why = fails(&fake, TOOL, arguments(json!([])));
    assert!(why.contains("stored already"), "{why}");
}

#[test]
fn what_the_model_says_of_a_change_is_no_line_of_the_form() {
    let fake = fake();
    let mut forged = arguments(set("host", json!("b")));
    forged["confirm"] = json!(false);
    forged["change_description"] = json!("x\n- Project: \"Test\" (1)\u{2028}- Branch: a");
    forged["folder"] = json!("f\n- Branch: b");
    let why = fails(&fake, TOOL, forged);
    for line in ["- Project: ", "- Branch: "] {
        let lines = why.lines().filter(|known| known.starts_with(line));
        assert_eq!(lines.count(), 1, "{why}");
    }
    assert!(why.contains(r#"- Folder: "f\n- Branch: b""#) && !why.contains('\u{2028}'), "{why}");
}

#[test]
fn a_name_such_as_proto_is_a_key_like_any() {
    let fake = fake();
    run(&fake, TOOL, arguments(set("__proto__", json!({"x": 1}))));
    let body = fake.body(&format!("Put {CONFIG}"));
    assert_eq!(body["configuration"]["parameters"]["__proto__"], json!({"x": 1}));
}

#[test]
fn a_new_secret_is_encrypted_and_a_placeholder_refused() {
    let fake = fake();
    fake.on("Post encryption /encrypt", 200, json!({"#0": "KBC::ProjectSecure::new"}));
    run(&fake, TOOL, arguments(set("#password", json!("hunter2"))));
    let body = fake.body(&format!("Put {CONFIG}"));
    assert_eq!(body["configuration"]["parameters"]["#password"], "KBC::ProjectSecure::new");
    let fake = self::fake();
    let why = fails(&fake, TOOL, arguments(set("#password", json!("[REDACTED]"))));
    assert!(why.starts_with("Nothing was changed.") && why.contains("#password"), "{why}");
    assert_eq!(fake.count(&format!("Put {CONFIG}")), 0);
}

#[test]
fn a_version_conflict_is_told_with_what_to_do() {
    let fake = fake();
    fake.clear(&format!("Put {CONFIG}"));
    let error = json!({"error": "version conflict", "code": "storage.components.configurations.versionConflict"});
    fake.on(&format!("Put {CONFIG}"), 400, error);
    let why = fails(&fake, TOOL, arguments(set("host", json!("b"))));
    assert!(
        why.contains("version conflict") && why.contains("Read it again") && !why.contains("MAY"),
        "{why}"
    );
}

#[test]
fn a_lost_answer_is_found_by_version_and_description() {
    let fake = fake();
    fake.clear(&format!("Put {CONFIG}"));
    fake.clear(&format!("Get {CONFIG}"));
    fake.breaks(&format!("Put {CONFIG}"));
    fake.on(&format!("Get {CONFIG}"), 200, config());
    let mut newer = config();
    newer["version"] = json!(4);
    newer["changeDescription"] = json!("another host");
    fake.on(&format!("Get {CONFIG}"), 200, newer);
    assert_eq!(run(&fake, TOOL, arguments(set("host", json!("b"))))["version"], 4);
    let fake = self::fake();
    fake.clear(&format!("Put {CONFIG}"));
    fake.breaks(&format!("Put {CONFIG}"));
    let why = fails(&fake, TOOL, arguments(set("host", json!("b"))));
    assert!(
        why.contains("MAY have happened") && fake.count(&format!("Put {CONFIG}")) == 1,
        "{why}"
    );
}

#[test]
fn a_folder_is_set_and_cleared_without_a_new_version() {
    let fake = fake();
    let folder = |name: &str| json!({"change_description": "tidy", "component_id": "ex", "configuration_id": "7", "folder": name, "confirm": true});
    assert_eq!(run(&fake, TOOL, folder("sales"))["version"], 3);
    assert_eq!(fake.count(&format!("Put {CONFIG}")), 0);
    assert_eq!(
        fake.body(&format!("Post {CONFIG}/metadata")),
        json!({"metadata": [{"key": "KBC.configuration.folderName", "value": "sales"}]})
    );
    fake.on(
        &format!("Get {CONFIG}/metadata"),
        200,
        json!([{"id": "m0", "key": "other"}, {"id": "m1", "key": "KBC.configuration.folderName", "value": "sales"}]),
    );
    fake.on(&format!("Delete {CONFIG}/metadata/m1"), 204, json!(null));
    run(&fake, TOOL, folder(""));
    assert_eq!(fake.count(&format!("Delete {CONFIG}/metadata/m1")), 1);
}

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

#[test]
fn the_person_sees_the_change_without_secrets_and_may_say_no() {
    let fake = fake();
    let says = |confirm: bool| json!({"action": "accept", "content": {"confirm": confirm}});
    let answers = RefCell::new(vec![says(false), says(true)]);
    let person = Rc::new(Person { answers, asked: RefCell::default() });
    let ctx = || Context { notifier: person.clone(), ..fake.context() };
    fake.on("Post encryption /encrypt", 200, json!({"#0": "KBC::ProjectSecure::new"}));
    let updates = json!([
        {"op": "set", "path": "host", "value": "b"},
        {"op": "set", "path": "#password", "value": "hunter2"},
    ]);
    let refused = run_in(&ctx(), TOOL, arguments(updates.clone()));
    assert!(refused.is_error && refused.text.contains("said no"), "{}", refused.text);
    assert_eq!(fake.count(&format!("Put {CONFIG}")), 0);
    let asked = person.asked.borrow()[0].clone();
    for part in [
        "\"Sales\" (58)",
        "Branch: main",
        "\"Orders\" (\"7\"), version 3",
        "\"another host\"",
        "parameters.host",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert!(asked.contains("#password") && !asked.contains("hunter2"), "{asked}");
    let done = run_in(&ctx(), TOOL, arguments(updates));
    assert!(!done.is_error, "{}", done.text);
    assert_eq!(fake.count(&format!("Put {CONFIG}")), 1);
}

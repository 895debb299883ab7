//! The tools that change something.

use std::{rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_platform::record::Record as _;
use mcp_server::{
    context::Context,
    stages::Stages,
    testing::{FakePlatform, ScriptedResponse, broken, text},
};
use serde_json::{Value, json};

use crate::{
    host::{BindingError, ObjectAnswer},
    state::{Request, StageState},
    testing::{deployed, destroy, stage},
    tools_testing::{
        ACCOUNT, Seen, V1, V2, call, call_in, context, deployments, ok, refused, versions, with,
    },
};

fn posts(seen: &Seen) -> usize {
    seen.lines.iter().filter(|line| line.starts_with("Post ")).count()
}

fn started() -> Value {
    json!({"workflowName": "OnboardingWorkflow", "params": {"userId": "user-123"}, "run_id": "r-1", "confirm": true})
}

#[test]
fn a_workflow_is_started_once_under_an_id_of_its_own() {
    let run = ok(json!({"id": "r-1", "status": "queued"}));
    let seen = call([run], "trigger_workflow", started()).good();
    assert_eq!(seen.lines, ["Post workflows/shop-staging-onboarding/instances"]);
    let body = json!({"instance_id": "r-1", "params": {"userId": "user-123"}});
    assert_eq!(seen.platform.body(0), body);
    assert_eq!((&seen.data["run_id"], &seen.data["status"]), (&json!("r-1"), &json!("queued")));
    let mut unnamed = started();
    unnamed.as_object_mut().unwrap().remove("run_id");
    let seen = call([ok(json!({"status": "queued"}))], "trigger_workflow", unnamed).good();
    assert_eq!(seen.data["run_id"], seen.platform.body(0)["instance_id"]);
}

#[test]
fn h23_the_same_id_again_starts_nothing_and_shows_the_run() {
    let script =
        [refused(409, 10_201, "instance.already_exists"), ok(json!({"status": "running"}))];
    let seen = call(script, "trigger_workflow", started()).good();
    assert_eq!((posts(&seen), &seen.data["status"]), (1, &json!("running")));
    assert!(seen.data["note"].as_str().unwrap().contains("nothing was started"));
}

#[test]
fn h23_a_start_whose_answer_is_lost_is_looked_up_and_not_sent_again() {
    let script = [broken(), ok(json!({"status": "running"}))];
    let seen = call(script, "trigger_workflow", started()).good();
    assert_eq!(seen.lines[1], "Get workflows/shop-staging-onboarding/instances/r-1");
    assert!(seen.data["note"].as_str().unwrap().contains("was lost"), "{}", seen.data);
    let script = [text(500, ""), refused(404, 10_202, "none")];
    let seen = call(script, "trigger_workflow", started()).says("The change MAY have happened.");
    assert!(seen.text.contains("The run_id is r-1."), "{}", seen.text);
    assert_eq!(posts(&seen), 1);
    let seen = call([refused(400, 1, "no")], "trigger_workflow", started());
    let seen = seen.says("Nothing was changed. Cloudflare answered 400: no (code 1)");
    assert_eq!(seen.lines.len(), 1);
}

#[test]
fn wrong_arguments_of_a_start_are_named() {
    for (name, value, words) in [
        ("workflowName", json!("Other"), "`OnboardingWorkflow`"),
        ("workflowName", json!(""), "- workflowName: "),
        ("params", json!("{\"a\":1}"), "- params: expected"),
        ("params", json!([1]), "- params: expected"),
        ("params", json!({"a": "x".repeat(1024 * 1024)}), "- params: it has"),
        ("run_id", json!("a b"), "- run_id: "),
        ("stage", json!("moon"), "The stages are"),
    ] {
        let mut wrong = started();
        wrong[name] = value;
        call([], "trigger_workflow", wrong).says(words).unsent();
    }
}

fn message() -> Value {
    json!({"objectName": "ChatDO", "message": "Hello from MCP", "confirm": true})
}

#[test]
fn h24_a_message_reaches_an_object_of_a_class_of_the_manifest() {
    let seen = call([], "send_durable_object_message", message()).good().unsent();
    assert_eq!(seen.data["answer"], json!({"heard": true}));
    let sent = with(|around| around.sent.clone());
    assert_eq!(sent, [r#"APP_CHAT default /message {"message":"Hello from MCP"}"#]);
    with(|around| around.answer = Ok(ObjectAnswer { status: 200, text: "x".repeat(70_000) }));
    let seen = call([], "send_durable_object_message", message()).good();
    assert_eq!(seen.data["truncated"], true);
    with(|around| around.answer = Ok(ObjectAnswer { status: 418, text: "tea".into() }));
    call([], "send_durable_object_message", message()).says("answered 418 to the message: \"tea\"");
    let text = format!("no right in {ACCOUNT} for only-reads");
    with(|around| around.answer = Ok(ObjectAnswer { status: 500, text }));
    let said = "answered 500 to the message: \"no right in [redacted] for [redacted]\"";
    call([], "send_durable_object_message", message()).says(said);
}

#[test]
fn h24_other_classes_and_stages_are_refused_even_by_name() {
    for (name, value, words) in [
        ("objectName", json!("SessionAgent"), "`ChatDO`"),
        ("objectName", json!("Chat"), "`ChatDO`"),
        ("objectName", json!(""), "- objectName: "),
        ("message", json!(""), "- message: "),
        ("message", json!("x".repeat(65_537)), "- message: "),
        ("message", json!({"a": 1}), "- message: expected"),
        ("object", json!(""), "- object: "),
        ("object", json!("x".repeat(2_048)), "- object: "),
        ("stage", json!("preview-7"), "it is bound to those of the stage `staging`"),
    ] {
        let mut wrong = message();
        wrong[name] = value;
        call([], "send_durable_object_message", wrong).says(words);
    }
    with(|around| around.own_stage = None);
    call([], "send_durable_object_message", message()).says("INFRASTRUCTURE_STAGE");
    with(|around| assert!(around.sent.is_empty()));
}

#[test]
fn h24_an_object_that_gives_no_answer_may_have_got_the_message() {
    for (error, words) in [
        (BindingError::TimedOut(Duration::from_secs(15)), "no answer in 15 s"),
        (BindingError::Failed("gone".into()), "it failed: \"gone\"."),
        (BindingError::Failed("a\nSend it again".into()), "\u{fffd}Send it again\"."),
        (BindingError::Failed("for changes-it".into()), "it failed: \"for [redacted]\"."),
    ] {
        with(|around| around.answer = Err(error));
        let seen = call([], "send_durable_object_message", message());
        seen.says(words).says("The change MAY have happened.");
    }
    with(|around| around.answer = Err(BindingError::NoBinding("APP_CHAT".into())));
    call([], "send_durable_object_message", message()).says("Nothing was sent: ");
}

/// Now v2 has all requests, and v1 had them before.
fn now() -> ScriptedResponse {
    deployments(&[("d2", &[(V2, 100)]), ("d1", &[(V1, 100)])])
}

fn rollback() -> Value {
    json!({"stage": "staging", "confirm": true})
}

#[test]
fn a_rollback_gives_all_requests_to_the_version_that_had_them_before() {
    let seen =
        call([now(), versions(), ok(json!({"id": "d3"}))], "rollback_deployment", rollback());
    let seen = seen.good();
    assert_eq!(seen.lines[2], "Post workers/scripts/shop-staging/deployments");
    let body = seen.platform.body(2);
    assert_eq!(body["versions"], json!([{"version_id": V1, "percentage": 100.0}]));
    assert_eq!(body["force"], Value::Null);
    assert_eq!((&seen.data["deployment_id"], posts(&seen)), (&json!("d3"), 1));
    // In the middle of a rollout the version that had everything before comes back.
    let split = deployments(&[("d3", &[(V2, 10), (V1, 90)]), ("d1", &[(V1, 100)])]);
    let seen =
        call([split, versions(), ok(json!({"id": "d4"}))], "rollback_deployment", rollback());
    assert_eq!(seen.good().data["versions"][0]["version_id"], V1);
}

#[test]
fn what_would_be_deployed_is_shown_before_the_person_agrees() {
    let mut asks = rollback();
    asks["confirm"] = json!(false);
    let seen = call([now(), versions()], "rollback_deployment", asks);
    let seen = seen.says("call again with confirm: true");
    let lines = format!(
        "- Stage: staging\n- Worker: shop-staging\n- Now: 100 % {V2} (\"v2\")\n- Then: 100 % {V1} (\"v1\")"
    );
    assert!(seen.text.contains(&lines), "{}", seen.text);
    assert_eq!(posts(&seen), 0);
}

#[test]
fn what_a_person_is_shown_has_no_secret_in_it() {
    let named = json!({"id": V1, "annotations": {"workers/tag": format!("of {ACCOUNT}")}});
    let versions = ok(json!({"items": [{"id": V2}, named]}));
    let mut asks = rollback();
    asks["confirm"] = json!(false);
    call([now(), versions], "rollback_deployment", asks).says("(\"of [redacted]\")");
}

#[test]
fn h29_a_rollback_over_changed_secrets_is_refused_by_name_and_never_forced() {
    let no = "The following secrets have changed since this version was created: API_KEY.";
    let script = [now(), versions(), refused(400, 10_220, no)];
    let seen = call(script, "rollback_deployment", rollback()).says("API_KEY");
    assert!(seen.text.starts_with("Nothing was changed."), "{}", seen.text);
    assert!(seen.lines.iter().all(|line| !line.contains("force")), "{:?}", seen.lines);
    assert_eq!(posts(&seen), 1);
}

#[test]
fn a_rollback_that_makes_no_sense_changes_nothing() {
    let with = |name: &str, value: &str| {
        let mut arguments = rollback();
        arguments[name] = json!(value);
        arguments
    };
    let seen = |script: Vec<ScriptedResponse>, arguments: Value, words: &str| {
        let seen = call(script, "rollback_deployment", arguments).says(words);
        assert_eq!(posts(&seen), 0);
    };
    seen(vec![now(), versions()], with("version_id", V2), "has all requests already");
    seen(vec![now(), versions()], with("version_id", "moon"), "there is no version \"moon\"");
    seen(vec![now(), versions()], with("replaces", "d1"), "the deployment in force is d2 by now");
    let only = deployments(&[("d1", &[(V1, 100)])]);
    seen(vec![only, versions()], rollback(), "no earlier version had all requests");
    seen(vec![deployments(&[]), versions()], rollback(), "nothing is deployed");
}

#[test]
fn a_deployment_whose_answer_is_lost_is_looked_up_and_not_sent_again() {
    let after = deployments(&[("d3", &[(V1, 100)]), ("d2", &[(V2, 100)])]);
    let seen = call([now(), versions(), broken(), after], "rollback_deployment", rollback()).good();
    assert_eq!((&seen.data["deployment_id"], posts(&seen)), (&json!("d3"), 1));
    assert!(seen.data["note"].as_str().unwrap().contains("was lost"));
    let seen = call([now(), versions(), broken(), now()], "rollback_deployment", rollback());
    let seen = seen.says("The change MAY have happened.");
    assert_eq!(posts(&seen), 1);
}

/// The object of a stage whose destroy did not end.
struct HalfDestroyed(StageState);

impl Stages for HalfDestroyed {
    fn ask(
        &self,
        _stage: &str,
        request: String,
    ) -> LocalBoxFuture<'static, Result<String, String>> {
        let request = Request::from_json(&request).unwrap();
        ready(Ok(self.0.clone().handle(request, 0).to_json())).boxed_local()
    }
}

#[test]
fn nothing_is_rolled_out_or_back_in_a_stage_that_is_half_destroyed() {
    let world = deployed(&stage("staging"));
    let plan = world.plan(Some(&stage("staging")), destroy(&[]));
    world.offer(&plan);
    let state = world.begin(&plan).unwrap();
    for (tool, arguments) in [("rollback_deployment", rollback()), ("set_rollout", rollout(V1, 10))]
    {
        let platform = FakePlatform::new([now(), versions(), ok(json!({"id": "d3"}))]);
        let stages: Rc<dyn Stages> = Rc::new(HalfDestroyed(state.clone()));
        let ctx = Context { stages: Some(stages), ..context(&platform) };
        let seen = call_in(platform, &ctx, tool, arguments);
        let seen = seen.says("A destroy of this stage did not end");
        assert_eq!(posts(&seen), 0);
    }
}

fn rollout(version: &str, percentage: u64) -> Value {
    json!({"stage": "staging", "version_id": version, "percentage": percentage, "confirm": true})
}

#[test]
fn a_rollout_leaves_the_rest_to_the_version_that_has_most() {
    let at = |version: &str, percentage: u64, before: ScriptedResponse| {
        let script = [before, versions(), ok(json!({"id": "d3"}))];
        let seen = call(script, "set_rollout", rollout(version, percentage)).good();
        assert_eq!(posts(&seen), 1);
        seen.platform.body(2)["versions"].clone()
    };
    let share = |id: &str, percentage: f64| json!({"version_id": id, "percentage": percentage});
    assert_eq!(at(V1, 10, now()), json!([share(V1, 10.0), share(V2, 90.0)]));
    assert_eq!(at(V1, 0, now()), json!([share(V1, 0.0), share(V2, 100.0)]));
    assert_eq!(at(V1, 100, now()), json!([share(V1, 100.0)]));
    let split = || deployments(&[("d3", &[(V1, 10), (V2, 90)])]);
    assert_eq!(at(V1, 50, split()), json!([share(V1, 50.0), share(V2, 50.0)]));
    assert_eq!(at(V2, 100, split()), json!([share(V2, 100.0)]));
}

#[test]
fn a_rollout_that_makes_no_deployment_changes_nothing() {
    let other = "33333333-0000-4000-8000-000000000003";
    let cases = [
        (
            deployments(&[("d1", &[(V1, 100)])]),
            rollout(V1, 10),
            "the only version that is deployed",
        ),
        (now(), rollout(other, 10), "there is no version"),
        (deployments(&[("d1", &[(V1, 100)])]), rollout(V1, 100), "it is so already"),
        (deployments(&[("d1", &[(other, 50), ("4", 50)])]), rollout(V1, 10), "has no third"),
    ];
    for (before, arguments, words) in cases {
        let seen = call([before, versions()], "set_rollout", arguments).says(words);
        assert_eq!(posts(&seen), 0);
    }
    for percentage in [json!(-1), json!(101), json!(1.5), json!("10")] {
        let mut wrong = rollout(V1, 1);
        wrong["percentage"] = percentage;
        call([], "set_rollout", wrong).says("- percentage: expected").unsent();
    }
}

//! Tasks of an upstream at a door, in virtual time.

use std::time::Duration;

use mcp_auth::upstream_task_id::UpstreamTaskId;
use mcp_platform::testing::VirtualPlatform;
use mcp_protocol::content::CallToolResult;
use mcp_server::{notifier::Declared, tasks::TaskSnapshot};
use serde_json::{Value, json};

use super::{
    tests::{answer, caller, door, tools},
    *,
};
use mcp_protocol::capabilities::ClientCapabilities;

/// An id that is no word.
const THERE: &str = "a.b/c+d:e \"é\"";

/// A caller who declares this.
fn declaring(
    platform: &Rc<VirtualPlatform>,
    subject: u8,
    capabilities: ClientCapabilities,
) -> Context {
    Context { notifier: Rc::new(Declared::new(capabilities)), ..caller(platform, subject) }
}

/// A caller who follows tasks.
fn follower(platform: &Rc<VirtualPlatform>, subject: u8) -> Context {
    declaring(platform, subject, ClientCapabilities::TASKS)
}

/// What an upstream says of a task.
fn said(of: &str, kind: &str) -> Value {
    json!({ "resultType": kind, "taskId": of, "status": "working", "ttlMs": 9,
            "result": { "content": [{ "type": "resource_link", "uri": "a:1", "name": "a" }] } })
}

/// An upstream that answers so, after the list of its tool `get`.
fn answering(results: &[Value]) -> Rc<VirtualPlatform> {
    let listed = tools(&["get"]);
    VirtualPlatform::new([&listed].into_iter().chain(results).map(|it| answer(Duration::ZERO, it)))
}

/// The outcome of a call of `get`.
fn called(platform: &Rc<VirtualPlatform>, door: &Door, ctx: &Context) -> Outcome {
    let name = if door.name.is_empty() { "tickets_get" } else { "get" };
    let tool = platform.run(door.tool(ctx, name)).unwrap().unwrap();
    platform.run(door.call(ctx, &tool, &json!({ "name": name }).to_string()))
}

/// The task that a call of `get` became.
fn begun(platform: &Rc<VirtualPlatform>, door: &Door, ctx: &Context) -> TaskSnapshot {
    let outcome = called(platform, door, ctx);
    let Outcome::Task(seen) = outcome else { panic!("{outcome:?}") };
    seen
}

/// The outcome of a request about a task.
fn asked(
    (platform, door): (&Rc<VirtualPlatform>, &Door),
    ctx: &Context,
    (method, id): (&str, &str),
) -> Option<Outcome> {
    let params = json!({ "taskId": id, "inputResponses": { "k": 1 } }).to_string();
    platform.run(door.task(ctx, method, &params))
}

/// The parameters of the last request.
fn sent(platform: &VirtualPlatform) -> Value {
    let body = platform.requests().pop().unwrap().body.unwrap();
    serde_json::from_str::<Value>(&body).unwrap()["params"].clone()
}

#[test]
fn a_task_is_known_to_its_caller_by_another_id() {
    for (name, uri) in [("", "tickets+a:1"), ("tickets", "a:1")] {
        let ends = said(THERE, "complete");
        let platform = answering(&[said(THERE, "task"), ends, json!({ "resultType": "complete" })]);
        let door = door(name, &json!({}));
        let ctx = follower(&platform, 1);
        let TaskSnapshot { id, task } = begun(&platform, &door, &ctx);
        assert!(!ctx.changes.is_unknown(), "the call was answered");
        let seen: Value = serde_json::from_str(&task).unwrap();
        assert_eq!((&seen["taskId"], &seen["ttlMs"]), (&json!(id), &json!(9)));
        assert!(seen["resultType"].is_null() && !task.contains("a.b/c"), "{task}");
        let declared = &sent(&platform)["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert!(declared["extensions"]["io.modelcontextprotocol/tasks"].is_object());
        let looked = asked((&platform, &door), &ctx, ("tasks/get", &id));
        let Some(Outcome::TaskState(looked)) = looked else { panic!("{looked:?}") };
        let looked: Value = serde_json::from_str(&looked).unwrap();
        assert_eq!(looked["taskId"], json!(id));
        assert_eq!(looked["result"]["content"][0]["uri"], uri);
        assert_eq!(sent(&platform)["taskId"], THERE);
        let updated = asked((&platform, &door), &ctx, ("tasks/update", &id));
        assert!(matches!(&updated, Some(Outcome::TaskState(text)) if text == "{}"), "{updated:?}");
        assert_eq!(sent(&platform)["inputResponses"], json!({ "k": 1 }));
    }
}

/// §8: "`task` result to a client without tasks".
#[test]
fn who_follows_no_tasks_gets_none() {
    let platform = answering(&[said(THERE, "task")]);
    let door = door("", &json!({}));
    let ctx = declaring(&platform, 1, ClientCapabilities::ROOTS);
    let outcome = called(&platform, &door, &ctx);
    let Outcome::Tool(CallToolResult { is_error: true, content, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(format!("{content:?}").contains("outcome is unknown"), "{content:?}");
    let declared = &sent(&platform)["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    assert!(declared["extensions"].is_null(), "{declared}");
}

/// Statement 8, of tasks.
#[test]
fn a_task_leads_nowhere_but_for_its_caller_where_its_tool_is_shown() {
    let platform = answering(&[said(THERE, "task")]);
    let common = door("", &json!({}));
    let ctx = follower(&platform, 1);
    let TaskSnapshot { id, .. } = begun(&platform, &common, &ctx);
    let requests = platform.requests().len();
    let denied = door("", &json!({ "deny": ["g*"] }));
    let unusable = Door { may_use: |_, _| false, ..door("", &json!({})) };
    let another = Door { name: "other".to_owned(), ..door("", &json!({})) };
    let other = follower(&platform, 2);
    let silent = declaring(&platform, 1, ClientCapabilities::ROOTS);
    let forged = UpstreamTaskId {
        upstream: "tickets".to_owned(),
        tool: "get".to_owned(),
        task: THERE.to_owned(),
    };
    let foreign = Keyring::parse(&"f".repeat(40)).unwrap();
    let forged = forged.sign(&foreign, ctx.principal.subject).unwrap();
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        for (what, door, ctx, id) in [
            ("another subject", &common, &other, &*id),
            ("no tasks declared", &common, &silent, &*id),
            ("a hidden tool", &denied, &ctx, &*id),
            ("no access", &unusable, &ctx, &*id),
            ("another door", &another, &ctx, &*id),
            ("another key", &common, &ctx, &*forged),
            ("the upstream's own id", &common, &ctx, THERE),
            ("no id", &common, &ctx, ""),
        ] {
            let outcome = asked((&platform, door), ctx, (method, id));
            assert!(outcome.is_none(), "{what}: {outcome:?}");
        }
        let twice = format!(r#"{{"taskId":"{id}","taskid":"x"}}"#);
        assert!(platform.run(common.task(&ctx, method, &twice)).is_none(), "{twice}");
    }
    assert_eq!(platform.requests().len(), requests, "nothing was sent");
}

#[test]
fn what_an_upstream_says_of_another_task_is_a_bad_answer() {
    let other = said("other", "complete");
    let platform = answering(&[said(THERE, "task"), other.clone(), other, json!({})]);
    let door = door("", &json!({}));
    let ctx = follower(&platform, 1);
    let TaskSnapshot { id, .. } = begun(&platform, &door, &ctx);
    for method in ["tasks/get", "tasks/cancel", "tasks/get"] {
        let outcome = asked((&platform, &door), &ctx, (method, &id));
        let Some(Outcome::Failed(error)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.code, INTERNAL_ERROR);
        assert!(error.message.contains("it is about"), "{error:?}");
    }
}

#[test]
fn a_task_without_a_usable_id_may_have_begun() {
    let long = "x".repeat(2_000);
    for id in [json!(""), json!(long), json!(7), Value::Null] {
        let mut task = said(THERE, "task");
        task["taskId"] = id;
        let platform = answering(&[task]);
        let door = door("tickets", &json!({}));
        let ctx = follower(&platform, 1);
        let outcome = called(&platform, &door, &ctx);
        let Outcome::Tool(CallToolResult { is_error: true, content, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(format!("{content:?}").contains("outcome is unknown"), "{content:?}");
        assert!(ctx.changes.is_unknown());
    }
}

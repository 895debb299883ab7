//! Doors before upstreams that play a script in virtual time.

use std::time::Duration;

use futures_util::future::{join, join_all};
use mcp_auth::subject::Subject;
use mcp_client::request::first_id;
use mcp_platform::{
    Platform as _,
    testing::{ScriptedStream, VirtualPlatform},
};
use mcp_protocol::content::{CallToolResult, ContentBlock};
use mcp_server::{notifier::Declared, remote::Carried, testing::FakePlatform};
use serde_json::{Value, json};

use super::*;
use crate::{
    relay::place::Carriage,
    testing::{self, FakePins},
};

/// The door of this name before one upstream, `tickets`, with these settings.
pub(super) fn door(name: &str, settings: &Value) -> Door {
    door_with(name, settings, Rc::<FakePins>::default())
}

/// The same with pins in this place.
pub(super) fn door_with(name: &str, settings: &Value, pins: Rc<dyn PinStore>) -> Door {
    testing::door(name, ("tickets", settings), pins)
}

/// A caller with this subject.
pub(super) fn caller(platform: &Rc<VirtualPlatform>, subject: u8) -> Context {
    let ctx = FakePlatform::new([]).context();
    let principal = Principal { subject: Subject([subject; 16]), ..(*ctx.principal).clone() };
    Context { principal: Rc::new(principal), platform: platform.clone(), ..ctx }
}

/// The answer to a request that is sent so long after the start.
pub(super) fn answer(at: Duration, result: &Value) -> ScriptedStream {
    let start_ms = VirtualPlatform::new([]).now_ms();
    let id = first_id(start_ms.saturating_add(u64::try_from(at.as_millis()).unwrap()));
    let response = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    ScriptedStream::json(200, &response.to_string())
}

pub(super) fn tools(names: &[&str]) -> Value {
    let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
    json!({ "tools": names.iter().map(tool).collect::<Vec<_>>() })
}

pub(super) fn list(
    door: &Door,
    platform: &Rc<VirtualPlatform>,
    ctx: &Context,
) -> (Vec<String>, Vec<String>) {
    let list = platform.run(door.list(ctx, ListKind::Tools));
    let name = |item: &Rc<str>| {
        serde_json::from_str::<Value>(item).unwrap()["name"].as_str().unwrap().to_owned()
    };
    (list.items.iter().map(name).collect(), list.notes)
}

/// What a caller reads of a tool that cannot be looked up.
pub(super) fn failure(found: Result<Option<RemoteTool>, Outcome>) -> String {
    let Err(Outcome::Tool(CallToolResult { content, is_error: true, .. })) = found else {
        panic!("{found:?}")
    };
    let [ContentBlock::Text { text }] = &content[..] else { panic!("{content:?}") };
    text.clone()
}

#[test]
fn two_subjects_see_lists_of_their_own() {
    let now = Duration::ZERO;
    let platform = VirtualPlatform::new([answer(now, &tools(&["a"])), answer(now, &tools(&["b"]))]);
    let door = door("", &json!({}));
    let (one, other) = (caller(&platform, 1), caller(&platform, 2));
    for _ in 0..2 {
        assert_eq!(list(&door, &platform, &one).0, ["tickets_a"]);
        assert_eq!(list(&door, &platform, &other).0, ["tickets_b"]);
    }
    assert_eq!(platform.requests().len(), 2, "each was asked for once");
}

#[test]
fn a_list_that_is_public_is_everybodys() {
    let mut listed = tools(&["a"]);
    listed["ttlMs"] = json!(60_000);
    listed["cacheScope"] = json!("public");
    let platform = VirtualPlatform::new([answer(Duration::ZERO, &listed)]);
    let door = door("", &json!({}));
    for subject in 1..3 {
        assert_eq!(list(&door, &platform, &caller(&platform, subject)).0, ["tickets_a"]);
    }
}

#[test]
fn callers_who_need_a_list_at_once_have_it_asked_for_once() {
    let second = Duration::from_secs(1);
    let slow = answer(Duration::ZERO, &tools(&["a"])).after(second);
    let platform = VirtualPlatform::new([slow]);
    let door = door("", &json!({}));
    let ctx = caller(&platform, 1);
    let lists = join_all((0..100).map(|_| door.list(&ctx, ListKind::Tools)));
    for list in platform.run(lists) {
        assert_eq!((list.items.len(), list.notes), (1, Vec::new()));
    }
    assert_eq!(platform.requests().len(), 1);
    assert!(platform.elapsed() < second * 11 / 10);
}

#[test]
fn callers_who_wait_for_a_list_that_fails_ask_themselves_in_what_is_left_of_their_time() {
    let second = Duration::from_secs(1);
    let failed = ScriptedStream::status(415).after(second);
    // Who waits looks after 5, 10, 20, 40 and then each 80 ms.
    let looks = Duration::from_millis(155 + 11 * 80);
    let platform = VirtualPlatform::new([failed, answer(looks, &tools(&["a"]))]);
    let door = door("", &json!({ "timeouts": { "lists": 2 } }));
    let ctx = caller(&platform, 1);
    let both = || join_all((0..2).map(|_| door.list(&ctx, ListKind::Tools)));
    let found: Vec<_> = platform.run(both()).iter().map(|list| list.items.len()).collect();
    assert_eq!((found, platform.requests().len()), (vec![0, 1], 2));
    // Nobody waits longer because another waits, too.
    door.memory.forget("tickets");
    let platform = VirtualPlatform::new((0..9).map(|_| ScriptedStream::silent()));
    let ctx = caller(&platform, 1);
    for list in platform.run(join_all((0..9).map(|_| door.list(&ctx, ListKind::Tools)))) {
        assert!(list.items.is_empty() && list.notes[0].contains("2 s"), "{:?}", list.notes);
    }
    assert_eq!(platform.requests().len(), 1);
    assert!(platform.elapsed() < second * 2 + Duration::from_millis(80));
}

#[test]
fn what_is_hidden_is_unknown() {
    for (name, prefix) in [("", "tickets_"), ("tickets", "")] {
        let platform = VirtualPlatform::new([answer(Duration::ZERO, &tools(&["get", "drop"]))]);
        let door = door(name, &json!({ "deny": ["drop"] }));
        let ctx = caller(&platform, 1);
        let find = |tool: &str| platform.run(door.tool(&ctx, &format!("{prefix}{tool}")));
        assert!(find("get").unwrap().is_some());
        assert!(find("drop").unwrap().is_none());
        assert!(find("other").unwrap().is_none());
    }
}

#[test]
fn a_tool_that_is_hidden_by_now_is_not_called() {
    let platform = VirtualPlatform::new([]);
    let door = door("", &json!({ "deny": ["drop"] }));
    let tool = RemoteTool {
        name: "tickets_drop".into(),
        upstream: "tickets".into(),
        name_there: "drop".into(),
        effect: Effect::Destructive,
        param_headers: Vec::new(),
    };
    let ctx = caller(&platform, 1);
    let called = door.call(&ctx, &tool, r#"{"name":"tickets_drop"}"#);
    let Outcome::Failed(error) = platform.run(called) else { panic!() };
    assert_eq!(error.code, INVALID_PARAMS);
    assert!(platform.requests().is_empty());
}

// An isolate serves callers under old settings, which began before a change, and under new ones.
#[test]
fn a_list_that_was_asked_for_under_old_settings_is_not_remembered() {
    let (second, listed) = (Duration::from_secs(1), tools(&["get", "drop"]));
    let slow = answer(Duration::ZERO, &listed).after(second * 2);
    let later = || answer(second * 2, &listed);
    let platform = VirtualPlatform::new([slow, later(), later()]);
    let before = door("", &json!({}));
    let after = Door { memory: before.memory.clone(), ..door("", &json!({ "deny": ["drop"] })) };
    let ctx = caller(&platform, 1);
    let change = async {
        platform.sleep(second).await;
        before.memory.set_upstreams(after.upstreams.clone());
        before.memory.forget("tickets");
    };
    let (shown, ()) = platform.run(join(before.list(&ctx, ListKind::Tools), change));
    assert_eq!(shown.items.len(), 2, "who asked before reads what was so");
    assert!(platform.run(after.tool(&ctx, "tickets_drop")).unwrap().is_none());
    assert_eq!(list(&after, &platform, &ctx).0, ["tickets_get"]);
    // The door of a stream is as old as the stream.
    assert!(platform.run(before.digest(&ctx, "tickets", ListKind::Tools, true)).is_some());
    assert_eq!(list(&after, &platform, &ctx).0, ["tickets_get"]);
    assert_eq!(platform.requests().len(), 3);
}

#[test]
fn a_hidden_prompt_is_not_got_under_a_second_name() {
    let platform = VirtualPlatform::new([]);
    let door = door("tickets", &json!({ "deny": ["secret"] }));
    let ctx = caller(&platform, 1);
    for (method, params) in [
        ("prompts/get", r#"{"name":"secret"}"#),
        ("prompts/get", r#"{"name":"open","name":"secret"}"#),
        ("prompts/get", r#"{"name":"open","na\u006de":"secret"}"#),
        ("prompts/get", r#"{"name":"open","Name":"secret"}"#),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"open","name":"secret"},"argument":{}}"#,
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"open"},"ref":{"type":"ref/prompt","name":"secret"}}"#,
        ),
        ("resources/read", r#"{"uri":"a:1","uri":"b:1"}"#),
    ] {
        assert!(platform.run(door.request(&ctx, method, params)).is_none(), "{params}");
    }
    assert!(platform.requests().is_empty(), "the upstream reads none of them");
    let shown = platform.run(door.request(&ctx, "prompts/get", r#"{"name":"open"}"#));
    assert!(shown.is_some() && !platform.requests().is_empty());
}

#[test]
fn the_last_good_list_stands_in_with_a_note() {
    let platform = VirtualPlatform::new([answer(Duration::ZERO, &tools(&["a"]))]);
    let door = door("", &json!({}));
    let ctx = caller(&platform, 1);
    assert_eq!(list(&door, &platform, &ctx), (vec!["tickets_a".to_owned()], Vec::new()));
    platform.run(platform.sleep(Duration::from_secs(61)));
    let (names, notes) = list(&door, &platform, &ctx);
    assert_eq!(names, ["tickets_a"]);
    assert!(matches!(&notes[..], [note] if note.starts_with("tickets: ")), "{notes:?}");
    // It is nobody else's.
    assert!(list(&door, &platform, &caller(&platform, 2)).0.is_empty());
}

#[test]
fn an_upstream_that_cannot_be_reached_is_no_missing_tool_and_is_refused_fast_in_the_end() {
    let platform = VirtualPlatform::new([]);
    let door = door("", &json!({}));
    let ctx = caller(&platform, 1);
    let told = || failure(platform.run(door.tool(&ctx, "tickets_a")));
    for _ in 0..5 {
        let told = told();
        assert!(told.contains("tickets cannot be reached"), "{told}");
    }
    let sent = platform.requests().len();
    let told = told();
    assert!(told.contains("is not called now") && told.contains("retryAfterMs: 30000"), "{told}");
    let prompt = door.request(&ctx, "prompts/get", r#"{"name":"tickets_a"}"#);
    let Some(Outcome::Failed(error)) = platform.run(prompt) else { panic!() };
    assert!(error.message.contains("is not called now"), "{error:?}");
    assert_eq!(platform.requests().len(), sent, "nothing was sent");
    // A name that is of no upstream is still no tool.
    assert!(platform.run(door.tool(&ctx, "other_a")).unwrap().is_none());
}

/// The caller, who comes back with this for the upstream.
fn comes_back(ctx: &Context, with: &Carriage) -> Context {
    let carried = Carried { state: with.to_json(), responses: Vec::new() };
    let client = Declared { carried: Some(carried), ..Declared::default() };
    Context { notifier: Rc::new(client), ..ctx.clone() }
}

#[test]
fn a_call_that_waits_is_not_called_unsent_where_its_tool_cannot_be_looked_up() {
    let platform = VirtualPlatform::new([]);
    let door = door("", &json!({}));
    let ctx = caller(&platform, 1);
    let told = |ctx: &Context| failure(platform.run(door.tool(ctx, "tickets_a")));
    let begun = [Carriage::Park("life".to_owned(), 1, 1), Carriage::State(None)];
    let check = |why: &str| {
        for begun in &begun {
            let told = told(&comes_back(&ctx, begun));
            assert!(told.starts_with("The outcome is unknown") && told.contains(why), "{told}");
            assert!(told.contains("requestState") && !told.contains("othing was sent"), "{told}");
        }
    };
    check("cannot be reached");
    // One that was led to a page was not sent.
    let page = Carriage::Connect("https://front.example/connect/tickets".to_owned(), 1);
    assert!(told(&comes_back(&ctx, &page)).starts_with("Nothing was sent"));
    for _ in 0..9 {
        told(&ctx);
    }
    check("is not called now");
    let prompt = comes_back(&ctx, &begun[0]);
    let prompt = platform.run(door.request(&prompt, "prompts/get", r#"{"name":"tickets_a"}"#));
    let Some(Outcome::Failed(error)) = prompt else { panic!("{prompt:?}") };
    assert!(error.message.starts_with("The outcome is unknown"), "{error:?}");
}

#[test]
fn lists_that_come_too_late_open_the_breaker_and_so_does_a_late_probe() {
    let platform = VirtualPlatform::new((0..9).map(|_| ScriptedStream::silent()));
    let door = door("", &json!({ "timeouts": { "lists": 2 } }));
    let ctx = caller(&platform, 1);
    for _ in 0..6 {
        assert!(list(&door, &platform, &ctx).0.is_empty());
    }
    assert_eq!(platform.elapsed(), Duration::from_secs(10), "the sixth did not wait");
    assert_eq!(platform.requests().len(), 5);
    platform.run(platform.sleep(Duration::from_secs(30)));
    for _ in 0..2 {
        assert!(list(&door, &platform, &ctx).0.is_empty());
    }
    assert_eq!(platform.elapsed(), Duration::from_secs(42));
    assert_eq!(platform.requests().len(), 6);
}

#[test]
fn a_call_whose_client_leaves_is_no_failure() {
    let platform = VirtualPlatform::new((0..9).map(|_| ScriptedStream::silent()));
    let door = door("", &json!({}));
    let ctx = caller(&platform, 1);
    for _ in 0..9 {
        let asked = door.list(&ctx, ListKind::Tools);
        assert!(platform.run_for(Duration::from_secs(1), asked).is_none());
    }
    assert_eq!(door.memory.breaker(("tickets", None), platform.now_ms()), "closed");
    assert_eq!(platform.requests().len(), 9);
}

#[test]
fn a_renamed_tool_is_called_under_its_own_name() {
    for (name, tool) in [("", "tickets_all"), ("tickets", "all")] {
        let result = json!({ "content": [], "n": 1 });
        let now = Duration::ZERO;
        let script = [answer(now, &tools(&["get.all"])), answer(now, &result)];
        let platform = VirtualPlatform::new(script);
        let door = door(name, &json!({ "rename": { "get.all": "all" } }));
        let ctx = caller(&platform, 1);
        let found = platform.run(door.tool(&ctx, tool)).unwrap().unwrap();
        assert_eq!((&*found.name_there, found.effect), ("get.all", Effect::Destructive));
        let params = json!({ "name": tool, "arguments": { "name": tool } }).to_string();
        let outcome = platform.run(door.call(&ctx, &found, &params));
        assert!(matches!(&outcome, Outcome::Relayed(text) if text.contains("\"n\":1")));
        let body = platform.requests().pop().unwrap().body.unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["params"]["name"], "get.all");
        assert_eq!(body["params"]["arguments"]["name"], tool);
        // The name that it had there is unknown here.
        let own = tool.replace("all", "get.all");
        assert!(platform.run(door.tool(&ctx, &own)).unwrap().is_none());
    }
}

#[test]
fn nobody_reads_what_another_was_answered() {
    let refusal = ScriptedStream::status(415).chunk("ticket 7 of alice");
    let platform = VirtualPlatform::new([refusal]);
    let door = door("", &json!({}));
    let (_, notes) = list(&door, &platform, &caller(&platform, 1));
    assert!(notes[0].contains("alice"), "the one who asked may read it: {notes:?}");
    let ctx = caller(&platform, 2);
    let read = door.request(&ctx, "resources/read", r#"{"uri":"gateway://upstreams"}"#);
    let Some(Outcome::Text(status)) = platform.run(read) else { panic!() };
    assert!(status.contains("it refused a request (415)"), "{status}");
    assert!(!status.contains("alice"), "{status}");
}

//! Doors before an upstream that is called as the person who calls.

use std::cell::{Cell, RefCell};

use futures_util::{FutureExt as _, future::ready};
use mcp_auth::{principal::Principal, scope::Scopes, secret::Secret, subject::Subject};
use mcp_client::request::first_id;
use mcp_platform::{
    Platform as _,
    testing::{ScriptedStream, VirtualPlatform},
};
use mcp_protocol::{content::ContentBlock, list_kind::ListKind};
use mcp_server::{remote::Remote as _, testing::FakePlatform, tool_selection::ToolSelection};

use super::*;
use crate::connect::Connections;

/// The keys of one person: the first is in use, and those that were refused are over.
#[derive(Default)]
struct Keys {
    keys: RefCell<Vec<&'static str>>,
    refused: Cell<usize>,
    given_up: Cell<bool>,
}

impl Keys {
    fn current(
        &self,
        upstream: &Upstream,
        otherwise: Unconnected,
    ) -> Result<Connected, Unconnected> {
        let key = self.keys.borrow().first().copied().ok_or(otherwise)?;
        // A key that is renewed stays the same connection.
        let connected = Connected::new(Secret::new(key), key, upstream);
        Ok(match key {
            "renewed" => connected
                .connected_at(Connected::new(Secret::new("one"), "one", upstream).connection),
            _ => connected,
        })
    }
}

impl Connections for Keys {
    fn find<'a>(
        &'a self,
        _ctx: &'a Context,
        upstream: &'a Upstream,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        let otherwise = match self.refused.get() {
            0 => Unconnected::Missing,
            _ => Unconnected::Refused,
        };
        ready(self.current(upstream, otherwise)).boxed_local()
    }

    fn refused<'a>(
        &'a self,
        _ctx: &'a Context,
        upstream: &'a Upstream,
        refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        self.refused.set(self.refused.get().saturating_add(1));
        self.keys.borrow_mut().retain(|key| **key != *refused.revision);
        ready(self.current(upstream, Unconnected::Refused)).boxed_local()
    }

    fn given_up<'a>(
        &'a self,
        _ctx: &'a Context,
        _upstream: &'a Upstream,
        refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Unconnected> {
        self.given_up.set(true);
        assert_eq!(self.keys.take(), [&*refused.revision], "it is the one in use");
        ready(Unconnected::Refused).boxed_local()
    }

    fn page(&self, ctx: &Context, upstream: &Upstream) -> Option<Page> {
        let url = format!("https://front.example/connect/{}?link=x", upstream.name);
        Some(Page { url, until_s: (ctx.platform.now_ms() / 1_000).saturating_add(600) })
    }
}

fn door(name: &str, keys: &Rc<Keys>) -> Door {
    let settings = json!({ "auth": { "kind": "subject" } });
    Door { connections: keys.clone(), ..super::super::tests::door(name, &settings) }
}

/// A client that declared this; it answers with a new request where it is without a session.
struct Client {
    can: ClientCapabilities,
    suspends: bool,
    carried: Option<Carried>,
    asked: RefCell<Vec<(String, String)>>,
}

impl Notifier for Client {
    fn ask(
        &self,
        _questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        panic!("it is asked by `relay` only")
    }

    fn relay(
        &self,
        questions: Vec<KeyedRequest>,
        state: &str,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        let InputRequest::Url { url, .. } = &questions[0].question else { panic!() };
        self.asked.borrow_mut().push((url.clone(), state.to_owned()));
        ready(Err(Stop(mcp_server::client_request::StopReason::Suspended(questions)))).boxed_local()
    }

    fn suspends(&self) -> bool {
        self.suspends
    }

    fn carried(&self) -> Option<Carried> {
        self.carried.clone()
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.can
    }
}

fn client(can: ClientCapabilities, suspends: bool) -> Client {
    Client { can, suspends, carried: None, asked: RefCell::default() }
}

fn caller(platform: &Rc<VirtualPlatform>, client: &Rc<Client>) -> Context {
    let ctx = FakePlatform::new([]).context();
    let principal = Principal { subject: Subject([1; 16]), ..(*ctx.principal).clone() };
    let notifier: Rc<dyn Notifier> = client.clone();
    Context { principal: Rc::new(principal), platform: platform.clone(), notifier, ..ctx }
}

fn call(door: &Door, platform: &Rc<VirtualPlatform>, ctx: &Context, name: &str) -> Outcome {
    let params = json!({ "name": name, "arguments": {} }).to_string();
    platform.run(async {
        match door.tool(ctx, name).await {
            Ok(Some(tool)) => door.call(ctx, &tool, &params).await,
            Ok(None) => panic!("there is no tool {name}"),
            Err(outcome) => outcome,
        }
    })
}

fn failure(outcome: &Outcome) -> String {
    let Outcome::Tool(CallToolResult { content, is_error: true, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    let [ContentBlock::Text { text }] = &content[..] else { panic!("{content:?}") };
    text.clone()
}

const LINK: &str = "https://front.example/connect/tickets?link=x";
const PAGES: ClientCapabilities = ClientCapabilities::ELICITATION_URL;

fn answer(result: &Value) -> ScriptedStream {
    let id = first_id(VirtualPlatform::new([]).now_ms());
    let response = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    ScriptedStream::json(200, &response.to_string())
}

fn tools() -> ScriptedStream {
    answer(&json!({ "tools": [{ "name": "get", "inputSchema": { "type": "object" } }] }))
}

fn keys(keys: &[&'static str]) -> Rc<Keys> {
    Rc::new(Keys { keys: RefCell::new(keys.to_vec()), ..Keys::default() })
}

// Statement 18.
#[test]
fn each_client_is_led_to_the_page_in_its_own_way_and_nothing_is_sent() {
    for (name, tool) in [("", "tickets_get"), ("tickets", "get")] {
        let platform = VirtualPlatform::new([]);
        let door = door(name, &keys(&[]));
        let plain = Rc::new(client(ClientCapabilities::default(), false));
        let told = failure(&call(&door, &platform, &caller(&platform, &plain), tool));
        assert!(told.contains(&format!("Open {LINK} ")), "{told}");
        let session = Rc::new(client(PAGES, false));
        let outcome = call(&door, &platform, &caller(&platform, &session), tool);
        let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
        let asked = &error.data.unwrap()["elicitations"][0];
        assert_eq!(
            (error.code, &asked["url"], &asked["mode"]),
            (-32042, &json!(LINK), &json!("url"))
        );
        assert!(asked["elicitationId"].is_string() && asked["message"].is_string(), "{asked}");
        let stateless = Rc::new(client(PAGES, true));
        let outcome = call(&door, &platform, &caller(&platform, &stateless), tool);
        assert!(matches!(outcome, Outcome::Stopped(_)), "{outcome:?}");
        assert_eq!(stateless.asked.borrow()[0].0, LINK);
        assert!(platform.requests().is_empty());
    }
}

#[test]
fn who_looks_a_tool_up_is_not_asked_and_the_call_is() {
    let platform = VirtualPlatform::new([]);
    let door = door("", &keys(&[]));
    let stateless = Rc::new(client(PAGES, true));
    let ctx = caller(&platform, &stateless);
    let declares = mcp_server::notifier::Declared::new(PAGES);
    let looks = Context { notifier: Rc::new(declares), ..ctx.clone() };
    let tool = platform.run(door.tool(&looks, "tickets_get")).unwrap().unwrap();
    assert_eq!((&*tool.name, tool.effect), ("tickets_get", Effect::Read));
    assert!(stateless.asked.borrow().is_empty());
    let params = r#"{"name":"tickets_get"}"#;
    let outcome = platform.run(door.call(&ctx, &tool, params));
    assert!(matches!(outcome, Outcome::Stopped(_)), "{outcome:?}");
}

#[test]
fn a_method_that_may_not_ask_names_the_page() {
    let platform = VirtualPlatform::new([]);
    let door = door("tickets", &keys(&[]));
    let stateless = Rc::new(client(PAGES, true));
    let ctx = caller(&platform, &stateless);
    let params = r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""}}"#;
    let outcome = platform.run(door.request(&ctx, "completion/complete", params)).unwrap();
    let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.data.unwrap()["url"], LINK);
    assert!(stateless.asked.borrow().is_empty());
}

/// The next request of a client that was led to the page.
fn next(asked: &Client, action: &str) -> Rc<Client> {
    let (_, state) = asked.asked.borrow().last().cloned().unwrap();
    let response = RawValue::from_string(json!({ "action": action }).to_string()).unwrap();
    let carried = Carried { state, responses: vec![(QUESTION.to_owned(), response)] };
    Rc::new(Client { carried: Some(carried), ..client(PAGES, true) })
}

// Statement 18.
#[test]
fn a_request_that_comes_back_goes_on_once_a_key_is_connected_and_is_asked_alike_until_then() {
    let platform = VirtualPlatform::new([tools(), answer(&json!({ "content": [], "n": 1 }))]);
    let keys = keys(&[]);
    let door = door("", &keys);
    let first = Rc::new(client(PAGES, true));
    call(&door, &platform, &caller(&platform, &first), "tickets_get");
    let second = next(&first, "accept");
    call(&door, &platform, &caller(&platform, &second), "tickets_get");
    assert_eq!(first.asked.borrow()[0], second.asked.borrow()[0], "the page is the same");
    keys.keys.borrow_mut().push("a key");
    let third = next(&second, "accept");
    let outcome = call(&door, &platform, &caller(&platform, &third), "tickets_get");
    assert!(matches!(&outcome, Outcome::Relayed(text) if text.contains("\"n\":1")), "{outcome:?}");
    for request in platform.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer a key"));
    }
}

#[test]
fn a_request_that_comes_back_is_the_first_one_for_the_upstream() {
    let script = [tools(), ScriptedStream::status(401), answer(&json!({ "content": [] }))];
    let platform = VirtualPlatform::new(script);
    let keys = keys(&[]);
    let door = door("", &keys);
    let first = Rc::new(client(PAGES, true));
    call(&door, &platform, &caller(&platform, &first), "tickets_get");
    keys.keys.borrow_mut().extend(["old", "new"]);
    let second = next(&first, "accept");
    let outcome = call(&door, &platform, &caller(&platform, &second), "tickets_get");
    assert!(matches!(outcome, Outcome::Relayed(_)), "{outcome:?}");
}

#[test]
fn a_person_who_does_not_agree_is_not_asked_again() {
    for action in ["decline", "cancel"] {
        let platform = VirtualPlatform::new([]);
        let door = door("", &keys(&[]));
        let first = Rc::new(client(PAGES, true));
        call(&door, &platform, &caller(&platform, &first), "tickets_get");
        let second = next(&first, action);
        let told = failure(&call(&door, &platform, &caller(&platform, &second), "tickets_get"));
        assert!(told.contains("did not agree") && !told.contains("https://"), "{told}");
    }
}

#[test]
fn a_list_is_without_the_upstream_and_says_so_and_a_tool_stands_in() {
    for (name, tool) in [("", "tickets_connect_account"), ("tickets", "connect_account")] {
        let platform = VirtualPlatform::new([tools()]);
        let keys = keys(&[]);
        let door = door(name, &keys);
        let plain = Rc::new(client(ClientCapabilities::default(), false));
        let ctx = caller(&platform, &plain);
        let list = platform.run(door.list(&ctx, ListKind::Tools));
        assert_eq!(list.items.len(), 1);
        let listed: Value = serde_json::from_str(&list.items[0]).unwrap();
        assert_eq!(listed["name"], tool);
        assert_eq!(list.notes, ["tickets: it needs a key of yours, and none is connected"]);
        let prompts = platform.run(door.list(&ctx, ListKind::Prompts));
        assert_eq!((prompts.items.len(), prompts.notes.len()), (0, 1));
        assert!(failure(&call(&door, &platform, &ctx, tool)).contains(LINK));
        keys.keys.borrow_mut().push("a key");
        let list = platform.run(door.list(&ctx, ListKind::Tools));
        assert!(list.notes.is_empty() && !list.items[0].contains(tool), "{:?}", list.items);
        let Outcome::Tool(done) = call(&door, &platform, &ctx, tool) else { panic!() };
        assert!(!done.is_error);
        // Neither the last list nor its tools outlive the key.
        keys.keys.borrow_mut().clear();
        let list = platform.run(door.list(&ctx, ListKind::Tools));
        assert!(list.items.len() == 1 && list.items[0].contains(tool), "{:?}", list.items);
        assert_eq!(platform.requests().len(), 1);
    }
}

#[test]
fn a_key_that_is_refused_is_asked_for_anew_and_another_one_is_used() {
    let refused = || ScriptedStream::status(401);
    let platform =
        VirtualPlatform::new([tools(), refused(), answer(&json!({ "content": [] })), refused()]);
    let keys = keys(&["old", "new"]);
    let door = door("", &keys);
    let plain = Rc::new(client(ClientCapabilities::default(), false));
    let ctx = caller(&platform, &plain);
    let outcome = call(&door, &platform, &ctx, "tickets_get");
    assert!(matches!(outcome, Outcome::Relayed(_)), "{outcome:?}");
    let told = failure(&call(&door, &platform, &ctx, "tickets_get"));
    assert!(told.contains("no longer accepts the key") && told.contains(LINK), "{told}");
    let sent: Vec<String> = platform
        .requests()
        .iter()
        .map(|request| request.header("authorization").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(sent, ["Bearer old", "Bearer old", "Bearer new", "Bearer new"]);
    assert_eq!(keys.refused.get(), 2);
}

#[test]
fn a_list_of_another_account_is_not_used() {
    let other =
        answer(&json!({ "tools": [{ "name": "put", "inputSchema": { "type": "object" } }] }));
    let platform = VirtualPlatform::new([tools(), other]);
    let keys = keys(&["one"]);
    let door = door("tickets", &keys);
    let plain = Rc::new(client(ClientCapabilities::default(), false));
    let ctx = caller(&platform, &plain);
    let has = |name: &str| {
        let list = platform.run(door.list(&ctx, ListKind::Tools));
        list.items.len() == 1 && list.items[0].contains(&format!(r#""name":"{name}""#))
    };
    assert!(has("get") && has("get"));
    keys.keys.replace(vec!["renewed"]);
    assert!(has("get"), "a renewed token belongs to the same account");
    assert_eq!(platform.requests().len(), 1);
    keys.keys.replace(vec!["another"]);
    assert!(has("put") && has("put"));
    assert_eq!(platform.requests().len(), 2);
}

#[test]
fn a_second_key_that_is_refused_is_noted_and_none_is_asked_for() {
    let refused = || ScriptedStream::status(401);
    for name in ["", "tickets"] {
        let platform = VirtualPlatform::new([refused(), refused()]);
        let keys = keys(&["old", "renewed"]);
        let door = door(name, &keys);
        let plain = Rc::new(client(ClientCapabilities::default(), false));
        let ctx = caller(&platform, &plain);
        match name {
            "" => {
                let tool = stand_in(door.upstreams.get("tickets").unwrap(), "tickets_get");
                let tool = RemoteTool { name_there: "get".into(), ..tool };
                let params = r#"{"name":"tickets_get","arguments":{}}"#;
                let told = failure(&platform.run(door.call(&ctx, &tool, params)));
                assert!(told.contains("no longer accepts the key"), "{told}");
            }
            _ => {
                let about = platform.run(door.about(&ctx)).unwrap().unwrap();
                assert!(about.instructions.unwrap().contains("no longer accepts the key"));
            }
        }
        assert_eq!((keys.refused.get(), keys.given_up.get()), (1, true), "{name}");
        assert_eq!(platform.requests().len(), 2);
        let told = failure(&call(
            &door,
            &platform,
            &ctx,
            match name {
                "" => "tickets_get",
                _ => "get",
            },
        ));
        assert!(told.contains("no longer accepts the key") && told.contains(LINK), "{told}");
        assert_eq!(platform.requests().len(), 2, "it is not sent again");
    }
}

#[test]
fn a_door_opens_for_who_has_no_key() {
    let platform = VirtualPlatform::new([]);
    let door = door("tickets", &keys(&[]));
    let plain = Rc::new(client(ClientCapabilities::default(), false));
    let about = platform.run(door.about(&caller(&platform, &plain))).unwrap().unwrap();
    assert!(about.instructions.unwrap().contains("`connect_account` leads to the page"));
    assert!(about.capabilities.contains("\"tools\""));
}

#[test]
fn an_upstream_of_a_template_hears_that_a_caller_may_only_read() {
    let keys = Rc::new(Keys::default());
    let template = json!({ "template": "keboola" });
    let pins = Rc::new(crate::testing::FakePins::default());
    let door = Door { connections: keys, ..crate::testing::door("", ("keboola", &template), pins) };
    let platform = VirtualPlatform::new([]);
    let ctx = caller(&platform, &Rc::new(client(ClientCapabilities::default(), true)));
    let of = |scopes, read_only| {
        let principal = Principal { scopes, ..(*ctx.principal).clone() };
        let choice = ToolSelection { read_only, ..ctx.choice };
        let ctx = Context { principal: Rc::new(principal), choice, ..ctx.clone() };
        let upstream = door.upstreams.get("keboola").unwrap();
        let lists = door.whose_without_key(&ctx, upstream).headers;
        let told = door.caller(&ctx, None).headers.for_upstream(upstream).unwrap();
        (told.iter().any(|(name, value)| name == "x-read-only-mode" && value == "true"), lists)
    };
    let may_write = of(Scopes::WRITE, false);
    let may_read = of(Scopes::READ, false);
    assert_eq!(may_write, (false, None));
    assert!(may_read.0 && may_read.1.is_some(), "its lists are others");
    assert_eq!(of(Scopes::WRITE, true), may_read, "as one who asks for no more");
}

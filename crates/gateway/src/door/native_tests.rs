//! A door before an upstream in whose place a toolset of this server answers.

use std::cell::{Cell, RefCell};

use futures_util::future::ready;
use mcp_auth::scope::Scopes;
use mcp_platform::testing::VirtualPlatform;
use mcp_protocol::content::{CallToolResult, ContentBlock};
use mcp_server::{
    tool_selection::ToolSelection,
    toolset::{Arguments, CallResult, Tool, Toolset},
};
use serde_json::{Value, json};

use super::{
    tests::{caller, list},
    *,
};
use crate::{
    connect::{Page, Unconnected},
    testing::{self, FakePins},
};

/// Two tools, whose API knows the key `good` alone.
struct Shelf {
    tools: [Tool; 2],
}

const fn shelf(look: [&'static str; 2], discard: [&'static str; 2]) -> Shelf {
    let [look, look_definition] = look;
    let [discard, discard_definition] = discard;
    let read = Tool { name: look, ..Tool::quick(look_definition) };
    let change =
        Tool { name: discard, effect: Effect::Destructive, ..Tool::quick(discard_definition) };
    Shelf { tools: [read, change] }
}

static COMMON: Shelf = shelf(
    [
        "keboola_look",
        r#"{"name":"keboola_look","description":"See keboola_discard.","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#,
    ],
    ["keboola_discard", r#"{"name":"keboola_discard","inputSchema":{"type":"object"}}"#],
);
static OWN: Shelf = shelf(
    [
        "look",
        r#"{"name":"look","description":"See discard.","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#,
    ],
    ["discard", r#"{"name":"discard","inputSchema":{"type":"object"}}"#],
);

impl Toolset for Shelf {
    fn tools(&self) -> &[Tool] {
        &self.tools
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
        arguments: Arguments<'a>,
    ) -> LocalBoxFuture<'a, CallResult> {
        async move {
            let door = ctx.remote.as_ref().unwrap();
            let key = door.key(ctx, "keboola").await.unwrap();
            if tool.effect != Effect::Read {
                ctx.begin().await?;
            }
            let branch = key.options.first().map_or("main", |(_, branch)| branch);
            let said = format!("{} {} {branch} {arguments:?}", tool.name, key.api);
            if key.key.expose() != "good" {
                door.refuse_key(ctx, "keboola", &key.key).await;
                return Ok(CallToolResult::error(format!("{said}: 401")));
            }
            Ok(CallToolResult::text(said))
        }
        .boxed_local()
    }
}

/// The keys of one person, of which the API refuses the first ones.
#[derive(Default)]
struct Keys {
    keys: RefCell<Vec<&'static str>>,
    refused: Cell<usize>,
}

impl Keys {
    fn current(&self, upstream: &Upstream) -> Result<Connected, Unconnected> {
        let otherwise = match self.refused.get() {
            0 => Unconnected::Missing,
            _ => Unconnected::Refused,
        };
        let key = self.keys.borrow().first().copied().ok_or(otherwise)?;
        Ok(Connected::new(Secret::new(key), key, upstream).at(Some("keboola.com"), upstream))
    }
}

impl Connections for Keys {
    fn find<'a>(
        &'a self,
        _ctx: &'a Context,
        upstream: &'a Upstream,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        ready(self.current(upstream)).boxed_local()
    }

    fn refused<'a>(
        &'a self,
        _ctx: &'a Context,
        upstream: &'a Upstream,
        refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        self.refused.set(self.refused.get().saturating_add(1));
        self.keys.borrow_mut().retain(|key| **key != *refused.revision);
        ready(self.current(upstream)).boxed_local()
    }

    fn given_up<'a>(
        &'a self,
        _ctx: &'a Context,
        _upstream: &'a Upstream,
        _refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Unconnected> {
        ready(Unconnected::Refused).boxed_local()
    }

    fn page(&self, _ctx: &Context, upstream: &Upstream) -> Option<Page> {
        let url = format!("https://front.example/connect/{}?link=x", upstream.name);
        Some(Page { url, until_s: u64::MAX })
    }
}

struct Stand {
    platform: Rc<VirtualPlatform>,
    door: Rc<Door>,
    ctx: Context,
    keys: Rc<Keys>,
    pins: Rc<FakePins>,
}

impl Stand {
    fn new(name: &str, settings: Value, keys: &[&'static str]) -> Self {
        let keys = Rc::new(Keys { keys: RefCell::new(keys.to_vec()), ..Keys::default() });
        let mut all = json!({ "template": "keboola" });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let pins = Rc::new(FakePins::default());
        let door = testing::door(name, ("keboola", &all), pins.clone());
        let mut upstreams = (*door.upstreams).clone();
        upstreams.answer_here("keboola");
        assert!(upstreams.errors.is_empty(), "{:?}", upstreams.errors);
        let natives: Natives = |name| {
            let native = Native { common: &COMMON, own: &OWN, instructions: "Look first." };
            (name == "keboola").then_some(native)
        };
        let upstreams = Rc::new(upstreams);
        let door = Rc::new(Door { upstreams, natives, connections: keys.clone(), ..door });
        // It plays no answer: a request would fail.
        let platform = VirtualPlatform::new([]);
        let ctx = caller(&platform, 1);
        let ctx = Context { remote: Some(door.clone()), ..ctx };
        Self { platform, door, ctx, keys, pins }
    }

    fn names(&self) -> Vec<String> {
        list(&self.door, &self.platform, &self.ctx).0
    }

    fn call(&self, name: &str) -> Outcome {
        let params = json!({ "name": name, "arguments": { "a": 1 } }).to_string();
        let outcome = self.platform.run(async {
            match self.door.tool(&self.ctx, name).await {
                Ok(Some(tool)) => self.door.call(&self.ctx, &tool, &params).await,
                Ok(None) => panic!("there is no tool {name}"),
                Err(outcome) => outcome,
            }
        });
        assert!(self.platform.requests().is_empty(), "nothing is sent to the upstream");
        assert_eq!(self.pins.asked.get(), 0, "nothing is pinned");
        outcome
    }
}

fn text(outcome: &Outcome) -> &str {
    let Outcome::Tool(CallToolResult { content, .. }) = outcome else { panic!("{outcome:?}") };
    let [ContentBlock::Text { text }] = &content[..] else { panic!("{content:?}") };
    text
}

#[test]
fn tools_are_listed_and_called_under_the_names_of_each_door() {
    for (door, look, discard, see) in [
        ("", "keboola_look", "keboola_discard", "See keboola_discard."),
        ("keboola", "look", "discard", "See discard."),
    ] {
        let stand = Stand::new(door, json!({ "branch": "12" }), &["good"]);
        let mut names = stand.names();
        names.sort();
        assert_eq!(names, [discard, look]);
        let listed = stand.platform.run(stand.door.list(&stand.ctx, ListKind::Tools));
        assert!(listed.items.iter().any(|item| item.contains(see)), "{listed:?}");
        let said = stand.call(look);
        let expected = format!("{look} https://connection.keboola.com 12 ");
        assert!(text(&said).starts_with(&expected), "{said:?}");
        assert!(text(&said).contains(r#"{"a":1}"#), "{said:?}");
        assert!(text(&stand.call(discard)).starts_with(discard));
    }
}

#[test]
fn filters_and_renames_are_those_of_the_upstream() {
    let settings = json!({ "deny": ["discard"], "rename": { "look": "see" } });
    let stand = Stand::new("", settings, &["good"]);
    assert_eq!(stand.names(), ["keboola_see"]);
    assert!(text(&stand.call("keboola_see")).starts_with("keboola_look "));
    for gone in ["keboola_look", "keboola_discard"] {
        let found = stand.platform.run(stand.door.tool(&stand.ctx, gone));
        assert!(matches!(found, Ok(None)), "{gone}: {found:?}");
    }
}

#[test]
fn who_may_only_read_neither_sees_nor_calls_what_changes() {
    let mut stand = Stand::new("", json!({}), &["good"]);
    let choice = ToolSelection { read_only: true, ..stand.ctx.choice };
    stand.ctx = Context { choice, ..stand.ctx };
    assert_eq!(stand.names(), ["keboola_look"]);
    let found = stand.platform.run(stand.door.tool(&stand.ctx, "keboola_discard"));
    assert!(matches!(found, Ok(None)), "{found:?}");
    let mut stand = Stand::new("", json!({ "effects": { "discard": "read" } }), &["good"]);
    let principal = Principal { scopes: Scopes::READ, ..(*stand.ctx.principal).clone() };
    stand.ctx = Context { principal: Rc::new(principal), ..stand.ctx };
    let outcome = stand.call("keboola_discard");
    assert!(matches!(outcome, Outcome::Beyond(_)), "its own effect counts, too: {outcome:?}");
}

#[test]
fn without_a_key_there_is_the_tool_that_leads_to_the_page() {
    for (door, stand_in, look) in
        [("", "keboola_connect_account", "keboola_look"), ("keboola", "connect_account", "look")]
    {
        let stand = Stand::new(door, json!({}), &[]);
        assert_eq!(stand.names(), [stand_in]);
        for name in [stand_in, look] {
            let told = stand.call(name);
            assert!(text(&told).contains("https://front.example/connect/keboola"), "{told:?}");
        }
    }
}

#[test]
fn a_key_that_is_refused_leads_to_the_page_and_a_newer_one_is_used() {
    let stand = Stand::new("", json!({}), &["old"]);
    let told = stand.call("keboola_look");
    assert!(text(&told).contains("no longer accepts the key"), "{told:?}");
    assert!(text(&told).contains("https://front.example/connect/keboola"), "{told:?}");
    assert_eq!(stand.keys.refused.get(), 1);
    let stand = Stand::new("", json!({}), &["old", "good"]);
    let said = stand.call("keboola_look");
    assert!(text(&said).starts_with("keboola_look "), "{said:?}");
    assert_eq!(stand.keys.refused.get(), 1);
}

#[test]
fn a_change_that_has_begun_is_not_made_again() {
    let stand = Stand::new("", json!({}), &["old", "good"]);
    let told = stand.call("keboola_discard");
    assert!(text(&told).ends_with(": 401"), "the tool says how it ended: {told:?}");
    assert_eq!(stand.keys.refused.get(), 1);
}

#[test]
fn its_own_door_says_what_this_server_has() {
    let about = |keys| {
        let stand = Stand::new("keboola", json!({}), keys);
        let about = stand.platform.run(stand.door.about(&stand.ctx)).unwrap().unwrap();
        assert!(stand.platform.requests().is_empty());
        about.behind_a_door()
    };
    let connected = about(&["good"]);
    assert_eq!(connected.instructions.as_deref(), Some("Look first."));
    assert_eq!(connected.server_info, None);
    let expected = r#"{"logging":{},"resources":{},"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
    assert_eq!(connected.capabilities, expected);
    let other = about(&[]);
    assert!(other.instructions.unwrap().contains("`connect_account` leads to the page"));
    assert_eq!(other.capabilities, expected);
}

#[test]
fn it_has_neither_prompts_nor_resources() {
    for (door, uri) in [("", "keboola+a:1"), ("keboola", "a:1")] {
        let stand = Stand::new(door, json!({}), &["good"]);
        for kind in [ListKind::Prompts, ListKind::Resources, ListKind::ResourceTemplates] {
            let list = stand.platform.run(stand.door.list(&stand.ctx, kind));
            assert!(
                list.notes.is_empty() && list.items.iter().all(|item| item.contains("gateway://"))
            );
        }
        for (method, params) in [
            ("resources/read", json!({ "uri": uri })),
            ("prompts/get", json!({ "name": "keboola_a" })),
        ] {
            let params = params.to_string();
            let answered = stand.platform.run(stand.door.request(&stand.ctx, method, &params));
            assert!(answered.is_none(), "{door} {method}: {answered:?}");
        }
        assert!(stand.platform.requests().is_empty());
    }
}

#[test]
fn a_key_goes_to_nothing_but_a_toolset_of_this_server() {
    let stand = Stand::new("", json!({}), &["good"]);
    let other = stand.platform.run(stand.door.key(&stand.ctx, "tickets"));
    assert!(other.is_err());
    let plain =
        testing::door("", ("keboola", &json!({ "template": "keboola" })), stand.pins.clone());
    let plain = Door { connections: stand.keys.clone(), ..plain };
    let kept = stand.platform.run(plain.key(&stand.ctx, "keboola"));
    assert!(kept.is_err(), "the upstream gets it, and no toolset");
}

//! Searches among the tools of this server and those of upstreams.

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_protocol::{jsonrpc::RpcError, list_kind::ListKind};
use pollster::block_on;
use serde_json::{json, value::to_raw_value};

use super::*;
use crate::testing::REGISTRY;
use mcp_server::{
    outcome::Outcome,
    remote::{About, Remote, RemoteList, RemoteTool},
    testing::FakePlatform,
    tool_selection::ToolSelection,
};

/// A definition whose bytes no reader writes again.
const FORECAST: &str = r#"{"name":"weather_forecast","description":"Says how the weather will be in a place, große Städte included.","inputSchema":{"type":"object","properties":{"days":{"type":"integer","maximum":12345678901234567890123}}}, "z":1}"#;

/// Upstreams that have these tools.
struct There(Vec<(&'static str, String)>);

impl Remote for There {
    fn about<'a>(
        &'a self,
        _ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<About>, RpcError>> {
        ready(Ok(None)).boxed_local()
    }

    fn list<'a>(&'a self, _ctx: &'a Context, _kind: ListKind) -> LocalBoxFuture<'a, RemoteList> {
        ready(RemoteList::default()).boxed_local()
    }

    fn servers(&self, _ctx: &Context) -> Vec<Rc<str>> {
        self.0.iter().map(|(upstream, _)| Rc::from(*upstream)).collect()
    }

    fn callable<'a>(
        &'a self,
        _ctx: &'a Context,
    ) -> LocalBoxFuture<'a, (Vec<FoundThere>, Vec<String>)> {
        let tool = |(upstream, definition): &(&str, String)| FoundThere {
            name: raw::value(definition).unwrap()["name"].as_str().unwrap().into(),
            upstream: (*upstream).into(),
            definition: definition.as_str().into(),
        };
        let notes = vec!["away: it did not answer".to_owned()];
        ready((self.0.iter().map(tool).collect(), notes)).boxed_local()
    }

    fn tool<'a>(
        &'a self,
        _ctx: &'a Context,
        _name: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<RemoteTool>, Outcome>> {
        ready(Ok(None)).boxed_local()
    }

    fn call<'a>(
        &'a self,
        _ctx: &'a Context,
        _tool: &'a RemoteTool,
        _params: &'a str,
    ) -> LocalBoxFuture<'a, Outcome> {
        ready(Outcome::List("{}")).boxed_local()
    }

    fn request<'a>(
        &'a self,
        _ctx: &'a Context,
        _method: &'a str,
        _params: &'a str,
    ) -> LocalBoxFuture<'a, Option<Outcome>> {
        ready(None).boxed_local()
    }
}

fn before(tools: Vec<(&'static str, String)>) -> Context {
    let choice = REGISTRY.choose("dynamic").unwrap();
    Context { choice, remote: Some(Rc::new(There(tools))), ..FakePlatform::new([]).context() }
}

fn call(ctx: &Context, arguments: Value) -> CallToolResult {
    let arguments = to_raw_value(&arguments).unwrap();
    let ctx = Context { registry: &REGISTRY, ..ctx.clone() };
    block_on(super::super::call(&ctx, NAME, Some(&arguments))).unwrap()
}

fn first(query: &str) -> String {
    let fake = FakePlatform::new([]);
    let result = call(&fake.context(), json!({ "query": query }));
    let data = result.structured_content.unwrap();
    data["tools"][0]["name"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_one_wants_to_do_finds_its_tool() {
    for (query, name) in [
        ("add a DNS record", "sitebay_create_dns_record"),
        ("remove my site", "sitebay_delete_site"),
        ("take a screenshot of the page", "sitebay_browser_screenshot"),
        ("run wp-cli", "sitebay_site_shell_command"),
        ("purge the cache", "sitebay_clear_cache"),
        ("revert a site to a backup", "sitebay_backup_restore"),
        ("read the PHP error logs", "sitebay_get_site_logs"),
    ] {
        assert_eq!(first(query), name, "{query}");
    }
    assert_eq!(first("zzzz"), "");
}

#[test]
fn a_reader_finds_what_reads() {
    let fake = FakePlatform::new([]);
    let choice = ToolSelection { read_only: true, ..ToolSelection::default() };
    let ctx = Context { choice, ..fake.context() };
    let text = call(&ctx, json!({ "query": "delete a site", "limit": 20 })).to_json();
    assert!(!text.contains("sitebay_delete_site"), "{text}");
}

#[test]
fn without_a_session_a_toolset_is_shown_whole_and_nothing_is_enabled() {
    let fake = FakePlatform::new([]);
    let dynamic = Context { choice: REGISTRY.choose("dynamic").unwrap(), ..fake.context() };
    let data = call(&dynamic, json!({ "enable": ["dns"] })).structured_content.unwrap();
    assert!(data["tools"].as_array().unwrap().len() >= 3 && data["enabled"] == json!([]));
}

#[test]
fn what_cannot_be_understood_is_named() {
    let fake = FakePlatform::new([]);
    for (arguments, part) in [
        (json!({}), "query"),
        (json!({ "query": 7 }), "query"),
        (json!({ "query": "dns", "limit": 0 }), "limit"),
        (json!({ "enable": ["moon"] }), "moon"),
        (json!({ "enable": "dns" }), "enable"),
        (json!({ "query": "dns", "moon": 1 }), "moon"),
        (json!([]), "object"),
    ] {
        let result = call(&fake.context(), arguments.clone());
        let text = result.to_json();
        assert!(result.is_error && text.contains(part), "{arguments}: {text}");
    }
}

#[test]
fn a_tool_of_an_upstream_is_found_and_its_definition_stays_as_it_was() {
    let ctx = before(vec![("weather", FORECAST.to_owned())]);
    for query in ["how will the weather be", "forecast", "große Städte"] {
        let result = call(&ctx, json!({ "query": query, "limit": 1 }));
        let text = result.to_json();
        assert!(text.contains("\"tools\":[{\"name\":\"weather_forecast\""), "{query}: {text}");
        assert!(text.contains("12345678901234567890123}}}, \"z\":1}"), "{text}");
        assert!(text.contains("weather_forecast (toolset weather)"), "{text}");
        assert!(text.contains("Not searched: away: it did not answer."), "{text}");
    }
    // This server's own are found beside them.
    let both = call(&ctx, json!({ "query": "add a DNS record", "limit": 1 })).to_json();
    assert!(both.contains("sitebay_create_dns_record"), "{both}");
}

#[test]
fn an_upstream_is_shown_as_a_toolset_of_its_name() {
    let ctx = before(vec![("weather", FORECAST.to_owned())]);
    let named = call(&ctx, json!({ "enable": ["Weather"] })).to_json();
    assert!(named.contains("weather_forecast") && !named.contains("sitebay_list_sites"), "{named}");
    let unknown = call(&ctx, json!({ "enable": ["moon"] })).to_json();
    assert!(unknown.contains("`moon`") && unknown.contains("upstreams, weather"), "{unknown}");
}

#[test]
fn an_answer_has_an_end_however_many_and_large_the_definitions_are() {
    let tool = |n: usize| {
        let text = "x".repeat(40_000);
        json!({ "name": format!("weather_{n}"), "description": text, "inputSchema": {} })
            .to_string()
    };
    let many: Vec<_> = (0..300).map(|n| ("weather", tool(n))).collect();
    let result = call(&before(many), json!({ "query": "weather", "limit": 20 })).to_json();
    assert!(result.len() < 3 * MAX_SHOWN && result.contains("weather_0"), "{}", result.len());
    assert!(result.contains("too many to search"), "{}", &result[..200]);
    let one =
        json!({ "name": "weather_x", "description": "y".repeat(MAX_SHOWN), "inputSchema": {} });
    let small = ("weather", FORECAST.to_owned());
    let result =
        call(&before(vec![("weather", one.to_string()), small]), json!({ "query": "weather" }));
    assert!(result.to_json().contains("weather_forecast") && result.to_json().len() < MAX_SHOWN);
}

//! What Keboola's MCP server is sent: it takes settings from headers, so that those of an allow-list alone reach it.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::{scope::Scopes, secret::Secret};
use mcp_platform::{
    SharedPlatform,
    stream::StreamRequest,
    testing::{ScriptedStream, VirtualPlatform},
};
use serde_json::{Value, json};

use super::{
    stacks_tests::AtStacks,
    tests::{answer, caller, list, tools},
    *,
};
use crate::{
    relay::pool::SessionKeeper,
    testing::{self, FakePins},
};

/// Nothing is kept.
struct NoRows;

impl SessionKeeper for NoRows {
    fn kept(&self, _key: &str) -> LocalBoxFuture<'static, Option<Secret>> {
        ready(None).boxed_local()
    }

    fn keep(&self, _key: &str, _text: Option<Secret>) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }
}

/// Headers of the protocol, whatever the upstream is.
const OF_THE_PROTOCOL: [&str; 6] = [
    "accept",
    "content-type",
    "mcp-method",
    "mcp-protocol-version",
    "mcp-session-id",
    "x-mcp-gateways",
];
const OF_THE_PERSON: [&str; 3] = ["x-disallowed-tools", "x-storageapi-token", "x-storageapi-url"];
const OF_THE_SETTINGS: [&str; 3] = ["x-allowed-tools", "x-branch-id", "x-workspace-schema"];
const OF_THE_CALLER: [&str; 7] = [
    "accept-language",
    "baggage",
    "traceparent",
    "tracestate",
    "x-conversation-id",
    "x-correlation-id",
    "x-request-id",
];

/// The answer to a handshake of an upstream with sessions.
const HELLO: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#,
    r#""serverInfo":{"name":"k","version":"1"}}}"#
);

/// The headers of each request that a list leads to, but those of the protocol.
fn sent(settings: &Value, era: &str, only_reads: bool) -> Vec<BTreeSet<String>> {
    let mut all = json!({ "template": "keboola", "era": era });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let door = testing::door("", ("keboola", &all), Rc::<FakePins>::default());
    let list_of_tools = answer(Duration::ZERO, &tools(&["get_jobs"]));
    let script = match era {
        "session" => vec![
            ScriptedStream::json(200, HELLO).header("Mcp-Session-Id", "s-1"),
            ScriptedStream::status(202),
            list_of_tools,
        ],
        _ => vec![list_of_tools],
    };
    let expected = script.len();
    let platform = VirtualPlatform::new(script);
    let shared: SharedPlatform = platform.clone();
    let place = match era {
        "session" => {
            Place::Object(Rc::new(Pool::new(shared, door.memory.clone(), Rc::new(NoRows))))
        }
        _ => Place::Worker(Rc::new(testing::NoObjects)),
    };
    // A caller who sends every header that there is.
    let forwarded = Forwarded::read(&door.upstreams, |_| Some("of the caller".to_owned()));
    let door = Door { connections: Rc::new(AtStacks), place, forwarded, ..door };
    let mut ctx = caller(&platform, 1);
    let scopes = if only_reads { Scopes::READ } else { Scopes::WRITE };
    ctx.principal = Rc::new(Principal { scopes, ..(*ctx.principal).clone() });
    list(&door, &platform, &ctx);
    let requests = platform.requests();
    assert_eq!(requests.len(), expected, "{era}");
    let bare = |request: &StreamRequest| {
        assert!(!request.url.contains("a key"), "the token is in no URL");
        let names = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        names.filter(|name| !OF_THE_PROTOCOL.contains(&name.as_str())).collect()
    };
    requests.iter().map(bare).collect()
}

fn names(groups: &[&[&str]]) -> BTreeSet<String> {
    groups.iter().flat_map(|group| group.iter()).map(|name| (*name).to_owned()).collect()
}

#[test]
fn no_header_beside_those_of_the_allow_list_reaches_keboolas_server() {
    let all = json!({
        "branch": "1012", "workspace_schema": "WORKSPACE_1", "allow": ["get_jobs"], "forward_headers": OF_THE_CALLER,
    });
    for era in ["session", "stateless"] {
        let each = |settings: &Value, only_reads: bool, groups: &[&[&str]]| {
            for request in sent(settings, era, only_reads) {
                assert_eq!(request, names(groups), "{era}");
            }
        };
        each(&json!({}), false, &[&OF_THE_PERSON]);
        each(&all, false, &[&OF_THE_PERSON, &OF_THE_SETTINGS, &OF_THE_CALLER]);
        each(&json!({}), true, &[&OF_THE_PERSON, &["x-read-only-mode"]]);
    }
}

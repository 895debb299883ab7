//! Upstreams as toolsets: which of them a caller has at the common door, and how their tools are found there.
//!
//! Tests name the statements of the gateway that they show.

use serde_json::{Value, json};

use crate::support::{
    Answer, Client,
    events::Live,
    gateway::{Front, before, error, settings},
    issuer::{claims, hs256},
    options, start,
    stateless::ask,
    tour::{SSE_CLIENT, call, text, tour},
    upstream::mcp::{Era, Options, Server, TOOLS},
};

const ERAS: [Era; 3] = [Era::Session("2025-11-25"), Era::Stateless, Era::Sse];
const FINDER: &str = "sitebay_find_tools";

/// The setting that finds an era.
fn configured(era: Era) -> Value {
    if era == Era::Sse { json!({ "era": "sse" }) } else { json!({}) }
}

/// What the names of tools begin with, each once.
fn firsts(names: &[String]) -> Vec<&str> {
    let mut firsts: Vec<&str> =
        names.iter().map(|name| name.split('_').next().unwrap_or(name)).collect();
    firsts.sort_unstable();
    firsts.dedup();
    // Tools of the fixtures have no first word in common.
    firsts.retain(|first| ["sitebay", "one", "other"].contains(first));
    firsts
}

fn is_unknown(refused: &Answer) -> bool {
    let code = error(refused)["code"].clone();
    code == -32602 || code == -32002
}

#[tokio::test]
async fn a_choice_of_toolsets_is_one_of_upstreams_too() {
    let (one, other) =
        (Server::start(Era::Session("2025-11-25")).await, Server::start(Era::Stateless).await);
    let worker =
        before(&[("one", &one.url(), json!({})), ("other", &other.url(), json!({}))]).await;
    for (chosen, listed) in [
        ("", &["one", "other", "sitebay"][..]),
        ("?toolsets=", &["one", "other", "sitebay"]),
        ("?toolsets=all", &["one", "other", "sitebay"]),
        ("?toolsets=dns,upstreams", &["one", "other", "sitebay"]),
        ("?toolsets=upstreams", &["one", "other"]),
        ("?toolsets=default", &["sitebay"]),
        ("?toolsets=dns,One", &["one", "sitebay"]),
        ("?toolsets=one", &["one"]),
        ("?toolsets=one,other", &["one", "other"]),
    ] {
        for front in Front::both(&worker, &format!("/mcp{chosen}")).await {
            assert_eq!(firsts(&front.tools().await), listed, "{chosen}");
        }
    }
    let by_header = Client::new(&worker.url()).with("x-mcp-toolsets", "other");
    for front in
        [Front::Session(by_header.clone().connect().await), Front::Stateless(by_header.clone())]
    {
        assert_eq!(firsts(&front.tools().await), ["other"]);
    }
}

/// Statement 28: with no tool of this server, in every era in front and behind.
#[tokio::test]
async fn what_is_not_chosen_is_neither_listed_nor_called_and_is_asked_nothing() {
    for era in ERAS {
        let (one, other) = (Server::start(era).await, Server::start(era).await);
        let upstreams =
            [("one", &*one.url(), configured(era)), ("other", &*other.url(), configured(era))];
        let settings = settings(&upstreams);
        let chosen = start(options().var("UPSTREAMS", &settings)).await;
        let operated =
            start(options().var("UPSTREAMS", &settings).var("MCP_TOOLSETS", "one")).await;
        let [session, stateless] = Front::both(&chosen, "/mcp?toolsets=one").await;
        let [by_operator, stateless_by_operator] = Front::both(&operated, "/mcp").await;
        for front in [session, stateless, by_operator, stateless_by_operator] {
            let names = front.tools().await;
            assert_eq!(names.len(), TOOLS.len(), "{era:?}: {names:?}");
            assert!(names.iter().all(|name| name.starts_with("one_")), "{names:?}");
            assert_eq!(front.call("one_echo", json!({ "text": "x" })).await.tool_text(), "x");
            for name in ["other_echo", "sitebay_list_sites", "echo", FINDER] {
                let refused = front.call(name, json!({ "text": "x" })).await;
                assert_eq!(error(&refused)["code"], -32602, "{name}: {refused:?}");
            }
            let prompts = front.list("prompts/list", "prompts").await;
            assert!(!prompts.is_empty());
            let theirs = |prompt: &Value| prompt["name"].as_str().unwrap().starts_with("one_");
            assert!(prompts.iter().all(theirs), "{prompts:?}");
            let resources = front.list("resources/list", "resources").await;
            let of = |uri: &str| resources.iter().filter(|one| one["uri"] == uri).count();
            assert_eq!((of("one+urn:demo:1"), of("other+urn:demo:1")), (1, 0), "{resources:?}");
            let read = front.ask("resources/read", json!({ "uri": "one+urn:demo:1" })).await;
            assert_eq!(read.result()["contents"][0]["text"], "one");
            for uri in ["other+urn:demo:1", "sitebay://sites"] {
                let refused = front.ask("resources/read", json!({ "uri": uri })).await;
                assert!(is_unknown(&refused), "{uri}: {refused:?}");
            }
            let refused = front.ask("prompts/get", json!({ "name": "other_plain" })).await;
            assert_eq!(error(&refused)["code"], -32602, "{refused:?}");
            let status = front.ask("resources/read", json!({ "uri": "gateway://upstreams" })).await;
            let status = status.result()["contents"][0]["text"].to_string();
            assert!(status.contains("one") && !status.contains("other"), "{status}");
        }
        assert!(other.recorded().is_empty(), "{era:?}: it was asked something");
        // A door of one upstream has it, whatever was chosen.
        for path in ["/u/other/mcp", "/u/other/mcp?toolsets=one"] {
            for front in Front::both(&operated, path).await {
                assert_eq!(front.call("echo", json!({ "text": "y" })).await.tool_text(), "y");
            }
        }
    }
}

#[tokio::test]
async fn where_no_upstream_is_chosen_none_is_asked() {
    let upstream = Server::start(Era::Stateless).await;
    let worker = before(&[("one", &upstream.url(), json!({}))]).await;
    for front in Front::both(&worker, "/mcp?toolsets=dns").await {
        let names = front.tools().await;
        assert!(names.iter().any(|name| name == "sitebay_get_dns_records"), "{names:?}");
        assert_eq!(firsts(&names), ["sitebay"]);
        let refused = front.call("one_echo", json!({ "text": "x" })).await;
        assert_eq!(error(&refused)["code"], -32602, "{refused:?}");
        let status = front.ask("resources/read", json!({ "uri": "gateway://upstreams" })).await;
        assert!(is_unknown(&status), "{status:?}");
    }
    assert!(upstream.recorded().is_empty());
}

#[tokio::test]
async fn a_client_of_the_first_transport_chooses_upstreams() {
    let (one, other) =
        (Server::start(Era::Stateless).await, Server::start(Era::Session("2025-11-25")).await);
    let worker =
        before(&[("one", &one.url(), json!({})), ("other", &other.url(), json!({}))]).await;
    let plan = json!({ "calls": [["one_echo", { "text": "x" }], ["other_echo", { "text": "x" }]] });
    let url = format!("{}/sse?toolsets=one", worker.url());
    let seen = tour(&url, SSE_CLIENT, &plan).await;
    assert_eq!(text(&seen, "one_echo"), "x", "{seen}");
    assert_eq!(call(&seen, "other_echo")["result"]["error"], -32602, "{seen}");
    assert!(other.recorded().is_empty());
}

/// A session's id carries the choice.
#[tokio::test]
async fn a_choice_of_upstreams_outlives_a_restart() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let upstreams = [("one", &*upstream.url(), json!({})), ("other", &upstream.url(), json!({}))];
    let mut worker = before(&upstreams).await;
    let client = Client::at(&worker.url(), "/mcp?toolsets=other&readonly=1").connect().await;
    let front = Front::Session(client);
    assert_eq!(front.tools().await, ["other_echo"]);
    worker.restart().await.unwrap();
    assert_eq!(front.tools().await, ["other_echo"]);
    let refused = front.call("other_count", json!({})).await;
    assert_eq!(error(&refused)["code"], -32602, "{refused:?}");
}

#[tokio::test]
async fn a_name_that_is_no_toolset_is_refused_and_so_is_one_that_the_caller_may_not_use() {
    let upstream = Server::start(Era::Stateless).await;
    let secret = "a-secret-of-this-test-with-enough-characters";
    let upstreams = settings(&[
        ("one", &upstream.url(), json!({ "scope": "read" })),
        ("hidden", &upstream.url(), json!({ "scope": "admin" })),
    ]);
    let options = options().var("UPSTREAMS", &upstreams).var("MCP_JWT_SECRET", secret);
    let worker = start(options).await;
    let token = hs256(secret, claims(json!({ "scope": "read write" })));
    let told = async |name: &str| {
        let client = Client::at(&worker.url(), &format!("/mcp?toolsets={name}"))
            .with("authorization", &format!("Bearer {token}"));
        let session = client.initialize("2025-11-25").await;
        let stateless = ask(&client, "tools/list", json!({}), json!({})).await;
        assert_eq!((session.status.as_u16(), stateless.status.as_u16()), (400, 400), "{name}");
        assert!(session.text.contains("upstreams, one"), "{session:?}");
        session.text.replace(name, "")
    };
    assert_eq!(told("hidden").await, told("moonlit").await);
    assert!(upstream.recorded().is_empty());
}

#[tokio::test]
async fn more_upstreams_than_a_session_can_name_are_refused() {
    let name = |n: usize| format!("upstream-long-{n:02}");
    let names: Vec<String> = (0..12).map(name).collect();
    let upstreams: Vec<(&str, &str, Value)> = names
        .iter()
        .map(|name| (name.as_str(), "http://127.0.0.1:9/mcp", json!({ "era": "stateless" })))
        .collect();
    let worker = before(&upstreams).await;
    let chosen = |count: usize| format!("/mcp?toolsets={}", names[..count].join(","));
    let few = Client::at(&worker.url(), &chosen(10)).initialize("2025-11-25").await;
    assert_eq!(few.status, 200, "{few:?}");
    let many = Client::at(&worker.url(), &chosen(12)).initialize("2025-11-25").await;
    assert_eq!(many.status, 400, "{many:?}");
    assert!(many.text.contains("too many upstreams"), "{many:?}");
    let all = Client::at(&worker.url(), "/mcp?toolsets=upstreams").initialize("2025-11-25").await;
    assert_eq!(all.status, 200, "{all:?}");
}

/// The tools that a search shows, and its text.
async fn found(front: &Front, arguments: Value) -> (Vec<Value>, String) {
    let result = front.call(FINDER, arguments).await.result();
    let tools = result["structuredContent"]["tools"].as_array().expect("tools").clone();
    (tools, result["content"][0]["text"].as_str().unwrap().to_owned())
}

/// Statement 10: also in the answer of a search.
#[tokio::test]
async fn tools_of_upstreams_are_found_and_called() {
    for era in ERAS {
        let upstream = Server::start(era).await;
        let worker = before(&[("one", &upstream.url(), configured(era))]).await;
        for front in Front::both(&worker, "/mcp?toolsets=dynamic").await {
            assert_eq!(firsts(&front.tools().await), ["sitebay"], "{era:?}");
            let answer = front.call(FINDER, json!({ "query": "say größe again" })).await;
            let raw = crate::support::upstream::mcp::definition("echo")
                .replace(r#""name":"echo""#, r#""name":"one_echo""#);
            assert!(answer.text.contains(&raw), "{era:?}: {answer:?}");
            let (tools, text) = found(&front, json!({ "query": "count executions" })).await;
            assert_eq!(tools[0]["name"], "one_count", "{text}");
            assert!(text.contains("one_count (toolset one)"), "{text}");
            front.call("one_count", json!({})).await.result();
            let (own, text) = found(&front, json!({ "query": "add a DNS record" })).await;
            assert_eq!(own[0]["name"], "sitebay_create_dns_record", "{text}");
        }
        assert_eq!(upstream.executions("count"), 2, "{era:?}");
    }
}

#[tokio::test]
async fn a_session_enables_an_upstream_and_keeps_it() {
    let upstream = Server::start(Era::Stateless).await;
    let mut worker = before(&[("one", &upstream.url(), json!({}))]).await;
    let client = Client::at(&worker.url(), "/mcp?toolsets=dynamic").connect().await;
    let front = Front::Session(client.clone());
    let enabled = client.call(FINDER, json!({ "enable": ["one"] })).await;
    assert!(enabled.text.contains("notifications/tools/list_changed"), "{enabled:?}");
    let result = enabled.result();
    assert_eq!(result["structuredContent"]["enabled"], json!(["one"]), "{result}");
    let listed = result["structuredContent"]["tools"].as_array().unwrap().len();
    assert_eq!(listed, TOOLS.len(), "{result}");
    let theirs = async || {
        let names = front.tools().await;
        names.iter().filter(|name| name.starts_with("one_")).count()
    };
    assert_eq!(theirs().await, TOOLS.len());
    let again = client.call(FINDER, json!({ "enable": ["one"] })).await;
    assert!(!again.text.contains("list_changed"), "{again:?}");
    worker.restart().await.unwrap();
    assert_eq!(theirs().await, TOOLS.len(), "what was enabled outlives a restart");
    let unknown = client.call(FINDER, json!({ "enable": ["moon"] })).await.result();
    assert_eq!(unknown["isError"], true, "{unknown}");
    assert!(unknown["content"][0]["text"].to_string().contains("upstreams, one"), "{unknown}");
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    client.call(FINDER, json!({ "enable": ["dns"] })).await.result();
    live.until("notifications/tools/list_changed").await;
}

#[tokio::test]
async fn a_search_shows_nothing_that_the_caller_may_not_call() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let secret = "a-secret-of-this-test-with-enough-characters";
    let upstreams = settings(&[
        ("one", &upstream.url(), json!({ "scope": "read", "deny": ["odd"] })),
        ("hidden", &upstream.url(), json!({ "scope": "admin" })),
    ]);
    let options = options().var("UPSTREAMS", &upstreams).var("MCP_JWT_SECRET", secret);
    let worker = start(options).await;
    let caller = |scope: &str, query: &str| {
        let token = hs256(secret, claims(json!({ "scope": scope })));
        Client::at(&worker.url(), &format!("/mcp?toolsets=dynamic{query}"))
            .with("authorization", &format!("Bearer {token}"))
    };
    for (scope, query, changes) in
        [("read write", "", true), ("read write", "&readonly=1", false), ("read", "", false)]
    {
        let client = caller(scope, query);
        for front in
            [Front::Session(client.clone().connect().await), Front::Stateless(client.clone())]
        {
            let search = json!({ "query": "count change echo again odd hidden", "limit": 20 });
            let (tools, text) = found(&front, search).await;
            let has = |name: &str| tools.iter().any(|tool| tool["name"] == name);
            assert!(has("one_echo") && !has("one_odd"), "{scope}{query}: {text}");
            assert_eq!(has("one_count"), changes, "{scope}{query}: {text}");
            assert!(!text.contains("hidden_"), "{text}");
            let enabled = front.call(FINDER, json!({ "enable": ["hidden"] })).await.result();
            assert_eq!(enabled["isError"], true, "{enabled}");
        }
    }
}

/// Statement 7: a search is not held up by an upstream that does not answer, and says so.
#[tokio::test]
async fn a_search_says_which_upstream_did_not_answer() {
    let upstream = Server::start(Era::Stateless).await;
    let away = crate::support::upstream::closed_port();
    let upstreams = [("one", &*upstream.url(), json!({})), ("away", &away, json!({}))];
    let worker = before(&upstreams).await;
    for front in Front::both(&worker, "/mcp?toolsets=dynamic").await {
        let (tools, text) = found(&front, json!({ "query": "count executions" })).await;
        assert_eq!(tools[0]["name"], "one_count", "{text}");
        assert!(text.contains("Not searched: away:"), "{text}");
    }
}

/// A search asks for no more than a list does.
#[tokio::test]
async fn searches_among_many_tools_ask_for_the_lists_once() {
    let mut large = Options::new(Era::Stateless);
    (large.many, large.page) = (1_000, 500);
    let upstream = Server::with(large).await;
    let worker = before(&[("one", &upstream.url(), json!({}))]).await;
    let front = Front::Stateless(Client::at(&worker.url(), "/mcp?toolsets=dynamic"));
    let lists = || upstream.count(&crate::support::upstream::rpc("tools/list"));
    let (tools, text) = found(&front, json!({ "query": "many", "limit": 20 })).await;
    assert_eq!(tools.len(), 20, "{text}");
    let asked = lists();
    found(&front, json!({ "query": "count" })).await;
    assert_eq!((lists(), asked), (asked, 3));
}

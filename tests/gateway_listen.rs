//! What upstreams say outside of calls: changes of lists and resources, on every kind of stream.
//!
//! Tests name the statements of the gateway that they show.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use xtask::{
    faults::Faults,
    server::{Options, Server as Worker},
};

use crate::{
    sse::{ask as ask_on_stream, hello, open},
    support::{
        Client,
        events::Live,
        gateway::{Front, before, settings},
        options, start,
        stateless::{ask, prepared},
        upstream::{
            Reply, Upstream, http,
            mcp::{Era, Server},
            rpc,
        },
        wait,
    },
};

const ERAS: [Era; 3] = [Era::Session("2025-11-25"), Era::Stateless, Era::Sse];
/// The doors of the upstream `t`, and what its tools and resources begin with there.
const DOORS: [(&str, &str, &str); 2] = [("", "t_", "t+"), ("/u/t", "", "")];

fn configured(era: Era) -> Value {
    if era == Era::Sse { json!({ "era": "sse" }) } else { json!({}) }
}

async fn stand(era: Era) -> (Server, Worker) {
    let upstream = Server::start(era).await;
    let worker = before(&[("t", &upstream.url(), configured(era))]).await;
    (upstream, worker)
}

fn tool(name: &str) -> String {
    json!({ "name": name, "inputSchema": { "type": "object" } }).to_string()
}

/// A tool that claims to read.
fn reads(name: &str) -> String {
    let read = json!({ "readOnlyHint": true });
    json!({ "name": name, "inputSchema": { "type": "object" }, "annotations": read }).to_string()
}

/// The request of a listener without a session.
fn listener(worker: &Worker, door: &str, filter: Value) -> RequestBuilder {
    let params = json!({ "notifications": filter });
    let client = Client::at(&worker.url(), &format!("{door}/mcp"));
    let (client, body) = prepared(&client, "subscriptions/listen", params, json!({}));
    client.send(Method::POST).body(body)
}

/// The stream of a request, and what was agreed on.
async fn agreed(request: RequestBuilder) -> (Live, Value) {
    let mut live = Live::new(request.send().await.unwrap());
    let agreed = live.message(|message| is(message, "subscriptions/acknowledged")).await;
    live.forget();
    (live, agreed["params"]["notifications"].clone())
}

async fn listen(worker: &Worker, door: &str, filter: Value) -> (Live, Value) {
    agreed(listener(worker, door, filter)).await
}

fn is(message: &Value, method: &str) -> bool {
    message["method"] == format!("notifications/{method}")
}

fn tools_changed(message: &Value) -> bool {
    is(message, "tools/list_changed")
}

/// How often a stream has said this.
fn count(live: &Live, method: &str) -> usize {
    live.text().matches(&format!("\"notifications/{method}\"")).count()
}

fn lists(upstream: &Server) -> usize {
    upstream.count(&rpc("tools/list"))
}

/// Has an upstream announce tools that are the same, and waits until they were compared.
async fn announces_nothing_new(upstream: &Server) {
    let before = lists(upstream);
    upstream.announce("tools");
    wait::holds("the tools are compared", || lists(upstream) > before).await;
}

/// Statement 16, for clients without a session.
#[tokio::test]
async fn a_listener_hears_of_a_list_where_it_changed_and_sees_the_new_one_at_once() {
    for era in ERAS {
        for (door, prefix, uri) in DOORS {
            // Of its own for each door: what an isolate listed before is compared when a listener begins.
            let (upstream, worker) = stand(era).await;
            let what = format!("{era:?} {door}");
            upstream.set_tools(vec![tool("one")]);
            let front = Front::Stateless(Client::at(&worker.url(), &format!("{door}/mcp")));
            let filter = json!({
                "toolsListChanged": true,
                "resourceSubscriptions": [format!("{uri}urn:demo:1")],
            });
            let (mut live, agreed) = listen(&worker, door, filter.clone()).await;
            assert_eq!(agreed, filter, "{what}");
            assert!(front.tools().await.contains(&format!("{prefix}one")), "{what}");
            announces_nothing_new(&upstream).await;
            upstream.announce("prompts");
            upstream.update("demo://item/1");
            upstream.update("urn:demo:1");
            let updated = live.message(|message| is(message, "resources/updated")).await;
            assert_eq!(updated["params"]["uri"], format!("{uri}urn:demo:1"), "{what}");
            upstream.set_tools(vec![tool("one"), tool("two")]);
            let changed = live.message(tools_changed).await;
            for message in [updated, changed] {
                let id = &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
                assert_eq!(*id, 1, "{what}");
            }
            assert_eq!(count(&live, "tools/list_changed"), 1, "{what}: {}", live.text());
            assert_eq!(count(&live, "prompts/list_changed"), 0, "{what}: {}", live.text());
            assert!(front.tools().await.contains(&format!("{prefix}two")), "{what}");
        }
    }
}

/// Statement 16: what is hidden from everybody, or from this caller, is no change.
#[tokio::test]
async fn a_change_that_a_listener_does_not_see_is_not_told() {
    let upstream = Server::start(Era::Stateless).await;
    let hides = json!({ "deny": ["hidden*"] });
    let worker = before(&[("t", &upstream.url(), hides)]).await;
    upstream.set_tools(vec![reads("one")]);
    let filter = json!({ "toolsListChanged": true });
    let (mut all, _) = listen(&worker, "", filter.clone()).await;
    let reader = listener(&worker, "", filter).header("x-mcp-readonly", "true");
    let (mut reader, _) = agreed(reader).await;
    let changes = async |tools| {
        let before = lists(&upstream);
        upstream.set_tools(tools);
        wait::holds("both compare the tools", || lists(&upstream) >= before + 2).await;
    };
    changes(vec![reads("one"), tool("hidden_a")]).await;
    changes(vec![reads("one"), tool("hidden_b"), tool("change")]).await;
    all.message(tools_changed).await;
    changes(vec![reads("one"), reads("two"), tool("change")]).await;
    reader.message(tools_changed).await;
    assert_eq!(count(&reader, "tools/list_changed"), 1, "{}", reader.text());
    assert_eq!(count(&all, "tools/list_changed"), 1, "{}", all.text());
    all.forget();
    all.message(tools_changed).await;
}

/// Statements 16 and 22, for clients with sessions.
#[tokio::test]
async fn a_session_hears_of_lists_and_of_the_resources_that_it_watches() {
    for era in ERAS {
        for (door, prefix, uri) in DOORS {
            // Of its own: without a listener a list is as it was for a minute.
            let (upstream, worker) = stand(era).await;
            let what = format!("{era:?} {door}");
            upstream.set_tools(vec![tool("one")]);
            let client = Client::at(&worker.url(), &format!("{door}/mcp")).connect().await;
            let front = Front::Session(client.clone());
            let seen = lists(&upstream);
            let mut live = Live::new(client.get().await);
            wait::holds("the tools are seen", || lists(&upstream) > seen).await;
            assert!(front.tools().await.contains(&format!("{prefix}one")), "{what}");
            announces_nothing_new(&upstream).await;
            upstream.set_tools(vec![tool("two")]);
            live.message(tools_changed).await;
            assert_eq!(count(&live, "tools/list_changed"), 1, "{what}: {}", live.text());
            assert!(front.tools().await.contains(&format!("{prefix}two")), "{what}");
            let watched = json!({ "uri": format!("{uri}urn:demo:1") });
            client.request("resources/subscribe", watched.clone()).await.result();
            // The upstream hears of it in a moment, and announces nothing of before.
            let updated = wait::until("an update comes", async || {
                upstream.update("demo://item/1");
                upstream.update("urn:demo:1");
                let came = live.message(|message| is(message, "resources/updated"));
                timeout(Duration::from_secs(1), came).await
            });
            assert_eq!(updated.await["params"], watched, "{what}");
            client.delete().await;
        }
    }
}

/// Statement 25: the stream of 2024-11-05 carries news too, and an open one begins with what is watched.
#[tokio::test]
async fn the_old_stream_and_a_new_one_of_a_session_carry_the_news_of_upstreams() {
    let (upstream, worker) = stand(Era::Stateless).await;
    let (mut live, client) = open(&worker.url(), "/u/t/sse").await;
    ask_on_stream(&client, &mut live, 1, "initialize", hello("2024-11-05")).await;
    wait::holds("the tools are seen", || lists(&upstream) > 0).await;
    upstream.set_tools(vec![tool("one")]);
    live.message(tools_changed).await;
    let listed = ask_on_stream(&client, &mut live, 2, "tools/list", json!({})).await;
    assert_eq!(listed["result"]["tools"][0]["name"], "one", "{listed}");

    let client = Client::at(&worker.url(), "/u/t/mcp").connect().await;
    client.request("resources/subscribe", json!({ "uri": "urn:demo:1" })).await.result();
    let mut live = Live::new(client.get().await);
    let updated = wait::until("an update comes", async || {
        upstream.update("urn:demo:1");
        let came = live.message(|message| is(message, "resources/updated"));
        timeout(Duration::from_secs(1), came).await
    });
    assert_eq!(updated.await["params"]["uri"], "urn:demo:1");
    assert!(!live.text().contains("org.sitebay"), "{}", live.text());
}

/// Our own server behind another one, whose list changes because that of its upstream does.
#[tokio::test]
async fn a_change_passes_two_gateways_in_either_era() {
    let upstream = Server::start(Era::Stateless).await;
    let key = "another-session-key-with-enough-characters-in-it";
    let there = options()
        .var("SESSION_KEY", key)
        .var("UPSTREAMS", &settings(&[("t", &upstream.url(), json!({}))]));
    let there = start(there).await;
    for era in ["stateless", "session"] {
        let url = format!("{}/mcp", there.url());
        let here = before(&[("b", &url, json!({ "era": era }))]).await;
        upstream.set_tools(vec![tool("one")]);
        let opened = upstream.count(&rpc("subscriptions/listen"));
        let front = Front::Stateless(Client::new(&here.url()));
        let (mut live, _) = listen(&here, "", json!({ "toolsListChanged": true })).await;
        let is_heard = || upstream.count(&rpc("subscriptions/listen")) > opened;
        wait::holds("the upstream is listened to", is_heard).await;
        assert!(front.tools().await.contains(&"b_t_one".to_owned()), "{era}");
        // A session has no agreement: its server may see its upstream's tools for the first time after this.
        let changed = wait::until("the change passes", async || {
            let name = format!("two{}", lists(&upstream));
            upstream.set_tools(vec![tool(&name)]);
            let came = timeout(Duration::from_secs(2), live.message(tools_changed)).await;
            came.map(|_| name)
        });
        let name = format!("b_t_{}", changed.await);
        assert!(front.tools().await.contains(&name), "{era} {name}");
    }
}

/// Statement 21: nothing runs without a listener, and what a listener had behind ends with it.
#[tokio::test]
async fn an_upstream_hears_nothing_without_a_listener() {
    for era in ERAS {
        let upstream = Server::start(era).await;
        let upstreams = settings(&[("t", &upstream.url(), configured(era))]);
        // A listener that left is noticed at the next comment: after 2.5 s, not 20.
        let faults = Some(Faults { faults: Vec::new(), haste: 8 });
        let worker = start(Options { faults, ..options().var("UPSTREAMS", &upstreams) }).await;
        for front in Front::both(&worker, "/mcp").await {
            front.call("t_echo", json!({ "text": "x" })).await.result();
        }
        let session = Client::at(&worker.url(), "/u/t/mcp").connect().await;
        session.call("echo", json!({ "text": "x" })).await.result();
        let streams = match era {
            Era::Stateless => rpc("subscriptions/listen"),
            _ => http("GET"),
        };
        let before = upstream.count(&streams);
        let (live, _) = listen(&worker, "", json!({ "toolsListChanged": true })).await;
        assert!(upstream.count(&streams) > before, "{era:?}");
        let held = Live::new(session.get().await);
        let both = || upstream.count(&streams) > before + 1;
        wait::holds("the upstream is listened to twice", both).await;
        let all_seen = || upstream.count(&rpc("resources/templates/list")) > 0;
        wait::holds("the lists are seen", all_seen).await;
        let ended = upstream.count(&http("DELETE"));
        drop((live, held));
        wait::until("the server noticed that they left", async || {
            let metrics = reqwest::get(format!("{}/metrics", worker.url())).await.unwrap();
            let metrics = metrics.text().await.unwrap();
            if metrics.contains("\nmcp_streams_open 0\n") { Ok(()) } else { Err(metrics) }
        })
        .await;
        let are_over = || {
            let all = upstream.recorded();
            let mut streams = all.iter().filter(|one| streams.fits(&one.request));
            streams.all(|one| one.is_answered || one.left_at.is_some())
        };
        wait::holds("all streams of the upstream end", are_over).await;
        if era == Era::Session("2025-11-25") {
            let ends = || upstream.count(&http("DELETE")) >= ended + 2;
            wait::holds("the listeners' sessions end", ends).await;
        }
        let asked = upstream.recorded().len();
        // Real time: nothing tells that nothing happens. The pauses of 24 s have passed.
        sleep(Duration::from_secs(3)).await;
        assert_eq!(upstream.recorded().len(), asked, "{era:?}");
    }
}

/// What is announced at a door is what is passed on there.
#[tokio::test]
async fn a_door_declares_the_changes_that_its_upstream_announces() {
    let (_upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let expected = json!({
        "completions": {}, "logging": {},
        "prompts": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true },
        "tools": { "listChanged": true },
    });
    let client = Client::at(&worker.url(), "/u/t/mcp");
    let discovered = ask(&client, "server/discover", json!({}), json!({})).await.result();
    assert_eq!(discovered["capabilities"], expected);
    let opened = client.initialize("2025-11-25").await.result();
    assert_eq!(opened["capabilities"], expected);
    let silent = Upstream::start().await;
    crate::support::gateway::opens_sessions(&silent);
    let worker = before(&[("s", &silent.url(), json!({}))]).await;
    let client = Client::at(&worker.url(), "/u/s/mcp");
    let discovered = ask(&client, "server/discover", json!({}), json!({})).await.result();
    assert_eq!(discovered["capabilities"], json!({ "tools": {} }));
    let everything = json!({ "toolsListChanged": true, "resourceSubscriptions": ["a:1"] });
    let (_live, agreed) = listen(&worker, "/u/s", everything).await;
    assert_eq!(agreed, json!({}));
    assert_eq!(silent.count(&http("GET")), 0, "nothing is listened for");
}

/// §8 "Protocol lies": a storm, lists that differ each time, and a stream that ends again and again.
#[tokio::test]
async fn an_upstream_that_never_stops_announcing_disturbs_nobody() {
    let upstream = Upstream::start().await;
    upstream.on(rpc("subscriptions/listen"), |request| {
        let said = |method: &str, mut params: Value| {
            params["_meta"] =
                json!({ "io.modelcontextprotocol/subscriptionId": request.json()["id"] });
            let method = format!("notifications/{method}");
            let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
            format!("data: {message}\n\n")
        };
        let all = json!({ "toolsListChanged": true, "promptsListChanged": true });
        let agreed = said("subscriptions/acknowledged", json!({ "notifications": all }));
        let storm = said("tools/list_changed", json!({})).repeat(500)
            + &said("prompts/list_changed", json!({})).repeat(500);
        (0..40).fold(Reply::events().chunk(agreed), |reply, _| reply.chunk(&storm))
    });
    let times = std::sync::atomic::AtomicUsize::new(0);
    upstream.on(rpc("tools/list"), move |request| {
        let time = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        request.result(&format!(r#"{{"tools":[{}]}}"#, tool(&format!("tool{time}"))))
    });
    let era = json!({ "era": "stateless" });
    let worker = before(&[("t", &upstream.url(), era)]).await;
    let (mut live, agreed) = listen(&worker, "/u/t", json!({ "toolsListChanged": true })).await;
    assert_eq!(agreed, json!({ "toolsListChanged": true }));
    for _ in 0..3 {
        live.message(tools_changed).await;
        assert_eq!(count(&live, "prompts/list_changed"), 0, "{}", live.text());
        live.forget();
        let front = Front::Stateless(Client::new(&worker.url()));
        front.call("sitebay_list_sites", json!({})).await.result();
    }
    assert!(upstream.count(&rpc("tools/list")) < 40, "{}", upstream.count(&rpc("tools/list")));
}

/// §8 "Clients": each listener has streams of its own, and they end with it.
#[tokio::test]
async fn twenty_listeners_hear_alike_and_of_what_they_may_use() {
    let (upstream, other) =
        (Server::start(Era::Stateless).await, Server::start(Era::Stateless).await);
    let upstreams = [("t", &*upstream.url(), json!({})), ("o", &*other.url(), json!({}))];
    let worker = before(&upstreams).await;
    let filter =
        json!({ "resourceSubscriptions": ["none+urn:demo:1", "o+urn:demo:1", "t+urn:demo:1"] });
    let opened = (0..20).map(|_| listen(&worker, "", filter.clone()));
    let mut all = futures_util::future::join_all(opened).await;
    other.update("urn:demo:1");
    upstream.update("urn:demo:1");
    for (live, agreed) in &mut all {
        assert_eq!(*agreed, filter);
        for uri in ["o+urn:demo:1", "t+urn:demo:1"] {
            live.message(|message| message["params"]["uri"] == uri).await;
        }
        assert_eq!(count(live, "resources/updated"), 2, "{}", live.text());
    }
    // Behind the door of one upstream there is nothing of another.
    let (mut live, _) =
        listen(&worker, "/u/t", json!({ "resourceSubscriptions": ["urn:demo:1"] })).await;
    other.update("urn:demo:1");
    upstream.update("urn:demo:1");
    live.message(|message| is(message, "resources/updated")).await;
    assert_eq!(count(&live, "resources/updated"), 1, "{}", live.text());
    assert_eq!(other.count(&rpc("subscriptions/listen")), 20);
}

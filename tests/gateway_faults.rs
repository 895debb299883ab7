//! Upstreams that are long, slow, gone, failing or somebody else.
//!
//! Tests name the statements of the gateway that they show.

use std::time::Instant;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client,
    events::Live,
    gateway::{Front, before, opens_sessions, settings, stand},
    options, start,
    stateless::prepared,
    upstream::{
        Reply, Upstream, any, closed_port,
        mcp::{Era, Options, Server},
        rpc, tool,
    },
    wait,
};

/// Statement 6.
#[tokio::test]
async fn thousands_of_tools_in_many_pages_arrive() {
    let many = Options { many: 2_985, page: 100, ..Options::new(Era::Stateless) };
    let upstream = Server::with(many).await;
    let worker = before(&[("t", &upstream.url(), json!({}))]).await;
    for (path, prefix) in [("/u/t/mcp", ""), ("/mcp", "t_")] {
        for front in Front::both(&worker, path).await {
            let mut names = front.tools().await;
            names.retain(|name| name.starts_with(prefix));
            assert_eq!(names.len(), 3_000, "{path}");
            let last = format!("{prefix}many_2984");
            assert!(names.contains(&last));
            assert_eq!(front.call(&last, json!({})).await.tool_text(), "many_2984");
        }
    }
    // One list of an isolate serves all pages in front, at both doors.
    assert!(upstream.count(&rpc("tools/list")) <= 60, "{}", upstream.count(&rpc("tools/list")));
}

/// Statement 6: what is cut, left out or not there is named.
#[tokio::test]
async fn a_list_says_what_is_missing_from_it() {
    let many = Options { many: 60, page: 1, ..Options::new(Era::Session("2025-11-25")) };
    let upstream = Server::with(many).await;
    let upstreams = [("t", &*upstream.url(), json!({})), ("gone", &*closed_port(), json!({}))];
    let worker = before(&upstreams).await;
    for front in Front::both(&worker, "/mcp").await {
        let names = front.tools().await;
        let theirs = names.iter().filter(|name| name.starts_with("t_")).count();
        assert_eq!(theirs, 50, "{names:?}");
        let list = front.ask("tools/list", json!({})).await;
        let meta = list.result()["_meta"].clone();
        let notes: Vec<String> =
            serde_json::from_value(meta["org.sitebay/incomplete"].clone()).expect(&list.text);
        let says = |upstream: &str, what: &str| {
            notes.iter().any(|note| note.starts_with(upstream) && note.contains(what))
        };
        assert!(
            says("t: ", "`many_35` and all after it were left out: more than 50 pages"),
            "{notes:?}"
        );
        assert!(says("gone: ", ""), "{notes:?}");
        let server = &meta["io.modelcontextprotocol/serverInfo"]["name"];
        assert!(server.is_null() || server == "sitebay-mcp", "{meta}");
    }
}

/// Statement 7. Real time: the upstream that hangs is waited for as long as it may take.
#[tokio::test]
async fn an_upstream_that_hangs_holds_up_neither_lists_nor_calls_of_others() {
    let hanging = Upstream::start().await;
    hanging.on(any(), |_| Reply::silence());
    let good = Server::start(Era::Session("2025-11-25")).await;
    let upstreams = [("bad", &*hanging.url(), json!({})), ("good", &*good.url(), json!({}))];
    let worker = before(&upstreams).await;
    let [session, stateless] = Front::both(&worker, "/mcp").await;
    let started = Instant::now();
    let call = session.call("good_echo", json!({ "text": "x" })).await;
    assert_eq!(call.tool_text(), "x");
    // Real time: the test is about how long others wait.
    let direct = started.elapsed();
    let began = Instant::now();
    for names in join_all([session.tools(), stateless.tools()]).await {
        assert!(names.contains(&"good_echo".to_owned()), "{names:?}");
        assert!(names.contains(&"sitebay_list_sites".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("bad_")), "{names:?}");
    }
    // Real time: the test is about how long others wait.
    let took = began.elapsed();
    assert!(took.as_millis() < 5_500, "{took:?}");
    assert!(direct.as_millis() < 4_000, "a call of another upstream waits: {direct:?}");
}

/// Statement 5: what was not running is done over, and nobody in front notices.
#[tokio::test]
async fn a_restart_of_an_upstream_is_not_noticed_by_the_next_call() {
    let (upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let fronts = Front::both(&worker, "/mcp").await;
    for front in &fronts {
        front.call("t_count", json!({})).await.result();
    }
    for restart in [true, false] {
        if restart {
            upstream.restart().await;
        } else {
            upstream.forget_sessions();
        }
        for front in &fronts {
            let text = front.call("t_count", json!({})).await.tool_text();
            assert!(text.parse::<u32>().is_ok(), "{text}");
        }
    }
    assert_eq!(upstream.executions("count"), 6, "no call is carried out twice");
}

/// A call of a client whose answer is not read yet.
async fn begun(front: Front, name: &'static str, token: Option<&'static str>) -> reqwest::Response {
    let mut params = json!({ "name": name, "arguments": {} });
    if let Some(token) = token {
        params["_meta"] = json!({ "progressToken": token });
    }
    let (client, body) = match front {
        Front::Session(client) => {
            let body =
                json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
            (client, body.to_string())
        }
        Front::Stateless(client) => prepared(&client, "tools/call", params, json!({})),
    };
    client.send(Method::POST).body(body).send().await.unwrap()
}

/// Statement 5: what ran may have been carried out, and is not sent again.
#[tokio::test]
async fn a_call_that_ran_while_its_upstream_restarted_is_answered_honestly() {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let (upstream, worker) = stand(era).await;
        for (place, front) in Front::both(&worker, "/mcp").await.iter().enumerate() {
            let asking = front.clone();
            let call = tokio::spawn(async move { asking.call("t_wait", json!({})).await });
            let runs = || upstream.executions("wait") > place;
            wait::holds("the call runs", runs).await;
            upstream.restart().await;
            let answer = call.await.unwrap();
            let text = answer.tool_text();
            assert_eq!(answer.result()["isError"], true, "{answer:?}");
            assert!(text.contains("outcome is unknown"), "{era:?}: {text}");
        }
        assert_eq!(upstream.executions("wait"), 2, "{era:?}");
        assert_eq!(upstream.count(&tool("wait")), 2, "{era:?}");
    }
}

/// Statement 15.
#[tokio::test]
async fn taking_a_call_back_reaches_its_upstream_and_no_other() {
    for era in [Era::Session("2025-11-25"), Era::Stateless, Era::Sse] {
        let (upstream, other) = (Server::start(era).await, Server::start(era).await);
        let era_setting = if era == Era::Sse { json!({ "era": "sse" }) } else { json!({}) };
        let upstreams =
            [("t", &*upstream.url(), era_setting.clone()), ("other", &*other.url(), era_setting)];
        let worker = before(&upstreams).await;
        let [session, stateless] = Front::both(&worker, "/mcp").await;
        let Front::Session(client) = &session else { panic!() };
        session.call("other_echo", json!({ "text": "x" })).await.result();
        let seen_by_other = other.recorded().len();

        let call = tokio::spawn(begun(session.clone(), "t_wait", None));
        wait::holds("the call runs", || upstream.executions("wait") == 1).await;
        let params = json!({ "requestId": 1, "reason": "a person's" });
        let cancel =
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        assert_eq!(client.post(cancel.to_string()).await.status, 202);
        wait::holds("the call is cancelled", || upstream.cancelled() == ["wait"]).await;
        drop(call);
        if era != Era::Stateless {
            let sent = upstream.received(&tool("wait")).await.json();
            let cancelled = upstream.received(&rpc("notifications/cancelled")).await.json();
            assert_eq!(cancelled["params"]["requestId"], sent["id"], "{cancelled}");
        }

        let call = tokio::spawn(begun(stateless, "t_wait", None));
        wait::holds("the call runs", || upstream.executions("wait") == 2).await;
        call.abort();
        wait::holds("the call is cancelled", || upstream.cancelled() == ["wait", "wait"]).await;
        assert_eq!(other.recorded().len(), seen_by_other, "{era:?}");
        assert_eq!(upstream.executions("wait"), 2);
    }
}

/// Statement 14.
#[tokio::test]
async fn a_storm_of_progress_is_thinned_out_rises_and_ends_with_the_answer() {
    let upstream = Upstream::start().await;
    opens_sessions(&upstream);
    upstream.on(tool("look"), |request| {
        let token = &request.json()["params"]["_meta"]["progressToken"];
        let progress = |token: &Value, progress: u32| {
            let params = json!({ "progressToken": token, "progress": progress });
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
        };
        let mut events = Reply::events();
        for hundred in 0..100 {
            let mut chunk = String::new();
            for one in 0..100 {
                let value = hundred * 100 + one;
                chunk += &format!("data: {}\n\n", progress(token, value + 1));
                if one % 25 == 0 {
                    // Somebody else's, and one that falls.
                    chunk += &format!("data: {}\n\n", progress(&json!("foreign"), 20_000));
                    chunk += &format!("data: {}\n\n", progress(token, value / 2));
                }
            }
            events = events.chunk(chunk);
        }
        let answer = request.response(r#"{"content":[{"type":"text","text":"done"}]}"#);
        let late = progress(token, 30_000);
        events.event(&answer).event(&late.to_string())
    });
    let worker = before(&[("t", &upstream.url(), json!({}))]).await;
    for front in Front::both(&worker, "/mcp").await {
        let text = Live::new(begun(front, "t_look", Some("mine")).await).rest().await;
        let events = crate::support::events::parse(&text);
        let messages: Vec<Value> = events
            .iter()
            .filter(|event| !event.data.is_empty())
            .map(|event| event.json())
            .collect();
        let (answer, progress) = messages.split_last().unwrap();
        assert_eq!(answer["result"]["content"][0]["text"], "done", "{text}");
        assert!(!progress.is_empty() && progress.len() < 2_000, "{}", progress.len());
        let values: Vec<f64> = progress
            .iter()
            .map(|message| {
                assert_eq!(message["params"]["progressToken"], "mine", "{message}");
                message["params"]["progress"].as_f64().unwrap()
            })
            .collect();
        assert!(values.is_sorted_by(|one, next| one < next), "{values:?}");
        assert!(*values.last().unwrap() <= 10_000.0, "{values:?}");
    }
}

/// Statement 20.
#[tokio::test]
async fn five_failures_in_a_row_open_the_breaker_and_refusals_never_do() {
    for place in [0, 1] {
        let upstream = Upstream::start().await;
        opens_sessions(&upstream);
        let worker = before(&[("t", &upstream.url(), json!({ "era": "session" }))]).await;
        let front = &Front::both(&worker, "/mcp").await[place];
        front.tools().await;
        for status in [400, 403, 429, 401] {
            upstream.on(tool("change").times(2), move |_| Reply::status(status));
        }
        upstream.on(tool("change").times(6), |request| {
            request.result(r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#)
        });
        upstream.on(tool("change").times(6), |request| request.error(-32050, "no"));
        for _ in 0..20 {
            front.call("t_change", json!({})).await;
        }
        assert_eq!(upstream.count(&tool("change")), 20, "all of them are sent");
        upstream.on(tool("change"), |_| Reply::status(500).body("it broke"));
        for _ in 0..5 {
            let text = front.call("t_change", json!({})).await.tool_text();
            assert!(text.contains("outcome is unknown") && text.contains("(500)"), "{text}");
        }
        let refused = front.call("t_change", json!({})).await;
        assert_eq!(refused.result()["isError"], true);
        let text = refused.tool_text();
        let (_, wait) = text.split_once("retryAfterMs: ").expect(&text);
        let wait: u64 = wait.parse().unwrap();
        assert!((1..=30_000).contains(&wait), "{text}");
        assert_eq!(upstream.count(&tool("change")), 25, "the last one is not sent");
    }
}

/// Statement 20: what is closed to one is open to the others.
#[tokio::test]
async fn an_upstream_that_is_gone_says_so_and_others_go_on() {
    let good = Server::start(Era::Stateless).await;
    let upstreams = [("gone", &*closed_port(), json!({})), ("good", &*good.url(), json!({}))];
    let worker = before(&upstreams).await;
    for front in Front::both(&worker, "/mcp").await {
        let names = front.tools().await;
        assert!(names.contains(&"good_echo".to_owned()), "{names:?}");
        for _ in 0..7 {
            let refused = front.call("gone_echo", json!({})).await;
            assert_eq!(refused.result()["isError"], true);
            let text = refused.tool_text();
            let why =
                ["Nothing was sent, because it could not be looked up: gone", "is not called now"];
            assert!(why.iter().any(|why| text.contains(why)), "{text}");
            front.call("good_echo", json!({ "text": "x" })).await.result();
        }
        assert_eq!(front.call("good_fail", json!({})).await.result()["isError"], true);
    }
}

/// Statement 26.
#[tokio::test]
async fn an_upstream_that_leads_back_here_is_refused_at_once() {
    for path in ["/mcp", "/u/back/mcp"] {
        let port = xtask::ports::free().unwrap();
        let own = format!("http://127.0.0.1:{port}");
        let options = xtask::server::Options { port, ..options() };
        let back = format!("{own}{path}");
        let worker =
            start(options.var("UPSTREAMS", &settings(&[("back", &back, json!({}))]))).await;
        let front = Front::Stateless(Client::new(&worker.url()));
        let began = Instant::now();
        let names = front.tools().await;
        // Real time: what leads back is refused, and not waited for.
        assert!(began.elapsed().as_secs() < 4, "{:?}", began.elapsed());
        assert!(!names.iter().any(|name| name.starts_with("back_")), "{names:?}");
        front.call("sitebay_list_sites", json!({})).await.result();
    }
}

/// Statement 26: through another gateway.
#[tokio::test]
async fn an_upstream_that_leads_back_here_through_another_gateway_is_refused() {
    let port = xtask::ports::free().unwrap();
    let own = format!("http://127.0.0.1:{port}/mcp");
    let other = options()
        .var("SESSION_KEY", "another-session-key-with-enough-characters-in-it")
        .var("UPSTREAMS", &settings(&[("back", &own, json!({}))]));
    let other = start(other).await;
    let there = format!("{}/mcp", other.url());
    let options = xtask::server::Options { port, ..options() };
    let worker = start(options.var("UPSTREAMS", &settings(&[("other", &there, json!({}))]))).await;
    let front = Front::Stateless(Client::new(&worker.url()));
    let began = Instant::now();
    let names = front.tools().await;
    // Real time: what leads back is refused, and not waited for.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    // What the other has itself is there; what would come back from here is not.
    assert!(
        names.contains(&"other_sitebay_list_sites".to_owned()),
        "{:?}",
        &names[names.len() - 30..]
    );
    assert!(!names.iter().any(|name| name.starts_with("other_back_")), "{names:?}");
}

/// Statement 27.
#[tokio::test]
async fn a_redirect_to_another_host_never_gets_the_credential() {
    let (upstream, elsewhere) = (Upstream::start().await, Upstream::start().await);
    let targets = [elsewhere.url(), "https://127.0.0.1/mcp".to_owned(), "//localhost/".to_owned()];
    let redirects: Vec<_> = [301, 302, 303, 307, 308]
        .into_iter()
        .flat_map(|status| targets.iter().map(move |to| (status, to.clone())))
        .enumerate()
        .map(|(n, (status, to))| (format!("t{n}"), status, to))
        .collect();
    let auth = json!({ "auth": { "kind": "static", "secret": "THEIR_KEY" } });
    let url = upstream.url();
    // One for each redirect, so that no breaker opens.
    let upstreams: Vec<_> =
        redirects.iter().map(|(name, ..)| (&**name, &*url, auth.clone())).collect();
    let options =
        options().var("UPSTREAMS", &settings(&upstreams)).var("THEIR_KEY", "operators-key");
    let worker = start(options).await;
    for (name, status, to) in redirects.iter().cloned() {
        upstream.forget_rules();
        upstream.on(any(), move |_| Reply::status(status).header("location", &to));
        let client = Client::at(&worker.url(), &format!("/u/{name}/mcp"));
        let refused = Front::Stateless(client).call("echo", json!({})).await;
        let text = refused.tool_text();
        assert!(text.contains(&format!("redirects to another address ({status})")), "{text}");
    }
    assert!(elsewhere.recorded().is_empty(), "{:?}", elsewhere.recorded());
    assert_eq!(upstream.recorded().len(), redirects.len(), "each call asks once what there is");
}

//! HTTP with SSE, as clients of 2024-11-05 speak it.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, events::Live, options, server, start};

/// The stream of a new session, and a client of its message endpoint.
pub async fn open(url: &str, path: &str) -> (Live, Client) {
    let mut live = Live::new(Client::at(url, path).get().await);
    let text = live.until("\n\n").await.to_owned();
    let endpoint = text.strip_prefix("event: endpoint\ndata: ").expect("the endpoint first").trim();
    let endpoint = reqwest::Url::parse(&format!("{url}{path}")).unwrap().join(endpoint).unwrap();
    let query = endpoint.query().unwrap();
    (live, Client::at(url, &format!("{}?{query}", endpoint.path())))
}

pub async fn ask(client: &Client, live: &mut Live, id: u32, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let answer = client.post(body.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
    live.message(|message| message["id"] == id && message["method"].is_null()).await
}

pub fn hello(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": { "elicitation": {} },
        "clientInfo": { "name": "old client", "version": "0.1" },
    })
}

#[tokio::test]
async fn everything_comes_on_the_stream() {
    let server = server().await;
    let (mut live, client) = open(&server.url(), "/sse").await;
    let answer = ask(&client, &mut live, 1, "initialize", hello("2025-06-18")).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(client.post(told).await.status, 202);
    let params = json!({ "name": "whoami" });
    let tools = ask(&client, &mut live, 9, "tools/list", json!({})).await;
    assert!(tools["result"]["tools"].as_array().unwrap().len() > 16);
    let answer = ask(&client, &mut live, 2, "tools/call", params).await;
    assert_eq!(answer["result"]["structuredContent"]["client"]["name"], "old client");
    let params = json!({
        "name": "slow",
        "arguments": { "ms": 400, "steps": 2 },
        "_meta": { "progressToken": "p" },
    });
    let answer = ask(&client, &mut live, 3, "tools/call", params).await;
    assert_eq!(answer["result"]["content"][0]["text"], "done");
    assert!(live.until("notifications/progress").await.contains(r#""progress":1.0"#));
    let again = ask(&client, &mut live, 4, "initialize", hello("2025-06-18")).await;
    assert_eq!(again["error"]["code"], -32600);
}

#[tokio::test]
async fn the_person_is_asked_on_the_stream() {
    let server = server().await;
    let (mut live, client) = open(&server.url(), "/sse").await;
    ask(&client, &mut live, 1, "initialize", hello("2025-06-18")).await;
    let call =
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "ask" } });
    assert_eq!(client.post(call.to_string()).await.status, 202);
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let result = json!({ "action": "accept", "content": { "name": "Ada" } });
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    live.until("Hello, Ada").await;
}

#[tokio::test]
async fn every_spelling_of_the_endpoint_is_taken() {
    let server = server().await;
    let (mut live, client) = open(&server.url(), "/sse").await;
    ask(&client, &mut live, 1, "initialize", hello("2024-11-05")).await;
    let query = client.url().split_once('?').unwrap().1.to_owned();
    for (id, path) in [(2, "/messages"), (3, "/message"), (4, "/sse/messages"), (5, "/sse/message")]
    {
        let client = Client::at(&server.url(), &format!("{path}?{query}"));
        ask(&client, &mut live, id, "ping", json!({})).await;
    }
    // A stream whose URL ends in a slash leads to one of them.
    let (mut live, client) = open(&server.url(), "/sse/").await;
    assert!(client.url().contains("/sse/messages?"), "{}", client.url());
    ask(&client, &mut live, 1, "ping", json!({})).await;
}

#[tokio::test]
async fn bad_input_gets_a_clear_answer() {
    let server = start(options().var("MCP_API_KEY", "k")).await;
    assert_eq!(Client::at(&server.url(), "/sse").get().await.status(), 401);
    let keyed = |path: &str| Client::at(&server.url(), path).with("authorization", "Bearer k");
    let nothing = keyed("/messages").post("{}").await;
    nothing.refused(400, -32000);
    keyed("/messages?sessionId=unknown").post("{}").await.refused(404, -32001);
    let posted =
        Answer::of(keyed("/sse").send(Method::POST).body("{}").send().await.unwrap()).await;
    assert_eq!(posted.status, 405);
    let sent = keyed("/sse").get().await;
    let mut live = Live::new(sent);
    let text = live.until("\n\n").await.to_owned();
    let endpoint = text.split_once("data: ").unwrap().1.trim().to_owned();
    let client = keyed(&format!("/{endpoint}"));
    client.post("{").await.refused(400, -32700);
}

#[tokio::test]
async fn answers_of_4_mib_that_come_at_once_reach_a_client_that_reads() {
    let server = server().await;
    let (mut live, client) = open(&server.url(), "/sse").await;
    ask(&client, &mut live, 0, "initialize", hello("2024-11-05")).await;
    let calls = (1..=4).map(|id| {
        let params = json!({ "name": "big", "arguments": { "bytes": 1_000_000 } });
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let client = client.clone();
        async move { client.post(call.to_string()).await.status }
    });
    let read = async {
        for id in 1..=4 {
            live.until(&format!(r#""id":{id},"#)).await;
        }
    };
    let (statuses, ()) = tokio::join!(join_all(calls), read);
    assert!(statuses.iter().all(|status| *status == 202), "{statuses:?}");
}

//! 2026-07-28 over the wire: requests that stand for themselves.

use serde_json::{Value, json};
use xtask::server::Options;

use crate::support::{
    Client, options, server, start,
    stateless::{VERSION, ask, call, listen, meta},
};

#[tokio::test]
async fn no_object_is_asked_where_no_state_is_needed() {
    let server = server().await;
    let client = Client::new(&server.url());
    let discovered = ask(&client, "server/discover", json!({}), json!({})).await.result();
    assert!(discovered["supportedVersions"].as_array().unwrap().contains(&json!(VERSION)));
    let tools = ask(&client, "tools/list", json!({}), json!({})).await.result();
    assert_eq!(tools["resultType"], "complete");
    assert!(tools["ttlMs"].is_u64() && tools["cacheScope"].is_string());
    let answer = call(&client, "whoami", json!({})).await;
    assert_eq!(answer.result()["structuredContent"]["authMethod"], "open");
    let sites = call(&client, "sitebay_list_sites", json!({})).await.result();
    assert_eq!(sites["structuredContent"]["count"], 3);
    assert_eq!(crate::storage::objects(&server), 0);
}

#[tokio::test]
async fn a_slow_call_streams_and_carries_no_event_ids() {
    let server = server().await;
    let client = Client::new(&server.url());
    let params = json!({ "name": "slow", "arguments": { "ms": 400 } });
    let answer = ask(&client, "tools/call", params, json!({})).await;
    assert!(answer.is_stream());
    assert!(answer.events().iter().all(|event| event.id.is_none() && !event.data.is_empty()));
    assert_eq!(answer.result()["resultType"], "complete");
}

#[tokio::test]
async fn headers_repeat_the_body() {
    let server = server().await;
    let client = Client::new(&server.url()).with("mcp-protocol-version", VERSION);
    let body = json!({
        "jsonrpc": "2.0", "id": 9, "method": "tools/call",
        "params": { "name": "echo", "arguments": { "text": "x" }, "_meta": meta(json!({})) },
    })
    .to_string();
    let right = client.clone().with("mcp-method", "tools/call").with("mcp-name", "echo");
    assert_eq!(right.post(body.clone()).await.status, 200);
    let encoded = right.clone().with("mcp-name", "=?base64?ZWNobw==?=");
    assert_eq!(encoded.post(body.clone()).await.status, 200);
    for wrong in [
        client.clone(),
        right.clone().with("mcp-method", "tools/list"),
        right.clone().with("mcp-method", "TOOLS/CALL"),
        right.clone().with("mcp-name", "other"),
        right.clone().with("mcp-name", "=?base64?ZWNobw=?="),
        right.clone().without("mcp-name"),
        right.clone().without("mcp-protocol-version"),
    ] {
        let answer = wrong.post(body.clone()).await;
        answer.refused(400, -32020);
        assert_eq!(answer.json()["id"], 9);
    }
}

#[tokio::test]
async fn what_went_away_with_sessions_is_not_found() {
    let server = server().await;
    let client = Client::new(&server.url());
    for method in ["ping", "logging/setLevel", "resources/subscribe", "no/such"] {
        ask(&client, method, json!({}), json!({})).await.refused(404, -32601);
    }
    let missing = ask(&client, "resources/read", json!({ "uri": "test://no" }), json!({})).await;
    assert_eq!(missing.json()["error"]["code"], -32602);
    assert_eq!(missing.json()["error"]["data"]["uri"], "test://no");
}

fn elicitation() -> Value {
    json!({ "elicitation": { "form": {} } })
}

#[tokio::test]
async fn a_question_is_an_answer_and_the_request_comes_again() {
    let server = server().await;
    let client = Client::new(&server.url());
    let first = call(&client, "ask", elicitation()).await.result();
    assert_eq!(first["resultType"], "input_required");
    assert_eq!(first["inputRequests"]["name"]["method"], "elicitation/create");
    let state = first["requestState"].as_str().unwrap();
    let answered = |state: &str| {
        let accepted = json!({ "action": "accept", "content": { "name": "Ada" } });
        json!({ "name": "ask", "requestState": state, "inputResponses": { "name": accepted } })
    };
    let second = ask(&client, "tools/call", answered(state), elicitation()).await;
    assert_eq!(second.tool_text(), "Hello, Ada");
    let tampered = ask(&client, "tools/call", answered(&format!("{state}x")), elicitation()).await;
    assert_eq!(tampered.json()["error"]["code"], -32602);
    let mut other_tool = answered(state);
    other_tool["name"] = json!("sample");
    let other = ask(&client, "tools/call", other_tool, elicitation()).await;
    assert_eq!(other.json()["error"]["code"], -32602);
    let somebody = client.with("x-sitebay-token", "somebody else");
    let foreign = ask(&somebody, "tools/call", answered(state), elicitation()).await;
    assert_eq!(foreign.json()["error"]["code"], -32602);
    assert_eq!(crate::storage::objects(&server), 0);
}

#[tokio::test]
async fn a_client_that_cannot_be_asked_is_told_what_it_lacks() {
    let server = server().await;
    let client = Client::new(&server.url());
    let answer = call(&client, "ask", json!({})).await;
    answer.refused(400, -32021);
    assert!(answer.json()["error"]["data"]["requiredCapabilities"]["elicitation"].is_object());
}

#[tokio::test]
async fn both_eras_live_at_one_endpoint() {
    let server = server().await;
    let session = Client::new(&server.url()).connect().await;
    let answer = call(&Client::new(&server.url()), "whoami", json!({})).await;
    assert_eq!(answer.result()["resultType"], "complete");
    let answer = session.call("whoami", json!({})).await;
    assert_eq!(answer.result()["resultType"], Value::Null);
    // A stateless request with a session id is still stateless.
    let answer = call(&session, "whoami", json!({})).await;
    assert_eq!(answer.result()["resultType"], "complete");
    // One hidden in a session is refused there.
    let params = json!({ "name": "whoami", "_meta": meta(json!({})) });
    let hidden = session.request("tools/call", params).await;
    assert_eq!(hidden.json()["error"]["code"], -32600);
}

#[tokio::test]
async fn a_change_in_one_isolate_reaches_listeners_in_the_other() {
    let server = start(Options { isolates: 2, ..options() }).await;
    let [here, there] = server.urls().try_into().unwrap();
    let mut listener = listen(&there, json!({ "toolsListChanged": true })).await;
    let first = listener.message(|_| true).await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    let mut deaf = listen(&there, json!({ "promptsListChanged": true })).await;
    deaf.until("acknowledged").await;
    call(&Client::new(&here), "notify", json!({})).await.result();
    let told =
        listener.message(|message| message["method"] == "notifications/tools/list_changed").await;
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
    // A session's change is announced to them as well.
    let session = Client::new(&here).connect().await;
    session.call("touch", json!({ "uri": "test://watched" })).await;
    let mut watcher = listen(&there, json!({ "resourceSubscriptions": ["test://watched"] })).await;
    watcher.until("acknowledged").await;
    session.call("touch", json!({ "uri": "test://watched" })).await;
    watcher.until("resources/updated").await;
    let prompts = call(&Client::new(&here), "test_trigger_prompt_change", json!({})).await;
    prompts.result();
    let heard = deaf.until("prompts/list_changed").await;
    assert!(!heard.contains("tools/list_changed"), "{heard}");
}

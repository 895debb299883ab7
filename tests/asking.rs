//! The server asks its client: on the stream of the call that caused it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, events::Live, server};

fn able() -> Value {
    json!({ "elicitation": {}, "sampling": {}, "roots": {} })
}

/// Calls a tool, and returns its live stream and the question on it.
async fn asked(client: &Client, tool: &str) -> (Live, Value) {
    let body =
        json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": { "name": tool } });
    let sent = client.send(Method::POST).body(body.to_string()).send().await.unwrap();
    let mut live = Live::new(sent);
    let question = live.message(|message| message["method"].is_string()).await;
    (live, question)
}

async fn reply(client: &Client, question: &Value, field: &str, outcome: Value) {
    let body = json!({ "jsonrpc": "2.0", "id": question["id"], field: outcome });
    let answer = client.post(body.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
}

#[tokio::test]
async fn a_person_is_asked_and_answers() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(able()).await;
    for (result, text) in [
        (json!({ "action": "accept", "content": { "name": "Ada" } }), "Hello, Ada"),
        (json!({ "action": "decline" }), "declined"),
        (json!({ "action": "cancel" }), "cancelled"),
    ] {
        let (live, question) = asked(&client, "ask").await;
        assert_eq!(question["method"], "elicitation/create");
        assert_eq!(question["params"]["requestedSchema"]["required"], json!(["name"]));
        reply(&client, &question, "result", result).await;
        assert!(live.rest().await.contains(text));
    }
}

#[tokio::test]
async fn model_and_roots_are_asked_alike() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(able()).await;
    let (live, question) = asked(&client, "sample").await;
    assert_eq!(question["method"], "sampling/createMessage");
    let content = json!({ "type": "text", "text": "Good day" });
    let result = json!({ "role": "assistant", "content": content, "model": "m" });
    reply(&client, &question, "result", result).await;
    assert!(live.rest().await.contains("The model says: Good day"));
    let (live, question) = asked(&client, "roots").await;
    assert_eq!(question["method"], "roots/list");
    let roots = json!({ "roots": [{ "uri": "file:///home" }] });
    reply(&client, &question, "result", roots).await;
    assert!(live.rest().await.contains("roots: file:///home"));
}

#[tokio::test]
async fn a_refusal_and_a_strange_answer_end_the_call_in_words() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(able()).await;
    let (live, question) = asked(&client, "ask").await;
    reply(&client, &question, "error", json!({ "code": -1, "message": "not today" })).await;
    let text = live.rest().await;
    assert!(text.contains("not today") && text.contains(r#""isError":true"#), "{text}");
    let (live, question) = asked(&client, "ask").await;
    reply(&client, &question, "result", json!(["what?"])).await;
    assert!(live.rest().await.contains(r#""isError":true"#));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_its_question_reaches_no_tool() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(able()).await;
    let block = json!({ "type": "text", "text": "Good day" });
    for (tool, answer, why) in [
        ("ask", json!({ "action": "accept", "content": { "name": 7 } }), "`name`"),
        ("ask", json!({ "action": "accept", "content": {} }), "`name` is required"),
        ("ask", json!({ "action": "accept" }), "`content` must be an object"),
        ("ask", json!({ "action": "perhaps" }), "`action` must be accept, decline or cancel"),
        ("sample", json!({ "content": block }), "`role` and `model`"),
        ("sample", json!({ "role": "assistant", "model": "m", "content": "words" }), "`content`"),
        ("roots", json!({ "roots": [{ "name": "home" }] }), "`roots` must be an array"),
    ] {
        let (live, question) = asked(&client, tool).await;
        reply(&client, &question, "result", answer.clone()).await;
        let text = live.rest().await;
        assert!(text.contains(r#""isError":true"#), "{answer}: {text}");
        assert!(text.contains("does not fit") && text.contains(why), "{answer}: {text}");
        assert!(!text.contains("Hello") && !text.contains("The model says"), "{answer}: {text}");
    }
}

#[tokio::test]
async fn a_client_that_cannot_be_asked_is_told_so() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for (tool, needs) in [("ask", "elicitation"), ("sample", "sampling"), ("roots", "roots")] {
        let answer = client.call(tool, json!({})).await;
        assert_eq!(answer.result()["isError"], true);
        assert!(answer.tool_text().contains(needs), "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_cancelled_takes_its_question_back() {
    let server = server().await;
    let cancelled = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 },
    });
    for tool in ["ask", "roots"] {
        let client = Client::new(&server.url()).connect_with(able()).await;
        let (live, question) = asked(&client, tool).await;
        assert_eq!(client.post(cancelled.to_string()).await.status, 202);
        let text = live.rest().await;
        let taken_back = format!(r#""requestId":{}"#, question["id"]);
        assert!(text.contains("notifications/cancelled") && text.contains(&taken_back), "{text}");
        assert!(!text.contains(r#""id":5"#), "{text}");
    }
}

#[tokio::test]
async fn answers_to_requests_never_made_are_ignored() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(able()).await;
    let (live, question) = asked(&client, "ask").await;
    reply(&client, &json!({ "id": "never" }), "result", json!({})).await;
    let other = Client::new(&server.url()).connect_with(able()).await;
    let theirs = json!({ "action": "accept", "content": { "name": "Eve" } });
    reply(&other, &question, "result", theirs).await;
    let own = json!({ "action": "accept", "content": { "name": "Ada" } });
    reply(&client, &question, "result", own).await;
    let text = live.rest().await;
    assert!(text.contains("Hello, Ada"), "{text}");
}

#[tokio::test]
async fn answers_to_nothing_are_ignored_and_logged_without_what_they_say() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(able()).await;
    let never = json!({ "id": "never-asked" });
    reply(&client, &never, "result", json!({ "secret": "swordfish" })).await;
    reply(&client, &never, "error", json!({ "code": -1, "message": "swordfish" })).await;
    let (live, question) = asked(&client, "ask").await;
    let declined = json!({ "action": "decline" });
    reply(&client, &question, "result", declined.clone()).await;
    assert!(live.rest().await.contains("declined"));
    // The second answer to one question answers nothing.
    reply(&client, &question, "result", declined).await;
    assert_eq!(client.call("echo", json!({ "text": "on" })).await.tool_text(), "on");
    let log = server.log();
    assert_eq!(
        log.matches("ignored a response that matches no pending request").count(),
        3,
        "{log}"
    );
    assert!(!log.contains("swordfish") && !log.contains("never-asked"), "{log}");
}

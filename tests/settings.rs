//! Session settings.

use serde_json::json;

use crate::support::{Client, events::Live, options, server, start};

#[tokio::test]
async fn log_messages_below_the_level_are_not_sent() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let logged = async |level: &str| {
        let answer = client.call("log", json!({ "level": level })).await;
        answer.text.contains("notifications/message")
    };
    assert!(logged("info").await && !logged("debug").await);
    let set = client.request("logging/setLevel", json!({ "level": "error" })).await;
    assert_eq!(set.result(), json!({}));
    assert!(logged("error").await && logged("emergency").await && !logged("warning").await);
    server.restart().await.unwrap();
    let answer = client.call("log", json!({ "level": "warning" })).await;
    assert!(!answer.text.contains("notifications/message"), "the level outlives a restart");
    let wrong = client.request("logging/setLevel", json!({ "level": "loud" })).await;
    assert_eq!(wrong.json()["error"]["code"], -32602);
}

#[tokio::test]
async fn only_watched_resources_are_announced() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let watch = async |method: &str, uri: &str| client.request(method, json!({ "uri": uri })).await;
    assert_eq!(watch("resources/subscribe", "test://a").await.result(), json!({}));
    assert_eq!(watch("resources/subscribe", "test://b").await.result(), json!({}));
    assert_eq!(watch("resources/unsubscribe", "test://b").await.result(), json!({}));
    server.restart().await.unwrap();
    let mut live = Live::new(client.get().await);
    for uri in ["test://b", "test://c", "test://a"] {
        client.call("touch", json!({ "uri": uri })).await;
    }
    let text = live.until("test://a").await;
    assert!(text.contains("notifications/resources/updated"), "{text}");
    assert!(!text.contains("test://b") && !text.contains("test://c"), "{text}");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = start(options().var("MCP_PAGE_SIZE", "5")).await;
    let client = Client::new(&server.url()).connect().await;
    let mut names = Vec::new();
    let mut params = json!({});
    loop {
        let page = client.request("tools/list", params).await.result();
        let tools = page["tools"].as_array().unwrap();
        assert!(tools.len() <= 5);
        names.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => break,
        }
    }
    let whole = crate::support::server().await;
    let whole = Client::new(&whole.url()).connect().await.request("tools/list", json!({})).await;
    let whole = whole.result();
    let whole: Vec<_> =
        whole["tools"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect();
    assert_eq!(json!(names), json!(whole));
    let wrong = client.request("tools/list", json!({ "cursor": "tools.3" })).await;
    assert_eq!(wrong.json()["error"]["code"], -32602);
}

#[tokio::test]
async fn arguments_are_completed() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let complete = async |reference: serde_json::Value, name: &str, value: &str| {
        let argument = json!({ "name": name, "value": value });
        client
            .request("completion/complete", json!({ "ref": reference, "argument": argument }))
            .await
    };
    let prompt = json!({ "type": "ref/prompt", "name": "test_prompt_with_arguments" });
    let answer = complete(prompt, "arg1", "tes").await.result();
    assert_eq!(answer["completion"]["values"], json!(["testing", "tests"]));
    let nothing = json!({ "type": "ref/prompt", "name": "no such prompt" });
    assert_eq!(complete(nothing, "a", "").await.json()["error"]["code"], -32602);
    assert_eq!(complete(json!({}), "a", "").await.json()["error"]["code"], -32602);
}

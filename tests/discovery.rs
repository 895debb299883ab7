use reqwest::{Client as Http, Method};
use serde_json::json;

use crate::support::{Answer, Client, options, production, server, start};

async fn get(url: &str) -> Answer {
    Answer::of(reqwest::get(url).await.unwrap()).await
}

#[tokio::test]
async fn the_cards_are_open_tagged_and_made_from_the_registry() {
    let server = server().await;
    let tools = Client::new(&server.url()).connect().await.request("tools/list", json!({})).await;
    for (path, kind) in [
        ("/.well-known/mcp/server-card.json", "application/json"),
        ("/.well-known/mcp.json", "application/json"),
        ("/mcp/server-card", "application/mcp-server-card+json"),
        ("/.well-known/ai-catalog.json", "application/ai-catalog+json"),
    ] {
        let url = format!("{}{path}", server.url());
        let answer = get(&url).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let tag = answer.header("etag").to_owned();
        let again = Http::new().get(&url).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(again.status(), 304, "{path}");
        let preflight = Http::new().request(Method::OPTIONS, &url).send().await.unwrap();
        assert_eq!(preflight.status(), 204);
    }
    let card = get(&format!("{}/.well-known/mcp/server-card.json", server.url())).await.json();
    assert_eq!(card["tools"], tools.result()["tools"]);
    assert_eq!(card["serverInfo"]["name"], "sitebay-mcp");
    assert_eq!(card["authentication"]["required"], false);
    let card = get(&format!("{}/mcp/server-card", server.url())).await.json();
    assert_eq!(card["remotes"][0]["url"], format!("{}/mcp", server.url()));
    let catalogue = get(&format!("{}/.well-known/ai-catalog.json", server.url())).await.json();
    assert_eq!(catalogue["entries"][0]["url"], format!("{}/mcp/server-card", server.url()));
}

#[tokio::test]
async fn cards_need_no_key_and_say_that_the_endpoint_does() {
    let server = start(options().var("MCP_API_KEY", "k")).await;
    let card = get(&format!("{}/.well-known/mcp/server-card.json", server.url())).await.json();
    assert_eq!(card["authentication"], json!({ "required": true, "schemes": ["bearer"] }));
}

#[tokio::test]
async fn health_says_what_runs_and_what_an_operator_should_know() {
    let server = server().await;
    let health = get(&format!("{}/health", server.url())).await;
    assert_eq!(health.status, 200);
    let health = health.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["service"], "sitebay-mcp");
    assert_eq!(health["environment"], "development");
    assert!(health["timestamp"].as_str().unwrap().ends_with('Z'), "{health}");
    assert!(health["warnings"][0].as_str().unwrap().contains("MCP_API_KEY"), "{health}");
}

#[tokio::test]
async fn a_person_finds_a_page() {
    let server = server().await;
    let page = get(&server.url()).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text.contains(&format!("{}/mcp", server.url())), "{}", page.text);
    assert!(page.text.contains("mcp-remote"));
    let nothing = get(&format!("{}/nothing", server.url())).await;
    nothing.refused(404, -32000);
}

#[tokio::test]
async fn production_has_the_default_set_and_no_fixture() {
    let server = start(xtask::server::Options::new(production().folder)).await;
    let client = Client::new(&server.url()).connect().await;
    let tools = client.request("tools/list", json!({})).await.result();
    let tools = tools["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 24);
    assert!(tools.iter().all(|tool| tool["name"].as_str().unwrap().starts_with("sitebay_")));
    client.call("echo", json!({ "text": "x" })).await.response()["error"]["code"]
        .as_i64()
        .filter(|code| *code == -32602)
        .expect("no fixture");
}

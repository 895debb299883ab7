use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Client, options, server, start};

const PAGE: &str = "https://page.example";
const KEY: &str = "the-key-of-this-test";

#[tokio::test]
async fn a_foreign_page_is_refused_with_the_name_of_the_setting() {
    let server = server().await;
    let answer = Client::new(&server.url()).with("origin", PAGE).initialize("2025-11-25").await;
    answer.refused(403, -32000);
    assert!(answer.text.contains("MCP_ALLOWED_ORIGINS"), "{answer:?}");
    for origin in ["http://localhost:5173", &server.url()] {
        let client = Client::new(&server.url()).with("origin", origin);
        assert_eq!(client.initialize("2025-11-25").await.status, 200, "{origin}");
    }
}

#[tokio::test]
async fn production_allows_its_own_origin_and_no_loopback() {
    let options = options().var("ENVIRONMENT", "production").var("MCP_API_KEY", KEY);
    let server = start(options).await;
    let client = Client::new(&server.url()).with("x-api-key", KEY);
    for (origin, status) in [(server.url(), 200), ("http://localhost:1".into(), 403)] {
        let answer = client.clone().with("origin", &origin).initialize("2025-11-25").await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn every_answer_can_be_read_by_the_page() {
    let server = start(options().var("MCP_ALLOWED_ORIGINS", PAGE).var("MCP_API_KEY", "k")).await;
    let client = Client::new(&server.url()).with("origin", PAGE);
    let keyed = client.clone().with("authorization", "Bearer k");
    let session = keyed.clone().connect().await;
    let answers = [
        client.initialize("2025-11-25").await,
        keyed.initialize("2025-11-25").await,
        keyed.post("{").await,
        keyed.request("ping", json!({})).await,
        session.request("ping", json!({})).await,
        session.call("slow", json!({ "ms": 300 })).await,
        session.post("{").await,
        session.delete().await,
        session.request("ping", json!({})).await,
    ];
    for answer in answers {
        assert_eq!(answer.header("access-control-allow-origin"), PAGE, "{answer:?}");
        let exposed = answer.header("access-control-expose-headers");
        for name in ["Mcp-Session-Id", "MCP-Protocol-Version", "WWW-Authenticate", "Retry-After"] {
            assert!(exposed.contains(name), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_preflight_allows_what_clients_send() {
    let server = server().await;
    let request = Client::new(&server.url()).send(Method::OPTIONS);
    let request = request
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "mcp-param-region,authorization");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer.status, 204);
    let allowed = answer.header("access-control-allow-headers").to_lowercase();
    for name in [
        "authorization",
        "content-type",
        "last-event-id",
        "mcp-session-id",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-param-region",
    ] {
        assert!(allowed.contains(name), "{name}: {allowed}");
    }
    assert!(answer.header("access-control-allow-methods").contains("DELETE"));
}

#[tokio::test]
async fn a_star_opens() {
    let server = start(options().var("MCP_ALLOWED_ORIGINS", "*")).await;
    let client = Client::new(&server.url()).with("origin", PAGE);
    assert_eq!(client.initialize("2025-11-25").await.status, 200);
}

//! The documents of a deployment whose MCP endpoints are the backend's: made from what the backend says of itself.

use serde_json::{Value, json};

use crate::support::{
    oauth::get,
    options, start,
    upstream::{
        closed_port,
        mcp::{Era, Server, TOOLS},
        rpc,
    },
};

const PATHS: [&str; 3] =
    ["/.well-known/mcp/server-card.json", "/mcp/server-card", "/.well-known/ai-catalog.json"];

/// A Worker whose whole MCP server is at this origin, behind its door.
async fn before(origin: &str) -> xtask::server::Server {
    let options = options().var("BACKEND_URL", origin).var("BACKEND_PATHS", "all");
    start(options.var("BACKEND_ACCESS", "door").var("MCP_API_KEY", "a-key-of-this-test")).await
}

#[tokio::test]
async fn the_documents_say_what_the_backend_says_of_itself() {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let backend = Server::start(era).await;
        let worker = before(backend.origin()).await;
        let url = worker.url();
        let card = get(&format!("{url}{}", PATHS[0])).await;
        assert_eq!(card.status, 200, "{card:?}");
        for tool in TOOLS {
            assert!(card.text.contains(tool), "{era:?}: {tool}: {card:?}");
        }
        assert!(!card.text.contains("sitebay_"), "{card:?}");
        assert_eq!(card.json()["authentication"]["required"], true);
        let info: Value = card.json()["serverInfo"].clone();
        let title = info["title"].as_str().or(info["name"].as_str()).unwrap().to_owned();
        let server = get(&format!("{url}{}", PATHS[1])).await.json();
        assert_eq!(server["title"], json!(title), "{server}");
        assert_eq!(server["remotes"][0]["url"], json!(format!("{url}/mcp")));
        let catalogue = get(&format!("{url}{}", PATHS[2])).await.json();
        assert_eq!(catalogue["entries"][0]["displayName"], json!(title), "{catalogue}");
        assert_eq!(backend.count(&rpc("tools/list")), 1, "{era:?}: it is asked once a minute");
        backend.never_received("a-key-of-this-test");
    }
}

#[tokio::test]
async fn without_an_answer_of_the_backend_the_documents_say_where_it_is() {
    let away = closed_port();
    let worker = before(away.trim_end_matches("/mcp")).await;
    for path in PATHS {
        let document = get(&format!("{}{path}", worker.url())).await;
        assert_eq!(document.status, 200, "{path}: {document:?}");
        assert!(document.json()["tools"].is_null(), "{document:?}");
        assert!(document.text.contains(&format!("{}/mcp", worker.url())), "{document:?}");
        assert!(!document.text.to_lowercase().contains("sitebay"), "{document:?}");
    }
}

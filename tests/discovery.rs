use reqwest::{Client as Http, Method};
use serde_json::{Value, json};

use crate::support::{Answer, Client, lines::faults, options, production, server, start};

const ADMIN: &str = "the-admin-key-of-this-test";

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
async fn health_says_what_runs_and_nothing_that_helps_to_get_in() {
    // Settings that each have a warning, and a key that is refused beside one that is not.
    let vars = options().var("ENVIRONMENT", "production").var("MCP_ADMIN_KEY", ADMIN);
    let vars = vars.var("MCP_API_KEY", "short").var("ALLOW_KEY_IN_URL", "1");
    let vars = vars.var("MCP_ALLOWED_ORIGINS", "*").var("MCP_PAGE_SIZE", "none");
    let server = start(vars).await;
    let health = get(&format!("{}/health", server.url())).await;
    assert_eq!(health.status, 200);
    let health = health.json();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["service"], "sitebay-mcp");
    assert_eq!(health["environment"], "production");
    assert!(health["timestamp"].as_str().unwrap().ends_with('Z'), "{health}");
    let mut names: Vec<&str> = health.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["environment", "rollout", "service", "status", "timestamp", "version"]);
    // With the admin scope and in the log, once in each isolate, everything is said.
    let url = format!("{}/admin/health", server.url());
    get(&url).await.refused(401, -32000);
    let told = reqwest::Client::new().get(&url).bearer_auth(ADMIN).send().await.unwrap();
    let told = Answer::of(told).await.json();
    for name in names {
        assert!(!told[name].is_null(), "{told}");
    }
    assert_eq!((&told["rateLimit"], &told["metrics"]), (&json!(100), &json!(false)));
    let texts = |list: &str| {
        let list = told[list].as_array().unwrap().iter();
        list.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (errors, warnings) = (texts("errors"), texts("warnings"));
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("MCP_API_KEY: key number 1 has"), "{errors:?}");
    for name in ["ALLOW_KEY_IN_URL", "MCP_ALLOWED_ORIGINS", "MCP_PAGE_SIZE"] {
        assert!(warnings.iter().any(|text| text.starts_with(name)), "{name}: {warnings:?}");
    }
    for (texts, level) in [(errors, "error"), (warnings, "warn")] {
        for text in texts {
            let lines = faults(&server);
            let said = |line: &&Value| line["message"] == text.as_str() && line["level"] == level;
            assert_eq!(lines.iter().filter(said).count(), 1, "{text}: {}", server.log());
        }
    }
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

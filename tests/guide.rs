//! Requests as deployment guides for such servers write them, sent to the letter: `curl` with a secret
//! or a token, and nothing of the protocol around it. They are let in; what the protocol needs besides
//! is said by the answer.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer,
    issuer::{hs256, now_s},
    options, start,
};

const SHARED_SECRET: &str = "your-secret-here";
const JWT_SECRET: &str = "your-jwt-secret-here-with-enough-characters";

const INITIALIZE: &str = r#"{
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize"
  }"#;

const LIST: &str = r#"{
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list"
  }"#;

/// As `curl` sends it: any answer will do, and a body is a form unless a header says otherwise.
async fn curl(method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = reqwest::Client::new().request(method, url).header("accept", "*/*");
    if !headers.iter().any(|(name, _)| *name == "Content-Type") && !body.is_empty() {
        request = request.header("Content-Type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.body(body.to_owned()).send().await.unwrap()).await
}

async fn post(url: &str, (name, value): (&str, &str), body: &str) -> Answer {
    let headers = [(name, value), ("Content-Type", "application/json")];
    curl(Method::POST, &format!("{url}/mcp"), &headers, body).await
}

/// `Bearer $JWT_TOKEN`, signed as `jwt.sign({ sub, client_id }, secret, { expiresIn: "1h" })` does.
fn bearer(secret: &str) -> String {
    let (now, hour) = (now_s(), 3_600);
    let claims =
        json!({ "sub": "user-123", "client_id": "my-client", "iat": now, "exp": now + hour });
    format!("Bearer {}", hs256(secret, claims))
}

#[tokio::test]
async fn the_example_with_a_shared_secret_is_let_in_and_told_what_initialize_needs() {
    let vars = options().var("RATE_LIMIT", "100").var("MCP_SHARED_SECRET", SHARED_SECRET);
    let server = start(vars).await;
    let url = server.url();
    let answer = post(&url, ("X-MCP-Secret", SHARED_SECRET), INITIALIZE).await;
    answer.refused(400, -32602);
    assert!(answer.text.contains("protocolVersion"), "{answer:?}");
    assert!(answer.headers.contains_key("x-ratelimit-limit"), "{answer:?}");
    let whole = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        "capabilities":{},"clientInfo":{"name":"curl","version":"8"}}}"#;
    let started = post(&url, ("X-MCP-Secret", SHARED_SECRET), whole).await;
    assert_eq!(started.status, 200, "{started:?}");
    assert!(!started.header("mcp-session-id").is_empty());
    let wrong = post(&url, ("X-MCP-Secret", "wrong"), INITIALIZE).await;
    assert_eq!(wrong.status, 401, "{wrong:?}");
}

#[tokio::test]
async fn the_example_with_a_jwt_is_let_in_and_told_that_a_session_is_missing() {
    let vars = options().var("RATE_LIMIT", "100").var("MCP_JWT_SECRET", JWT_SECRET);
    let server = start(vars).await;
    let answer = post(&server.url(), ("Authorization", &bearer(JWT_SECRET)), LIST).await;
    answer.refused(400, -32000);
    assert!(answer.text.contains("Mcp-Session-Id is missing"), "{answer:?}");
    assert!(answer.headers.contains_key("x-ratelimit-limit"), "{answer:?}");
    let forged = bearer("another-secret-with-enough-characters-in-it");
    let forged = post(&server.url(), ("Authorization", &forged), LIST).await;
    assert_eq!(forged.status, 401, "{forged:?}");
}

#[tokio::test]
async fn answers_have_the_headers_of_the_rate_limit_example_and_the_429_has_its_body() {
    let vars = options().var("ENVIRONMENT", "production").var("MCP_JWT_SECRET", JWT_SECRET);
    let server = start(vars).await;
    let (url, token) = (server.url(), bearer(JWT_SECRET));
    let number = |answer: &Answer, name: &str| answer.header(name).parse::<u64>().unwrap();
    let first = post(&url, ("Authorization", &token), LIST).await;
    assert_eq!(number(&first, "X-RateLimit-Limit"), 100);
    assert!(number(&first, "X-RateLimit-Remaining") < 100);
    assert!((1..=60).contains(&(number(&first, "X-RateLimit-Reset") - now_s())));
    // Two windows at most are touched, and one of them is used up.
    let mut refused = None;
    for _ in 0..201 {
        let answer = post(&url, ("Authorization", &token), LIST).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a limit");
    let pause = number(&refused, "Retry-After");
    let message = format!("Too many requests. Retry after {pause} seconds");
    let expected =
        json!({ "error": "Rate limit exceeded", "message": message, "retryAfter": pause });
    assert_eq!(refused.json(), expected);
}

#[tokio::test]
async fn health_says_what_the_example_says() {
    let vars = options().var("ENVIRONMENT", "production").var("MCP_JWT_SECRET", JWT_SECRET);
    let server = start(vars).await;
    let answer = curl(Method::GET, &format!("{}/health", server.url()), &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let told = answer.json();
    for (name, value) in
        [("status", "ok"), ("service", "sitebay-mcp"), ("environment", "production")]
    {
        assert_eq!(told[name], value, "{told}");
    }
    let time = told["timestamp"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && time.contains('T'), "{time}");
}

/// The examples of gradual rollout, where there is a store: `admin` and `secret` are the server's.
pub async fn rolls_out(url: &str, admin: &str, secret: &str) {
    let (health, launch) = (format!("{url}/health"), format!("{url}/admin/dark-launch"));
    let admin = format!("Bearer {admin}");
    let put = async |percentage: Value| {
        let body = format!(r#"{{"percentage": {percentage}}}"#);
        let answer = curl(Method::PUT, &launch, &[("Authorization", &admin)], &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["percentage"]), (200, &percentage));
        let health = curl(Method::GET, &health, &[], "").await.json();
        assert_eq!(health["rollout"]["percentage"], percentage, "{health}");
    };
    put(json!(25)).await;
    put(json!(0)).await;
    let token = bearer(secret);
    let refused = post(url, ("Authorization", &token), LIST).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "60"));
    let told = refused.json();
    assert_eq!((&told["error"], &told["percentage"]), (&json!("Not available yet"), &json!(0)));
    assert!(told["message"].as_str().unwrap().contains("rolled out"), "{told}");
    put(json!(100)).await;
    post(url, ("Authorization", &token), LIST).await.refused(400, -32000);
}

//! JSON Web Tokens of issuers that the operator trusts.

use serde_json::{Value, json};

use crate::support::{
    Client,
    issuer::{Issuer, claims, hs256, now_s, token},
    options, start,
};

const SECRET: &str = "a-secret-of-this-test-with-enough-characters";

fn bearer(url: &str, token: &str) -> Client {
    Client::new(url).with("authorization", &format!("Bearer {token}"))
}

async fn status(url: &str, token: &str) -> u16 {
    bearer(url, token).initialize("2025-11-25").await.status.as_u16()
}

async fn whoami(url: &str, token: &str) -> Value {
    let client = bearer(url, token).connect().await;
    client.call("whoami", json!({})).await.result()["structuredContent"].clone()
}

#[tokio::test]
async fn a_token_that_somebody_with_the_secret_signed_comes_in() {
    let secrets = format!("older-{SECRET}, {SECRET}");
    let server = start(options().var("MCP_JWT_SECRET", &secrets)).await;
    // As many make them: with a subject, a client and an end, and nothing else.
    let plain = json!({ "sub": "user-123", "client_id": "my-client", "exp": now_s() + 60 });
    let who = whoami(&server.url(), &hs256(SECRET, plain.clone())).await;
    assert_eq!((&who["authMethod"], &who["cameAs"]), (&json!("jwt"), &json!("my-client")));
    assert_eq!(who["scopes"], "read write");
    assert_eq!(status(&server.url(), &hs256(&format!("older-{SECRET}"), plain)).await, 200);
    // It never acts on the server's own account.
    let client = bearer(&server.url(), &hs256(SECRET, claims(json!({})))).connect().await;
    let refused = client.call("sitebay_list_sites", json!({})).await;
    assert!(refused.tool_text().contains("X-SiteBay-Token"), "{refused:?}");
    assert!(server.sandbox().unwrap().requests().is_empty());
}

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_is_refused() {
    let server = start(
        options()
            .var("MCP_JWT_SECRET", SECRET)
            .var("MCP_JWT_ISSUER", "https://issuer.example")
            .var("MCP_JWT_AUDIENCE", "mcp other")
            .var("MCP_API_KEY", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),
    )
    .await;
    let url = server.url();
    assert_eq!(status(&url, &hs256(SECRET, claims(json!({})))).await, 200);
    for over in [
        json!({ "exp": now_s() - 61 }),
        json!({ "exp": null }),
        json!({ "nbf": now_s() + 120 }),
        json!({ "aud": "somebody" }),
        json!({ "aud": null }),
        json!({ "iss": "https://other.example" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "sub": 7 }),
    ] {
        let refused =
            bearer(&url, &hs256(SECRET, claims(over.clone()))).initialize("2025-11-25").await;
        refused.refused(401, -32000);
        let challenge = refused.header("www-authenticate");
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{over}: {challenge}");
    }
    let none = token("", json!({ "alg": "none" }), claims(json!({})));
    let unsigned = none.rsplit_once('.').unwrap().0.to_owned() + ".";
    let large = hs256(SECRET, claims(json!({ "x": "x".repeat(8_192) })));
    let forged = hs256("another-secret-of-this-test-with-characters", claims(json!({})));
    // The last one is the key: what looks like a token is judged as a token.
    let key = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.".to_owned();
    for text in [none, unsigned, large, forged, key] {
        assert_eq!(status(&url, &text).await, 401, "{}", &text[..40.min(text.len())]);
    }
}

#[tokio::test]
async fn two_issuers_with_the_same_sub_are_two_subjects_and_a_new_token_keeps_the_session() {
    let server = start(options().var("MCP_JWT_SECRET", SECRET)).await;
    let url = server.url();
    let of = |over: Value| hs256(SECRET, claims(over));
    let client = bearer(&url, &of(json!({}))).connect().await;
    let refreshed = of(json!({ "exp": now_s() + 900, "client_id": "other" }));
    let again = client.clone().with("authorization", &format!("Bearer {refreshed}"));
    assert_eq!(again.request("ping", json!({})).await.status, 200);
    for foreign in [json!({ "iss": "https://b.example" }), json!({ "sub": "eve" })] {
        let foreign = client.clone().with("authorization", &format!("Bearer {}", of(foreign)));
        foreign.request("ping", json!({})).await.refused(404, -32001);
    }
}

#[tokio::test]
async fn an_issuer_s_keys_are_fetched_once() {
    let issuer = Issuer::start().await;
    let server = start(
        options()
            .var("MCP_JWKS_URL", &issuer.keys_url())
            .var("MCP_JWT_ISSUER", "https://issuer.example")
            .var("MCP_JWT_AUDIENCE", "mcp"),
    )
    .await;
    let url = server.url();
    for key in ["RS256", "ES256", "EdDSA"] {
        let signed = issuer.sign(key, json!({}), claims(json!({ "scp": ["read"] }))).await;
        assert_eq!(whoami(&url, &signed).await["scopes"], "read", "{key}");
        let (head, signature) = signed.rsplit_once('.').unwrap();
        let swapped = format!("{head}.{}", signature.chars().rev().collect::<String>());
        assert_eq!(status(&url, &swapped).await, 401, "{key}");
    }
    // Another key's id, and the algorithm that would take a public key for a secret.
    let confused = issuer.sign("ES256", json!({ "kid": "RS256" }), claims(json!({}))).await;
    assert_eq!(status(&url, &confused).await, 401);
    assert_eq!(status(&url, &hs256("public key", claims(json!({})))).await, 401);
    // A token that is over has nothing fetched.
    let over = issuer.sign("RS256", json!({}), claims(json!({ "exp": 1 }))).await;
    assert_eq!(status(&url, &over).await, 401);
    assert_eq!(issuer.fetches().await, 1);
    // Within a minute of the first fetch no request is made for an unknown key.
    issuer.rotate().await;
    let rotated = issuer.sign("rotated", json!({}), claims(json!({}))).await;
    assert_eq!(status(&url, &rotated).await, 401);
    assert_eq!(issuer.fetches().await, 1);
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_not_the_caller_s_fault() {
    let issuer = Issuer::start().await;
    let server = start(
        options()
            .var("MCP_JWKS_URL", "http://127.0.0.1:9/keys")
            .var("MCP_JWT_ISSUER", "https://issuer.example")
            .var("MCP_JWT_AUDIENCE", "mcp"),
    )
    .await;
    let signed = issuer.sign("RS256", json!({}), claims(json!({}))).await;
    let answer = bearer(&server.url(), &signed).initialize("2025-11-25").await;
    answer.refused(503, -32000);
    assert_eq!(answer.header("retry-after"), "5");
}

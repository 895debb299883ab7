use serde_json::json;

use crate::support::{Answer, Client, lines::lines, options, start, wait};

#[tokio::test]
async fn a_key_is_needed_where_one_is_set() {
    let server = start(options().var("MCP_API_KEY", "k3y-of-this-test")).await;
    let client = Client::new(&server.url());
    for authorization in
        [None, Some("Bearer wrong"), Some("k3y-of-this-test"), Some("Basic k3y-of-this-test")]
    {
        let client = match authorization {
            Some(value) => client.clone().with("authorization", value),
            None => client.clone(),
        };
        let answer = client.initialize("2025-11-25").await;
        answer.refused(401, -32000);
        let wrong = authorization == Some("Bearer wrong");
        let challenge = match wrong {
            true => "Bearer error=\"invalid_token\", error_description=\"the key is wrong\"",
            false => "Bearer",
        };
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert_eq!(client.get().await.status(), 401);
        assert_eq!(client.delete().await.status, 401);
        assert!(!answer.text.contains("k3y-of-this-test"), "{answer:?}");
    }
    let client = client.with("authorization", "Bearer k3y-of-this-test").connect().await;
    assert_eq!(client.request("ping", json!({})).await.status, 200);
    let keyless = client.without("authorization");
    keyless.request("ping", json!({})).await.refused(401, -32000);
}

#[tokio::test]
async fn nothing_configured_is_closed_outside_development() {
    let server = start(options().var("ENVIRONMENT", "production")).await;
    let answer = Client::new(&server.url()).initialize("2025-11-25").await;
    answer.refused(503, -32000);
    assert!(answer.text.contains("MCP_API_KEY"), "{answer:?}");
    let health = reqwest::get(format!("{}/health", server.url())).await.unwrap();
    assert_eq!(health.status(), 503);
}

#[tokio::test]
async fn a_weak_session_key_is_refused_with_a_reason() {
    let server = start(options().var("SESSION_KEY", "short")).await;
    let answer = Client::new(&server.url()).initialize("2025-11-25").await;
    answer.refused(503, -32000);
    assert!(answer.text.contains("SESSION_KEY"), "{answer:?}");
}

#[tokio::test]
async fn any_key_of_the_list_opens_and_they_are_one_subject() {
    let server = start(options().var("MCP_API_KEY", "older-key-of-test, newer-key-of-test")).await;
    let client = Client::new(&server.url()).with("x-api-key", "older-key-of-test").connect().await;
    let rotated = client.without("x-api-key").with("authorization", "Bearer newer-key-of-test");
    assert_eq!(rotated.request("ping", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_shared_secret_opens_and_nothing_makes_up_for_a_wrong_one() {
    let server = start(
        options().var("MCP_SHARED_SECRET", "s3cret-of-this-test").var("MCP_API_KEY", "k3y-of-test"),
    )
    .await;
    let client = Client::new(&server.url());
    let status = async |headers: &[(&str, &str)]| {
        let client =
            headers.iter().fold(client.clone(), |client, (name, value)| client.with(name, value));
        client.initialize("2025-11-25").await.status.as_u16()
    };
    let right = ("x-mcp-secret", "s3cret-of-this-test");
    let key = ("authorization", "Bearer k3y-of-test");
    assert_eq!(status(&[right]).await, 200);
    assert_eq!(status(&[right, key]).await, 200);
    for wrong in [
        [("x-mcp-secret", "wrong"), key],
        [right, ("authorization", "Bearer wrong")],
        [right, ("x-api-key", "wrong")],
        [key, ("x-api-key", "wrong")],
        [right, ("authorization", "Basic wrong")],
    ] {
        assert_eq!(status(&wrong).await, 401, "{wrong:?}");
    }
    // The same header twice is one with both values.
    let twice = client.send(reqwest::Method::POST);
    let twice = twice.header("x-mcp-secret", "s3cret-of-this-test").header("x-mcp-secret", "x");
    assert_eq!(twice.body("{}").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_key_in_the_url_opens_only_where_that_is_allowed() {
    let key = "k3y-of-this-test";
    for (allowed, status) in [("1", 200), ("0", 401)] {
        let options = options().var("MCP_API_KEY", key).var("ALLOW_KEY_IN_URL", allowed);
        let server = start(options).await;
        for path in ["/mcp?auth=k3y-of-this-test", "/mcp?x=y&apiKey=k3y-of-this-test"] {
            let answer = Client::at(&server.url(), path).initialize("2025-11-25").await;
            assert_eq!(answer.status, status, "{path}");
        }
        let wrong = Client::at(&server.url(), "/mcp?auth=wrong").initialize("2025-11-25").await;
        wrong.refused(401, -32000);
        wait::holds("each request has its line", || lines(&server).len() == 3).await;
        assert!(!server.log().contains(key));
    }
}

const PASSPHRASE: &str = "correct horse battery staple";

async fn initialized_with(url: &str, header: &str, value: &str) -> Answer {
    Client::new(url).with(header, value).initialize("2025-11-25").await
}

#[tokio::test]
async fn a_passphrase_is_one_key() {
    let server =
        start(options().var("MCP_API_KEY", PASSPHRASE).var("MCP_ADMIN_KEY", "an admin phrase"))
            .await;
    for word in ["horse", "correct", "battery staple", "admin", "phrase"] {
        let answer =
            initialized_with(&server.url(), "authorization", &format!("Bearer {word}")).await;
        answer.refused(401, -32000);
    }
    for whole in [PASSPHRASE, "an admin phrase"] {
        let answer = initialized_with(&server.url(), "x-api-key", whole).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn outside_development_a_short_key_refuses_all_who_come_by_that_way() {
    const ADMIN: &str = "the-admin-key-of-this-test";
    for environment in ["production", "staging"] {
        let vars = options().var("ENVIRONMENT", environment).var("MCP_ADMIN_KEY", ADMIN);
        let server = start(vars.var("MCP_API_KEY", "long-enough-for-this-test, short-one")).await;
        for key in ["long-enough-for-this-test", "short-one", "neither"] {
            let refused = initialized_with(&server.url(), "x-api-key", key).await;
            refused.refused(503, -32000);
            assert!(refused.text.contains("misconfigured"), "{refused:?}");
            assert!(!refused.text.contains("MCP_API_KEY"), "{refused:?}");
        }
        assert!(server.log().contains("MCP_API_KEY: key number 2"), "{}", server.log());
        assert!(!server.log().contains("short-one"), "{}", server.log());
        let answer = initialized_with(&server.url(), "x-api-key", ADMIN).await;
        assert_eq!(answer.status, 200, "another way goes on: {answer:?}");
        Client::new(&server.url()).initialize("2025-11-25").await.refused(401, -32000);
    }
}

#[tokio::test]
async fn where_every_way_in_has_a_short_key_each_request_is_refused_as_misconfigured() {
    for (name, value) in [
        ("MCP_API_KEY", "fifteen-letters"),
        ("MCP_ADMIN_KEY", "fifteen-letters"),
        ("MCP_SHARED_SECRET", "fifteen-letters"),
        ("MCP_JWT_SECRET", "a-secret-with-31-characters-onl"),
    ] {
        let server = start(options().var("ENVIRONMENT", "production").var(name, value)).await;
        let refused = Client::new(&server.url()).initialize("2025-11-25").await;
        refused.refused(503, -32000);
        assert!(!refused.text.contains(name), "{refused:?}");
        let health = reqwest::get(format!("{}/health", server.url())).await.unwrap();
        assert_eq!(health.status(), 503, "{name}");
        assert!(server.log().contains(&format!("{name}: key number 1")), "{}", server.log());
    }
}

async fn health(url: &str) -> (u16, String) {
    let health = reqwest::get(format!("{url}/health")).await.unwrap();
    let status = health.status().as_u16();
    let body: serde_json::Value = serde_json::from_str(&health.text().await.unwrap()).unwrap();
    (status, body["status"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn health_is_degraded_where_one_of_several_ways_in_is_broken_and_down_where_all_are() {
    let key = ("MCP_API_KEY", "long-enough-for-this-test");
    let short = ("MCP_ADMIN_KEY", "short");
    let no_audience = ("MCP_JWKS_URL", "https://issuer.example/keys");
    let no_provider = [key, ("MCP_OAUTH", "on"), ("MCP_OIDC_ISSUER", "https://id.example")];
    for (vars, expected) in [
        (vec![key], (200, "ok")),
        (vec![key, short], (200, "degraded")),
        (vec![key, ("MCP_SHARED_SECRET", "short")], (200, "degraded")),
        (vec![key, ("MCP_JWT_SECRET", "short")], (200, "degraded")),
        (vec![key, no_audience], (200, "degraded")),
        (no_provider.to_vec(), (200, "degraded")),
        (vec![short], (503, "misconfigured")),
        (vec![short, no_audience], (503, "misconfigured")),
    ] {
        let production = options().var("ENVIRONMENT", "production");
        let options =
            vars.iter().fold(production, |options, (name, value)| options.var(name, value));
        let server = start(options).await;
        let (status, said) = health(&server.url()).await;
        assert_eq!((status, said.as_str()), expected, "{vars:?}");
    }
}

#[tokio::test]
async fn the_hint_names_the_header_of_a_way_in_that_is_on() {
    let jwt = "a-secret-of-this-test-with-enough-characters";
    for (vars, hint, header) in [
        (
            vec![("MCP_API_KEY", "k3y-of-this-test")],
            "send `Authorization: Bearer <key>`",
            "Authorization",
        ),
        (
            vec![("MCP_SHARED_SECRET", "s3cret-of-this-test")],
            "send `X-MCP-Secret: <secret>`",
            "X-MCP-Secret",
        ),
        (
            vec![("MCP_SHARED_SECRET", "s3cret-of-this-test"), ("MCP_JWT_SECRET", jwt)],
            "send `Authorization: Bearer <key>`",
            "Authorization",
        ),
    ] {
        let options =
            vars.iter().fold(options(), |options, (name, value)| options.var(name, value));
        let server = start(options).await;
        let refused = Client::new(&server.url()).initialize("2025-11-25").await;
        refused.refused(401, -32000);
        assert!(refused.text.contains(hint), "{refused:?}");
        // OAuth clients learn it where they look first.
        let absent = Client::at(&server.url(), "/register").post("{}").await;
        assert!(absent.status == 404 && absent.text.contains(header), "{absent:?}");
        let card = reqwest::get(format!("{}/mcp/server-card", server.url())).await.unwrap();
        let card: serde_json::Value = serde_json::from_str(&card.text().await.unwrap()).unwrap();
        assert_eq!(card["remotes"][0]["headers"][0]["name"], header);
    }
}

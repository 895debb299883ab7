//! Connection's OAuth.

use std::collections::HashMap;

use reqwest::Url;
use sandbox::keboola::{CLIENT_ID, CLIENT_SECRET, Options};
use serde_json::{Value, json};

use crate::client::{Lab, answer};

const REDIRECT: &str = "http://127.0.0.1:9/callback";

async fn authorize(lab: &Lab, client: &str, redirect: &str, more: &str) -> reqwest::Response {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client)
        .append_pair("redirect_uri", redirect)
        .append_pair("state", "s&1")
        .finish();
    let path = format!("oauth/authorize?{query}&{more}");
    lab.bare("GET", "connection", &path).send().await.unwrap()
}

async fn code(lab: &Lab, more: &str) -> String {
    let more = format!("response_type=code&{more}");
    let response = authorize(lab, CLIENT_ID, REDIRECT, &more).await;
    assert_eq!(response.status().as_u16(), 302);
    let url = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let pairs: HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(pairs["state"], "s&1");
    pairs["code"].clone()
}

async fn token(lab: &Lab, pairs: &[(&str, &str)]) -> (u16, Value) {
    let client = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(client).extend_pairs(pairs);
    let request = lab.bare("POST", "connection", "oauth/token");
    answer(request.header("Content-Type", "application/x-www-form-urlencoded").body(form.finish()))
        .await
}

async fn exchange(lab: &Lab, code: &str, redirect: &str) -> (u16, Value) {
    let grant = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect)];
    token(lab, &grant).await
}

fn is_refused((status, body): (u16, Value), error: &str) -> bool {
    (status == 400 || status == 401) && body["error"] == error
}

#[tokio::test]
async fn a_code_gives_tokens_once() {
    let lab = Lab::start().await;
    let code = code(&lab, "project=102").await;
    let (status, given) = exchange(&lab, &code, REDIRECT).await;
    assert_eq!((status, &given["expires_in"]), (200, &json!(3600)));
    let bearer = given["access_token"].as_str().unwrap();
    let verify =
        || answer(lab.bare("GET", "connection", "v2/storage/tokens/verify").bearer_auth(bearer));
    let (status, verified) = verify().await;
    assert_eq!((status, &verified["owner"]["id"]), (200, &json!(102)));
    assert!(is_refused(exchange(&lab, &code, REDIRECT).await, "invalid_grant"));
    lab.advance(3_600_000);
    assert_eq!(verify().await.0, 401);
}

#[tokio::test]
async fn a_bearer_opens_some_services_and_mints_a_token_for_the_others() {
    let lab = Lab::start().await;
    let code = code(&lab, "").await;
    let (_, given) = exchange(&lab, &code, REDIRECT).await;
    let bearer = given["access_token"].as_str().unwrap();
    for (service, path, wanted) in [
        ("scheduler", "schedules", 200),
        ("data-science", "apps", 200),
        ("metastore", "api/v1/repository/semantic-model", 200),
        ("query", "api/v1/queries/none", 404),
        ("queue", "search/jobs", 401),
        ("ai", "docs/components/keboola.flow", 401),
    ] {
        let status = answer(lab.bare("GET", service, path).bearer_auth(bearer)).await.0;
        assert_eq!(status, wanted, "{service}");
    }
    let body = json!({ "description": "minted", "canManageBuckets": true, "expiresIn": 7200 });
    let request = lab.bare("POST", "connection", "v2/storage/tokens").bearer_auth(bearer);
    let (status, minted) = answer(request.json(&body)).await;
    assert_eq!(status, 201);
    let jobs = lab.bare("GET", "queue", "search/jobs");
    let jobs = jobs.header("X-StorageApi-Token", minted["token"].as_str().unwrap());
    assert_eq!(answer(jobs).await.0, 200);
}

#[tokio::test]
async fn a_refresh_token_is_replaced_by_another() {
    let lab = Lab::start().await;
    let (_, first) = exchange(&lab, &code(&lab, "").await, REDIRECT).await;
    let refresh = async |text: &Value| {
        let grant = [("grant_type", "refresh_token"), ("refresh_token", text.as_str().unwrap())];
        token(&lab, &grant).await
    };
    let (status, second) = refresh(&first["refresh_token"]).await;
    assert_eq!(status, 200);
    assert_ne!(second["access_token"], first["access_token"]);
    assert!(is_refused(refresh(&first["refresh_token"]).await, "invalid_grant"));
    assert_eq!(refresh(&second["refresh_token"]).await.0, 200);
}

#[tokio::test]
async fn codes_expire_and_are_bound_to_their_redirect() {
    let lab = Lab::start().await;
    let late = code(&lab, "").await;
    lab.advance(300_000);
    assert!(is_refused(exchange(&lab, &late, REDIRECT).await, "invalid_grant"));
    let other = code(&lab, "").await;
    let elsewhere = exchange(&lab, &other, "http://127.0.0.1:9/other").await;
    assert!(is_refused(elsewhere, "invalid_grant"));
    assert!(is_refused(exchange(&lab, &other, REDIRECT).await, "invalid_grant"));
    let wrong = [("grant_type", "password")];
    assert!(is_refused(token(&lab, &wrong).await, "unsupported_grant_type"));
    let bare = lab.bare("POST", "connection", "oauth/token").body("client_id=sandbox-client");
    assert!(is_refused(answer(bare).await, "invalid_client"));
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let redirect = "https://mcp.example.com/callback";
    let options = Options { redirect_uris: vec![redirect.to_owned()], ..Options::default() };
    let lab = Lab::with(options).await;
    let code = "response_type=code";
    for (client, redirect) in [
        (CLIENT_ID, "https://evil.example.com/callback"),
        (CLIENT_ID, "http://127.0.0.1.evil.example.com/"),
        (CLIENT_ID, "https://mcp.example.com/callback/more"),
        ("stranger", REDIRECT),
    ] {
        assert_eq!(authorize(&lab, client, redirect, code).await.status().as_u16(), 400);
    }
    assert_eq!(authorize(&lab, CLIENT_ID, redirect, code).await.status().as_u16(), 302);
    let refused = authorize(&lab, CLIENT_ID, redirect, "response_type=token").await;
    let location = refused.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.contains("error=unsupported_response_type"), "{location}");
    let validate = |redirect: &str| {
        let body = json!({ "client_id": CLIENT_ID, "redirect_uri": redirect });
        answer(lab.bare("POST", "connection", "oauth/clients/validate").json(&body))
    };
    assert_eq!(validate(redirect).await.0, 200);
    assert_eq!(validate("https://evil.example.com/").await.0, 404);
}

//! Tokens, paths and methods.

use sandbox::Options;
use serde_json::json;

use crate::client::{Api, answer, detail, new_site, swift};

#[tokio::test]
async fn a_missing_or_empty_token_is_unauthorized() {
    let api = Api::start().await;
    for value in [None, Some(""), Some("Bearer "), Some("Basic abcdef")] {
        let mut request = api.bare("GET", "/f/api/v1/team");
        if let Some(value) = value {
            request = request.header("authorization", value);
        }
        assert_eq!(answer(request).await, (401, detail("Unauthorized")));
    }
}

#[tokio::test]
async fn only_the_set_token_is_accepted() {
    let token = Some("the-one".to_owned());
    let api = Api::with(Options { token, ..swift() }).await;
    let with = |token: &str| api.bare("GET", "/f/api/v1/team").bearer_auth(token);
    assert_eq!(answer(with("another")).await.0, 401);
    assert_eq!(answer(with("the-one")).await.0, 200);
}

#[tokio::test]
async fn a_readonly_token_reads_and_does_not_write() {
    let api = Api::start().await;
    let with = |method: &str, path: &str| {
        let request = api.bare(method, &format!("/f/api/v1{path}"));
        request.bearer_auth("key-readonly-1")
    };
    assert_eq!(answer(with("GET", "/site/")).await.0, 200);
    let refused = (403, detail("This key may only read"));
    let create = with("POST", "/site/").json(&new_site("new.example.com"));
    assert_eq!(answer(create).await, refused);
    let delete = with("DELETE", "/site/site-1.example.com");
    assert_eq!(answer(delete).await, refused);

    let proxied = |method: &str| {
        let body = json!({ "fqdn": "site-1.example.com", "path": "/wp-json/wp/v2/posts", "method": method });
        with("POST", "/wp-proxy").json(&body)
    };
    assert_eq!(answer(proxied("get")).await.0, 200);
    assert_eq!(answer(proxied("post")).await, refused);
}

#[tokio::test]
async fn unknown_sites_and_routes_are_not_found() {
    let api = Api::start().await;
    let no_site = (404, detail("Site not found"));
    assert_eq!(api.get("/site/no.example.com").await, no_site);
    assert_eq!(api.get("/site/no.example.com/stage").await, no_site);
    assert_eq!(api.get("/site/no.example.com/pit_restore").await, no_site);
    assert_eq!(api.delete("/site/no.example.com").await, no_site);
    let command = json!({ "cmd": "pwd" });
    assert_eq!(api.post("/site/no.example.com/cmd", command).await, no_site);
    assert_eq!(api.get("/nothing").await, (404, detail("Not Found")));
    let outside = answer(api.bare("GET", "/elsewhere")).await;
    assert_eq!(outside, (404, detail("Not Found")));
}

#[tokio::test]
async fn a_wrong_method_is_not_allowed() {
    let api = Api::start().await;
    let refused = (405, detail("Method Not Allowed"));
    assert_eq!(api.delete("/team").await, refused);
    assert_eq!(api.patch("/site/", json!({})).await, refused);
    assert_eq!(api.get("/wp-proxy").await, refused);
}

#[tokio::test]
async fn a_path_that_is_a_slash_off_is_redirected() {
    let api = Api::start().await;
    let cases = [
        ("GET", "/site?page=2", "/site/?page=2"),
        ("POST", "/site", "/site/"),
        ("GET", "/team/", "/team"),
        ("GET", "/site/a%20b.example.com/", "/site/a%20b.example.com"),
        ("GET", "/ready_made_site/", "/ready_made_site"),
    ];
    for (method, from, to) in cases {
        let response = api.request(method, from).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 307, "{from}");
        let location = response.headers()["location"].to_str().unwrap();
        assert_eq!(location, format!("{}/f/api/v1{to}", api.sandbox.url()));
    }
}

#[tokio::test]
async fn a_dropped_sandbox_answers_no_more() {
    let api = Api::start().await;
    assert_eq!(api.get("/team").await.0, 200);
    let again = api.request("GET", "/team");
    drop(api.sandbox);
    tokio::task::yield_now().await;
    assert!(again.send().await.is_err());
}

//! The proxies and the checkout.

use serde_json::{Value, json};

use crate::client::{Api, TEAM, detail};

async fn wordpress(api: &Api, method: &str, path: &str, parameters: &str) -> (u16, Value) {
    let body = json!({
        "fqdn": "site-1.example.com",
        "method": method,
        "path": path,
        "query_params_json": parameters,
    });
    api.post("/wp-proxy", body).await
}

#[tokio::test]
async fn wordpress_reads_are_plausible() {
    let api = Api::start().await;
    for kind in ["posts", "pages"] {
        let path = format!("/wp-json/wp/v2/{kind}?context=view");
        let (status, list) = wordpress(&api, "get", &path, "").await;
        assert_eq!(status, 200);
        assert_eq!(list.as_array().unwrap().len(), 2);
        assert!(list[0]["id"].as_u64() > list[1]["id"].as_u64());
        let path = format!("/wp-json/wp/v2/{kind}/{}", list[1]["id"]);
        let (_, one) = wordpress(&api, "get", &path, "").await;
        assert_eq!(one, list[1]);
    }
    let (_, settings) = wordpress(&api, "get", "/wp-json/wp/v2/settings", "").await;
    assert_eq!(settings["title"], "site-1.example.com");
    let index = api.post("/wp-proxy", json!({ "fqdn": "site-1.example.com" })).await;
    assert_eq!(index.1["namespace"], "wp/v2");
}

#[tokio::test]
async fn wordpress_writes_are_kept() {
    let api = Api::start().await;
    let posts = "/wp-json/wp/v2/posts";
    let (status, made) = wordpress(&api, "post", posts, r#"{"title":"Hi"}"#).await;
    assert_eq!((status, &made["id"], &made["title"]["raw"]), (200, &json!(101), &json!("Hi")));
    assert_eq!(made["status"], "draft");
    let one = "/wp-json/wp/v2/posts/101";
    let (_, changed) = wordpress(&api, "post", one, r#"{"status":"publish"}"#).await;
    assert_eq!(wordpress(&api, "get", one, "").await, (200, changed));
    let (_, list) = wordpress(&api, "get", posts, r#"{"search":"hi"}"#).await;
    assert_eq!(list[0]["id"], 101);
    let (_, one_only) = wordpress(&api, "get", &format!("{posts}?per_page=1&page=2"), "").await;
    assert_eq!((one_only.as_array().map(Vec::len), &one_only[0]["id"]), (Some(1), &json!(2)));
    let (_, binned) = wordpress(&api, "delete", one, "").await;
    assert_eq!(binned["status"], "trash");
    let (_, gone) = wordpress(&api, "delete", one, r#"{"force":true}"#).await;
    assert_eq!((&gone["deleted"], &gone["previous"]["id"]), (&json!(true), &json!(101)));
    assert_eq!(wordpress(&api, "get", one, "").await.0, 404);
    let settings = "/wp-json/wp/v2/settings";
    wordpress(&api, "post", settings, r#"{"title":"New"}"#).await;
    assert_eq!(wordpress(&api, "get", settings, "").await.1["title"], "New");
    let (status, body) = wordpress(&api, "post", posts, "{").await;
    assert_eq!((status, body), (400, detail("query_params_json is not valid JSON")));
}

#[tokio::test]
async fn wordpress_errors_come_in_its_own_shape() {
    let api = Api::start().await;
    let (status, body) = wordpress(&api, "get", "/wp-json/other/v1", "").await;
    assert_eq!((status, &body["code"]), (404, &json!("rest_no_route")));
    let unknown = api.post("/wp-proxy", json!({ "fqdn": "no.example.com" })).await;
    assert_eq!(unknown, (404, detail("Site not found")));
}

#[tokio::test]
async fn shopify_keeps_products() {
    let api = Api::start().await;
    let shopify = |shop: &str, method: &str, path: &str| {
        let body = json!({
            "shop_name": shop,
            "method": method,
            "path": path,
            "query_params_json": r#"{"product":{"title":"test"}}"#,
        });
        api.post("/shopify-proxy", body)
    };
    let products = "/admin/api/2024-04/products.json";
    let (_, list) = shopify("my-shop", "get", products).await;
    assert_eq!(list["products"].as_array().map(Vec::len), Some(2));
    let (status, made) = shopify("my-shop", "post", products).await;
    assert_eq!(
        (status, &made["product"]["id"], &made["product"]["title"]),
        (200, &json!(3), &json!("test"))
    );
    let one = "/admin/api/2024-04/products/1.json";
    assert_eq!(shopify("my-shop", "put", one).await.1["product"]["title"], "test");
    assert_eq!(shopify("my-shop", "get", one).await.1["product"]["title"], "test");
    assert_eq!(shopify("my-shop", "delete", one).await, (200, json!({})));
    assert_eq!(shopify("my-shop", "get", one).await.0, 404);
    assert_eq!(shopify("other-shop", "get", one).await.0, 200);
    let unknown = shopify("unknown-shop", "get", products).await;
    assert_eq!(unknown, (404, detail("Shopify store not found")));
    assert_eq!(shopify("my-shop", "get", "/admin/api/2024-04/x.json").await.0, 404);
}

#[tokio::test]
async fn posthog_has_lists_and_echoes_writes() {
    let api = Api::start().await;
    let insights = "/api/projects/6/insights";
    let (_, list) = api.post("/posthog-proxy", json!({ "path": insights })).await;
    assert_eq!(list["results"].as_array().map(Vec::len), Some(1));
    let body = json!({
        "path": insights,
        "method": "post",
        "query_params_json": r#"{"name":"Visits"}"#,
    });
    let made = api.post("/posthog-proxy", body).await;
    assert_eq!(made, (200, json!({ "id": 2, "name": "Visits" })));
    assert_eq!(api.post("/posthog-proxy", json!({ "path": "/x" })).await.0, 404);
}

#[tokio::test]
async fn a_checkout_answers_an_address() {
    let api = Api::start().await;
    let checkout = |body: Value| api.post("/create_checkout_session", body);
    let (status, body) = checkout(json!({ "for_team_id": TEAM })).await;
    assert_eq!(status, 200);
    assert!(body["url"].as_str().unwrap().starts_with("https://"));
    assert_eq!(checkout(json!({})).await.0, 422);
    let unknown = checkout(json!({ "for_team_id": "nobody" })).await;
    assert_eq!(unknown, (404, detail("Team not found")));
}

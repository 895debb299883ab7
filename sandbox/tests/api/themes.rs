//! Shopify stores and their themes.

use serde_json::{Value, json};

use crate::client::{Api, block, detail};

const THEME: &str = "/shopify/my-shop/theme/1";
const HERO: &str = "sections/hero.liquid";

#[tokio::test]
async fn files_of_a_theme_are_read_and_edited() {
    let api = Api::start().await;
    let read = format!("{THEME}/asset?key={HERO}");
    let (_, before) = api.get(&read).await;
    assert!(before["content"].as_str().unwrap().contains("Welcome"));
    let mut edit = json!({
        "key": HERO,
        "file_edit_using_search_replace_blocks": block("Welcome", "Hello"),
        "dry_run": true,
    });
    let path = format!("{THEME}/asset/edit");
    // The block holds whole lines, so part of one is enough to be found.
    let (code, tried) = api.post(&path, edit.clone()).await;
    assert_eq!((code, &tried["dry_run"]), (200, &json!(true)));
    assert_eq!(api.get(&read).await.1, before);
    edit["dry_run"] = json!(false);
    api.post(&path, edit).await;
    assert!(api.get(&read).await.1["content"].as_str().unwrap().contains("Hello"));
    // The shop's name is good with Shopify's domain too.
    let whole = format!("/shopify/my-shop.myshopify.com/theme/1/asset?key={HERO}");
    assert!(api.get(&whole).await.1["content"].as_str().unwrap().contains("Hello"));
}

#[tokio::test]
async fn edits_of_several_files_are_made_all_or_none() {
    let api = Api::start().await;
    let entry = |key: &str, blocks: String| json!({ "key": key, "search_replace_blocks": blocks });
    let good = entry("a.liquid", block("", "a"));
    let bad = entry("b.liquid", block("a", "b"));
    let path = format!("{THEME}/assets/multi_edit");
    assert_eq!(api.post(&path, json!({ "edits": [good, bad] })).await.0, 404);
    assert_eq!(api.get(&format!("{THEME}/asset?key=a.liquid")).await.0, 404);
    assert_eq!(api.post(&path, json!({ "edits": [good] })).await.0, 200);
    assert_eq!(api.get(&format!("{THEME}/asset?key=a.liquid")).await.1["content"], "a");
    assert_eq!(api.post(&path, json!({ "edits": [] })).await.0, 400);
}

#[tokio::test]
async fn a_copy_of_a_theme_stays_as_it_was() {
    let api = Api::start().await;
    let (_, made) = api.post(&format!("{THEME}/duplicate"), json!({ "name": "Before" })).await;
    assert_eq!(made["theme"], json!({ "id": 2, "name": "Before", "role": "unpublished" }));
    let edit = json!({
        "key": HERO,
        "file_edit_using_search_replace_blocks": block("Welcome", "Hello"),
    });
    api.post(&format!("{THEME}/asset/edit"), edit).await;
    let (_, copy) = api.get(&format!("/shopify/my-shop/theme/2/asset?key={HERO}")).await;
    assert!(copy["content"].as_str().unwrap().contains("Welcome"));
    let list = json!({ "shop_name": "my-shop", "path": "/admin/api/2024-04/themes.json" });
    let (_, list) = api.post("/shopify-proxy", list).await;
    assert_eq!(list["themes"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn unknown_shops_themes_and_files_are_not_found() {
    let api = Api::start().await;
    let cases = [
        ("/shopify/unknown-shop/theme/1/asset?key=a", "Shopify store not found"),
        ("/shopify/my-shop/theme/9/asset?key=a", "Theme not found"),
        ("/shopify/my-shop/theme/1/asset?key=a", "Asset not found: a"),
    ];
    for (path, text) in cases {
        assert_eq!(api.get(path).await, (404, detail(text)));
    }
    assert_eq!(api.get("/shopify/my-shop/theme/one/asset?key=a").await.0, 422);
    assert_eq!(api.get("/shopify/my-shop/theme/1/asset").await.0, 422);
}

#[tokio::test]
async fn a_store_is_changed_and_null_unlinks_its_blog() {
    let api = Api::start().await;
    let path = "/account/shopify_store/1";
    let (_, store) = api.get(path).await;
    assert_eq!(store["site_live"]["fqdn"], "site-1.example.com");
    let change = json!({ "site_live_id": null, "inject_header": false });
    let (_, changed) = api.patch(path, change).await;
    assert_eq!((&changed["site_live"], &changed["inject_header"]), (&Value::Null, &json!(false)));
    assert_eq!(changed["blog_url"], store["blog_url"]);
    let nobody = json!({ "site_live_id": "00000000-0000-4000-8000-000000000000" });
    assert_eq!(api.patch(path, nobody).await, (404, detail("Site not found")));
    assert_eq!(api.get("/account/shopify_store/9").await.0, 404);
    assert_eq!(api.get("/account/shopify_store/x").await.0, 422);
}

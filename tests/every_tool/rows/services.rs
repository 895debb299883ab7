//! Tools beside the sites: Shopify, analytics, the account.

use serde_json::json;

use super::TEAM;
use crate::every_tool::row::{Row, call};

/// An edit of a file of a shop's theme, as it is given and as it is sent.
const SIX: &str = "<<<<<< SEARCH\n  <h1>Welcome</h1>\n======\n  <h1>Hello</h1>\n>>>>>> REPLACE";
const SEVEN: &str =
    "<<<<<<< SEARCH\n  <h1>Welcome</h1>\n=======\n  <h1>Hello</h1>\n>>>>>>> REPLACE";

pub fn rows() -> Vec<Row> {
    [stores(), themes(), analytics(), account()].concat()
}

fn stores() -> Vec<Row> {
    let sent = json!({
        "shop_name": "my-shop", "path": "/admin/api/2024-04/products.json", "method": "get",
        "query_params_json": "{\"limit\":5}",
    });
    let change = json!({
        "blog_url": "https://blog.example.com", "inject_header": false,
        "site_live_id": "00000517-0000-4000-8000-000000000001",
    });
    let mut given = change.clone();
    given["id"] = json!(1);
    vec![
        call("sitebay_shopify_proxy", sent.clone()).post("/shopify-proxy", sent),
        call("sitebay_shopify_stores", json!({ "page": 1, "size": 1 }))
            .get("/account/shopify_store?page=1&size=1"),
        call("sitebay_shopify_store", json!({ "id": 2 })).get("/account/shopify_store/2"),
        call("sitebay_update_shopify_store", given).patch("/account/shopify_store/1", change),
    ]
}

fn themes() -> Vec<Row> {
    let key = "sections/hero.liquid";
    let blocks = "file_edit_using_search_replace_blocks";
    let theme = json!({ "shop_name": "my-shop", "theme_id": 1 });
    let with = |more: serde_json::Value| {
        let mut all = theme.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let edits = |text: &str| json!([{ "key": key, "search_replace_blocks": text }]);
    vec![
        call("sitebay_read_asset", with(json!({ "key": key })))
            .get("/shopify/my-shop/theme/1/asset?key=sections%2Fhero.liquid"),
        call("sitebay_edit_asset", with(json!({ "key": key, blocks: SIX, "confirm": true }))).post(
            "/shopify/my-shop/theme/1/asset/edit",
            json!({ "key": key, blocks: SEVEN, "dry_run": false }),
        ),
        call("sitebay_multi_edit_assets", with(json!({ "edits": edits(SIX), "dry_run": true })))
            .post(
                "/shopify/my-shop/theme/1/assets/multi_edit",
                json!({ "edits": edits(SEVEN), "dry_run": true }),
            ),
        call("sitebay_duplicate_theme", with(json!({ "name": "Before the sale" })))
            .post("/shopify/my-shop/theme/1/duplicate", json!({ "name": "Before the sale" })),
    ]
}

fn analytics() -> Vec<Row> {
    let posthog = json!({
        "path": "/api/projects/6/insights", "query_params_json": "{\"a\":\"ü\"}", "method": "get",
    });
    let grafana = json!({
        "team_id": TEAM, "path": "/api/search", "method": "get", "query_params_json": "{}",
    });
    vec![
        call("sitebay_posthog_proxy", posthog.clone()).post("/posthog-proxy", posthog),
        call("sitebay_proxy_to_grafana", grafana.clone()).post("/grafana-proxy", grafana),
    ]
}

fn account() -> Vec<Row> {
    let order = json!({ "plan_name": "business", "interval": "year", "team_id": TEAM });
    let sent = json!({ "plan_name": "business", "interval": "year", "for_team_id": TEAM });
    vec![
        call("sitebay_list_teams", json!({ "page": 1, "size": 1 })).get("/team?page=1&size=1"),
        call("sitebay_account_affiliates", json!({})).get("/account/referred_user"),
        call("sitebay_account_create_checkout", order).post("/create_checkout_session", sent),
    ]
}

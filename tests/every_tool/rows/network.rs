//! How a site is reached: DNS, Cloudflare, host names, paths; and the browser that shows it.

use serde_json::json;

use super::SITE;
use crate::every_tool::row::{Row, call};

pub fn rows() -> Vec<Row> {
    [dns(), cloudflare(), domains(), browser()].concat()
}

fn dns() -> Vec<Row> {
    let record = json!({
        "fqdn": SITE, "dns_name": "shop", "dns_content": "192.0.2.7", "dns_type": "A", "proxied": true,
    });
    let sent = json!({ "name": "shop", "content": "192.0.2.7", "type": "A", "proxied": true });
    vec![
        call("sitebay_get_dns_records", json!({ "fqdn": SITE }))
            .get("/site/site-1.example.com/dns"),
        call("sitebay_create_dns_record", record)
            .post("/site/site-1.example.com/dns", sent)
            .in_march(
                "POST /site/site-1.example.com/dns?dns_name=shop&dns_content=192.0.2.7&dns_type=A\
                 &proxied=true",
            ),
        call(
            "sitebay_delete_dns_record",
            json!({ "fqdn": SITE, "dns_id": "{id}", "confirm": true }),
        )
        .given("GET /site/site-1.example.com/dns", json!(null), "/0/id")
        .delete("/site/site-1.example.com/dns/{id}"),
        call("sitebay_check_ns_status", json!({ "fqdn": SITE }))
            .get("/site/site-1.example.com/ns_status"),
    ]
}

fn cloudflare() -> Vec<Row> {
    let settings = json!({
        "dev_mode": true, "always_online": false, "hotlink_protection": true, "rocket_loader": false,
        "bot_fight_mode": true, "email_obfuscation": false, "minify_html": true, "minify_css": false,
        "minify_js": true,
    });
    let mut given = settings.clone();
    given["fqdn"] = json!(SITE);
    vec![
        call("sitebay_get_cloudflare_tools", json!({ "fqdn": SITE }))
            .get("/site/site-1.example.com/tools"),
        call("sitebay_update_cf_settings", given)
            .patch("/site/site-1.example.com/cf_settings", settings),
        call("sitebay_clear_cache", json!({ "fqdn": SITE }))
            .post("/site/site-1.example.com/clear_cache", json!(null)),
        call("sitebay_toggle_waf_login_protection", json!({ "fqdn": SITE, "enabled": true }))
            .post("/site/site-1.example.com/waf_login_protection", json!({ "enabled": true })),
    ]
}

fn domains() -> Vec<Row> {
    let names = "/site/site-1.example.com/custom_hostname";
    let paths = "/site/site-1.example.com/external_path";
    let hostname = json!({ "hostname": "shop.client.example" });
    let path = json!({ "external_name": "docs.example.net", "path": "/support" });
    vec![
        call("sitebay_list_site_custom_hostnames", json!({ "fqdn": SITE })).get(names),
        call(
            "sitebay_add_custom_hostname",
            json!({ "fqdn": SITE, "hostname": "Shop.Client.Example" }),
        )
        .post(names, hostname.clone()),
        call(
            "sitebay_remove_custom_hostname",
            json!({ "fqdn": SITE, "hostname_id": "{id}", "confirm": true }),
        )
        .given("POST /site/site-1.example.com/custom_hostname", hostname, "/id")
        .delete("/site/site-1.example.com/custom_hostname/{id}"),
        call("sitebay_get_external_paths", json!({ "fqdn": SITE, "page": 1, "size": 9 }))
            .get("/site/site-1.example.com/external_path?page=1&size=9"),
        call(
            "sitebay_create_external_path",
            json!({ "fqdn": SITE, "external_name": "docs.example.net", "path": "/support" }),
        )
        .post(paths, path),
    ]
}

fn browser() -> Vec<Row> {
    let at = |end: &str| format!("/site/site-1.example.com/browser/{end}");
    let login = |row: Row| {
        let page = json!({ "path": "/wp-login.php" });
        row.given("POST /site/site-1.example.com/browser/goto", page, "/url")
    };
    let mut rows = vec![
        call("sitebay_browser_goto", json!({ "fqdn": SITE, "path": "/a?b=c" }))
            .post(&at("goto"), json!({ "path": "/a?b=c" })),
        call("sitebay_browser_screenshot", json!({ "fqdn": SITE, "full_page": true }))
            .post(&at("screenshot"), json!({ "full_page": true })),
        call("sitebay_browser_eval", json!({ "fqdn": SITE, "js": "document.title" }))
            .post(&at("eval"), json!({ "js": "document.title" })),
        call("sitebay_browser_text", json!({ "fqdn": SITE, "selector": "h1" }))
            .post(&at("text"), json!({ "selector": "h1" })),
        call("sitebay_browser_admin_cookie", json!({ "fqdn": SITE }))
            .post(&at("admin-cookie"), json!(null)),
    ];
    let on_page = [
        call("sitebay_browser_click", json!({ "fqdn": SITE, "selector": "#wp-submit" }))
            .post(&at("click"), json!({ "selector": "#wp-submit" })),
        call(
            "sitebay_browser_fill",
            json!({ "fqdn": SITE, "selector": "#user_login", "value": "ä \"b\"" }),
        )
        .post(&at("fill"), json!({ "selector": "#user_login", "value": "ä \"b\"" })),
    ];
    rows.extend(on_page.map(login));
    rows
}

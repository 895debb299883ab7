//! One call or more of every operation of the contract, with input it accepts.

use serde_json::{Value, json};

use crate::client::{TEAM, block, new_site};
use crate::contract::Contract;

const STYLE: &str = "themes/twentytwentyfive/style.css";

/// Calls them all.
pub(crate) async fn call_all(contract: &mut Contract) {
    lists(contract).await;
    sites(contract).await;
    stages(contract).await;
    checkpoints(contract).await;
    backups(contract).await;
    files(contract).await;
    domains(contract).await;
    cloudflare(contract).await;
    browser(contract).await;
    logs(contract).await;
    database(contract).await;
    proxies(contract).await;
    shopify(contract).await;
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

async fn lists(contract: &mut Contract) {
    for path in ["/site/", "/team", "/ready_made_site", "/account/referred_user"] {
        let body = contract.call(&format!("GET {path}"), &[], "", None).await;
        assert_ne!(body["count"], 0);
    }
    let stores = contract.call("GET /account/shopify_store", &[], "", None).await;
    assert_eq!(stores["count"], 2);
    let one = "/account/shopify_store/{id}";
    contract.call(&format!("GET {one}"), &["1"], "", None).await;
    let change = json!({ "inject_header": false, "site_live_id": null });
    contract.call(&format!("PATCH {one}"), &["1"], "", Some(change)).await;
}

async fn sites(contract: &mut Contract) {
    let new = new_site("new.example.com");
    contract.call("POST /site/", &[], "", Some(new)).await;
    contract.call("GET /site/{fqdn}", &[], "", None).await;
    let settings = json!({ "git_url": "https://git.example.com/a.git" });
    contract.call("PATCH /site/{fqdn}", &[], "", Some(settings)).await;
    let repositories = contract.call("GET /get_git_sync_repos", &[], "", None).await;
    assert_eq!(repositories[0]["fqdn"], "site-1.example.com");
    contract.call("GET /account/git_repos", &[], "", None).await;
    contract.call("DELETE /site/{fqdn}/git", &[], "", None).await;
    let command = json!({ "cmd": "pwd" });
    contract.call("POST /site/{fqdn}/cmd", &[], "", Some(command)).await;
}

async fn stages(contract: &mut Contract) {
    contract.call("GET /site/{fqdn}/stage", &[], "", None).await;
    contract.call("DELETE /site/{fqdn}/stage", &[], "", None).await;
    contract.api.sandbox.finish();
    let stage = json!({ "subdomain": "staging" });
    contract.call("POST /site/{fqdn}/stage", &[], "", Some(stage)).await;
    contract.api.sandbox.finish();
}

async fn checkpoints(contract: &mut Contract) {
    let path = "/site/{fqdn}/checkpoints";
    let body = json!({ "name": "Before", "conversation": { "id": 1 } });
    let made = contract.call(&format!("POST {path}"), &[], "", Some(body)).await;
    let list = contract.call(&format!("GET {path}"), &[], "", None).await;
    assert_eq!(list, json!([made]));
    let made = id(&made);
    let one = format!("{path}/{{checkpoint_id}}");
    contract.call(&format!("GET {one}"), &[&made], "", None).await;
    contract.call(&format!("POST {one}/restore"), &[&made], "", None).await;
    contract.api.sandbox.finish();
    contract.call(&format!("DELETE {one}"), &[&made], "", None).await;
}

async fn backups(contract: &mut Contract) {
    let path = "/site/{fqdn}/pit_restore";
    let start = format!("POST {path}");
    contract.call(&start, &[], "", Some(json!({ "is_dry_run": true }))).await;
    let body = json!({ "delete_extra_files": true });
    let started = contract.call(&start, &[], "", Some(body)).await;
    let list = contract.call(&format!("GET {path}"), &[], "", None).await;
    assert_eq!(list["count"], 3);
    contract.call("GET /site/{fqdn}", &[], "", None).await;
    contract.api.sandbox.finish();
    contract.call(&format!("GET {path}"), &[], "", None).await;
    let one = format!("GET {path}/{{pit_restore_id}}");
    let one = contract.call(&one, &[&id(&started)], "?format=json", None).await;
    contract.fits(&one, "PITRestore");
    contract.call(&format!("{start}/preview"), &[], "", Some(json!({}))).await;
    contract.api.sandbox.finish();

    let site = contract.call("GET /site/{fqdn}", &[], "", None).await;
    let moment = site["max_restore_point"].as_str().unwrap();
    let query = format!("?restore_point={moment}&number_to_fetch=2");
    let commits = contract.call(&format!("GET {path}/commits"), &[], &query, None).await;
    assert_eq!(commits.as_array().map(Vec::len), Some(2));
    let query = format!("?restore_point={moment}");
    let files = contract.call(&format!("GET {path}/files"), &[], &query, None).await;
    let body = json!({ "keys": [files[0]["key"]], "version_ids": [files[0]["version_id"]] });
    let urls = "POST /site/{fqdn}/get_download_urls";
    let urls = contract.call(urls, &[], &format!("?at_date={moment}"), Some(body)).await;
    assert_eq!(urls.as_object().map(serde_json::Map::len), Some(1));
}

async fn files(contract: &mut Contract) {
    let blocks = "file_edit_using_search_replace_blocks";
    let edit = json!({ "file_path": STYLE, blocks: block("#111111", "#222222") });
    let again = json!({ "file_path": STYLE, blocks: block("#222222", "#333333"), "dry_run": true });
    let older =
        json!({ "file_path": format!("wp-content/{STYLE}"), blocks: block("#222222", "#333333") });
    let entry = json!({ "file_path": "a.txt", "search_replace_blocks": block("", "a") });
    let calls = [
        ("wpfile/read", json!({ "file_path": STYLE, "start_line": 1, "end_line": 2 })),
        ("wpfile/edit", edit),
        ("wpfile/read_and_edit", again),
        ("wpfile/tree", json!({ "path": "themes", "max_depth": 2 })),
        ("wpfile/multi_edit", json!({ "edits": [entry] })),
        ("wpfile_diff_edit", older),
    ];
    for (name, body) in calls {
        contract.call(&format!("POST /site/{{fqdn}}/{name}"), &[], "", Some(body)).await;
    }
}

async fn domains(contract: &mut Contract) {
    let query = "?dns_name=shop&dns_content=192.0.2.7&dns_type=A&proxied=true";
    let record = contract.call("POST /site/{fqdn}/dns", &[], query, None).await;
    contract.call("GET /site/{fqdn}/dns", &[], "", None).await;
    contract.call("DELETE /site/{fqdn}/dns/{dns_id}", &[&id(&record)], "", None).await;
    contract.call("GET /site/{fqdn}/ns_status", &[], "", None).await;

    let path = "/site/{fqdn}/custom_hostname";
    let body = json!({ "hostname": "shop.client.example" });
    let added = contract.call(&format!("POST {path}"), &[], "", Some(body)).await;
    contract.call(&format!("GET {path}"), &[], "", None).await;
    let remove = format!("DELETE {path}/{{hostname_id}}");
    contract.call(&remove, &[&id(&added)], "", None).await;

    let path = "/site/{fqdn}/external_path";
    let body = json!({ "external_name": "docs.example.net", "path": "/support" });
    contract.call(&format!("POST {path}"), &[], "", Some(body)).await;
    let list = contract.call(&format!("GET {path}"), &[], "", None).await;
    assert_eq!(list["count"], 1);
}

async fn cloudflare(contract: &mut Contract) {
    contract.call("GET /site/{fqdn}/tools", &[], "", None).await;
    let body = json!({ "dev_mode": true, "minify_js": null });
    contract.call("PATCH /site/{fqdn}/cf_settings", &[], "", Some(body)).await;
    contract.call("POST /site/{fqdn}/clear_cache", &[], "", None).await;
    let body = json!({ "enabled": true });
    contract.call("POST /site/{fqdn}/waf_login_protection", &[], "", Some(body)).await;
}

async fn browser(contract: &mut Contract) {
    let calls = [
        ("goto", Some(json!({ "path": "/wp-login.php" }))),
        ("fill", Some(json!({ "selector": "#user_login", "value": "jane" }))),
        ("click", Some(json!({ "selector": "#wp-submit" }))),
        ("eval", Some(json!({ "js": "document.title" }))),
        ("text", None),
        ("text", Some(json!({ "selector": "h1" }))),
        ("screenshot", None),
        ("screenshot", Some(json!({ "full_page": true }))),
        ("admin-cookie", None),
    ];
    for (name, body) in calls {
        contract.call(&format!("POST /site/{{fqdn}}/browser/{name}"), &[], "", body).await;
    }
}

async fn logs(contract: &mut Contract) {
    let query = "?log_type=php&lines=5&level=error";
    contract.call("GET /site/{fqdn}/logs", &[], query, None).await;
    let operation = "GET /site/{fqdn}/logs/{container_name}";
    contract.call(operation, &["nginx"], "?lines=5&since=10m", None).await;
}

async fn database(contract: &mut Contract) {
    for rest in ["log?limit=5", "diff", "diff-summary", "history-search?query=numbered&limit=3"] {
        let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = format!("?{query}");
        contract.call(&format!("GET /site/{{fqdn}}/dolt/{name}"), &[], &query, None).await;
    }
}

async fn proxies(contract: &mut Contract) {
    let calls = [
        ("/create_checkout_session", json!({ "for_team_id": TEAM })),
        ("/wp-proxy", json!({ "fqdn": "site-1.example.com" })),
        ("/shopify-proxy", json!({ "shop_name": "my-shop" })),
        ("/posthog-proxy", json!({ "path": "/api/projects/" })),
        ("/grafana-proxy", json!({ "team_id": TEAM, "path": "/api/datasources" })),
    ];
    for (path, body) in calls {
        contract.call(&format!("POST {path}"), &[], "", Some(body)).await;
    }
}

async fn shopify(contract: &mut Contract) {
    let theme = "/shopify/{shop_name}/theme/{theme_id}";
    let key = "sections/hero.liquid";
    let values = ["my-shop", "1"];
    let read = format!("GET {theme}/asset");
    contract.call(&read, &values, &format!("?key={key}"), None).await;
    let edit = json!({
        "key": key,
        "file_edit_using_search_replace_blocks": block("<h1>Welcome</h1>", "<h1>Hello</h1>"),
    });
    contract.call(&format!("POST {theme}/asset/edit"), &values, "", Some(edit)).await;
    let edits = json!({ "edits": [{ "key": key, "search_replace_blocks": block("Hello", "Hi") }] });
    contract.call(&format!("POST {theme}/assets/multi_edit"), &values, "", Some(edits)).await;
    let name = json!({ "name": "Before the sale" });
    contract.call(&format!("POST {theme}/duplicate"), &values, "", Some(name)).await;
    contract.call("DELETE /site/{fqdn}", &[], "", None).await;
}

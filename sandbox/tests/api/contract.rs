//! Every kind of success against the published contract, where a copy of it is at hand.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Api, TEAM, new_site};
use crate::schema::check;

const CONTRACT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/facts/sitebay-openapi-2026-03.json");
const SITE: &str = "/site/site-1.example.com";

/// A contract, and what departed from it so far.
struct Contract {
    root: Value,
    errors: Vec<String>,
    checked: usize,
}

impl Contract {
    /// Checks an answer to a request for the route that `template` names in the contract.
    fn see(&mut self, method: &str, template: &str, (status, body): (u16, Value)) -> Value {
        let at = format!("{method} {template} {status}");
        assert!((200..300).contains(&status), "{at}: {body}");
        let operation = &self.root["paths"][format!("/f/api/v1{template}")][method];
        let response = &operation["responses"][status.to_string()];
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{at} is not in the contract");
        check(&self.root, schema, &body, &at, &mut self.errors);
        self.checked += 1;
        body
    }
}

#[tokio::test]
async fn every_success_fits_the_contract() {
    if !Path::new(CONTRACT).exists() {
        xtask::skips::skip("contract", "there is no copy of the API's specification");
        return;
    }
    let root = serde_json::from_str(&fs::read_to_string(CONTRACT).unwrap()).unwrap();
    let mut contract = Contract { root, errors: Vec::new(), checked: 0 };
    let api = Api::start().await;
    lists(&api, &mut contract).await;
    sites(&api, &mut contract).await;
    restores(&api, &mut contract).await;
    others(&api, &mut contract).await;
    assert_eq!(contract.errors, Vec::<String>::new());
    assert_eq!(contract.checked, 22);
}

async fn lists(api: &Api, contract: &mut Contract) {
    for path in ["/site/", "/team", "/ready_made_site", "/account/referred_user"] {
        let body = contract.see("get", path, api.get(path).await);
        assert_ne!(body["count"], 0);
    }
}

async fn sites(api: &Api, contract: &mut Contract) {
    let created = api.post("/site/", new_site("new.example.com")).await;
    contract.see("post", "/site/", created);
    contract.see("get", "/site/{fqdn}", api.get(SITE).await);
    let settings = json!({ "git_url": "https://git.example.com/a.git" });
    contract.see("patch", "/site/{fqdn}", api.patch(SITE, settings).await);
    let stage = api.get(&format!("{SITE}/stage")).await;
    contract.see("get", "/site/{fqdn}/stage", stage);
    let ran = api.post(&format!("{SITE}/cmd"), json!({ "cmd": "pwd" })).await;
    contract.see("post", "/site/{fqdn}/cmd", ran);
    let edit = json!({
        "file_path": "wp-content/new.css",
        "file_edit_using_search_replace_blocks":
            "<<<<<<< SEARCH\n=======\nbody {}\n>>>>>>> REPLACE",
    });
    let edited = api.post(&format!("{SITE}/wpfile_diff_edit"), edit).await;
    contract.see("post", "/site/{fqdn}/wpfile_diff_edit", edited);
    let deleted = api.delete("/site/new.example.com").await;
    contract.see("delete", "/site/{fqdn}", deleted);
}

async fn restores(api: &Api, contract: &mut Contract) {
    let path = format!("{SITE}/pit_restore");
    let template = "/site/{fqdn}/pit_restore";
    let tried = api.post(&path, json!({ "is_dry_run": true })).await;
    contract.see("post", template, tried);
    let started = api.post(&path, json!({ "delete_extra_files": true })).await;
    let started = contract.see("post", template, started);
    let list = contract.see("get", template, api.get(&path).await);
    assert_eq!(list["count"], 2);
    let (_, site) = api.get(SITE).await;
    contract.see("get", "/site/{fqdn}", (200, site.clone()));
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    contract.see("get", template, api.get(&path).await);
    let one = format!("{path}/{}", started["id"].as_str().unwrap());
    let one_template = "/site/{fqdn}/pit_restore/{pit_restore_id}";
    let one = contract.see("get", one_template, api.get(&one).await);
    // The contract leaves this answer open; it is the same object as in the list.
    let restore = json!({ "$ref": "#/components/schemas/PITRestore" });
    check(&contract.root, &restore, &one, "one restore", &mut contract.errors);
    let moment = site["max_restore_point"].as_str().unwrap();
    let commits = format!("{path}/commits?restore_point={moment}&number_to_fetch=2");
    let commits_template = "/site/{fqdn}/pit_restore/commits";
    let found = contract.see("get", commits_template, api.get(&commits).await);
    assert_eq!(found.as_array().map(Vec::len), Some(2));
}

async fn others(api: &Api, contract: &mut Contract) {
    let bodies = [
        ("/create_checkout_session", json!({ "for_team_id": TEAM })),
        ("/wp-proxy", json!({ "fqdn": "site-1.example.com" })),
        ("/shopify-proxy", json!({ "shop_name": "my-shop" })),
        ("/posthog-proxy", json!({ "path": "/api/projects/" })),
    ];
    for (path, body) in bodies {
        contract.see("post", path, api.post(path, body).await);
    }
}

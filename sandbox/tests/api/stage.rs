//! Stages, from their making to their end.

use std::time::Duration;

use sandbox::{Generation, Options};
use serde_json::{Value, json};

use crate::client::{Api, BARE_SITE, SITE, block, detail, october, swift};

const BUSY: &str = "Site is currently busy (Creating stage). Please wait.";

async fn status(api: &Api) -> Value {
    api.get(BARE_SITE).await.1["status"].clone()
}

#[tokio::test]
async fn a_stage_is_made_and_removed_while_its_site_is_busy() {
    let api = Api::start().await;
    let path = format!("{BARE_SITE}/stage");
    let (code, stage) = api.post(&path, json!({ "subdomain": "Try" })).await;
    assert_eq!((code, &stage["fqdn"]), (200, &json!("try.site-2.example.com")));
    assert_eq!(status(&api).await, "creating_stage");
    assert_eq!(api.delete(&path).await, (400, detail(BUSY)));
    assert_eq!(api.patch(BARE_SITE, json!({ "is_free": true })).await, (400, detail(BUSY)));
    api.sandbox.finish();
    assert_eq!(api.get(&path).await, (200, stage.clone()));
    assert_eq!(api.get(BARE_SITE).await.1["site_stage"]["id"], stage["id"]);

    assert_eq!(api.delete(&path).await.0, 200);
    assert_eq!(status(&api).await, "deleting_stage");
    api.sandbox.finish();
    assert_eq!(api.get(&path).await, (404, detail("Stage site not found")));
    assert_eq!(api.delete(&path).await.0, 404);
    assert_eq!(api.get(BARE_SITE).await.1["site_stage"], Value::Null);
}

#[tokio::test]
async fn a_site_has_one_stage_with_a_sound_name() {
    let api = Api::start().await;
    let stage = json!({ "subdomain": "more" });
    let taken = (400, detail("Site already has a stage site"));
    assert_eq!(api.post(&format!("{SITE}/stage"), stage).await, taken);
    let path = format!("{BARE_SITE}/stage");
    for name in ["", "a.b", "a b"] {
        let wrong = (400, detail("Invalid subdomain"));
        assert_eq!(api.post(&path, json!({ "subdomain": name })).await, wrong);
    }
    let branch = json!({ "subdomain": "try", "git_staging_branch": "next" });
    let unlinked = (400, detail("Site has no linked git repository"));
    assert_eq!(api.post(&path, branch).await, unlinked);
    assert_eq!(api.post(&path, json!({})).await.0, 422);
}

#[tokio::test]
async fn what_is_tried_on_a_stage_stays_there_until_it_is_committed() {
    let api = Api::with(swift()).await;
    let read = async |site: &str| {
        let body = json!({ "file_path": "new.txt" });
        api.post(&format!("/site/{site}/wpfile/read"), body).await
    };
    let edit = json!({
        "file_path": "new.txt",
        "file_edit_using_search_replace_blocks": block("", "tried"),
    });
    let staged = "stage.site-1.example.com";
    assert_eq!(api.post(&format!("/site/{staged}/wpfile/edit"), edit).await.0, 200);
    assert_eq!(read(staged).await.1["content"], "tried");
    assert_eq!(read("site-1.example.com").await.0, 404);
}

#[tokio::test]
async fn a_commit_takes_the_stage_over_and_a_refresh_gives_it_back() {
    let options = Options { generation: Generation::October, ..swift() };
    let api = Api::with(options).await;
    let title = async |fqdn: &str, set: &str| {
        let path = "/wp-json/wp/v2/settings";
        let method = if set.is_empty() { "get" } else { "post" };
        let parameters = json!({ "title": set }).to_string();
        let body = json!({ "fqdn": fqdn, "path": path, "method": method, "query_params_json": parameters });
        api.post("/wp-proxy", body).await.1["title"].clone()
    };
    let (live, staged) = ("site-1.example.com", "stage.site-1.example.com");
    title(staged, "Tried").await;
    assert_eq!(title(live, "").await, live);
    let (code, started) = api.post(&format!("{SITE}/stage/commit"), json!({})).await;
    assert_eq!((code, &started["status"]), (200, &json!("committing_stage")));
    let (_, progress) = api.get(&format!("{SITE}/stage/commit-progress")).await;
    assert_eq!(progress["status"], "committing");
    assert!(progress["progress"].as_u64() < Some(100));
    api.sandbox.finish();
    let (_, progress) = api.get(&format!("{SITE}/stage/commit-progress")).await;
    assert_eq!(progress, json!({ "status": "idle", "progress": 100 }));
    assert_eq!(title(live, "").await, "Tried");

    title(live, "Later").await;
    let (_, stage) = api.get(&format!("{SITE}/stage")).await;
    let refresh = format!("{SITE}/stage/refresh");
    assert_eq!(api.post(&refresh, json!({})).await.0, 422);
    let body = json!({ "site_stage_id": stage["id"] });
    assert_eq!(api.post(&refresh, body).await.0, 202);
    assert_eq!(api.get(SITE).await.1["status"], "merging_stage");
    api.sandbox.finish();
    assert_eq!(title(staged, "").await, "Later");
}

#[tokio::test]
async fn a_removed_stage_can_be_recovered() {
    let api = Api::with(october()).await;
    let (_, stage) = api.get(&format!("{SITE}/stage")).await;
    api.delete(&format!("{SITE}/stage")).await;
    let archives = format!("{SITE}/stage/archives");
    assert_eq!(api.get(&archives).await, (200, json!([stage])));
    let recover = format!("{archives}/{}/recover", stage["id"].as_str().unwrap());
    assert_eq!(api.post(&recover, json!({})).await.0, 202);
    assert_eq!(api.get(&format!("{SITE}/stage")).await, (200, stage));
    assert_eq!(api.get(&archives).await, (200, json!([])));
    assert_eq!(api.post(&recover, json!({})).await.0, 404);
}

#[tokio::test]
async fn work_ends_by_itself() {
    let working_for = Duration::from_millis(150);
    let api = Api::with(Options { working_for, ..swift() }).await;
    api.post(&format!("{BARE_SITE}/stage"), json!({ "subdomain": "try" })).await;
    assert_eq!(status(&api).await, "creating_stage");
    tokio::time::sleep(working_for).await;
    assert_eq!(status(&api).await, "idle");
    api.delete(&format!("{BARE_SITE}/stage")).await;
    tokio::time::sleep(working_for).await;
    let (_, sites) = api.get("/site/").await;
    let site = &sites["results"][1];
    assert_eq!((&site["status"], &site["site_stage"]), (&json!("idle"), &Value::Null));
}

//! New sites, and the end of old ones.

use std::time::Duration;

use sandbox::Options;
use serde_json::json;

use crate::client::{Api, OTHER_TEAM, answer, detail, new_site, swift};

const BUSY: &str = "Site is currently busy (Creating). Please wait.";

#[tokio::test]
async fn a_new_site_is_creating_and_then_idle() {
    let creating_for = Duration::from_millis(300);
    let api = Api::with(Options { creating_for, ..swift() }).await;
    let (status, site) = api.post("/site/", new_site("New.example.com")).await;
    assert_eq!(status, 201);
    assert_eq!(site["status"], "creating");
    assert_eq!(site["fqdn"], "new.example.com");
    tokio::time::sleep(creating_for).await;
    let (_, site) = api.get("/site/new.example.com").await;
    assert_eq!(site["status"], "idle");
}

#[tokio::test]
async fn a_busy_site_cannot_be_changed() {
    let api = Api::with(Options::default()).await;
    api.post("/site/", new_site("new.example.com")).await;
    let busy = (400, detail(BUSY));
    let site = "/site/new.example.com";
    let at = |rest: &str| format!("{site}{rest}");
    assert_eq!(api.patch(site, json!({ "is_free": true })).await, busy);
    assert_eq!(api.post(&at("/cmd"), json!({ "cmd": "pwd" })).await, busy);
    assert_eq!(api.post(&at("/pit_restore"), json!({})).await, busy);
    let edit = json!({ "file_path": "", "file_edit_using_search_replace_blocks": "" });
    assert_eq!(api.post(&at("/wpfile_diff_edit"), edit).await, busy);
    assert_eq!(api.delete(site).await, busy);
    assert_eq!(api.get(site).await.0, 200);
}

#[tokio::test]
async fn a_name_is_taken_only_once() {
    let api = Api::start().await;
    let taken = (400, detail("A site with this domain already exists"));
    assert_eq!(api.post("/site/", new_site("site-1.example.com")).await, taken);
    let invalid = (400, detail("Invalid domain name"));
    assert_eq!(api.post("/site/", new_site("nodot")).await, invalid);
}

#[tokio::test]
async fn the_team_and_the_ready_made_site_must_exist() {
    let api = Api::start().await;
    let mut body = new_site("new.example.com");
    body["team_id"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(api.post("/site/", body).await, (404, detail("Team not found")));
    let mut body = new_site("new.example.com");
    body["ready_made_site_name"] = json!("no-such-thing");
    let expected = (404, detail("Ready made site not found"));
    assert_eq!(api.post("/site/", body.clone()).await, expected);
    body["ready_made_site_name"] = json!("plain-blog");
    body["team_id"] = json!(OTHER_TEAM);
    let (status, site) = api.post("/site/", body).await;
    assert_eq!((status, &site["team"]["id"]), (201, &json!(OTHER_TEAM)));
}

#[tokio::test]
async fn an_idempotency_key_makes_one_site() {
    let api = Api::start().await;
    let create = |key: &str, fqdn: &str| {
        let request = api.request("POST", "/site/").json(&new_site(fqdn));
        answer(request.header("Idempotency-Key", key))
    };
    let (status, first) = create("one", "new.example.com").await;
    assert_eq!(status, 201);
    let (status, again) = create("one", "new.example.com").await;
    assert_eq!((status, &again["id"]), (201, &first["id"]));
    assert_eq!(create("one", "other.example.com").await.0, 409);
    assert_eq!(create("two", "new.example.com").await.0, 400);
    assert_eq!(api.get("/site/").await.1["count"], 4);

    api.delete("/site/new.example.com").await;
    let (status, again) = create("one", "new.example.com").await;
    assert_eq!((status, &again["id"]), (201, &first["id"]));
    assert_eq!(api.get("/site/").await.1["count"], 3);
}

#[tokio::test]
async fn a_refused_creation_does_not_use_up_its_key() {
    let api = Api::start().await;
    let create = |fqdn: &str| {
        let request = api.request("POST", "/site/").json(&new_site(fqdn));
        answer(request.header("Idempotency-Key", "one"))
    };
    assert_eq!(create("site-1.example.com").await.0, 400);
    assert_eq!(create("new.example.com").await.0, 201);
}

#[tokio::test]
async fn a_deleted_site_is_gone_at_once() {
    let api = Api::start().await;
    assert_eq!(api.delete("/site/site-2.example.com").await.0, 200);
    assert_eq!(api.get("/site/site-2.example.com").await.0, 404);
    assert_eq!(api.get("/site/").await.1["count"], 2);
}

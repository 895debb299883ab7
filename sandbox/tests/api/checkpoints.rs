//! Checkpoints.

use serde_json::{Value, json};

use crate::client::{Api, BARE_SITE, SITE, block, detail, october};

const STYLE: &str = "themes/twentytwentyfive/style.css";

async fn colour(api: &Api, from: &str, to: &str) {
    let body = json!({
        "file_path": STYLE,
        "file_edit_using_search_replace_blocks": block(from, to),
    });
    assert_eq!(api.post(&format!("{SITE}/wpfile/edit"), body).await.0, 200);
}

async fn style(api: &Api) -> String {
    let body = json!({ "file_path": STYLE });
    let (_, file) = api.post(&format!("{SITE}/wpfile/read"), body).await;
    file["content"].as_str().unwrap().to_owned()
}

async fn command(api: &Api, cmd: &str) -> Value {
    api.post(&format!("{SITE}/cmd"), json!({ "cmd": cmd })).await.1["response"].clone()
}

#[tokio::test]
async fn checkpoints_are_listed_newest_first_and_can_be_forgotten() {
    let api = Api::start().await;
    let path = format!("{BARE_SITE}/checkpoints");
    assert_eq!(api.get(&path).await, (200, json!([])));
    let (_, first) = api.post(&path, json!({ "name": "One" })).await;
    let more = json!({
        "name": "Two",
        "description": "Before the sale",
        "page_path": "/shop",
        "metadata_json": { "by": "me" },
    });
    let (_, second) = api.post(&path, more).await;
    assert_eq!(second["metadata_json"], json!({ "by": "me" }));
    assert_eq!((&second["page_path"], &first["page_path"]), (&json!("/shop"), &json!("/")));
    assert_eq!(api.get(&path).await, (200, json!([second, first])));
    let one = format!("{path}/{}", first["id"].as_str().unwrap());
    assert_eq!(api.get(&one).await, (200, first));
    assert_eq!(api.delete(&one).await.0, 200);
    assert_eq!(api.delete(&one).await, (404, detail("Checkpoint not found")));
    assert_eq!(api.get(&path).await, (200, json!([second])));
    assert_eq!(api.get(&format!("{path}/1")).await.0, 422);
}

#[tokio::test]
async fn a_checkpoint_brings_files_and_database_back() {
    let api = Api::start().await;
    colour(&api, "#111111", "#222222").await;
    command(&api, "wp option update blogname Kept").await;
    let path = format!("{SITE}/checkpoints");
    let (_, made) = api.post(&path, json!({ "name": "Good" })).await;
    assert!(made["dolt_commit_hash"].is_string());

    colour(&api, "#222222", "#333333").await;
    command(&api, "wp option update blogname Lost && touch extra.txt").await;
    let restore = format!("{path}/{}/restore", made["id"].as_str().unwrap());
    let (code, started) = api.post(&restore, json!({})).await;
    assert_eq!((code, &started["status"]), (200, &json!("restoring")));
    assert!(style(&api).await.contains("#333333"));
    let busy = "Site is currently busy (Restoring). Please wait.";
    assert_eq!(api.post(&path, json!({ "name": "No" })).await, (400, detail(busy)));

    api.sandbox.finish();
    assert!(style(&api).await.contains("#222222"));
    assert_eq!(command(&api, "wp option get blogname").await, "Kept");
    assert_eq!(command(&api, "cat extra.txt").await, "cat: extra.txt: No such file or directory");
    let (_, restores) = api.get(&format!("{SITE}/pit_restore")).await;
    let restore = &restores["results"][0];
    assert_eq!(restore["id"], started["pit_restore_id"]);
    assert_eq!(
        (&restore["num_files_restored"], &restore["num_files_deleted"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn the_later_generation_has_checkpoints_of_the_stage_and_restores_none() {
    let api = Api::with(october()).await;
    let path = format!("{SITE}/checkpoints");
    let (code, made) = api.post(&format!("{path}?target=stage"), json!({ "name": "S" })).await;
    assert_eq!(code, 200);
    assert_eq!(api.get(&path).await, (200, json!([])));
    let (_, stage) = api.get(&format!("{SITE}/stage")).await;
    let of_stage = format!("{path}?site_stage_id={}", stage["id"].as_str().unwrap());
    assert_eq!(api.get(&of_stage).await, (200, json!([made])));
    let restore = format!("{path}/{}/restore", made["id"].as_str().unwrap());
    assert_eq!(api.post(&restore, json!({})).await, (404, detail("Not Found")));
    let bare = format!("{BARE_SITE}/checkpoints?target=stage");
    assert_eq!(api.get(&bare).await, (404, detail("Stage site not found")));
}

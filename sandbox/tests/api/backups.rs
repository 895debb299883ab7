//! The content that backups restore.

use serde_json::{Value, json};

use crate::client::{Api, SITE, block, detail, october};

const STYLE: &str = "themes/twentytwentyfive/style.css";

async fn command(api: &Api, cmd: &str) -> Value {
    api.post(&format!("{SITE}/cmd"), json!({ "cmd": cmd })).await.1["response"].clone()
}

async fn moment(api: &Api) -> String {
    let (_, site) = api.get(SITE).await;
    site["max_restore_point"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_restore_brings_the_site_back_to_a_moment() {
    let api = Api::start().await;
    command(&api, "wp option update blogname Before && echo kept > a.txt").await;
    let before = moment(&api).await;
    command(&api, "wp option update blogname After && echo lost > a.txt && touch b.txt").await;

    let restore = format!("{SITE}/pit_restore");
    let (_, preview) =
        api.post(&format!("{restore}/preview"), json!({ "restore_point": before })).await;
    assert_eq!(preview["finished_at"], Value::Null);
    assert_eq!(api.get(SITE).await.1["status"], "previewing_restore");
    api.sandbox.finish();
    let one = format!("{restore}/{}", preview["id"].as_str().unwrap());
    let (_, done) = api.get(&one).await;
    assert_eq!((&done["passed_dry_run"], &done["num_files_restored"]), (&json!(true), &json!(1)));
    assert_eq!(done["num_tables_restored"], 1);
    assert_eq!(command(&api, "cat a.txt").await, "lost");

    api.post(&restore, json!({ "restore_point": before, "restore_db": false })).await;
    api.sandbox.finish();
    assert_eq!(command(&api, "cat a.txt").await, "kept");
    assert_eq!(command(&api, "wp option get blogname").await, "After");
    assert_eq!(command(&api, "ls b.txt").await, "b.txt");

    api.post(&restore, json!({ "restore_point": before, "delete_extra_files": true })).await;
    api.sandbox.finish();
    assert_eq!(command(&api, "wp option get blogname").await, "Before");
    assert_eq!(command(&api, "cat b.txt").await, "cat: b.txt: No such file or directory");
}

#[tokio::test]
async fn a_restore_can_name_a_commit_of_the_database() {
    let api = Api::start().await;
    let (_, log) = api.get(&format!("{SITE}/dolt/log")).await;
    let first = &log[1]["commit_hash"];
    let restore = format!("{SITE}/pit_restore");
    api.post(&restore, json!({ "dolt_restore_hash": first, "restore_wp_content": false })).await;
    api.sandbox.finish();
    assert_eq!(command(&api, "wp post list --format=count").await, "1");
    let unknown = api.post(&restore, json!({ "dolt_restore_hash": "abcdefgh" })).await;
    assert_eq!(unknown, (400, detail("dolt_restore_hash is not a commit of this site")));
}

#[tokio::test]
async fn the_files_of_a_backup_have_versions_and_addresses() {
    let api = Api::start().await;
    let before = moment(&api).await;
    let edit = json!({
        "file_path": STYLE,
        "file_edit_using_search_replace_blocks": block("#111111", "#222222"),
    });
    api.post(&format!("{SITE}/wpfile/edit"), edit).await;
    let key = format!("wp-content/{STYLE}");
    let version = async |moment: &str| {
        let path = format!("{SITE}/pit_restore/files?restore_point={moment}");
        let (_, files) = api.get(&path).await;
        let files = files.as_array().unwrap().clone();
        files.into_iter().find(|file| file["key"] == key.as_str()).unwrap()["version_id"].clone()
    };
    let (old, new) = (version(&before).await, version(&moment(&api).await).await);
    assert_ne!(old, new);

    let urls = format!("{SITE}/get_download_urls");
    let (_, found) = api.post(&format!("{urls}?at_date={before}"), json!({ "keys": [key] })).await;
    assert!(found[&key].as_str().unwrap().contains(old.as_str().unwrap()));
    let missing = api.post(&urls, json!({ "keys": ["wp-content/no.txt"] })).await;
    assert_eq!(missing, (404, detail("File not found in backup: wp-content/no.txt")));
    let uneven = api.post(&urls, json!({ "keys": [key], "version_ids": ["a", "b"] })).await;
    assert_eq!(uneven.0, 400);
    let (code, wrong) = api.post(&urls, json!({ "keys": ["a", 1] })).await;
    assert_eq!((code, &wrong["detail"][0]["loc"]), (422, &json!(["body", "keys", 1])));
}

#[tokio::test]
async fn the_later_generation_knows_the_backups_of_the_stage() {
    let api = Api::with(october()).await;
    let query = "restore_point=2099-01-01&number_to_fetch=1";
    let path = format!("{SITE}/pit_restore/commits?{query}");
    let (_, live) = api.get(&path).await;
    let (code, stage) = api.get(&format!("{path}&target=stage")).await;
    assert_eq!(code, 200);
    assert_ne!(live[0]["commit_hash"], stage[0]["commit_hash"]);
    let (_, environment) = api.get(&format!("{SITE}/backups/environment")).await;
    assert_eq!(environment["target"], "live");
    let file = format!("{SITE}/pit_restore/file?path=wp-content/index.php");
    let (_, file) = api.get(&file).await;
    assert_eq!(file["content"], "<?php\n// Silence is golden.\n");
    let (_, days) = api.get(&format!("{SITE}/timemachine/heatmap")).await;
    assert_eq!(days.as_array().map(Vec::len), Some(1));
}

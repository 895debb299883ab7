//! The database's history.

use sandbox::{Generation, Options};
use serde_json::{Value, json};

use crate::client::{Api, SITE, detail, swift};

async fn dolt(api: &Api, rest: &str) -> Value {
    let (code, body) = api.get(&format!("{SITE}/dolt/{rest}")).await;
    assert_eq!(code, 200, "{rest}: {body}");
    body
}

async fn command(api: &Api, cmd: &str) {
    assert_eq!(api.post(&format!("{SITE}/cmd"), json!({ "cmd": cmd })).await.0, 200);
}

#[tokio::test]
async fn every_change_of_the_database_is_a_commit() {
    let api = Api::start().await;
    let before = dolt(&api, "log").await;
    assert_eq!(before.as_array().map(Vec::len), Some(2));
    assert_ne!(before[0]["commit_hash"], before[1]["commit_hash"]);
    command(&api, "wp option update blogname New && wp post create --post_title=Hi").await;
    let log = dolt(&api, "log").await;
    assert_eq!(log.as_array().map(Vec::len), Some(4));
    assert_eq!(
        (&log[0]["message"], &log[0]["tables"]),
        (&json!("wp-cli: create post"), &json!("wp_posts"))
    );
    assert_eq!(log[2], before[0]);
    assert_eq!(dolt(&api, "log?limit=1").await, json!([log[0]]));
    assert_eq!(api.get(&format!("{SITE}/dolt/log?limit=101")).await.0, 422);
}

#[tokio::test]
async fn a_difference_is_between_two_commits_the_last_two_unless_named() {
    let api = Api::start().await;
    command(&api, "wp option update blogdescription New && wp post delete 1 --force").await;
    let log = dolt(&api, "log").await;
    let last = dolt(&api, "diff").await;
    assert_eq!(last["to_commit"], log[0]["commit_hash"]);
    assert_eq!(last["from_commit"], log[1]["commit_hash"]);
    let posts = &last["tables"]["wp_posts"];
    assert_eq!((&posts[0]["diff_type"], &posts[0]["from"]["ID"]), (&json!("deleted"), &json!(1)));

    let from = log[2]["commit_hash"].as_str().unwrap();
    let both = dolt(&api, &format!("diff?from_commit={}", &from[..8])).await;
    let option = &both["tables"]["wp_options"][0];
    assert_eq!(option["diff_type"], "modified");
    assert_eq!(option["to"]["option_value"], "New");
    let one = dolt(&api, &format!("diff?from_commit={from}&table=wp_options")).await;
    assert_eq!(one["tables"].as_object().map(serde_json::Map::len), Some(1));
    let summary = dolt(&api, &format!("diff-summary?from_commit={from}&to_commit=HEAD")).await;
    assert_eq!(
        summary["summary"],
        "1 row was modified in wp_options. 1 row was deleted in wp_posts."
    );
    let unknown = api.get(&format!("{SITE}/dolt/diff?from_commit=0000000")).await;
    assert_eq!(unknown, (404, detail("Commit not found")));
    assert_eq!(api.get(&format!("{SITE}/dolt/diff?table=wp_none")).await.0, 404);
}

#[tokio::test]
async fn the_history_is_searched_for_text() {
    let api = Api::start().await;
    command(&api, "wp option update blogdescription 'Fresh Bread'").await;
    let hits = dolt(&api, "history-search?query=fresh%20bread").await;
    assert_eq!(hits["total"], 1);
    assert_eq!(hits["results"][0]["table"], "wp_options");
    let none = dolt(&api, "history-search?query=fresh%20bread&diff_type=deleted").await;
    assert_eq!(none["results"], json!([]));
    let few = dolt(&api, "history-search?query=numbered&limit=1").await;
    assert_eq!((&few["total"], few["results"].as_array().map(Vec::len)), (&json!(4), Some(1)));
    let late = dolt(&api, "history-search?query=numbered&date_from=2099-01-01").await;
    assert_eq!(late["total"], 0);
    let search = async |query: &str| {
        let path = format!("{SITE}/dolt/history-search?{query}");
        api.get(&path).await.0
    };
    assert_eq!(search("query=").await, 422);
    assert_eq!(search("query=a&limit=0").await, 422);
    assert_eq!(search("query=a&diff_type=moved").await, 400);
    assert_eq!(search("query=a&date_to=yesterday").await, 400);
}

#[tokio::test]
async fn the_later_generation_has_the_history_under_another_name() {
    let api = Api::with(Options { generation: Generation::October, ..swift() }).await;
    for rest in ["log", "diff", "diff-summary"] {
        assert_eq!(api.get(&format!("{SITE}/database_changes/{rest}")).await.0, 200, "{rest}");
    }
    let api = Api::start().await;
    assert_eq!(api.get(&format!("{SITE}/database_changes/log")).await.0, 404);
}

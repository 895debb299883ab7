//! Repositories.

use serde_json::{Value, json};

use crate::client::{Api, SITE, detail, october};

const URL: &str = "https://git.example.com/jane/plain-blog.git";

#[tokio::test]
async fn a_site_follows_a_repository_until_it_is_unlinked() {
    let api = Api::start().await;
    let git = format!("{SITE}/git");
    let none = (400, detail("Site has no linked git repository"));
    assert_eq!(api.delete(&git).await, none);
    assert_eq!(api.get("/get_git_sync_repos").await, (200, json!([])));
    let (_, site) = api.patch(SITE, json!({ "git_url": URL })).await;
    assert!(site["git_last_sync_hash"].is_string());
    let (_, synced) = api.get("/get_git_sync_repos").await;
    assert_eq!(
        (&synced[0]["git_url"], &synced[0]["last_sync_hash"]),
        (&json!(URL), &site["git_last_sync_hash"])
    );
    let (_, logs) = api.get(&format!("{SITE}/logs?log_type=git-sync")).await;
    assert!(logs["logs"][0].as_str().unwrap().contains(URL));
    assert_eq!(api.delete(&git).await.0, 200);
    let (_, site) = api.get(SITE).await;
    assert_eq!((&site["git_url"], &site["git_last_sync_hash"]), (&Value::Null, &Value::Null));
    assert_eq!(api.delete(&git).await, none);
}

#[tokio::test]
async fn the_accounts_repositories_are_listed_by_provider() {
    let api = Api::start().await;
    let (_, all) = api.get("/account/git_repos").await;
    assert_eq!(all["github_repos"].as_array().map(Vec::len), Some(2));
    assert_eq!((&all["gitlab_repos"], &all["bitbucket_repos"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_sync_can_be_resumed_and_the_provider_switched() {
    let api = Api::with(october()).await;
    let resume = format!("{SITE}/git/resume");
    assert_eq!(api.post(&resume, json!({})).await.0, 400);
    let switch = format!("{SITE}/switch-git-provider");
    let (_, linked) = api.post(&switch, json!({ "git_url": URL })).await;
    let (_, synced) = api.post(&resume, json!({})).await;
    assert_ne!(synced["git_last_sync_hash"], linked["git_last_sync_hash"]);
    assert_eq!(api.get(SITE).await.1["git_last_sync_hash"], synced["git_last_sync_hash"]);
    let (_, logs) = api.get(&format!("{SITE}/git/logs")).await;
    assert_eq!(logs["logs"].as_array().map(Vec::len), Some(2));
}

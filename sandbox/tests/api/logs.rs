//! Logs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Api, SITE, detail, october};

fn lines(body: &Value) -> Vec<String> {
    let lines = body["logs"].as_array().unwrap().iter();
    lines.map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_type_has_its_lines() {
    let api = Api::start().await;
    for log in ["wordpress", "access", "error", "php", "mysql"] {
        let (code, body) = api.get(&format!("{SITE}/logs?log_type={log}&lines=4")).await;
        assert_eq!((code, lines(&body).len()), (200, 4), "{log}");
        assert_eq!(body["log_type"], log);
    }
    let (_, usual) = api.get(&format!("{SITE}/logs")).await;
    assert_eq!((&usual["log_type"], lines(&usual).len()), (&json!("wordpress"), 100));
    let unknown = (400, detail("Unknown log type: gossip"));
    assert_eq!(api.get(&format!("{SITE}/logs?log_type=gossip")).await, unknown);
    let (_, errors) = api.get(&format!("{SITE}/logs?log_type=php&level=error")).await;
    assert!(lines(&errors).iter().all(|line| line.contains("[error]")));
    assert_eq!(api.get(&format!("{SITE}/logs?level=loud")).await.0, 422);
    assert_eq!(api.get(&format!("{SITE}/logs?lines=x")).await.0, 422);
}

#[tokio::test]
async fn a_log_grows_by_itself_and_keeps_its_past() {
    let api = Api::start().await;
    let path = format!("{SITE}/logs/nginx?lines=50");
    let before = lines(&api.get(&path).await.1);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let after = lines(&api.get(&path).await.1);
    assert_ne!(before.last(), after.last());
    assert!(after.contains(before.last().unwrap()));
}

#[tokio::test]
async fn what_is_done_to_a_site_is_in_its_log() {
    let api = Api::start().await;
    api.post(&format!("{SITE}/clear_cache"), json!({})).await;
    let (_, body) = api.get(&format!("{SITE}/logs?lines=1000")).await;
    assert!(lines(&body).iter().any(|line| line.ends_with("Cache cleared")));
    api.post("/wp-proxy", json!({ "fqdn": "site-1.example.com" })).await;
    let (_, body) = api.get(&format!("{SITE}/logs?log_type=access&lines=1000")).await;
    assert!(lines(&body).iter().any(|line| line.contains("GET /wp-json/wp/v2/")));
}

#[tokio::test]
async fn containers_are_known_by_name_and_logs_begin_where_asked() {
    let api = Api::start().await;
    let unknown = (404, detail("Container not found"));
    assert_eq!(api.get(&format!("{SITE}/logs/engine")).await, unknown);
    let (_, body) = api.get(&format!("{SITE}/logs/nginx?since=10s")).await;
    assert!((1..=11).contains(&lines(&body).len()));
    for since in ["2099-01-01", "4070908800"] {
        let (_, body) = api.get(&format!("{SITE}/logs/nginx?since={since}")).await;
        assert_eq!(lines(&body).len(), 0, "{since}");
    }
    assert_eq!(api.get(&format!("{SITE}/logs/nginx?since=then")).await.0, 400);
    assert_eq!(api.get(&format!("{SITE}/logs/containers")).await, unknown);
    let api = Api::with(october()).await;
    let (_, body) = api.get(&format!("{SITE}/logs/containers")).await;
    assert!(body["containers"].as_array().unwrap().contains(&json!("nginx")));
}

//! `cargo xtask checklist`.

use serde_json::{Value, json};
use xtask::operations::{alerts, stage::Stage};

use crate::lab::{KEY, Lab, PRODUCTION, STAGING};

const DATABASE: &str = "mcp-of-production";
const SECRETS: [&str; 5] =
    ["SESSION_KEY", "SUBJECT_KEY", "CREDENTIAL_KEY", "MCP_ADMIN_KEY", "MCP_SHARED_SECRET"];

/// `SESSION_AGENT` is bound to `SessionAgent`.
fn class(binding: &str) -> String {
    let words = binding.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_lowercase())
    });
    words.collect()
}

/// The bindings of a deployment that is as it should be.
fn bindings(database: &str) -> Vec<Value> {
    let stage = Stage::load("production").unwrap();
    let bound = stage.bindings().into_iter().map(|binding| {
        let mut bound = json!({ "type": binding.kind, "name": binding.name });
        match binding.kind {
            "durable_object_namespace" => bound["class_name"] = class(&binding.name).into(),
            "d1" => bound["id"] = database.into(),
            _ => {}
        }
        bound
    });
    let vars = stage.vars().into_iter();
    let vars = vars.map(|(name, text)| json!({ "type": "plain_text", "name": name, "text": text }));
    let secrets = SECRETS.map(|name| json!({ "type": "secret_text", "name": name, "text": KEY }));
    bound.chain(vars).chain(secrets).collect()
}

/// A production that is as it should be.
pub(crate) struct Ready {
    pub(crate) lab: Lab,
    pub(crate) bindings: Vec<Value>,
}

impl Ready {
    pub(crate) async fn start() -> Self {
        let lab = Lab::start().await;
        let made = lab.api("POST", "d1/database", Some(json!({ "name": DATABASE }))).await;
        let mut sql = "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT);".to_owned();
        let folder = xtask::paths::root().join("migrations");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            sql += &format!("INSERT INTO d1_migrations (name) VALUES ('{name}');");
        }
        lab.cloudflare.execute(DATABASE, &sql).unwrap();
        let to =
            [("ALERT_WEBHOOK_URL", "https://hooks.example.com/x"), ("ALERT_WEBHOOK_SECRET", KEY)];
        lab.run_with(&["alerts", "apply", "--env", "production"], &to).await.good();
        let bindings = bindings(made["uuid"].as_str().unwrap());
        let ready = Self { lab, bindings };
        ready.deploy(&ready.bindings).await;
        ready
    }

    /// Deploys with these bindings, and has the address answer as that version.
    pub(crate) async fn deploy(&self, bindings: &[Value]) {
        self.lab.upload(PRODUCTION, false, json!({ "bindings": bindings })).await;
        self.answer().await;
    }

    async fn answer(&self) {
        let version = self.lab.shares(PRODUCTION).await[0].version.clone();
        self.lab.page.set(|answers| answers.health["versionId"] = version.into());
    }

    /// The names of the points that fail.
    async fn failing(&self, more: &[&str]) -> Vec<String> {
        let url = self.lab.page.url();
        let arguments = ["checklist", "--env", "production", "--json", "--url", url];
        let ended = self.lab.run(&[&arguments[..], more].concat()).await;
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let points = report["points"].as_array().unwrap();
        let failed = points.iter().filter(|point| point["passed"] != true);
        let failed: Vec<_> =
            failed.map(|point| point["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(
            (report["passed"] == true, failed.is_empty()),
            (ended.succeeded, ended.succeeded)
        );
        failed
    }

    /// Without a binding, or with another in its place.
    async fn rebound(&self, name: &str, other: Option<Value>) -> Vec<String> {
        let kept = self.bindings.iter().filter(|binding| binding["name"] != name).cloned();
        self.deploy(&kept.chain(other).collect::<Vec<_>>()).await;
        self.failing(&[]).await
    }
}

pub(crate) fn variable(name: &str, text: &str) -> Value {
    json!({ "type": "plain_text", "name": name, "text": text })
}

/// §h 30.
#[tokio::test]
async fn the_checklist_passes_and_fails_for_what_is_deployed() {
    let ready = Ready::start().await;
    assert_eq!(ready.failing(&[]).await, [""; 0]);
    let development = variable("ENVIRONMENT", "development");
    let failing = ready.rebound("ENVIRONMENT", Some(development)).await;
    assert_eq!(failing, ["environment", "variables"]);
    let extra = variable("RATE_LIMIT", "100000");
    assert_eq!(ready.rebound("RATE_LIMIT", Some(extra)).await, ["variables"]);
    assert_eq!(ready.rebound("MCP_KV", None).await, ["bindings"]);
    assert_eq!(ready.rebound("CF_VERSION_METADATA", None).await, ["bindings"]);
    ready.deploy(&ready.bindings).await;
    ready.lab.cloudflare.execute(DATABASE, "DELETE FROM d1_migrations WHERE id = 1").unwrap();
    assert_eq!(ready.failing(&[]).await, ["tables"]);
    let migrated = json!({ "bindings": ready.bindings, "migrations": { "new_tag": "v9" } });
    ready.lab.upload(PRODUCTION, false, migrated).await;
    ready.answer().await;
    assert_eq!(ready.failing(&[]).await, ["classes", "tables"]);
}

/// §h 30. A secret that is gone from the bindings of an upload stays with its Worker: it is removed.
#[tokio::test]
async fn the_checklist_fails_for_keys_that_are_missing_or_short() {
    let ready = Ready::start().await;
    let remove = async |name: &str| {
        let path = format!("workers/scripts/{PRODUCTION}/secrets/{name}");
        ready.lab.api("DELETE", &path, None).await;
        ready.answer().await;
        ready.failing(&[]).await
    };
    let arguments = ["checklist", "--env", "production", "--url", ready.lab.page.url(), "--json"];
    let short = ready.lab.run_with(&arguments, &[("MCP_JWT_SECRET", "short")]).await;
    short.refused("1 points");
    assert_eq!(remove("SUBJECT_KEY").await, ["keys"]);
    for name in ["MCP_ADMIN_KEY", "MCP_SHARED_SECRET"] {
        assert_eq!(remove(name).await, ["keys"]);
    }
    assert_eq!(remove("MCP_JWT_SECRET").await, ["keys", "ways in"]);
}

/// §h 30.
#[tokio::test]
async fn the_checklist_fails_for_a_deployment_and_alarms_that_are_not_as_they_should_be() {
    let ready = Ready::start().await;
    let webhook = variable("ALARM_WEBHOOK_URL", "https://hooks.example.com/alarms");
    let failing = ready.rebound("ALARM_WEBHOOK_URL", Some(webhook)).await;
    assert_eq!(failing, ["variables", "alarms"]);
    ready.deploy(&ready.bindings).await;
    let new = ready.lab.version(PRODUCTION).await;
    let old = ready.lab.shares(PRODUCTION).await[0].version.clone();
    let body = json!({ "strategy": "percentage", "versions": [
        { "version_id": old, "percentage": 90 }, { "version_id": new, "percentage": 10 },
    ] });
    ready.lab.api("POST", &format!("workers/scripts/{PRODUCTION}/deployments"), Some(body)).await;
    assert_eq!(ready.failing(&[]).await, ["deployment", "health"]);
}

/// §h 30.
#[tokio::test]
async fn the_checklist_fails_for_what_callers_see() {
    let ready = Ready::start().await;
    let page = &ready.lab.page;
    page.set(|answers| answers.health["status"] = "degraded".into());
    assert_eq!(ready.failing(&[]).await, ["health"]);
    page.set(|answers| answers.health["status"] = "ok".into());
    page.set(|answers| answers.health_status = 503);
    assert_eq!(ready.failing(&[]).await, ["health"]);
    page.set(|answers| answers.health_status = 200);
    page.set(|answers| answers.health["versionId"] = "another".into());
    assert_eq!(ready.failing(&[]).await, ["health"]);
    ready.answer().await;
    assert_eq!(ready.failing(&["--rollout", "0"]).await, ["rollout"]);
    assert_eq!(ready.failing(&["--rollout", "100"]).await, [""; 0]);
    page.set(|answers| answers.refusal = 200);
    assert_eq!(ready.failing(&[]).await, ["closed door"]);
    page.set(|answers| answers.refusal = 401);
    page.set(|answers| answers.preflight = 403);
    assert_eq!(ready.failing(&[]).await, ["pages"]);
    page.set(|answers| answers.preflight = 204);
    let gone = ready.failing(&["--url", "http://127.0.0.1:9"]).await;
    assert_eq!(gone, ["health", "closed door", "pages"]);
}

/// §h 30.
#[tokio::test]
async fn the_checklist_fails_for_notifications_and_for_the_token() {
    let ready = Ready::start().await;
    let policies = ready.lab.api("GET", "alerting/v3/policies", None).await;
    let id = policies[0]["id"].as_str().unwrap();
    ready.lab.api("DELETE", &format!("alerting/v3/policies/{id}"), None).await;
    assert_eq!(ready.failing(&[]).await, ["notifications"]);
    assert_eq!(ready.failing(&["--without-alerts"]).await, [""; 0]);
    let to = [("ALERT_WEBHOOK_URL", "https://hooks.example.com/x"), ("ALERT_WEBHOOK_SECRET", KEY)];
    // Each is there and on, and tells of nothing, or of something else.
    for other in [json!({ "mechanisms": {} }), json!({ "alert_type": "billing_usage_alert" })] {
        ready.lab.run_with(&["alerts", "apply", "--env", "production"], &to).await.good();
        assert_eq!(ready.failing(&[]).await, [""; 0]);
        let policies = ready.lab.api("GET", "alerting/v3/policies", None).await;
        let id = policies[0]["id"].as_str().unwrap();
        ready.lab.api("PUT", &format!("alerting/v3/policies/{id}"), Some(other)).await;
        assert_eq!(ready.failing(&[]).await, ["notifications"]);
    }
    assert!(!alerts::load().unwrap().is_empty());
    let arguments = ["checklist", "--env", "production", "--without-alerts"];
    for name in ["expired", "disabled"] {
        let token = sandbox::cloudflare::token(name);
        let ended = ready.lab.run_with(&arguments, &[("CLOUDFLARE_API_TOKEN", &token)]).await;
        let ended = ended.refused("points of the checklist failed");
        assert!(ended.out.contains("FAILED token"), "{ended:?}");
    }
}

/// §i: a Worker that there is not, and no permission to see it, are different answers.
#[tokio::test]
async fn a_worker_that_is_missing_and_one_that_may_not_be_seen_are_told_apart() {
    let lab = Lab::start().await;
    lab.api("DELETE", &format!("workers/scripts/{STAGING}?force=true"), None).await;
    let arguments = ["checklist", "--env", "staging"];
    let ended = lab.run(&arguments).await.refused("failed");
    assert!(ended.out.contains("FAILED worker: there is no Worker"), "{ended:?}");
    let token = sandbox::cloudflare::token("query");
    let ended = lab.run_with(&arguments, &[("CLOUDFLARE_API_TOKEN", &token)]).await;
    assert!(ended.out.contains("FAILED worker") && !ended.out.contains("there is no Worker"));
    lab.run(&["release", "--percent", "10", "--env", "staging"])
        .await
        .refused("there is no Worker");
    lab.run(&["rollback", "--env", "staging"]).await.refused("there is no Worker");
}

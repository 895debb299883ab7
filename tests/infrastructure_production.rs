//! A protected stage in the Worker, from its lock to its end, and what is written down on the way: no secret and no id.

use reqwest::Method;
use sandbox::{
    Fault,
    cloudflare::{ACCOUNT, token},
};
use serde_json::{Value, json};
use xtask::account::LOCAL_UNLOCK_KEY;

use crate::support::{
    Client,
    operated::{Operated, ids},
    options, wait,
};

const ADMIN_KEY: &str = "the-admin-key-of-this-test";
/// The database that is bound, which has the audit.
const DATABASE: &str = "sitebay-mcp";

/// An operated account, and an administrator whose client cannot ask a person.
struct Stand {
    operated: Operated,
    client: Client,
    said: Vec<String>,
}

impl Stand {
    async fn start() -> Self {
        let options = options().with_bindings().unwrap().var("MCP_ADMIN_KEY", ADMIN_KEY);
        let operated = Operated::start(options).await;
        let client = Client::new(&operated.worker.url());
        let client = client.with("authorization", &format!("Bearer {ADMIN_KEY}")).connect().await;
        Self { operated, client, said: Vec::new() }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.client.call(tool, arguments).await;
        self.said.push(answer.text.clone());
        answer.result()
    }

    /// A call that succeeds; its data.
    async fn good(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// A call that fails with these words.
    async fn fails(&mut self, tool: &str, arguments: &Value, words: &str) {
        let result = self.call(tool, arguments.clone()).await;
        let is_so = result["isError"] == true && result.to_string().contains(words);
        assert!(is_so, "no {words}: {result}");
    }

    /// The arguments that apply the plan that there is now.
    async fn agreed(&mut self, tool: &str, arguments: Value) -> Value {
        let mut preview = arguments.clone();
        if tool == "deploy_infrastructure" {
            preview["dryRun"] = json!(true);
        }
        let mut agreed = arguments;
        agreed["plan_id"] = self.good(tool, preview).await["plan_id"].clone();
        agreed["confirm"] = json!(true);
        agreed
    }

    /// Rows of the audit, once there are so many.
    async fn audited(&self, sql: &str, count: usize) -> Vec<Value> {
        let bindings = self.operated.worker.bindings().unwrap();
        wait::until(sql, async || {
            let rows = bindings.sql(DATABASE, sql).unwrap();
            if rows.len() < count { Err(rows) } else { Ok(rows) }
        })
        .await
    }

    /// Nothing that was answered, logged and audited has one of these, or a secret.
    fn assert_hidden(&self, ids: &[String]) {
        let worker = &self.operated.worker;
        let audit = worker.bindings().unwrap().dump(DATABASE).unwrap();
        assert!(audit.contains("stage.begin"), "the audit is read: {audit}");
        let tokens = ["change", "read", "workflow"].map(token);
        let secrets = [ACCOUNT, LOCAL_UNLOCK_KEY, ADMIN_KEY].map(str::to_owned);
        for hidden in tokens.iter().chain(&secrets).chain(ids) {
            for (place, text) in [
                ("an answer", &self.said.join("\n")),
                ("the log", &worker.log()),
                ("the audit", &audit),
            ] {
                assert!(!text.contains(hidden), "{place} has {hidden}");
            }
        }
    }
}

/// Statements 16 and 26.
#[tokio::test]
async fn production_is_destroyed_with_an_unlock_of_the_admin_api_for_that_plan_once() {
    let mut stand = Stand::start().await;
    // Without the Workers, one of which calls the other: Cloudflare deletes no Worker that has objects.
    for worker in ["shop", "sitebay-mcp?force=true"] {
        stand.operated.by_hand(Method::DELETE, &format!("workers/scripts/{worker}")).await;
    }
    let mut hidden = ids(&stand.operated.resources("sitebay-mcp-production").await);
    assert_eq!(hidden.len(), 3);
    let data = stand.operated.cloud().dump("sitebay-mcp-production").unwrap();
    let (deploy, destroy) = ("deploy_infrastructure", "destroy_infrastructure");
    let adopted = json!({ "stage": "production", "adopt": true });
    let agreed = stand.agreed(deploy, adopted.clone()).await;
    stand.good(deploy, agreed).await;
    let agreed = stand.agreed(destroy, json!({ "stage": "prod" })).await;
    stand.fails(destroy, &agreed, "cargo xtask stage unlock production production.").await;
    let plan_id = agreed["plan_id"].clone();
    for key in [ADMIN_KEY, &token("change"), "another-key-of-this-test-with-enough-characters"] {
        assert_eq!(stand.operated.unlock(key, "production", &plan_id).await.status, 401);
    }
    stand.fails(destroy, &agreed, "No call of a tool can unlock it").await;
    assert_eq!(stand.operated.changes(), Vec::<String>::new());

    let unlocked = stand.operated.unlocked("production", &plan_id).await;
    assert_eq!(unlocked.status, 200, "{unlocked:?}");
    assert!(unlocked.json()["plan"].as_str().unwrap().contains("Destroy the stage `production`"));
    let ended = stand.good(destroy, agreed.clone()).await;
    assert_eq!((&ended["status"], &ended["left"]), (&json!("destroyed"), &json!([])), "{ended}");
    let sent = stand.operated.changes();
    let kept = |line: &String| line.contains("d1/") || line.contains("r2/");
    assert!(sent.len() == 3 && !sent.iter().any(kept), "{sent:?}");
    assert!(sent.iter().all(|line| line.starts_with("DELETE ")), "{sent:?}");
    assert_eq!(stand.operated.cloud().dump("sitebay-mcp-production").unwrap(), data);

    // It was good once: neither the plan nor the unlock opens the same stage again.
    let again = stand.agreed(deploy, adopted).await;
    stand.good(deploy, again).await;
    hidden.extend(ids(&stand.operated.resources("sitebay-mcp-production").await));
    stand.fails(destroy, &agreed, "was applied already").await;
    assert_eq!(stand.operated.unlocked("production", &plan_id).await.status, 409);
    let new = stand.agreed(destroy, json!({ "stage": "production" })).await;
    assert_ne!(new["plan_id"], plan_id);
    stand.fails(destroy, &new, "No call of a tool can unlock it").await;
    let deletes = stand.operated.changes().iter().filter(|it| it.starts_with("DELETE ")).count();
    assert_eq!(deletes, 3);

    let attempts = "SELECT key, way, outcome FROM audit WHERE action = 'POST /admin/stages/production/unlock' \
                    AND way = 'unlock-key' ORDER BY outcome";
    let attempt = |outcome: &str| json!({ "key": "Ann", "way": "unlock-key", "outcome": outcome });
    assert_eq!(stand.audited(attempts, 2).await, [attempt("done"), attempt("failed")]);
    let deleted = "SELECT effect, outcome FROM audit WHERE action = 'stage.delete'";
    let row = json!({ "effect": "destructive", "outcome": "done" });
    assert_eq!(stand.audited(deleted, 3).await, [row.clone(), row.clone(), row]);
    stand.assert_hidden(&hidden);
}

/// Statement 26, where Cloudflare itself names ids and tokens.
#[tokio::test]
async fn no_answer_no_line_of_the_log_and_no_row_of_the_audit_has_an_id_a_token_or_a_secret() {
    let mut stand = Stand::start().await;
    let queue = "0123456789abcdef0123456789abcdef".to_owned();
    let why = format!(
        "queue {queue} of the account {ACCOUNT} is not for {} or {}",
        token("change"),
        token("read")
    );
    let errors = json!([{ "code": 11_000, "message": why }]);
    let refused = json!({ "success": false, "errors": errors, "messages": [], "result": null });
    stand.operated.cloud().inject(Fault {
        method: Some("POST".to_owned()),
        path: Some("/queues".to_owned()),
        status: Some(400),
        body: Some(refused.to_string()),
        times: Some(1),
        ..Fault::default()
    });
    let (deploy, destroy) = ("deploy_infrastructure", "destroy_infrastructure");
    let agreed = stand.agreed(deploy, json!({ "stage": "preview-1" })).await;
    stand.fails(deploy, &agreed, "queue [id] of the account [secret]").await;
    let agreed = stand.agreed(deploy, json!({ "stage": "preview-1" })).await;
    stand.good(deploy, agreed).await;
    let mut hidden = ids(&stand.operated.resources("").await);
    assert!(hidden.len() >= 9, "{hidden:?}");
    hidden.push(queue);
    for stage in ["preview-1", "staging"] {
        for tool in ["get_resource_status", "list_bucket_objects", "get_cache_stats"] {
            stand.good(tool, json!({ "stage": stage })).await;
        }
        let wrong = json!({ "stage": stage, "query": "SELECT missing" });
        stand.fails("query_database", &wrong, "no such column").await;
    }
    for tool in ["list_deployments", "get_error_rates", "describe_database"] {
        stand.good(tool, json!({ "stage": "staging" })).await;
    }
    let start = json!({ "workflowName": "OnboardingWorkflow", "confirm": true });
    stand.good("trigger_workflow", start).await;
    let agreed = stand.agreed(destroy, json!({ "stage": "preview-1" })).await;
    stand.good(destroy, agreed).await;
    stand.audited("SELECT id FROM audit WHERE action = 'stage.delete'", 4).await;
    let failed = "SELECT site FROM audit WHERE action = 'stage.create' AND outcome = 'failed'";
    let site = json!({ "site": "preview-1/jobs sitebay-mcp-preview-1-jobs code 11000" });
    assert_eq!(stand.audited(failed, 1).await, [site]);
    stand.assert_hidden(&hidden);
}

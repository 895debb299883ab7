//! The two tools that change a stage, in the Worker: tasks that outlive the runtime, and the key that unlocks.

use reqwest::Method;
use sandbox::cloudflare::{self, ACCOUNT, Cloudflare, token};
use serde_json::{Value, json};
use xtask::server::Server as Worker;

use crate::support::{
    Answer, Client, options, start,
    talk::{Era, Talk},
    wait,
};

const UNLOCK_KEY: &str = "the-key-that-unlocks-stages-in-this-test";
const ADMIN_KEY: &str = "the-admin-key-of-this-test";
/// The changes that a deploy and a destroy of the stage send at least: a database, a bucket, a namespace, a queue.
const CHANGES: usize = 4;

/// A Worker before a stand-in for Cloudflare.
struct Operated {
    cloud: Cloudflare,
    worker: Worker,
}

impl Operated {
    async fn start(vars: &[(&str, &str)]) -> Self {
        let cloud = Cloudflare::start(cloudflare::Options::default()).await.unwrap();
        let mut options = options()
            .var("CLOUDFLARE_API_URL", &cloud.api_url())
            .var("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
            .var("CLOUDFLARE_API_TOKEN", &token("change"));
        for (name, value) in vars {
            options = options.var(name, value);
        }
        Self { worker: start(options).await, cloud }
    }

    fn talk(&self, era: Era) -> impl Future<Output = Talk> {
        let client = Client::new(&self.worker.url());
        let says = json!({ "action": "accept", "content": { "stage": "preview-1" } });
        async move { Talk::new(client, era).await.saying(says).with_progress() }
    }

    /// What changed the account, as `POST /…/d1/database`.
    fn changes(&self) -> Vec<String> {
        let requests = self.cloud.requests();
        let changed = requests.iter().filter(|request| request.method != "GET");
        // Statements and numbers are read by POST.
        let changed =
            changed.filter(|it| !it.path.ends_with("/query") && !it.path.ends_with("/sql"));
        changed.map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    fn assert_nothing_was_sent_twice(&self) {
        let changes = self.changes();
        for change in &changes {
            let times = changes.iter().filter(|other| *other == change).count();
            assert_eq!(times, 1, "{change}: {changes:?}");
        }
    }

    /// Calls a tool as a task, kills the runtime once so many more changes were sent, and follows it to its end.
    async fn killed(&mut self, tool: &str, arguments: Value, changes: usize) -> Value {
        let before = self.changes().len();
        let mut talk = self.talk(Era::Tasks).await;
        let task = talk.begins(tool, arguments).await;
        wait::holds("the changes were sent", || self.changes().len() >= before + changes).await;
        self.worker.restart().await.unwrap();
        talk.followed(&task).await
    }
}

/// Statement 9 in the runtime: after each change of a deploy and of a destroy.
#[tokio::test]
async fn a_deploy_and_a_destroy_survive_a_kill_after_every_change_and_send_nothing_twice() {
    for changes in 1..=CHANGES {
        let mut operated = Operated::start(&[]).await;
        let stage = json!({ "stage": "preview-1" });
        let ended = operated.killed("deploy_infrastructure", stage, changes).await;
        let done =
            ended["structuredContent"]["done"].as_array().unwrap_or_else(|| panic!("{ended}"));
        for resource in ["db", "uploads", "cache", "jobs"] {
            let is_it = |one: &Value| one["resource"] == resource;
            assert!(done.iter().any(is_it), "killed after {changes}: {ended}");
        }
        operated.assert_nothing_was_sent_twice();
        let agreed = json!({ "stage": "preview-1", "confirm": true });
        let ended = operated.killed("destroy_infrastructure", agreed, changes).await;
        assert_ne!(ended["isError"], true, "killed after {changes}: {ended}");
        assert_eq!(ended["structuredContent"]["left"], json!([]), "{ended}");
        operated.assert_nothing_was_sent_twice();
    }
}

#[tokio::test]
async fn a_deploy_is_agreed_to_and_carried_out_in_each_era() {
    for era in [Era::Session, Era::Rounds, Era::Tasks] {
        let operated = Operated::start(&[]).await;
        let mut talk = operated.talk(era).await;
        let preview = json!({ "stage": "preview-1", "dryRun": true });
        let seen = talk.call("deploy_infrastructure", preview).await;
        assert_ne!(seen["isError"], true, "{era:?}: {seen}");
        assert!(operated.changes().is_empty() && talk.asked.is_empty(), "{era:?}");
        let plan_id = seen["structuredContent"]["plan_id"].clone();
        let stage = json!({ "stage": "preview-1", "plan_id": plan_id });
        let ended = talk.call("deploy_infrastructure", stage).await;
        assert_eq!(talk.asked.len(), 1, "{era:?}: {:?}", talk.asked);
        assert!(talk.asked[0].contains("Deploy the stage `preview-1`"), "{:?}", talk.asked);
        assert_eq!(ended["structuredContent"]["plan_id"], plan_id, "{era:?}: {ended}");
        assert!(operated.changes().len() >= CHANGES, "{era:?}: {ended}");
        operated.assert_nothing_was_sent_twice();
        assert!(!ended.to_string().contains(ACCOUNT), "{ended}");
    }
}

async fn unlocked(worker: &Worker, key: &str, body: &Value) -> Answer {
    let path = "/admin/stages/preview-1/unlock";
    let client = Client::at(&worker.url(), path).with("authorization", &format!("Bearer {key}"));
    Answer::of(client.send(Method::POST).body(body.to_string()).send().await.unwrap()).await
}

#[tokio::test]
async fn the_unlock_key_alone_unlocks_one_plan_and_lets_in_nowhere() {
    let vars = [("STAGE_UNLOCK_KEY", UNLOCK_KEY), ("MCP_ADMIN_KEY", ADMIN_KEY)];
    let operated = Operated::start(&vars).await;
    let worker = &operated.worker;
    let admin = Client::new(&worker.url()).with("authorization", &format!("Bearer {ADMIN_KEY}"));
    let preview = json!({ "stage": "preview-1", "dryRun": true });
    let seen = admin.connect().await.call("deploy_infrastructure", preview).await.result();
    let plan_id = seen["structuredContent"]["plan_id"].clone();
    let body = json!({ "plan_id": plan_id, "by": "Ann", "minutes": 5 });
    for key in [ADMIN_KEY, "another-key-of-this-test-with-enough-characters"] {
        assert_eq!(unlocked(worker, key, &body).await.status, 401, "{key}");
    }
    let other = json!({ "plan_id": format!("preview-1.{}", "0".repeat(32)), "by": "Ann" });
    assert_eq!(unlocked(worker, UNLOCK_KEY, &other).await.status, 409);
    assert_eq!(unlocked(worker, UNLOCK_KEY, &json!({ "plan_id": plan_id })).await.status, 400);
    let done = unlocked(worker, UNLOCK_KEY, &body).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.json()["plan"].as_str().unwrap().contains("Deploy the stage `preview-1`"));
    let hello = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": { "name": "wire", "version": "1" } },
    });
    for path in ["/mcp", "/sse", "/u/fixtures/mcp", "/admin/health", "/sessions"] {
        for (name, value) in [
            ("authorization", format!("Bearer {UNLOCK_KEY}")),
            ("x-api-key", UNLOCK_KEY.to_owned()),
            ("x-mcp-secret", UNLOCK_KEY.to_owned()),
        ] {
            let client = Client::at(&worker.url(), path).with(name, &value);
            let method = if path.ends_with("/mcp") { Method::POST } else { Method::GET };
            let sent = client.send(method).body(hello.to_string()).send().await.unwrap();
            let status = sent.status();
            assert!(status == 401 || status == 404, "{path} {name}: {status}");
        }
        let client = Client::at(&worker.url(), path)
            .with("authorization", &format!("Bearer {ADMIN_KEY}"))
            .with("x-sitebay-token", UNLOCK_KEY);
        let method = if path.ends_with("/mcp") { Method::POST } else { Method::GET };
        let sent = client.send(method).body(hello.to_string()).send().await.unwrap();
        assert!(sent.status() == 401 || sent.status() == 404, "{path}: {}", sent.status());
    }
}

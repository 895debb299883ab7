//! What a person and an assistant do with stages in one sitting, in each era.

use sandbox::cloudflare;
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{
    Client, options, start,
    talk::{Era, Talk},
    wait,
};

/// What changed the account, as `POST /…/d1/database`.
fn changes(worker: &Server) -> Vec<String> {
    let requests = worker.cloudflare().unwrap().requests();
    let changed = requests.iter().filter(|it| it.method != "GET");
    // Statements and numbers are read by POST.
    let reads = ["/raw", "/query", "/sql", "/graphql"];
    let changed = changed.filter(|it| !reads.iter().any(|end| it.path.ends_with(end)));
    changed.map(|it| format!("{} {}", it.method, it.path)).collect()
}

/// Calls a tool that succeeds; its data.
async fn good(talk: &mut Talk, tool: &str, arguments: Value) -> Value {
    let result = talk.call(tool, arguments).await;
    assert_ne!(result["isError"], true, "{tool} in {:?}: {result}", talk.era);
    result["structuredContent"].clone()
}

#[tokio::test]
async fn a_stage_is_looked_at_deployed_used_and_destroyed_in_each_era() {
    for era in [Era::Session, Era::Rounds, Era::Tasks] {
        let account = cloudflare::Options::default();
        let worker = start(Options { cloudflare: Some(account), chat: true, ..options() }).await;
        let typed = json!({ "action": "accept", "content": { "stage": "preview-1" } });
        let yes = json!({ "action": "accept", "content": { "confirm": true } });
        let mut talk = Talk::new(Client::new(&worker.url()), era).await.saying(typed.clone());

        let status = good(&mut talk, "get_resource_status", json!({ "stage": "staging" })).await;
        assert_eq!(status["stage"], "staging", "{status}");
        let preview = json!({ "stage": "preview-1", "dryRun": true });
        let plan = good(&mut talk, "deploy_infrastructure", preview).await;
        assert!(changes(&worker).is_empty() && talk.asked.is_empty(), "{era:?}");
        let stage = json!({ "stage": "preview-1", "plan_id": plan["plan_id"] });
        let deployed = good(&mut talk, "deploy_infrastructure", stage).await;
        assert_eq!(deployed["plan_id"], plan["plan_id"], "{era:?}: {deployed}");

        let query = json!({ "query": "SELECT * FROM users LIMIT 10", "stage": "staging" });
        let rows = good(&mut talk, "query_database", query).await;
        assert!(rows["row_count"].as_u64().unwrap() > 0, "{rows}");
        let new = json!({ "query": "SELECT 1 AS one", "stage": "preview-1" });
        let rows = good(&mut talk, "query_database", new).await;
        assert_eq!(rows["rows"], json!([[1]]), "the new database answers: {rows}");
        let list = json!({ "prefix": "uploads/", "limit": 50 });
        let listed = good(&mut talk, "list_bucket_objects", list).await;
        assert!(!listed["objects"].as_array().unwrap().is_empty(), "{listed}");

        talk = talk.saying(yes);
        let begin =
            json!({ "workflowName": "OnboardingWorkflow", "params": { "userId": "user-123" } });
        let run = good(&mut talk, "trigger_workflow", begin).await;
        let follow = json!({ "workflowName": "OnboardingWorkflow", "run_id": run["run_id"] });
        wait::until("the end of the run", async || {
            let run = good(&mut talk, "get_workflow_run", follow.clone()).await;
            if run["status"] == "complete" { Ok(()) } else { Err(run.to_string()) }
        })
        .await;
        let message = json!({ "objectName": "ChatDO", "message": "Hello from MCP" });
        let said = good(&mut talk, "send_durable_object_message", message).await;
        assert_eq!(said["answer"], json!({ "received": "Hello from MCP", "count": 1 }), "{said}");

        talk = talk.saying(typed);
        let agreed = json!({ "stage": "preview-1", "confirm": true });
        let destroyed = good(&mut talk, "destroy_infrastructure", agreed).await;
        assert_eq!(destroyed["left"], json!([]), "{era:?}: {destroyed}");
        // A deploy, a start, a message, a destroy.
        assert_eq!(talk.asked.len(), 4, "{era:?}: {:?}", talk.asked);
        let sent = changes(&worker);
        for change in &sent {
            let times = sent.iter().filter(|other| *other == change).count();
            assert_eq!(times, 1, "{era:?}: {change}: {sent:?}");
        }
    }
}

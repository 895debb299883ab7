//! Stages beside each other in one account: each has its own task and its own resources.

use reqwest::Method;
use sandbox::Fault;
use serde_json::{Value, json};

use crate::support::{
    operated::{Operated, ids},
    options,
    talk::Era,
    wait,
};

fn assert_good(result: &Value) {
    assert_ne!(result["isError"], true, "{result}");
}

/// Statements 11 and 12.
#[tokio::test]
async fn two_stages_are_deployed_side_by_side_and_one_is_destroyed_without_a_word_about_the_other()
{
    let operated = Operated::start(options()).await;
    let mut one = operated.typing("preview-1", Era::Tasks).await;
    let mut two = operated.typing("preview-2", Era::Tasks).await;
    let first = one.begins("deploy_infrastructure", json!({ "stage": "preview-1" })).await;
    let second = two.begins("deploy_infrastructure", json!({ "stage": "preview-2" })).await;
    assert_good(&one.followed(&first).await);
    assert_good(&two.followed(&second).await);
    let others = operated.resources("preview-2").await;
    assert_eq!((others.len(), ids(&others).len()), (4, 3), "{others:?}");
    let before = operated.cloud().requests().len();
    let agreed = json!({ "stage": "preview-1", "confirm": true });
    let ended = one.call("destroy_infrastructure", agreed).await;
    assert_good(&ended);
    assert_eq!(ended["structuredContent"]["left"], json!([]), "{ended}");
    let mut deletes = 0;
    for sent in operated.cloud().requests().split_off(before) {
        let is_other = |text: &str| {
            text.contains("preview-2") || ids(&others).iter().any(|id| text.contains(id))
        };
        let body = sent.body.map(|body| body.to_string()).unwrap_or_default();
        assert!(!is_other(&sent.path) && !is_other(&body), "{} {}", sent.method, sent.path);
        deletes += usize::from(sent.method == "DELETE");
    }
    assert_eq!(deletes, 4);
    assert_eq!(operated.resources("preview-2").await, others);
    assert_eq!(operated.resources("preview-1").await, Vec::<Value>::new());
}

/// Statement 11.
#[tokio::test]
async fn while_a_task_works_on_a_stage_another_call_is_told_which_and_other_stages_go_on() {
    let operated = Operated::start(options()).await;
    let slow = Fault {
        method: Some("POST".to_owned()),
        path: Some("/d1/database".to_owned()),
        delay_ms: Some(5_000),
        times: Some(1),
        ..Fault::default()
    };
    operated.cloud().inject(slow);
    let mut one = operated.typing("preview-1", Era::Tasks).await;
    let task = one.begins("deploy_infrastructure", json!({ "stage": "preview-1" })).await;
    wait::holds("the database is asked for", || !operated.changes().is_empty()).await;
    let mut again = operated.typing("preview-1", Era::Rounds).await;
    let busy = again.call("deploy_infrastructure", json!({ "stage": "preview-1" })).await;
    let said = busy["content"][0]["text"].as_str().unwrap();
    assert!(busy["isError"] == true && said.contains("sitebay://operation/"), "{busy}");
    assert!(again.asked.is_empty(), "{:?}", again.asked);
    let mut two = operated.typing("preview-2", Era::Rounds).await;
    assert_good(&two.call("deploy_infrastructure", json!({ "stage": "preview-2" })).await);
    assert_good(&one.followed(&task).await);
    let changes = operated.changes();
    for stage in ["preview-1", "preview-2"] {
        assert_eq!(operated.resources(stage).await.len(), 4, "{stage}: {changes:?}");
    }
}

/// Statements 6 and 15: a Worker that another one calls stops the plan; one that has objects of its own is refused by Cloudflare,
/// and nothing is forced.
#[tokio::test]
async fn a_worker_that_others_call_or_that_has_objects_is_not_deleted_and_nothing_is_forced() {
    let operated = Operated::start(options()).await;
    let mut talk = operated.typing("production", Era::Rounds).await;
    let adopted = json!({ "stage": "production", "adopt": true });
    assert_good(&talk.call("deploy_infrastructure", adopted).await);
    let asked = talk.asked.len();
    let (preview, agreed) =
        (json!({ "stage": "prod" }), json!({ "stage": "prod", "confirm": true }));
    for arguments in [&preview, &agreed] {
        let seen = talk.call("destroy_infrastructure", arguments.clone()).await;
        assert!(seen.to_string().contains("worker is used by shop"), "{seen}");
    }
    assert_eq!((talk.asked.len(), operated.changes()), (asked, Vec::new()));
    operated.by_hand(Method::DELETE, "workers/scripts/shop").await;
    let seen = talk.call("destroy_infrastructure", preview).await;
    let plan_id = &seen["structuredContent"]["plan_id"];
    assert_eq!(operated.unlocked("production", plan_id).await.status, 200);
    assert_eq!(operated.changes(), Vec::<String>::new(), "it was only looked at");
    let ended = talk.call("destroy_infrastructure", agreed).await;
    let data = &ended["structuredContent"];
    assert_eq!(data["failed"][0]["resource"], "worker", "{ended}");
    assert_eq!(data["failed"][0]["code"], 10_064, "{ended}");
    let blocked: Vec<&Value> =
        data["blocked"].as_array().unwrap().iter().map(|it| &it["resource"]).collect();
    assert_eq!(blocked, ["jobs", "cache"], "{ended}");
    let workflow = "DELETE workflows/sitebay-mcp-production-onboarding";
    assert_eq!(operated.changes(), [workflow, "DELETE workers/scripts/sitebay-mcp"]);
    let forced = |it: &sandbox::Recorded| format!("{} {:?}", it.query, it.body).contains("force");
    assert!(!operated.cloud().requests().iter().any(forced));
}

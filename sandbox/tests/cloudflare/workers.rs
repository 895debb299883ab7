//! Workers: what is shown of them, what depends on them, and their end.

use serde_json::{Value, json};

use crate::client::{Lab, WORKER, assert_refused, each};

fn script(path: &str) -> String {
    format!("workers/scripts/{WORKER}{path}")
}

#[tokio::test]
async fn the_list_shows_each_worker_and_filters_by_tags() {
    let lab = Lab::start().await;
    let all = Lab::result(lab.get("workers/scripts").await);
    assert_eq!(each(&all, "id"), [WORKER, "sitebay-mcp", "shop"]);
    assert_eq!((&all[0]["migration_tag"], &all[0]["logpush"]), (&json!("v5"), &json!(false)));
    let tags = json!({ "tags": ["app:mcp", "stage:staging"], "logpush": true });
    let settings = Lab::result(lab.patch(&script("/script-settings"), tags).await);
    assert_eq!((&settings["logpush"], &settings["tags"][0]), (&json!(true), &json!("app:mcp")));
    let found = Lab::result(lab.get("workers/scripts?tags=app:mcp:yes").await);
    assert_eq!(each(&found, "id"), [WORKER]);
    Lab::result(lab.patch(&script("/script-settings"), json!({ "tags": ["mcp"] })).await);
    let found = Lab::result(lab.get("workers/scripts?tags=mcp:yes").await);
    assert_eq!(each(&found, "id"), [WORKER]);
    let found = Lab::result(lab.get("workers/scripts?tags=mcp:no").await);
    assert_eq!(each(&found, "id"), ["sitebay-mcp", "shop"]);
    assert_refused(&lab.get("workers/scripts/none/settings").await, 404, 10007);
}

#[tokio::test]
async fn settings_show_bindings_and_names_of_secrets() {
    let lab = Lab::start().await;
    let settings = Lab::result(lab.get(&script("/settings")).await);
    let bindings = settings["bindings"].as_array().unwrap();
    let of = |kind: &str| bindings.iter().filter(|one| one["type"] == kind).count();
    assert_eq!((of("d1"), of("kv_namespace"), of("secret_text")), (1, 1, 2));
    assert!(bindings.iter().all(|one| one.get("text").is_none()));
}

#[tokio::test]
async fn the_name_below_workers_dev_is_switched() {
    let lab = Lab::start().await;
    assert_eq!(Lab::result(lab.get("workers/subdomain").await)["subdomain"], "sandbox");
    let off = json!({ "enabled": false, "previews_enabled": true });
    assert_eq!(Lab::result(lab.post(&script("/subdomain"), off.clone()).await), off);
    assert_eq!(Lab::result(lab.get(&script("/subdomain")).await), off);
    assert_refused(&lab.post(&script("/subdomain"), json!({})).await, 400, 10021);
    let none = Lab::result(lab.delete(&script("/subdomain")).await);
    assert_eq!(none["previews_enabled"], false);
}

#[tokio::test]
async fn crons_are_replaced_as_a_whole() {
    let lab = Lab::start().await;
    let crons = json!([{ "cron": "0 3 * * *" }, { "cron": "*/10 * * * *" }]);
    let set = Lab::result(lab.put(&script("/schedules"), crons).await);
    assert_eq!(each(&set["schedules"], "cron"), ["0 3 * * *", "*/10 * * * *"]);
    let wrong = json!([{ "cron": "every day" }]);
    assert_refused(&lab.put(&script("/schedules"), wrong).await, 400, 10042);
    let kept = Lab::result(lab.get(&script("/schedules")).await);
    assert_eq!(kept, set);
}

#[tokio::test]
async fn a_worker_on_which_something_depends_is_only_deleted_by_force() {
    let lab = Lab::start().await;
    let references = Lab::result(lab.get("workers/scripts/sitebay-mcp/references").await);
    assert_eq!(references["services"]["incoming"][0]["service"], "shop");
    let refused = lab.delete("workers/scripts/sitebay-mcp").await;
    assert_refused(&refused, 400, 10064);
    let message = refused.1["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("shop") && message.contains("sitebay-mcp-production-jobs"));
    Lab::result(lab.delete("workers/services/sitebay-mcp?force=true").await);
    assert_refused(&lab.get("workers/scripts/sitebay-mcp/settings").await, 404, 10007);
    let path = "workers/durable_objects/namespaces?per_page=100";
    let namespaces = Lab::result(lab.get(path).await);
    assert!(each(&namespaces, "script").iter().all(|script| *script == WORKER));
    let queues = Lab::result(lab.get("queues").await);
    let find = |name: &str| queues.as_array().unwrap().iter().find(|one| one["queue_name"] == name);
    assert_eq!(find("sitebay-mcp-production-jobs").unwrap()["consumers"], json!([]));
    Lab::result(lab.delete("workers/scripts/shop").await);
    assert_refused(&lab.delete("workers/scripts/shop").await, 404, 10007);
}

#[tokio::test]
async fn tails_begin_and_end_and_their_consumers_are_found() {
    let mut lab = Lab::start().await;
    lab.use_token("ci");
    let tail = Lab::result(lab.post(&script("/tails"), json!({})).await);
    assert!(tail["url"].as_str().unwrap().starts_with("wss://"));
    let path = script(&format!("/tails/{}", tail["id"].as_str().unwrap()));
    assert_eq!(lab.delete(&path).await.0, 200);
    assert_refused(&lab.delete(&path).await, 404, 10057);
    let consumers = json!({ "tail_consumers": [{ "service": "shop" }] });
    Lab::result(lab.patch(&script("/script-settings"), consumers).await);
    let producers = Lab::result(lab.get("workers/tails/by-consumer/shop").await);
    assert_eq!(producers[0]["producer"]["service"], WORKER);
    let none = lab.get("workers/tails/by-consumer/sitebay-mcp").await;
    assert_eq!(Lab::result(none), Value::Array(vec![]));
}

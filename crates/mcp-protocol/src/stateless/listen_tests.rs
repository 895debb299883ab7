//! Subscriptions: what is asked for, agreed to, sent, and how it ends.

use serde_json::{Value, json};

use super::{
    error::StatelessError,
    listen::{Change, MAX_NAMED, MAX_WATCHED, Offered, Subscription, SubscriptionFilter},
};
use crate::{
    capabilities::ClientCapabilities,
    jsonrpc::RequestId,
    raw::value,
    testing::{Examples, raw},
};

const ALL: Offered =
    Offered { tools: true, prompts: true, resources: true, subscribe: true, tasks: true };

fn filter(notifications: &Value) -> Result<SubscriptionFilter, StatelessError> {
    SubscriptionFilter::read(Some(&raw(&notifications.to_string())))
}

fn subscription(id: &str) -> Subscription {
    Subscription(RequestId::read(&raw(id)).unwrap())
}

fn parsed(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

fn everything() -> Value {
    json!({
        "toolsListChanged": true,
        "promptsListChanged": true,
        "resourcesListChanged": true,
        "resourceSubscriptions": ["file:///a"],
        "taskIds": ["t1"],
    })
}

#[test]
fn a_filter_is_what_it_names() {
    let whole = filter(&everything()).unwrap();
    assert_eq!(value(&whole.to_json()).unwrap(), everything());
    let none = json!({ "toolsListChanged": false, "taskIds": null, "other": [1] });
    assert_eq!(filter(&none), Ok(SubscriptionFilter::default()));
    assert_eq!(filter(&json!({})), Ok(SubscriptionFilter::default()));
}

#[test]
fn a_malformed_filter_is_an_error_in_band() {
    let many: Vec<String> = (0..=MAX_WATCHED).map(|n| format!("file:///{n}")).collect();
    for notifications in [
        json!([]),
        json!("tools"),
        json!({ "toolsListChanged": "yes" }),
        json!({ "promptsListChanged": 1 }),
        json!({ "resourceSubscriptions": "file:///a" }),
        json!({ "resourceSubscriptions": [1] }),
        json!({ "taskIds": {} }),
        json!({ "taskIds": many }),
        json!({ "resourceSubscriptions": many }),
        json!({ "resourceSubscriptions": ["x".repeat(MAX_NAMED)] }),
    ] {
        let error = filter(&notifications).unwrap_err();
        assert_eq!((error.status(), error.code()), (200, -32602));
        assert!(error.to_string().contains("`notifications`"), "{error}");
    }
    assert_eq!(SubscriptionFilter::read(None), Err(StatelessError::Missing("notifications")));
}

#[test]
fn tasks_need_their_extension() {
    assert_eq!(filter(&everything()).unwrap().needs(), ClientCapabilities::TASKS);
    let none = filter(&json!({ "taskIds": [], "toolsListChanged": true })).unwrap();
    assert!(none.needs().is_empty());
}

#[test]
fn the_server_agrees_to_what_it_offers() {
    let whole = filter(&everything()).unwrap();
    assert_eq!(whole.clone().limited_to(&ALL), whole);
    assert_eq!(whole.clone().limited_to(&Offered::default()), SubscriptionFilter::default());
    let tools = whole.limited_to(&Offered { tools: true, ..Offered::default() });
    assert_eq!(value(&tools.to_json()).unwrap(), json!({ "toolsListChanged": true }));
    let asked_less = filter(&json!({ "promptsListChanged": true })).unwrap();
    assert_eq!(asked_less.clone().limited_to(&ALL), asked_less);
}

#[test]
fn only_what_was_asked_for_is_wanted() {
    let changes = [
        Change::Tools,
        Change::Prompts,
        Change::Resources,
        Change::Resource { uri: "file:///a" },
        Change::Task { id: "t1", task: "{}" },
    ];
    let whole = filter(&everything()).unwrap();
    assert!(changes.iter().all(|change| whole.wants(change)));
    assert!(!changes.iter().any(|change| SubscriptionFilter::default().wants(change)));
    assert!(!whole.wants(&Change::Resource { uri: "file:///b" }));
    assert!(!whole.wants(&Change::Task { id: "t2", task: "{}" }));
}

#[test]
fn every_message_carries_the_id_of_the_subscription_as_it_was_written() {
    let key = "io.modelcontextprotocol/subscriptionId";
    for (id, value) in [("1", json!(1)), ("\"1\"", json!("1")), ("\"a\\\"b\"", json!("a\"b"))] {
        let subscription = subscription(id);
        let acknowledged = parsed(&subscription.acknowledged(&SubscriptionFilter::default()));
        assert_eq!(acknowledged["params"]["_meta"][key], value);
        assert_eq!(acknowledged["params"]["notifications"], json!({}));
        let changed = parsed(&subscription.notification(&Change::Tools));
        assert_eq!(changed["params"], json!({ "_meta": { key: value } }));
        let closed = parsed(&subscription.closed());
        assert_eq!(closed["id"], value);
        assert_eq!(closed["result"]["_meta"][key], value);
        assert_eq!(closed["result"]["resultType"], "complete");
    }
}

#[test]
fn a_change_is_told_with_its_parameters() {
    let subscription = subscription("7");
    let updated = parsed(&subscription.notification(&Change::Resource { uri: "x:\"y\"" }));
    assert_eq!(updated["method"], "notifications/resources/updated");
    assert_eq!(updated["params"]["uri"], "x:\"y\"");
    assert_eq!(updated.get("id"), None);
    for task in [r#"{"taskId":"t1"}"#, " {\n \"taskId\":\"t1\" } "] {
        let told = parsed(&subscription.notification(&Change::Task { id: "t1", task }));
        assert_eq!(told["method"], "notifications/tasks");
        assert_eq!(told["params"]["taskId"], "t1");
        assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    }
}

#[test]
fn the_messages_of_the_specification_are_ours() {
    let Some(examples) = Examples::or_skip("the messages of the specification are ours") else {
        return;
    };
    for (file, example) in examples.of("SubscriptionsListenRequest") {
        let asked = filter(&example["params"]["notifications"]).unwrap();
        let subscription = subscription(&example["id"].to_string());
        for (_, acknowledged) in examples.of("SubscriptionsAcknowledgedNotification") {
            assert_eq!(parsed(&subscription.acknowledged(&asked)), acknowledged, "{file}");
        }
        for (_, mut closed) in examples.of("SubscriptionsListenResultResponse") {
            let ours = parsed(&subscription.closed());
            let server = "io.modelcontextprotocol/serverInfo";
            closed["result"]["_meta"][server] = ours["result"]["_meta"][server].clone();
            assert_eq!(ours, closed, "{file}");
        }
    }
}

#[test]
fn two_filters_have_in_common_what_both_name() {
    let one = filter(&everything()).unwrap();
    assert_eq!(one.intersection(&one), one);
    let other = json!({
        "promptsListChanged": true,
        "resourceSubscriptions": ["file:///b", "file:///a"],
        "taskIds": ["t2"],
    });
    let both = one.intersection(&filter(&other).unwrap());
    let expected = json!({ "promptsListChanged": true, "resourceSubscriptions": ["file:///a"] });
    assert_eq!(value(&both.to_json()).unwrap(), expected);
    assert!(!both.is_empty() && both.intersection(&SubscriptionFilter::default()).is_empty());
}

#[test]
fn a_part_of_a_watched_resource_concerns_who_watches_the_whole() {
    let watching = filter(&json!({ "resourceSubscriptions": ["file:///a/", "urn:x:1"] })).unwrap();
    for uri in ["file:///a", "FILE:///a/", "file:///a/b", "file:///a?x", "urn:x:1", "urn:x:1#a"] {
        assert!(watching.concerns(uri), "{uri}");
    }
    for uri in ["file:///ab", "file:///", "urn:x:10", "urn:x", ""] {
        assert!(!watching.concerns(uri), "{uri}");
    }
}

#[test]
fn what_a_server_declares_is_what_it_offers() {
    let declared = |capabilities: &Value| Offered::declared(&capabilities.to_string());
    let changes = json!({ "listChanged": true });
    let all = json!({
        "tools": changes,
        "prompts": changes,
        "resources": { "subscribe": true, "listChanged": true },
    });
    assert_eq!(declared(&all), Offered { tasks: false, ..ALL });
    let odd = json!({ "tools": {}, "prompts": { "listChanged": "yes" }, "resources": [true] });
    for nothing in [odd, json!([]), json!(null), json!({ "tools": { "listChanged": false } })] {
        assert_eq!(declared(&nothing), Offered::default(), "{nothing}");
    }
}

//! The scheduler.

use serde_json::{Value, json};

use crate::client::{Lab, each};

#[tokio::test]
async fn a_schedule_is_found_by_its_target() {
    let lab = Lab::start().await;
    let path = "schedules?componentId=keboola.orchestrator&configurationId=orch-1";
    let (_, found) = lab.ask("GET", "scheduler", path).await;
    assert_eq!(each(&found, "id"), ["101001"]);
    assert_eq!(found[0]["schedule"]["cronTab"], "0 6 * * *");
    assert_eq!((&found[0]["tokenId"], &found[0]["executions"]), (&json!("10101"), &json!([])));
    assert_eq!(lab.ask("GET", "scheduler", "schedules/101001").await.1, found[0]);
    let other = lab.ask("GET", "scheduler", "schedules?configurationId=other").await;
    assert_eq!(other, (200, json!([])));
    assert_eq!(lab.ask("GET", "scheduler", "schedules/7").await.0, 404);
}

#[tokio::test]
async fn activating_a_configuration_again_replaces_its_schedule() {
    let lab = Lab::start().await;
    let path = "branch/default/components/keboola.scheduler/configs";
    let content = |state: &str| {
        json!({
            "schedule": { "cronTab": "5 * * * *", "timezone": "UTC", "state": state },
            "target": { "componentId": "keboola.flow", "configurationId": "flow-1", "mode": "run" },
        })
    };
    let body =
        json!({ "name": "s", "configurationId": "s-1", "configuration": content("enabled") });
    lab.post(path, body).await;
    let activate = async || {
        lab.send("POST", "scheduler", "schedules", json!({ "configurationId": "s-1" })).await
    };
    let (status, first) = activate().await;
    assert_eq!((status, &first["configurationVersionId"]), (201, &json!("1")));
    lab.put(&format!("{path}/s-1"), json!({ "configuration": content("disabled") })).await;
    let (_, second) = activate().await;
    assert_eq!((&second["id"], &second["schedule"]["state"]), (&first["id"], &json!("disabled")));
    let gone = lab.ask("DELETE", "scheduler", "configurations/s-1").await;
    assert_eq!(gone, (204, Value::Null));
    assert_eq!(lab.ask("DELETE", "scheduler", "configurations/s-1").await.0, 404);
    lab.put(&format!("{path}/s-1"), json!({ "configuration": {} })).await;
    assert_eq!(activate().await.0, 400);
}

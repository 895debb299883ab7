//! Data apps.

use serde_json::{Value, json};

use crate::client::Lab;

#[tokio::test]
async fn an_app_is_started_stopped_and_removed() {
    let lab = Lab::start().await;
    let (_, apps) = lab.ask("GET", "data-science", "apps?limit=10").await;
    assert_eq!((&apps[0]["id"], &apps[0]["configId"]), (&json!("101001"), &json!("app-1")));
    assert_eq!(apps[0]["state"], "running");
    let (status, refused) = lab.ask("DELETE", "data-science", "apps/101001").await;
    assert_eq!(status, 400);
    assert!(refused["message"].is_string() && refused["error"].is_string());
    let body = json!({ "desiredState": "stopped", "configVersion": "2" });
    let (_, stopped) = lab.send("PATCH", "data-science", "apps/101001", body).await;
    assert_eq!((&stopped["state"], &stopped["configVersion"]), (&json!("stopped"), &json!("2")));
    assert_eq!(stopped["url"], Value::Null);
    assert_eq!(lab.ask("DELETE", "data-science", "apps/101001").await, (204, Value::Null));
    assert_eq!(lab.ask("GET", "data-science", "apps/101001").await.0, 404);
}

#[tokio::test]
async fn an_app_comes_and_goes_with_its_configuration() {
    let lab = Lab::start().await;
    let body = json!({
        "branchId": "default", "name": "app", "description": "d", "type": "streamlit",
        "config": { "parameters": { "dataApp": { "slug": "s" } } },
    });
    let (_, app) = lab.send("POST", "data-science", "apps", body).await;
    let config = app["configId"].as_str().unwrap();
    let path = format!("branch/default/components/keboola.data-apps/configs/{config}");
    let (status, found) = lab.get(&path).await;
    assert_eq!((status, &found["name"]), (200, &json!("app")));
    let parameters = json!({ "id": app["id"], "dataApp": { "slug": "s" } });
    assert_eq!(found["configuration"]["parameters"], parameters);
    let app = format!("apps/{}", app["id"].as_str().unwrap());
    assert_eq!(lab.ask("GET", "data-science", &format!("{app}/git-repo")).await.0, 404);
    assert_eq!(lab.ask("DELETE", "data-science", &app).await.0, 204);
    assert_eq!(lab.get(&path).await.0, 404);
}

#[tokio::test]
async fn an_app_has_logs_runs_and_a_password() {
    let lab = Lab::start().await;
    let path = "apps/101001/logs/tail?lines=1";
    let response = lab.request("GET", "data-science", path).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "Listening on port 8888\n");
    let (_, runs) = lab.ask("GET", "data-science", "apps/101001/runs").await;
    assert_eq!(runs.as_array().unwrap().len(), 1);
    let (_, password) = lab.ask("GET", "data-science", "apps/101001/password").await;
    assert!(password["password"].is_string());
    let (_, runtimes) = lab.ask("GET", "data-science", "runtimes").await;
    assert_eq!(runtimes[0]["type"], "streamlit");
}

#[tokio::test]
async fn credentials_for_a_repository_are_an_administrators() {
    let mut lab = Lab::start().await;
    let body = json!({ "name": "app", "type": "python-js", "useManagedGitRepo": true });
    let (status, app) = lab.send("POST", "data-science", "apps", body).await;
    assert_eq!((status, &app["state"]), (201, &json!("created")));
    let path = format!("apps/{}/git-repo", app["id"].as_str().unwrap());
    assert!(lab.ask("GET", "data-science", &path).await.1["httpsUrl"].is_string());
    let credentials = format!("{path}/credentials");
    let (status, given) = lab.send("POST", "data-science", &credentials, json!({})).await;
    assert_eq!(status, 201);
    assert!(given["secret"].is_string());
    lab.use_token(101, "limited");
    assert_eq!(lab.send("POST", "data-science", &credentials, json!({})).await.0, 403);
    assert_eq!(lab.ask("GET", "data-science", "apps/101001/git-repo").await.0, 404);
}

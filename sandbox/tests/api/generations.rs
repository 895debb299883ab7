//! The two generations of the API.

use sandbox::{Generation, Options};
use serde_json::json;

use crate::client::{Api, answer, detail, new_site, swift};

const CMD: &str = "/site/site-1.example.com/cmd";
const EDIT: &str = "/site/site-1.example.com/wpfile_diff_edit";

async fn check_october(api: &Api) {
    let command = api.post(CMD, json!({ "cmd": "pwd" })).await;
    assert_eq!(command, (404, detail("Not Found")));
    let edit = api.post(EDIT, json!({})).await;
    assert_eq!(edit, (410, detail("This route is retired")));
    for gone in ["wpfile/read", "wpfile/read_and_edit", "wpfile/tree", "wpfile/multi_edit"] {
        let path = format!("/site/site-1.example.com/{gone}");
        assert_eq!(api.post(&path, json!({})).await.0, 410, "{gone}");
    }
    for unknown in ["dolt/log", "dolt/diff", "dolt/diff-summary", "dolt/history-search?query=a"] {
        let path = format!("/site/site-1.example.com/{unknown}");
        assert_eq!(api.get(&path).await, (404, detail("Not Found")), "{unknown}");
    }
    for query in ["exec", "query", "explain"] {
        let path = format!("/site/site-1.example.com/mysql/{query}");
        assert_eq!(api.post(&path, json!({})).await.0, 410, "{query}");
    }
    let mut body = new_site("new.example.com");
    body.as_object_mut().unwrap().remove("wordpress_password");
    assert_eq!(api.post("/site/", body).await.0, 201);
}

#[tokio::test]
async fn october_retires_shell_and_edits_and_asks_for_no_password() {
    let generation = Generation::October;
    check_october(&Api::with(Options { generation, ..swift() }).await).await;
}

#[tokio::test]
async fn the_generation_can_be_switched_and_a_reset_switches_back() {
    let api = Api::start().await;
    let switch = |name: &str| {
        let body = json!({ "generation": name });
        answer(api.bare("POST", "/__control/generation").json(&body))
    };
    assert_eq!(switch("july").await.0, 400);
    assert_eq!(switch("october").await.0, 200);
    check_october(&api).await;
    api.sandbox.reset();
    assert_eq!(api.post(CMD, json!({ "cmd": "pwd" })).await.0, 200);
}

//! The record of requests, and the control routes.

use serde_json::{Value, json};

use crate::client::{Api, answer, block, new_site};

#[tokio::test]
async fn requests_are_recorded_as_received() {
    let api = Api::start().await;
    api.get("/site/a%2Fb?x=%20y").await;
    api.post("/site/", new_site("new.example.com")).await;
    let text = api.request("POST", "/wp-proxy").body("not json");
    answer(text).await;
    let requests = api.sandbox.requests();
    let [first, second, third] = requests.as_slice() else {
        panic!("three requests were sent");
    };
    assert_eq!(first.method, "GET");
    assert_eq!(first.path, "/f/api/v1/site/a%2Fb");
    assert_eq!(first.query, "x=%20y");
    assert_eq!((first.status, &first.body), (404, &None));
    assert_eq!(first.headers["authorization"], "Bearer …1234");
    assert_eq!((second.status, &second.body), (201, &Some(new_site("new.example.com"))));
    assert_eq!((third.status, &third.body), (422, &Some(json!("not json"))));
}

#[tokio::test]
async fn a_reset_restores_everything() {
    let api = Api::start().await;
    let fault = json!({ "status": 500, "path": "/team" });
    let added = answer(api.bare("POST", "/__control/fault").json(&fault)).await;
    assert_eq!(added, (200, json!({ "ok": true })));
    assert_eq!(api.get("/team").await.0, 500);
    api.delete("/site/site-1.example.com").await;
    assert_eq!(answer(api.bare("POST", "/__control/reset")).await.0, 200);
    assert!(api.sandbox.requests().is_empty());
    assert_eq!(api.get("/team").await.0, 200);
    assert_eq!(api.get("/site/site-1.example.com").await.0, 200);
}

#[tokio::test]
async fn the_control_routes_show_requests_and_state() {
    let api = Api::start().await;
    api.get("/team").await;
    let (_, requests) = answer(api.bare("GET", "/__control/requests")).await;
    assert_eq!(requests.as_array().map(Vec::len), Some(1));
    assert_eq!(requests[0]["path"], "/f/api/v1/team");
    let (_, state) = answer(api.bare("GET", "/__control/state")).await;
    assert_eq!(state["generation"], "march");
    assert_eq!(state["sites"].as_array().map(Vec::len), Some(3));
    assert_eq!(state["sites"][0]["status"], "idle");
    assert_eq!(state["faults"], json!([]));
    assert_eq!(state["requests"], 1);
}

#[tokio::test]
async fn work_under_way_can_be_finished() {
    let api = Api::with(sandbox::Options::default()).await;
    api.post("/site/", new_site("new.example.com")).await;
    let site = "/site/new.example.com";
    assert_eq!(api.get(site).await.1["status"], "creating");
    assert_eq!(answer(api.bare("POST", "/__control/finish")).await.0, 200);
    assert_eq!(api.get(site).await.1["status"], "idle");
}

#[tokio::test]
async fn the_state_shows_stages_and_what_was_edited_on_them() {
    let api = Api::start().await;
    let edit = json!({
        "file_path": "new.txt",
        "file_edit_using_search_replace_blocks": block("", "tried"),
    });
    api.post("/site/stage.site-1.example.com/wpfile/edit", edit).await;
    let (_, state) = answer(api.bare("GET", "/__control/state")).await;
    let site = &state["sites"][0];
    assert_eq!(site["stage"], "stage.site-1.example.com");
    assert_eq!(site["edited_stage_files"], json!({ "wp-content/new.txt": "tried" }));
    assert_eq!(site["edited_files"], json!({}));
}

#[tokio::test]
async fn control_requests_that_make_no_sense_are_refused() {
    let api = Api::start().await;
    let send = |body: Value| answer(api.bare("POST", "/__control/fault").json(&body));
    assert_eq!(send(json!({ "status": "x" })).await.0, 400);
    assert_eq!(answer(api.bare("GET", "/__control/nothing")).await.0, 404);
}

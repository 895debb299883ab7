//! The later generation's account: the user, the keys, tickets, plans and regions.

use serde_json::json;

use crate::client::{Api, OTHER_TEAM, TEAM, answer, detail, october};

#[tokio::test]
async fn the_user_can_change_their_name() {
    let api = Api::with(october()).await;
    let (_, me) = api.get("/account/me").await;
    assert_eq!(me["email"], "jane@example.com");
    let (_, changed) = api.patch("/account/me", json!({ "first_name": "Janet" })).await;
    assert_eq!(changed["first_name"], "Janet");
    let (_, extended) = api.get("/account/me/extended").await;
    assert_eq!((&extended["first_name"], &extended["site_count"]), (&json!("Janet"), &json!(3)));
}

#[tokio::test]
async fn a_key_cannot_make_keys() {
    let api = Api::with(october()).await;
    let (_, keys) = api.get(&format!("/api-keys?team_id={TEAM}")).await;
    assert_eq!(keys.as_array().map(Vec::len), Some(1));
    assert_eq!(api.get(&format!("/api-keys?team_id={OTHER_TEAM}")).await.1, json!([]));
    let body = json!({ "name": "x", "team_id": TEAM, "permission": "read" });
    let refused = (403, detail("An API key cannot create API keys"));
    assert_eq!(api.post("/api-keys", body).await, refused);
    let body = json!({ "name": "x", "team_id": TEAM, "permission": "all" });
    assert_eq!(api.post("/api-keys", body).await.0, 422);
    assert_eq!(api.get("/api-keys/@current").await.1["permission"], "readwrite");
    let reading = api.bare("GET", "/f/api/v1/api-keys/@current").bearer_auth("a-readonly-key");
    assert_eq!(answer(reading).await.1["permission"], "read");
    let one = format!("/api-keys/{}", keys[0]["id"].as_str().unwrap());
    assert_eq!(api.delete(&one).await.0, 200);
    assert_eq!(api.delete(&one).await.0, 404);
}

#[tokio::test]
async fn tickets_are_opened_answered_and_closed() {
    let api = Api::with(october()).await;
    let body = json!({ "subject": "Help", "body": "It is slow", "team_id": TEAM });
    let (code, ticket) = api.post("/ticket", body).await;
    assert_eq!((code, &ticket["status"]), (201, &json!("open")));
    let one = format!("/ticket/{}", ticket["id"].as_str().unwrap());
    for path in ["reply", "reply/unified"] {
        let reply = json!({ "body": "Still" });
        assert_eq!(api.post(&format!("{one}/{path}"), reply).await.0, 201);
    }
    assert_eq!(api.get(&format!("{one}/reply")).await.1["count"], 2);
    let (_, closed) = api.patch(&one, json!({ "status": "closed" })).await;
    assert_eq!((&closed["status"], &closed["replies"]), (&json!("closed"), &json!(2)));
    assert_eq!(api.get(&format!("/team/{TEAM}/ticket")).await.1["results"], json!([closed]));
    assert_eq!(api.get("/ticket").await.1["count"], 1);
    assert_eq!(api.delete(&one).await.0, 200);
    assert_eq!(api.get(&one).await.0, 404);
}

#[tokio::test]
async fn prices_and_regions_need_no_token() {
    let api = Api::with(october()).await;
    for path in ["/plan/pricing", "/region", "/region/us-east"] {
        let open = answer(api.bare("GET", &format!("/f/api/v1{path}"))).await;
        assert_eq!(open.0, 200, "{path}");
    }
    assert_eq!(answer(api.bare("GET", "/f/api/v1/plan")).await.0, 401);
    let (_, plan) = api.get(&format!("/plan/{TEAM}")).await;
    assert_eq!(plan["plan_type"]["name"], "starter");
    assert_eq!(api.get("/region/moon").await.0, 404);
}

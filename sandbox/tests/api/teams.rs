//! The later generation's teams.

use serde_json::json;

use crate::client::{Api, OTHER_TEAM, TEAM, detail, october};

#[tokio::test]
async fn a_team_is_renamed() {
    let api = Api::with(october()).await;
    let (_, current) = api.get("/team/current").await;
    assert_eq!(current["id"], TEAM);
    let path = format!("/team/{OTHER_TEAM}");
    let (_, changed) = api.patch(&path, json!({ "name": "Clients", "timezone": "UTC" })).await;
    assert_eq!(api.get(&path).await, (200, changed.clone()));
    assert_eq!(changed["name"], "Clients");
    assert_eq!(api.get("/team").await.1["results"][1], changed);
    let (_, sites) = api.get(&format!("{path}/sites/paths")).await;
    assert_eq!(sites[0]["fqdn"], "site-2.example.com");
    let nobody = "/team/00000000-0000-4000-8000-000000000000";
    assert_eq!(api.get(nobody).await, (404, detail("Team not found")));
}

#[tokio::test]
async fn an_invitation_makes_a_member() {
    let api = Api::with(october()).await;
    let invites = format!("/team/{TEAM}/invite");
    let body = json!({ "email": "new@example.com" });
    let (code, invite) = api.post(&invites, body.clone()).await;
    assert_eq!(code, 201);
    assert_eq!(api.post(&invites, body).await.0, 400);
    assert_eq!(api.post(&invites, json!({ "email": "nobody" })).await.0, 422);
    assert_eq!(api.get(&invites).await, (200, json!([invite])));
    let one = format!("/invite/{}", invite["id"].as_str().unwrap());
    assert_eq!(api.get(&one).await, (200, invite.clone()));
    assert_eq!(api.post(&one, json!({})).await.0, 200);
    assert_eq!(api.get(&one).await, (404, detail("Invite not found")));

    let members = format!("/team/{TEAM}/member");
    let (_, list) = api.get(&members).await;
    assert_eq!(list.as_array().map(Vec::len), Some(3));
    assert_eq!((&list[0]["role"], &list[2]["email"]), (&json!("owner"), &json!("new@example.com")));
    let path = |index: usize| format!("{members}/{}", list[index]["id"].as_str().unwrap());
    assert_eq!(api.get(&path(2)).await, (200, list[2].clone()));
    assert_eq!(api.delete(&path(2)).await.0, 200);
    assert_eq!(api.delete(&path(2)).await.0, 404);
    assert_eq!(api.delete(&path(0)).await.0, 400);
}

#[tokio::test]
async fn an_invitation_can_be_withdrawn() {
    let api = Api::with(october()).await;
    let invites = format!("/team/{TEAM}/invite");
    let (_, invite) = api.post(&invites, json!({ "email": "new@example.com" })).await;
    let one = format!("{invites}/{}", invite["id"].as_str().unwrap());
    assert_eq!(api.delete(&one).await.0, 200);
    assert_eq!(api.delete(&one).await.0, 404);
}

//! Tokens: verifying, who may what, minting.

use sandbox::keboola::token;
use serde_json::{Value, json};

use crate::client::{Lab, answer, assert_refused};

#[tokio::test]
async fn a_master_token_is_verified_with_its_administrator_and_project() {
    let lab = Lab::start().await;
    let (status, verified) = lab.get("tokens/verify").await;
    assert_eq!(status, 200);
    assert_eq!(verified["id"], "10101");
    assert_eq!(verified["token"], token(101, "master"));
    assert_eq!(verified["isMasterToken"], true);
    assert_eq!(verified["expires"], Value::Null);
    assert_eq!(verified["admin"]["role"], "admin");
    assert_eq!(verified["organization"]["id"], "10");
    assert_eq!(verified["owner"]["id"], "101");
    assert_eq!(verified["owner"]["defaultBackend"], "snowflake");
    assert_eq!(verified["owner"]["fileStorageProvider"], "aws");
    assert!(verified["owner"]["features"].as_array().unwrap().contains(&json!("global-search")));
    assert_eq!(verified["bucketPermissions"]["in.c-main"], "manage");
    let in_branch = lab.get("branch/1012/tokens/verify").await;
    assert_eq!(in_branch, (200, verified));
}

#[tokio::test]
async fn the_owner_has_a_number_as_id_elsewhere() {
    let mut lab = Lab::start().await;
    for (project, backend) in [(102, "bigquery"), (203, "snowflake")] {
        lab.use_token(project, "master");
        let (_, verified) = lab.get("tokens/verify").await;
        assert_eq!(verified["owner"]["id"], project);
        assert_eq!(verified["owner"]["defaultBackend"], backend);
    }
    let features = &lab.get("tokens/verify").await.1["owner"]["features"];
    assert_eq!(*features, json!(["hide-conditional-flows"]));
}

#[tokio::test]
async fn other_tokens_say_what_they_can_do() {
    let mut lab = Lab::start().await.with_token(101, "limited");
    let (_, limited) = lab.get("tokens/verify").await;
    assert!(limited.get("admin").is_none());
    assert_eq!(limited["isMasterToken"], false);
    assert_eq!(limited["creatorToken"], json!({ "id": 10101, "description": "master" }));
    let permissions = json!({ "in.c-main": "read", "out.c-results": "write" });
    assert_eq!(limited["bucketPermissions"], permissions);
    assert_eq!(limited["expires"], "2026-09-16T07:39:18+0200");
    for role in ["share", "readonly", "guest"] {
        lab.use_token(101, role);
        assert_eq!(lab.get("tokens/verify").await.1["admin"]["role"], role);
    }
    lab.use_token(101, "roleless");
    assert!(lab.get("tokens/verify").await.1["admin"].get("role").is_none());
}

#[tokio::test]
async fn a_token_that_is_no_good_is_refused() {
    let mut lab = Lab::start().await;
    for name in ["expired", "disabled", "never-heard-of"] {
        lab.use_token(101, name);
        assert_refused(&lab.get("tokens/verify").await, 401, "storage.tokenInvalid");
    }
    let verify = "v2/storage/tokens/verify";
    let none = answer(lab.bare("GET", "connection", verify)).await;
    assert_refused(&none, 401, "");
    let elsewhere =
        lab.bare("GET", "connection", verify).header("X-StorageApi-Token", token(201, "master"));
    assert_refused(&answer(elsewhere).await, 401, "storage.tokenInvalid");
    let bearer = lab.bare("GET", "connection", verify).bearer_auth(token(101, "master"));
    assert_refused(&answer(bearer).await, 401, "storage.tokenInvalid");
    lab.use_token(101, "master");
    lab.keboola.disable_project(101, true);
    assert_refused(&lab.get("tokens/verify").await, 403, "accessDenied");
}

#[tokio::test]
async fn a_readonly_role_reads_and_changes_nothing() {
    let lab = Lab::start().await.with_token(101, "readonly");
    assert_eq!(lab.get("buckets").await.0, 200);
    let refused = lab.post("branch/default/buckets", json!({ "name": "x", "stage": "in" })).await;
    assert_refused(&refused, 403, "accessDenied");
    let event = json!({ "message": "used", "component": "keboola.mcp-server-tool" });
    assert_eq!(lab.post("events", event).await.0, 201);
}

#[tokio::test]
async fn a_minted_token_works_until_it_expires() {
    let lab = Lab::start().await;
    let body = json!({
        "description": "Created by a test", "expiresIn": 3600, "canManageBuckets": true,
        "canReadAllFileUploads": true,
    });
    let (status, minted) = lab.post("tokens", body).await;
    assert_eq!(status, 201);
    assert_eq!(minted["expires"], "2026-08-17T08:39:18+0200");
    assert_eq!(minted["canManageBuckets"], true);
    let text = minted["token"].as_str().unwrap().to_owned();
    assert!(text.starts_with("101-"));
    let verify = || {
        let request = lab.bare("GET", "connection", "v2/storage/tokens/verify");
        answer(request.header("X-StorageApi-Token", &text))
    };
    let (status, verified) = verify().await;
    assert_eq!((status, &verified["description"]), (200, &json!("Created by a test")));
    assert!(verified.get("admin").is_none());
    lab.advance(3_599_000);
    assert_eq!(verify().await.0, 200);
    lab.advance(1_000);
    assert_refused(&verify().await, 401, "storage.tokenInvalid");
}

#[tokio::test]
async fn a_token_that_manages_none_mints_only_its_like() {
    let lab = Lab::start().await.with_token(101, "limited");
    let body = json!({ "description": "more", "canManageBuckets": true, "expiresIn": 60 });
    let (status, minted) = lab.post("tokens", body).await;
    assert_eq!((status, &minted["canManageBuckets"]), (201, &json!(false)));
    assert_eq!(minted["bucketPermissions"]["in.c-main"], "read");
    assert_refused(&lab.get("tokens").await, 403, "accessDenied");
    assert_refused(&lab.get("tokens/10101").await, 403, "accessDenied");
    assert_eq!(lab.get("tokens/10105").await.0, 200);
}

#[tokio::test]
async fn tokens_are_changed_refreshed_and_removed() {
    let lab = Lab::start().await;
    let (_, minted) = lab.post("tokens", json!({ "description": "a" })).await;
    let path = format!("tokens/{}", minted["id"].as_str().unwrap());
    let (_, changed) =
        lab.put(&path, json!({ "description": "b", "componentAccess": ["x"] })).await;
    assert_eq!(
        (&changed["description"], &changed["componentAccess"]),
        (&json!("b"), &json!(["x"]))
    );
    assert!(changed.get("token").is_none());
    let (_, refreshed) = lab.post(&format!("{path}/refresh"), json!({})).await;
    assert_ne!(refreshed["token"], minted["token"]);
    assert_eq!(lab.delete(&path).await, (204, Value::Null));
    assert_eq!(lab.get(&path).await.0, 404);
    assert_refused(&lab.post("tokens", json!({ "expiresIn": 0 })).await, 400, "storage.validation");
    assert_refused(
        &lab.post("tokens", json!({ "expiresIn": "x" })).await,
        400,
        "storage.validation",
    );
}

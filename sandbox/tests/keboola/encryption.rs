//! Encryption.

use serde_json::json;

use crate::client::{Lab, answer};

#[tokio::test]
async fn keys_with_a_hash_are_encrypted_for_the_scope() {
    let lab = Lab::start().await;
    let body = json!({
        "#password": "secret", "user": "me", "#old": "KBC::ProjectSecure::x",
        "deep": [{ "#token": "t" }],
    });
    let post = |query: &str| {
        answer(lab.bare("POST", "encryption", &format!("encrypt?{query}")).json(&body))
    };
    let (status, found) = post("componentId=keboola.ex-http&projectId=101").await;
    assert_eq!(status, 200);
    assert_eq!(found["#password"], "KBC::ProjectSecure::c2VjcmV0");
    assert_eq!(found["user"], "me");
    assert_eq!(found["#old"], "KBC::ProjectSecure::x");
    assert_eq!(found["deep"][0]["#token"], "KBC::ProjectSecure::dA==");
    for (query, scope) in [
        ("componentId=c", "ComponentSecure"),
        ("projectId=1", "ProjectWideSecure"),
        ("componentId=c&projectId=1&configId=2", "ConfigSecure"),
        ("componentId=c&projectId=1&configId=2&branchType=dev", "BranchTypeConfigSecure"),
    ] {
        let text = post(query).await.1["#password"].as_str().unwrap().to_owned();
        assert_eq!(text, format!("KBC::{scope}::c2VjcmV0"));
    }
    let eu = lab.with_token(201, "master");
    let request = eu.bare("POST", "encryption", "encrypt?componentId=c&projectId=201");
    let (_, found) = answer(request.json(&json!({ "#p": "secret" }))).await;
    assert_eq!(found["#p"], "KBC::ProjectSecureKV::c2VjcmV0");
}

#[tokio::test]
async fn plain_text_is_encrypted_as_it_is() {
    let lab = Lab::start().await;
    let request = lab.bare("POST", "encryption", "encrypt?componentId=c&projectId=1");
    let response =
        request.header("Content-Type", "text/plain").body("secret").send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "KBC::ProjectSecure::c2VjcmV0");
}

#[tokio::test]
async fn what_is_not_text_is_refused() {
    let lab = Lab::start().await;
    for value in [json!(1), json!(null), json!(true)] {
        let request = lab.bare("POST", "encryption", "encrypt?componentId=c");
        let (status, body) = answer(request.json(&json!({ "#x": value }))).await;
        assert_eq!((status, &body["code"]), (400, &json!(400)));
        assert!(body["error"].is_string() && body.get("status").is_none());
    }
    let bare = lab.bare("POST", "encryption", "encrypt").json(&json!({}));
    assert_eq!(answer(bare).await.0, 400);
    let form = lab.bare("POST", "encryption", "encrypt?componentId=c").body("a=b");
    assert_eq!(answer(form).await.0, 400);
}

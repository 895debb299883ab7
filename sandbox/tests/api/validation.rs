//! Input that does not fit the contract.

use serde_json::{Value, json};

use crate::client::{Api, TEAM, answer, new_site};

/// Each error's place and type, as text.
fn errors(body: &Value) -> Vec<String> {
    let errors = body["detail"].as_array().unwrap().iter();
    errors
        .map(|error| {
            assert!(error["msg"].is_string() && error.get("input").is_some());
            let place = error["loc"].as_array().unwrap().iter();
            let place: Vec<&str> = place.map(|part| part.as_str().unwrap()).collect();
            format!("{} {}", place.join("."), error["type"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn missing_fields_are_all_named() {
    let api = Api::start().await;
    let (status, body) = api.post("/site/", json!({ "fqdn": "new.example.com" })).await;
    assert_eq!(status, 422);
    assert_eq!(
        body["detail"][0],
        json!({
            "loc": ["body", "team_id"],
            "msg": "Field required",
            "type": "missing",
            "input": { "fqdn": "new.example.com" },
        })
    );
    assert_eq!(errors(&body).len(), 7);
}

#[tokio::test]
async fn every_kind_of_wrong_value_is_refused() {
    let api = Api::start().await;
    let version_1 = "f47ac10b-58cc-1372-8567-0e02b2c3d479";
    let cases = [
        ("fqdn", json!(7), "string_type"),
        ("fqdn", json!(null), "string_type"),
        ("team_id", json!("abc"), "uuid_parsing"),
        ("team_id", json!(version_1), "uuid_version"),
        ("team_id", json!(1), "uuid_type"),
        ("wordpress_email", json!("jane"), "value_error"),
        ("wordpress_email", json!("jane@nowhere"), "value_error"),
        ("git_url", json!([]), "string_type"),
        ("is_free", json!("maybe"), "bool_parsing"),
        ("is_free", json!(3), "bool_type"),
    ];
    for (name, value, kind) in cases {
        let mut body = new_site("new.example.com");
        body[name] = value;
        let (status, answer) = api.post("/site/", body).await;
        assert_eq!(status, 422, "{name}");
        assert_eq!(errors(&answer), [format!("body.{name} {kind}")]);
    }
    assert_eq!(api.get("/site/new.example.com").await.0, 404);
}

#[tokio::test]
async fn enums_and_dates_are_checked() {
    let api = Api::start().await;
    let checkout = json!({ "for_team_id": TEAM, "plan_name": "gold", "interval": "week" });
    let (status, body) = api.post("/create_checkout_session", checkout).await;
    assert_eq!(status, 422);
    assert_eq!(errors(&body), ["body.plan_name enum", "body.interval enum"]);
    assert_eq!(body["detail"][1]["msg"], "Input should be 'month' or 'year'");

    let upper = json!({ "fqdn": "site-1.example.com", "method": "GET" });
    let (_, body) = api.post("/wp-proxy", upper).await;
    assert_eq!(errors(&body), ["body.method enum"]);

    let path = "/site/site-1.example.com/pit_restore";
    let (_, body) = api.post(path, json!({ "restore_point": "yesterday" })).await;
    assert_eq!(errors(&body), ["body.restore_point datetime_from_date_parsing"]);
    let (_, body) = api.get(&format!("{path}/not-an-id")).await;
    assert_eq!(errors(&body), ["path.pit_restore_id uuid_parsing"]);
}

#[tokio::test]
async fn the_query_is_checked() {
    let api = Api::start().await;
    let cases = [
        ("/site/?team_id=abc", "query.team_id uuid_parsing"),
        ("/team?page=0", "query.page greater_than_equal"),
        ("/team?size=101", "query.size less_than_equal"),
        ("/team?size=x", "query.size int_parsing"),
        ("/site/site-1.example.com/pit_restore/commits", "query.restore_point missing"),
        (
            "/site/site-1.example.com/pit_restore/commits?restore_point=x",
            "query.restore_point datetime_from_date_parsing",
        ),
    ];
    for (path, error) in cases {
        let (status, body) = api.get(path).await;
        assert_eq!(status, 422, "{path}");
        assert_eq!(errors(&body), [error]);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let api = Api::start().await;
    let send = |kind: &'static str, body: &'static str| {
        let request = api.request("POST", "/wp-proxy");
        answer(request.header("content-type", kind).body(body))
    };
    let (status, body) = send("application/json", "{\"fqdn\":").await;
    assert_eq!((status, &body["detail"][0]["type"]), (422, &json!("json_invalid")));
    let (status, body) = send("application/json", "[]").await;
    assert_eq!((status, errors(&body)), (422, vec!["body model_attributes_type".into()]));
    let (status, body) = send("application/json", "").await;
    assert_eq!((status, errors(&body)), (422, vec!["body missing".into()]));
    let (status, body) = send("text/plain", "{}").await;
    assert_eq!((status, errors(&body)), (422, vec!["body model_attributes_type".into()]));
}

#[tokio::test]
async fn an_edit_takes_no_further_fields() {
    let api = Api::start().await;
    let body = json!({
        "file_path": "wp-content/index.php",
        "file_edit_using_search_replace_blocks": "",
        "content": "",
    });
    let path = "/site/site-1.example.com/wpfile_diff_edit";
    let (status, body) = api.post(path, body).await;
    assert_eq!((status, errors(&body)), (422, vec!["body.content extra_forbidden".into()]));
}

//! Lists, their pages, and what is on them at the start.

use sandbox::Options;
use serde_json::{Value, json};

use crate::client::{Api, OTHER_TEAM, TEAM, swift};

fn names(body: &Value, field: &str) -> Vec<String> {
    let results = body["results"].as_array().unwrap().iter();
    results.map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_initial_data_is_as_documented() {
    let api = Api::start().await;
    let (_, sites) = api.get("/site/").await;
    let expected = ["site-1.example.com", "site-2.example.com", "site-3.example.com"];
    assert_eq!(names(&sites, "fqdn"), expected);
    let (_, teams) = api.get("/team").await;
    assert_eq!(names(&teams, "id"), [TEAM, OTHER_TEAM]);
    assert_eq!(teams["results"][0]["is_default"], true);
    assert_eq!(teams["results"][1]["is_default"], false);
    let (_, templates) = api.get("/ready_made_site").await;
    assert_eq!(templates["count"], 3);
    let (_, referred) = api.get("/account/referred_user").await;
    assert_eq!(referred["count"], 2);
    let site = &sites["results"][0];
    let password = |name: &str| site[name].as_str().unwrap().to_owned();
    assert!(password("code_server_password").starts_with("secret-code-"));
    assert!(password("http_auth_password").starts_with("secret-http-"));
}

#[tokio::test]
async fn sites_are_listed_by_team() {
    let api = Api::start().await;
    let (_, body) = api.get(&format!("/site/?team_id={OTHER_TEAM}")).await;
    assert_eq!(names(&body, "fqdn"), ["site-2.example.com"]);
    let nobody = "00000000-0000-4000-8000-000000000000";
    let (status, body) = api.get(&format!("/site/?team_id={nobody}")).await;
    assert_eq!((status, &body["count"]), (200, &json!(0)));
}

#[tokio::test]
async fn pages_are_linked_in_both_directions() {
    let api = Api::with(Options { sites: 10_000, ..swift() }).await;
    let (_, first) = api.get("/site/").await;
    assert_eq!(first["results"].as_array().unwrap().len(), 50);
    assert_eq!(
        (&first["limit"], &first["offset"], &first["count"], &first["previous"]),
        (&json!(50), &json!(0), &json!(10_000), &Value::Null)
    );
    let site = format!("{}/f/api/v1/site/", api.sandbox.url());
    assert_eq!(first["next"], format!("{site}?page=2&size=50"));

    let query = format!("/site/?team_id={TEAM}&page=50&size=100");
    let (_, last) = api.get(&query).await;
    assert_eq!(last["results"].as_array().unwrap().len(), 100);
    assert_eq!((&last["count"], &last["next"]), (&json!(5_000), &Value::Null));
    let previous = format!("{site}?team_id={TEAM}&page=49&size=100");
    assert_eq!(last["previous"], previous);

    let api = Api::with(Options { page_size: 2, ..swift() }).await;
    let (_, first) = api.get("/site/").await;
    assert_eq!((&first["limit"], &first["count"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn a_page_beyond_the_last_is_empty() {
    let api = Api::start().await;
    let (_, beyond) = api.get("/site/?page=201").await;
    assert_eq!((&beyond["results"], &beyond["next"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn pages_go_by_limit_and_offset_too() {
    let api = Api::start().await;
    let (_, body) = api.get("/site/?limit=1&offset=1").await;
    assert_eq!(names(&body, "fqdn"), ["site-2.example.com"]);
    let site = format!("{}/f/api/v1/site/", api.sandbox.url());
    assert_eq!(body["next"], format!("{site}?limit=1&offset=2"));
    assert_eq!(body["previous"], format!("{site}?limit=1&offset=0"));
}

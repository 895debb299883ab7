//! Addresses: by path, by host name, and the index that lists them.

use reqwest::header::HOST;
use sandbox::keboola::{Keboola, token};
use serde_json::Value;

use crate::client::{Lab, answer};

fn service(index: &Value, id: &str) -> String {
    let services = index["services"].as_array().unwrap();
    let found = services.iter().find(|service| service["id"] == id);
    found.unwrap()["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_index_needs_no_token_and_lists_services_by_path() {
    let lab = Lab::start().await;
    let path = "v2/storage?exclude=components";
    let (status, index) = answer(lab.bare("GET", "connection", path)).await;
    assert_eq!((status, &index["api"]), (200, &Value::from("storage")));
    assert!(index.get("components").is_none());
    assert_eq!(service(&index, "queue"), lab.keboola.service_url("us", "queue"));
    assert_eq!(index["services"].as_array().unwrap().len(), 8);
    let (_, whole) = answer(lab.bare("GET", "connection", "v2/storage/")).await;
    assert!(whole["components"][0]["configurationSchema"].is_object());
    let (_, short) =
        answer(lab.bare("GET", "connection", "v2/storage?exclude=componentDetails")).await;
    assert!(short["components"][0].get("configurationSchema").is_none());
}

#[tokio::test]
async fn a_host_name_chooses_stack_and_service_and_is_kept_in_addresses() {
    let lab = Lab::start().await;
    let get = |host: String, path: &str| {
        let request = lab.http.get(format!("{}{path}", lab.keboola.url())).header(HOST, host);
        request.header("X-StorageAPI-Token", token(201, "master"))
    };
    let connection = Keboola::host("eu", "connection");
    let (_, index) = answer(get(connection.clone(), "/v2/storage?exclude=components")).await;
    assert_eq!(service(&index, "data-science"), "https://data-science.eu.keboola.test");
    let plain = get(format!("{connection}:8080"), "/v2/storage?exclude=components");
    let (_, index) = answer(plain.header("X-Forwarded-Proto", "http")).await;
    assert_eq!(service(&index, "ai"), "http://ai.eu.keboola.test:8080");
    let theirs = get("connection.us.keboola-testing.com".to_owned(), "/v2/storage");
    let (_, index) = answer(theirs).await;
    assert_eq!(service(&index, "query"), "https://query.us.keboola-testing.com");
    let (status, verified) = answer(get(connection, "/v2/storage/tokens/verify")).await;
    assert_eq!((status, &verified["owner"]["id"]), (200, &Value::from(201)));
    let (_, jobs) = answer(get(Keboola::host("eu", "queue"), "/search/jobs?limit=1")).await;
    let url = jobs[0]["url"].as_str().unwrap();
    assert!(url.starts_with("https://queue.eu.keboola.test/jobs/"), "{url}");
}

#[tokio::test]
async fn an_unknown_stack_or_service_is_not_there() {
    let lab = Lab::start().await;
    for path in ["/asia/connection/v2/storage", "/us/billing/x", "/", "/us"] {
        let response = lab.http.get(format!("{}{path}", lab.keboola.url())).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 404);
        assert_eq!(response.headers()["content-type"], "text/html");
    }
    let (status, body) = lab.ask("GET", "queue", "nothing/here").await;
    assert_eq!((status, &body["code"]), (404, &Value::from(404)));
    assert_eq!(lab.ask("PUT", "queue", "jobs").await.0, 405);
}

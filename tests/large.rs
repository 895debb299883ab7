//! Results that are too large for one answer: their beginning, and where the rest is.

use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{Client, options, pages::whole, server, start, stateless::ask};

const SITES: usize = 1_500;

async fn with_many_sites() -> Server {
    let sandbox = sandbox::Options { sites: SITES, ..sandbox::Options::default() };
    start(Options { sandbox: Some(sandbox), ..options() }).await
}

/// The address of the first page, which the result names.
fn link(result: &Value) -> String {
    let blocks = result["content"].as_array().unwrap();
    let link = blocks.iter().find(|block| block["type"] == "resource_link");
    link.unwrap_or_else(|| panic!("no link: {}", result["content"]))["uri"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn read(client: &Client, uri: &str) -> String {
    let read = client.request("resources/read", json!({ "uri": uri })).await.result();
    read["contents"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_list_that_is_too_large_is_read_on_page_by_page() {
    let mut server = with_many_sites().await;
    let client = Client::new(&server.url()).connect().await;
    let answer = client.call("sitebay_list_sites", json!({})).await;
    assert!(answer.text.len() < 1_200_000, "{}", answer.text.len());
    let result = answer.result();
    let data = &result["structuredContent"];
    assert_eq!((&data["total"], &data["truncated"]), (&json!(SITES), &json!(true)));
    let shown = data["sites"].as_array().unwrap().len();
    assert!(shown > 50 && shown < SITES, "{shown}");
    let first = link(&result);
    assert!(result["content"][0]["text"].as_str().unwrap().contains(&first));
    server.restart().await.unwrap();
    let whole = whole(&client, &first).await;
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["sites"].as_array().unwrap().len(), SITES);
    let other = Client::new(&server.url()).with("x-sitebay-token", "other").connect().await;
    let foreign = other.request("resources/read", json!({ "uri": first })).await;
    assert_eq!(foreign.json()["error"]["code"], -32002, "{foreign:?}");
}

#[tokio::test]
async fn without_a_session_it_is_the_same() {
    let server = with_many_sites().await;
    let client = Client::new(&server.url());
    let params = json!({ "name": "sitebay_list_sites", "arguments": {} });
    let result = ask(&client, "tools/call", params, json!({})).await.result();
    let page = json!({ "uri": link(&result) });
    let read = ask(&client, "resources/read", page, json!({})).await.result();
    assert!(read["contents"][0]["text"].as_str().unwrap().contains("(page 1 of "), "{read}");
    let sites = json!({ "uri": "sitebay://sites" });
    let read = ask(&client, "resources/read", sites, json!({})).await.result();
    let text = read["contents"][0]["text"].as_str().unwrap();
    assert!(text.len() < 100_000 && text.contains("the next is sitebay://result/"));
}

#[tokio::test]
async fn a_log_shows_its_end_and_links_to_the_rest() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let arguments = json!({ "fqdn": "site-1.example.com", "log_type": "access", "lines": 2_000 });
    let result = client.call("sitebay_get_site_logs", arguments).await.result();
    let shown = result["content"][0]["text"].as_str().unwrap().to_owned();
    assert!(shown.len() < 25_000 && shown.contains("the rest is in"), "{}", shown.len());
    let uri = link(&result);
    assert_eq!(uri, "sitebay://site/site-1.example.com/logs/access");
    let rest = read(&client, &uri).await;
    assert!(rest.len() > shown.len() && rest.contains("(page 1 of "), "{}", rest.len());
    let containers = json!({
        "ref": { "type": "ref/resource",
            "uri": "sitebay://site/{site_fqdn}/containers/{container_name}/logs" },
        "argument": { "name": "container_name", "value": "ng" },
        "context": { "arguments": { "site_fqdn": "site-1.example.com" } },
    });
    let found = client.request("completion/complete", containers).await.result();
    assert_eq!(found["completion"]["values"], json!(["nginx"]));
}

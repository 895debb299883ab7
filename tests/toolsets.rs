//! Which tools a caller sees: chosen by URL, header and operator, found and enabled on the way.

use serde_json::{Value, json};

use crate::support::{Client, events::Live, options, server, start, stateless::ask};

const FINDER: &str = "sitebay_find_tools";

/// The names of the SiteBay tools in a result of `tools/list`.
fn sitebay(list: &Value) -> Vec<String> {
    let tools = list["tools"].as_array().unwrap().iter();
    let names = tools.map(|tool| tool["name"].as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with("sitebay_")).collect()
}

async fn listed(client: &Client) -> Vec<String> {
    sitebay(&client.request("tools/list", json!({})).await.result())
}

async fn names(client: Client) -> Vec<String> {
    listed(&client.connect().await).await
}

#[tokio::test]
async fn toolsets_are_chosen_by_url_header_and_operator() {
    let server = server().await;
    let operated = start(options().var("MCP_TOOLSETS", "dns,logs")).await;
    let default = names(Client::new(&server.url())).await;
    let by_url = names(Client::at(&server.url(), "/mcp?toolsets=dns")).await;
    let by_header = names(Client::new(&server.url()).with("x-mcp-toolsets", "dns")).await;
    let reading = names(Client::at(&server.url(), "/mcp?toolsets=all&readonly=1")).await;
    assert_eq!(names(Client::at(&server.url(), "/mcp?toolsets=all&readonly")).await, reading);
    assert!(default.contains(&"sitebay_list_sites".to_owned()) && default.len() < 30);
    assert!(by_url == by_header && by_url.len() < 10 && !by_url.is_empty(), "{by_url:?}");
    assert!(!reading.contains(&"sitebay_delete_site".to_owned()) && reading.len() > 20);
    let of_operator = names(Client::new(&operated.url())).await;
    assert!(of_operator.contains(&"sitebay_get_site_logs".to_owned()), "{of_operator:?}");
    let wrong = Client::at(&server.url(), "/mcp?toolsets=moon").initialize("2025-11-25").await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert!(wrong.text.contains("moon") && wrong.text.contains("dns"), "{wrong:?}");
}

#[tokio::test]
async fn who_only_reads_changes_nothing_even_by_name() {
    let server = server().await;
    let reader = Client::at(&server.url(), "/mcp?readonly=1").connect().await;
    let delete = json!({ "fqdn": "site-1.example.com", "confirm": true });
    let refused = reader.call("sitebay_delete_site", delete).await;
    assert_eq!(refused.result()["isError"], true, "{refused:?}");
    assert!(server.sandbox().unwrap().requests().is_empty());
}

#[tokio::test]
async fn a_session_finds_tools_and_keeps_those_it_enables() {
    let mut server = server().await;
    let client = Client::at(&server.url(), "/mcp?toolsets=dynamic").connect().await;
    assert_eq!(listed(&client).await, [FINDER]);
    let found = client.call(FINDER, json!({ "query": "add a DNS record" })).await.result();
    let tool = &found["structuredContent"]["tools"][0];
    assert_eq!(tool["name"], "sitebay_create_dns_record", "{found}");
    assert!(tool["inputSchema"]["properties"]["fqdn"].is_object(), "{tool}");
    assert_eq!(listed(&client).await, [FINDER], "finding enables nothing");
    let enabled = client.call(FINDER, json!({ "enable": ["dns"] })).await;
    assert!(enabled.text.contains("notifications/tools/list_changed"), "{enabled:?}");
    assert_eq!(enabled.result()["structuredContent"]["enabled"], json!(["dns"]));
    let with_dns = listed(&client).await;
    assert!(with_dns.contains(&"sitebay_get_dns_records".to_owned()), "{with_dns:?}");
    server.restart().await.unwrap();
    assert_eq!(listed(&client).await, with_dns, "what was enabled outlives a restart");
    let again = client.call(FINDER, json!({ "enable": ["dns"] })).await;
    assert!(!again.text.contains("list_changed"), "{again:?}");
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    client.call(FINDER, json!({ "enable": ["logs"] })).await.result();
    live.until("notifications/tools/list_changed").await;
}

#[tokio::test]
async fn without_a_session_the_list_stays_and_what_is_found_can_be_called() {
    let server = server().await;
    let client = Client::at(&server.url(), "/mcp?toolsets=dynamic");
    let list = async || ask(&client, "tools/list", json!({}), json!({})).await.result();
    let before = list().await;
    assert_eq!(sitebay(&before), [FINDER]);
    assert_eq!(before["cacheScope"], "private", "{before}");
    let call = async |name: &str, arguments: Value| {
        let params = json!({ "name": name, "arguments": arguments });
        ask(&client, "tools/call", params, json!({})).await.result()
    };
    let found = call(FINDER, json!({ "enable": ["dns"] })).await;
    let data = &found["structuredContent"];
    assert_eq!(data["enabled"], json!([]), "{found}");
    assert!(data["tools"].as_array().unwrap().len() >= 3, "{found}");
    assert_eq!(sitebay(&list().await), [FINDER]);
    let records = call("sitebay_get_dns_records", json!({ "fqdn": "site-1.example.com" })).await;
    assert_ne!(records["isError"], true, "{records}");
}

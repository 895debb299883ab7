//! DNS records.

use std::time::Duration;

use sandbox::Options;
use serde_json::{Value, json};

use crate::client::{Api, SITE, answer, detail, new_site, october, swift};

async fn create(api: &Api, kind: &str, name: &str, content: &str) -> (u16, Value) {
    let content = content.replace(' ', "%20");
    let query = format!("dns_type={kind}&dns_name={name}&dns_content={content}");
    answer(api.request("POST", &format!("{SITE}/dns?{query}"))).await
}

#[tokio::test]
async fn records_are_made_listed_and_removed() {
    let api = Api::start().await;
    let path = format!("{SITE}/dns");
    let (_, before) = api.get(&path).await;
    assert_eq!(before.as_array().map(Vec::len), Some(2));
    let (code, made) = create(&api, "txt", "@", "v=spf1 -all").await;
    assert_eq!(code, 200);
    assert_eq!((&made["type"], &made["name"]), (&json!("TXT"), &json!("site-1.example.com")));
    assert_eq!(made["proxied"], false);
    let (_, after) = api.get(&path).await;
    assert_eq!(after[2], made);
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(api.delete(&one).await.0, 200);
    assert_eq!(api.delete(&one).await, (404, detail("DNS record not found")));
    assert_eq!(api.get(&path).await.1, before);
}

#[tokio::test]
async fn records_that_make_no_sense_are_refused() {
    let api = Api::start().await;
    let cases = [
        ("A", "shop", "nowhere", "Content for A record must be a valid IPv4 address."),
        ("AAAA", "shop", "192.0.2.1", "Content for AAAA record must be a valid IPv6 address."),
        ("LOC", "shop", "x", "Unsupported DNS record type: LOC"),
        (
            "CNAME",
            "@",
            "x.example.net",
            "A CNAME record cannot share its name with another record.",
        ),
        ("A", "site-1.example.com", "192.0.2.10", "An identical record already exists."),
    ];
    for (kind, name, content, text) in cases {
        assert_eq!(create(&api, kind, name, content).await, (400, detail(text)), "{kind} {name}");
    }
    let body = json!({ "name": "shop", "type": "A", "content": "192.0.2.1" });
    let (code, complaint) = api.post(&format!("{SITE}/dns"), body).await;
    assert_eq!((code, complaint["detail"].as_array().map(Vec::len)), (422, Some(3)));
}

#[tokio::test]
async fn the_later_generation_takes_records_from_the_body_and_changes_them() {
    let api = Api::with(october()).await;
    let path = format!("{SITE}/dns");
    assert_eq!(create(&api, "A", "shop", "192.0.2.1").await.0, 422);
    let body = json!({ "name": "shop", "type": "A", "content": "192.0.2.1" });
    let (code, made) = api.post(&path, body).await;
    assert_eq!((code, &made["name"]), (200, &json!("shop.site-1.example.com")));
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let (_, changed) = api.patch(&one, json!({ "content": "192.0.2.2" })).await;
    assert_eq!(changed["content"], "192.0.2.2");
    assert_eq!(api.patch(&one, json!({ "content": "x" })).await.0, 400);
    let (_, changed) = api.patch(&format!("{one}/proxy"), json!({ "proxied": true })).await;
    assert_eq!(changed["proxied"], true);
    let (_, changed) = api.patch(&format!("{one}/proxy?proxied=false"), json!({})).await;
    assert_eq!(changed["proxied"], false);
    assert_eq!(api.get(&path).await.1[2], changed);
    assert_eq!(api.patch(&format!("{path}/1"), json!({})).await.0, 404);
}

#[tokio::test]
async fn a_new_domain_has_records_once_its_name_servers_are_found() {
    let working_for = Duration::from_secs(60);
    let api = Api::with(Options { working_for, ..swift() }).await;
    api.post("/site/", new_site("new.example.com")).await;
    let status = "/site/new.example.com/ns_status";
    assert_eq!(api.get(status).await.1["verified"], false);
    let refused = (400, detail("The domain does not use SiteBay's name servers yet"));
    assert_eq!(api.get("/site/new.example.com/dns").await, refused);
    api.sandbox.finish();
    assert_eq!(api.get(status).await.1["verified"], true);
    assert_eq!(api.get("/site/new.example.com/dns").await.0, 200);
}

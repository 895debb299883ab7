//! Namespaces, keys and values of KV.

use serde_json::{Value, json};

use crate::client::{Lab, answer, assert_refused, each};

const LIST: &str = "storage/kv/namespaces";

async fn staging(lab: &Lab) -> String {
    format!("{LIST}/{}", lab.id(LIST, "title", "sitebay-mcp-staging-cache", "id").await)
}

#[tokio::test]
async fn a_namespace_is_made_once_renamed_and_deleted() {
    let lab = Lab::start().await;
    let made = Lab::result(lab.post(LIST, json!({ "title": "fresh" })).await);
    assert_refused(&lab.post(LIST, json!({ "title": "fresh" })).await, 400, 10014);
    assert_refused(&lab.post(LIST, json!({ "title": "" })).await, 400, 10019);
    assert_refused(&lab.post(LIST, json!({ "title": "x".repeat(513) })).await, 400, 10019);
    let path = format!("{LIST}/{}", made["id"].as_str().unwrap());
    let renamed = Lab::result(lab.put(&path, json!({ "title": "fresher" })).await);
    assert_eq!((&renamed["id"], &renamed["title"]), (&made["id"], &json!("fresher")));
    let sorted = lab.get(&format!("{LIST}?order=title&direction=desc&per_page=2")).await;
    assert_eq!(each(&sorted.1["result"], "title")[0], "sitebay-mcp-staging-cache");
    let info = &sorted.1["result_info"];
    assert_eq!((&info["total_count"], &info["total_pages"]), (&json!(3), &json!(2)));
    Lab::result(lab.delete(&path).await);
    assert_refused(&lab.delete(&path).await, 404, 10013);
}

#[tokio::test]
async fn keys_are_listed_by_prefix_and_cursor() {
    let lab = Lab::start().await;
    let path = staging(&lab).await;
    let (_, first) = lab.get(&format!("{path}/keys?limit=10&prefix=page:")).await;
    assert_eq!(first["result"].as_array().unwrap().len(), 10);
    let cursor = first["result_info"]["cursor"].as_str().unwrap();
    let (_, rest) = lab.get(&format!("{path}/keys?limit=10&prefix=page:&cursor={cursor}")).await;
    assert_eq!(each(&rest["result"], "name"), ["page:010", "page:011"]);
    assert_eq!(rest["result_info"], json!({ "count": 2, "cursor": "" }));
    for query in ["limit=9", "limit=1001", "cursor=x"] {
        assert_refused(&lab.get(&format!("{path}/keys?{query}")).await, 400, 10019);
    }
}

#[tokio::test]
async fn a_value_comes_as_it_was_written_until_it_ends() {
    let lab = Lab::start().await;
    let path = staging(&lab).await;
    let put = lab.request("PUT", &format!("{path}/values/a%2Fb?expiration_ttl=60")).body("text");
    Lab::result(answer(put).await);
    let got = lab.request("GET", &format!("{path}/values/a%2Fb")).send().await.unwrap();
    assert_eq!(got.text().await.unwrap(), "text");
    let listed = Lab::result(lab.get(&format!("{path}/keys?prefix=a")).await);
    assert!(listed[0]["expiration"].is_number());
    lab.advance(60);
    assert_refused(&lab.get(&format!("{path}/values/a%2Fb")).await, 404, 10009);
    let soon = lab.request("PUT", &format!("{path}/values/c?expiration_ttl=59")).body("x");
    assert_refused(&answer(soon).await, 400, 10019);
}

#[tokio::test]
async fn values_are_written_read_and_removed_in_bulk() {
    let lab = Lab::start().await;
    let path = staging(&lab).await;
    let items = json!([
        { "key": "x", "value": "1", "metadata": { "m": true } },
        { "key": "y", "value": "Mg==", "base64": true },
    ]);
    let done = Lab::result(lab.put(&format!("{path}/bulk"), items).await);
    assert_eq!(done["successful_key_count"], 2);
    let keys = json!({ "keys": ["x", "y", "z"] });
    let read = Lab::result(lab.post(&format!("{path}/bulk/get"), keys).await);
    assert_eq!(read["values"], json!({ "x": "1", "y": "2", "z": null }));
    assert_eq!(Lab::result(lab.get(&format!("{path}/metadata/x")).await), json!({ "m": true }));
    Lab::result(lab.post(&format!("{path}/bulk/delete"), json!(["x", "y"])).await);
    assert_eq!(Lab::result(lab.get(&format!("{path}/keys?prefix=x")).await), json!([]));
    let many: Value = (0..101).map(|at| json!(at.to_string())).collect();
    let refused = lab.post(&format!("{path}/bulk/get"), json!({ "keys": many })).await;
    assert_refused(&refused, 400, 10019);
}

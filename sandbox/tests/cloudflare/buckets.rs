//! Buckets of R2.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::client::{Lab, answer, assert_refused, each};

#[tokio::test]
async fn buckets_are_listed_by_cursor() {
    let lab = Lab::start().await;
    let (_, first) = lab.get("r2/buckets?per_page=1").await;
    assert_eq!(each(&first["result"]["buckets"], "name"), ["sitebay-mcp-production-uploads"]);
    let cursor = first["result_info"]["cursor"].as_str().unwrap();
    let (_, second) = lab.get(&format!("r2/buckets?per_page=1&cursor={cursor}")).await;
    assert_eq!(each(&second["result"]["buckets"], "name"), ["sitebay-mcp-staging-uploads"]);
    assert!(second["result_info"].get("cursor").is_none());
    let found = Lab::result(lab.get("r2/buckets?name_contains=staging").await);
    assert_eq!(found["buckets"].as_array().unwrap().len(), 1);
    assert_refused(&lab.get("r2/buckets?cursor=junk").await, 400, 10005);
}

#[tokio::test]
async fn a_bucket_is_made_once_and_only_deleted_empty() {
    let lab = Lab::start().await;
    let body = json!({ "name": "fresh-bucket", "locationHint": "weur" });
    let made = Lab::result(lab.post("r2/buckets", body.clone()).await);
    assert_eq!((&made["location"], &made["storage_class"]), (&json!("WEUR"), &json!("Standard")));
    assert_refused(&lab.post("r2/buckets", body).await, 409, 10004);
    for name in ["ab", "Upper", "with_underscore", "-edge", &"x".repeat(64)] {
        assert_refused(&lab.post("r2/buckets", json!({ "name": name })).await, 400, 10005);
    }
    let put = lab.request("PUT", "r2/buckets/fresh-bucket/objects/a").body("x");
    Lab::result(answer(put).await);
    assert_refused(&lab.delete("r2/buckets/fresh-bucket").await, 409, 0);
    Lab::result(lab.delete("r2/buckets/fresh-bucket/objects/a").await);
    Lab::result(lab.delete("r2/buckets/fresh-bucket").await);
    assert_refused(&lab.get("r2/buckets/fresh-bucket").await, 404, 10006);
}

#[tokio::test]
async fn a_jurisdiction_has_buckets_of_its_own_and_classes_change() {
    let lab = Lab::start().await;
    let eu = |request: RequestBuilder| answer(request.header("cf-r2-jurisdiction", "eu"));
    let body = json!({ "name": "in-the-eu" });
    Lab::result(eu(lab.request("POST", "r2/buckets").json(&body)).await);
    assert_refused(&lab.get("r2/buckets/in-the-eu").await, 404, 10006);
    let list = Lab::result(eu(lab.request("GET", "r2/buckets")).await);
    assert_eq!(each(&list["buckets"], "name"), ["in-the-eu"]);
    let patch = lab.request("PATCH", "r2/buckets/in-the-eu");
    let patch = patch.header("cf-r2-storage-class", "InfrequentAccess");
    assert_eq!(Lab::result(eu(patch).await)["storage_class"], "InfrequentAccess");
}

#[tokio::test]
async fn objects_are_listed_by_prefix_delimiter_and_cursor() {
    let lab = Lab::start().await;
    let path = "r2/buckets/sitebay-mcp-staging-uploads/objects";
    let (_, all) = lab.get(path).await;
    let keys = each(&all["result"], "key");
    assert_eq!(keys, ["exports/2026-11.csv", "uploads/avatars/ada.png", "uploads/notes.txt"]);
    assert_eq!(all["result_info"]["is_truncated"], "false");
    let (_, folders) = lab.get(&format!("{path}?prefix=uploads/&delimiter=/")).await;
    assert_eq!(each(&folders["result"], "key"), ["uploads/notes.txt"]);
    assert_eq!(folders["result_info"]["delimited"], json!(["uploads/avatars/"]));
    let notes = &folders["result"][0];
    assert_eq!((&notes["size"], &notes["ssec"]), (&json!(120), &json!(false)));
    assert_eq!(notes["http_metadata"], json!({ "contentType": "text/plain" }));
    let (_, first) = lab.get(&format!("{path}?per_page=2")).await;
    assert_eq!(first["result_info"]["is_truncated"], "true");
    let cursor = first["result_info"]["cursor"].as_str().unwrap();
    let (_, rest) = lab.get(&format!("{path}?per_page=2&cursor={cursor}")).await;
    assert_eq!(each(&rest["result"], "key"), ["uploads/notes.txt"]);
    let elsewhere = lab.get(&format!("{path}?prefix=uploads/&cursor={cursor}")).await;
    assert_refused(&elsewhere, 400, 10005);
    let (_, after) = lab.get(&format!("{path}?start_after=uploads/avatars/ada.png")).await;
    assert_eq!(each(&after["result"], "key"), ["uploads/notes.txt"]);
    for query in ["per_page=0", "per_page=1001", "delimiter=ab", "cursor=x"] {
        assert_refused(&lab.get(&format!("{path}?{query}")).await, 400, 10005);
    }
    assert_refused(&lab.get("r2/buckets/none/objects").await, 404, 10006);
}

#[tokio::test]
async fn an_object_is_kept_under_any_key() {
    let lab = Lab::start().await;
    let path = "r2/buckets/sitebay-mcp-staging-uploads/objects";
    let put = lab.request("PUT", &format!("{path}/a/b%20c/%C3%BC.txt"));
    let put = put.header("content-type", "text/plain").body("hello");
    let made = Lab::result(answer(put).await);
    assert_eq!((&made["key"], &made["size"]), (&json!("a/b c/ü.txt"), &json!("5")));
    let got = lab.request("GET", &format!("{path}/a%2Fb%20c%2F%C3%BC.txt")).send().await.unwrap();
    assert_eq!(got.headers()["content-type"], "text/plain");
    assert_eq!(got.text().await.unwrap(), "hello");
    let gone = answer(lab.request("DELETE", path).json(&json!(["a/b c/ü.txt"]))).await;
    assert_eq!(Lab::result(gone), json!([{ "key": "a/b c/ü.txt" }]));
    assert_refused(&lab.get(&format!("{path}/a/b%20c/%C3%BC.txt")).await, 404, 10007);
    let metrics = Lab::result(lab.get("r2/metrics").await);
    assert_eq!(metrics["standard"]["published"]["objects"], 7);
    assert_ne!(metrics["standard"]["published"]["payloadSize"], Value::Null);
}

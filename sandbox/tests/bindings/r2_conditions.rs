//! Conditions of gets and puts, and checksums.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Lab, START};

const ETAG: &str = "5d41402abc4b2a76b9719d911017c592";

/// A bucket with `k`, put 1.5 s after the start.
async fn lab() -> Lab {
    let lab = Lab::start().await;
    lab.bindings.advance(Duration::from_millis(1500));
    lab.bindings.put_object("bucket", "k", "hello");
    lab
}

#[tokio::test]
async fn a_get_whose_condition_does_not_hold_has_no_body() {
    let lab = lab().await;
    let at = |ms: i64| json!({ "$date": START * 1000 + ms });
    for (condition, holds) in [
        (json!({ "etagMatches": ETAG }), true),
        (json!({ "etagMatches": "other" }), false),
        (json!({ "etagMatches": "*" }), true),
        (json!({ "etagDoesNotMatch": ETAG }), false),
        (json!({ "etagDoesNotMatch": "other" }), true),
        (json!({ "uploadedBefore": at(1501) }), true),
        (json!({ "uploadedBefore": at(1500) }), false),
        (json!({ "uploadedAfter": at(1499) }), true),
        (json!({ "uploadedAfter": at(1500) }), false),
        (json!({ "uploadedAfter": at(0), "secondsGranularity": true }), true),
        (json!({ "uploadedAfter": at(1000), "secondsGranularity": true }), false),
        // An etag that is asked for outweighs the date.
        (json!({ "etagMatches": ETAG, "uploadedBefore": at(0) }), true),
        (json!({ "etagDoesNotMatch": "other", "uploadedAfter": at(9000) }), true),
        (json!({ "$headers": { "if-none-match": format!("\"{ETAG}\"") } }), false),
        (json!({ "$headers": { "if-match": format!("W/\"{ETAG}\"") } }), false),
    ] {
        let got = lab.ok(json!(["R2", ["get", "k", { "onlyIf": condition }]])).await;
        let text = if holds { json!("hello") } else { Value::Null };
        assert_eq!((&got["text"], &got["etag"]), (&text, &json!(ETAG)), "{condition}");
    }
    let none = json!(["R2", ["get", "none", { "onlyIf": { "etagMatches": "x" } }]]);
    assert_eq!(lab.ok(none).await, Value::Null);
}

#[tokio::test]
async fn a_put_whose_condition_does_not_hold_changes_nothing() {
    let lab = lab().await;
    for (key, condition, done) in [
        ("k", json!({ "etagMatches": "other" }), false),
        ("k", json!({ "etagDoesNotMatch": "*" }), false),
        ("new", json!({ "etagMatches": "*" }), false),
        ("new", json!({ "etagDoesNotMatch": "*" }), true),
        ("k", json!({ "etagMatches": ETAG }), true),
    ] {
        let put = lab.ok(json!(["R2", ["put", key, "changed", { "onlyIf": condition }]])).await;
        assert_eq!(put.is_null(), !done, "{key} {condition}: {put}");
        let kept = lab.bindings.object("bucket", key);
        assert_eq!(kept.as_deref() == Some(b"changed"), done, "{key} {condition}");
    }
}

#[tokio::test]
async fn a_checksum_is_verified_and_kept() {
    let lab = Lab::start().await;
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let put = |text: &str, options: Value| json!(["R2", ["put", "k", text, options]]);
    lab.ok(put("hello", json!({ "sha256": sha256 }))).await;
    let head = lab.ok(json!(["R2", ["head", "k"]])).await;
    assert_eq!(head["checksums"], json!({ "md5": ETAG, "sha256": sha256 }));
    lab.ok(put("hello", json!({ "md5": ETAG }))).await;
    lab.ok(put("hello", json!({ "sha1": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" }))).await;
    for (options, title) in [
        (json!({ "sha256": sha256 }), "SHA-256"),
        (json!({ "md5": ETAG }), "MD5"),
        (json!({ "sha384": "0".repeat(96) }), "SHA-384"),
        (json!({ "sha512": "0".repeat(128) }), "SHA-512"),
    ] {
        let error = lab.error(put("other", options)).await;
        let start = format!("Error: put: The {title} checksum you specified did not match");
        assert!(error.starts_with(&start) && error.ends_with("(10037)"), "{error}");
    }
    assert_eq!(lab.bindings.object("bucket", "k").unwrap(), b"hello");
}

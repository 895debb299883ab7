//! A namespace of KV.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Lab, START};

#[tokio::test]
async fn a_value_is_put_read_in_each_form_and_deleted() {
    let lab = Lab::start().await;
    for key in ["a", "a/ü b?#%41", "bulk/get"] {
        let text = format!("{{\"of\":\"{key} 😀\"}}");
        assert_eq!(lab.ok(json!(["KV", ["get", key]])).await, Value::Null);
        lab.ok(json!(["KV", ["put", key, text]])).await;
        assert_eq!(lab.ok(json!(["KV", ["get", key]])).await, json!(text));
        let parsed = lab.ok(json!(["KV", ["get", key, "json"]])).await;
        assert_eq!(parsed, json!({ "of": format!("{key} 😀") }));
        assert_eq!(lab.ok(json!(["KV", ["get", key, { "type": "stream" }]])).await, json!(text));
        assert_eq!(lab.bindings.value("namespace", key), Some(text));
        lab.ok(json!(["KV", ["delete", key]])).await;
        lab.ok(json!(["KV", ["delete", key]])).await;
        assert_eq!(lab.ok(json!(["KV", ["get", key]])).await, Value::Null);
    }
    lab.ok(json!(["KV", ["put", "bytes", { "$bytes": [0, 255, 10] }]])).await;
    let bytes = lab.ok(json!(["KV", ["get", "bytes", "arrayBuffer"]])).await;
    assert_eq!(bytes, json!({ "bytes": [0, 255, 10] }));
    lab.bindings.put_value("namespace", "given", "");
    assert_eq!(lab.ok(json!(["KV", ["get", "given"]])).await, "");
}

#[tokio::test]
async fn metadata_and_expiration_are_kept_beside_a_value() {
    let lab = Lab::start().await;
    let metadata = json!({ "a": [1, "ü"] });
    let options = json!({ "metadata": metadata, "expirationTtl": 60 });
    lab.ok(json!(["KV", ["put", "k", "v", options]])).await;
    let found = lab.ok(json!(["KV", ["getWithMetadata", "k"]])).await;
    assert_eq!(found, json!({ "value": "v", "metadata": metadata, "cacheStatus": null }));
    let listed = lab.ok(json!(["KV", ["list"]])).await;
    let expected = json!([{ "name": "k", "expiration": START + 60, "metadata": metadata }]);
    assert_eq!((&listed["keys"], &listed["list_complete"]), (&expected, &json!(true)));
    lab.bindings.advance(Duration::from_secs(59));
    assert_eq!(lab.ok(json!(["KV", ["get", "k"]])).await, "v");
    lab.bindings.advance(Duration::from_secs(1));
    let nothing = json!({ "value": null, "metadata": null, "cacheStatus": null });
    assert_eq!(lab.ok(json!(["KV", ["getWithMetadata", "k"]])).await, nothing);
    assert_eq!(lab.ok(json!(["KV", ["list"]])).await["keys"], json!([]));
    lab.ok(json!(["KV", ["put", "k", "v", { "expiration": START + 200 }]])).await;
    let listed = lab.ok(json!(["KV", ["list"]])).await;
    assert_eq!(listed["keys"], json!([{ "name": "k", "expiration": START + 200 }]));
}

#[tokio::test]
async fn keys_are_listed_in_pages_by_their_prefix() {
    let lab = Lab::start().await;
    for number in 0..7 {
        lab.bindings.put_value("namespace", &format!("in/{number}"), "");
    }
    lab.bindings.put_value("namespace", "io", "");
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    for pages in 1.. {
        let options = json!({ "prefix": "in/", "limit": 3, "cursor": cursor });
        let mut page = lab.ok(json!(["KV", ["list", options]])).await;
        let keys = page["keys"].as_array().unwrap();
        seen.extend(keys.iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        if page["list_complete"] == true {
            assert_eq!((pages, &page["cursor"]), (3, &Value::Null));
            break;
        }
        cursor = page["cursor"].take();
    }
    let expected: Vec<_> = (0..7).map(|number| format!("in/{number}")).collect();
    assert_eq!(seen, expected);
    assert_eq!(lab.ok(json!(["KV", ["list"]])).await["keys"].as_array().unwrap().len(), 8);
    let none = lab.ok(json!(["KV", ["list", { "prefix": "none" }]])).await;
    assert_eq!((&none["keys"], &none["list_complete"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn many_values_are_read_at_once() {
    let lab = Lab::start().await;
    lab.ok(json!(["KV", ["put", "a", "{\"x\":1}", { "metadata": 7 }]])).await;
    lab.ok(json!(["KV", ["put", "b", "text"]])).await;
    let found = lab.ok(json!(["KV", ["get", ["a", "b", "none"]]])).await;
    assert_eq!(found, json!({ "a": "{\"x\":1}", "b": "text", "none": null }));
    let found = lab.ok(json!(["KV", ["get", ["a", "none"], "json"]])).await;
    assert_eq!(found, json!({ "a": { "x": 1 }, "none": null }));
    let found = lab.ok(json!(["KV", ["getWithMetadata", ["a", "b"]]])).await;
    let expected = json!({
        "a": { "value": "{\"x\":1}", "metadata": 7 },
        "b": { "value": "text", "metadata": null },
    });
    assert_eq!(found, expected);
    let keys: Vec<_> = (0..101).map(|number| number.to_string()).collect();
    for (calls, error) in [
        (json!(["KV", ["get", keys]]), "400 You can request a maximum of 100 keys"),
        (json!(["KV", ["get", []]]), "400 You must request a minimum of 1 key"),
        (
            json!(["KV", ["get", ["b"], "json"]]),
            "400 At least one of the requested keys corresponds to a non-json value",
        ),
        (
            json!(["KV", ["get", ["b"], "stream"]]),
            "400 \"stream\" is not a valid type. Use \"json\" or \"text\"",
        ),
    ] {
        assert_eq!(lab.error(calls).await, format!("Error: KV GET_BULK failed: {error}"));
    }
}

#[tokio::test]
async fn what_kv_refuses_reaches_the_worker_with_its_words() {
    let lab = Lab::start().await;
    let put = |options: Value| json!(["KV", ["put", "k", "v", options]]);
    let long = "k".repeat(513);
    for (calls, error) in [
        (
            json!(["KV", ["put", "k", { "$long": 26_214_401 }]]),
            "Error: KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.",
        ),
        (
            put(json!({ "metadata": "m".repeat(1023) })),
            "Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.",
        ),
        (
            put(json!({ "expirationTtl": 59 })),
            "Error: KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.",
        ),
        (
            put(json!({ "expirationTtl": 0 })),
            "Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.",
        ),
        (
            put(json!({ "expiration": START + 59 })),
            "Error: KV PUT failed: 400 Invalid expiration of 1795176059. Expiration times must be at least 60 seconds in the future.",
        ),
        (
            put(json!({ "expiration": START })),
            "Error: KV PUT failed: 400 Invalid expiration of 1795176000. Please specify integer greater than the current number of seconds since the UNIX epoch.",
        ),
        (
            json!(["KV", ["list", { "limit": 1001 }]]),
            "Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.",
        ),
        (json!(["KV", ["list", { "cursor": "!" }]]), "Error: KV GET failed: 400 Invalid cursor"),
        (
            json!(["KV", ["list", { "prefix": long }]]),
            "Error: KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
        ),
        (
            json!(["KV", ["get", "k", { "cacheTtl": 29 }]]),
            "Error: KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.",
        ),
        (json!(["KV", ["get", "."]]), "TypeError: \".\" is not allowed as a key name."),
    ] {
        assert_eq!(lab.error(calls).await, error);
    }
    assert_eq!(lab.ok(json!(["KV", ["list"]])).await["keys"], json!([]));
    lab.ok(json!(["KV", ["put", "largest", { "$long": 26_214_400 }]])).await;
    let kept = lab.bindings.value("namespace", "largest").unwrap();
    assert_eq!(kept.len(), 26_214_400);
}

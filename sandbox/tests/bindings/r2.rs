//! A bucket of R2.

use serde_json::{Value, json};

use crate::client::Lab;

#[tokio::test]
async fn an_object_is_put_read_and_deleted() {
    let lab = Lab::start().await;
    let options = json!({
        "httpMetadata": { "contentType": "text/plain", "cacheControl": "no-store", "cacheExpiry": { "$date": 5000 } },
        "customMetadata": { "a": "ü", "b": "" },
    });
    let put = lab.ok(json!(["R2", ["put", "dir/ü 😀", "hello", options]])).await;
    assert_eq!((&put["key"], &put["size"]), (&json!("dir/ü 😀"), &json!(5)));
    let etag = "5d41402abc4b2a76b9719d911017c592";
    assert_eq!((&put["etag"], &put["httpEtag"]), (&json!(etag), &json!(format!("\"{etag}\""))));
    let got = lab.ok(json!(["R2", ["get", "dir/ü 😀"]])).await;
    assert_eq!((&got["text"], &got["etag"]), (&json!("hello"), &json!(etag)));
    assert_eq!(got["checksums"], json!({ "md5": etag }));
    assert_eq!(got["customMetadata"], json!({ "a": "ü", "b": "" }));
    let http = json!({
        "contentType": "text/plain", "cacheControl": "no-store", "cacheExpiry": "1970-01-01T00:00:05.000Z",
    });
    assert_eq!((&got["httpMetadata"], &got["storageClass"]), (&http, &json!("Standard")));
    assert_eq!(got["uploaded"], "2026-11-20T12:00:00.000Z");
    let head = lab.ok(json!(["R2", ["head", "dir/ü 😀"]])).await;
    assert_eq!((&head["size"], &head["text"]), (&json!(5), &Value::Null));
    let again = lab.ok(json!(["R2", ["put", "dir/ü 😀", ""]])).await;
    assert_ne!(again["version"], put["version"]);
    let empty = lab.ok(json!(["R2", ["get", "dir/ü 😀"]])).await;
    assert_eq!((&empty["text"], &empty["customMetadata"]), (&json!(""), &json!({})));
    lab.ok(json!(["R2", ["delete", "dir/ü 😀"]])).await;
    lab.ok(json!(["R2", ["delete", "dir/ü 😀"]])).await;
    for method in ["get", "head"] {
        assert_eq!(lab.ok(json!(["R2", [method, "dir/ü 😀"]])).await, Value::Null);
    }
    lab.bindings.put_object("bucket", "bytes", [0, 255]);
    let bytes = json!(["R2", ["get", "bytes"]]);
    assert_eq!(lab.ok(bytes).await["size"], 2);
    lab.ok(json!(["R2", ["put", "bytes", { "$bytes": [1, 0, 255] }]])).await;
    assert_eq!(lab.bindings.object("bucket", "bytes"), Some(vec![1, 0, 255]));
}

#[tokio::test]
async fn objects_are_listed_in_pages_by_prefix_and_folder() {
    let lab = Lab::start().await;
    for key in ["a", "up/1", "up/2", "up/deep/3", "up/deep/4", "up/more/5", "z"] {
        let options = json!({ "customMetadata": { "of": key } });
        lab.ok(json!(["R2", ["put", key, key, options]])).await;
    }
    let keys = |page: &Value| -> Value {
        page["objects"].as_array().unwrap().iter().map(|one| one["key"].clone()).collect()
    };
    let page = lab.ok(json!(["R2", ["list", { "prefix": "up/", "limit": 2 }]])).await;
    assert_eq!((keys(&page), &page["truncated"]), (json!(["up/1", "up/2"]), &json!(true)));
    assert_eq!(page["objects"][0]["customMetadata"], Value::Null);
    let options = json!({ "prefix": "up/", "cursor": page["cursor"] });
    let rest = lab.ok(json!(["R2", ["list", options]])).await;
    assert_eq!(keys(&rest), json!(["up/deep/3", "up/deep/4", "up/more/5"]));
    assert_eq!((&rest["truncated"], &rest["cursor"]), (&json!(false), &Value::Null));
    let (mut seen, mut cursor) = (Vec::new(), json!({ "$undefined": true }));
    for _ in 0..4 {
        let options = json!({ "prefix": "up/", "delimiter": "/", "limit": 1, "cursor": cursor });
        let mut page = lab.ok(json!(["R2", ["list", options]])).await;
        seen.push(json!([keys(&page), page["delimitedPrefixes"]]));
        cursor = page["cursor"].take();
    }
    let expected = json!([[["up/1"], []], [["up/2"], []], [[], ["up/deep/"]], [[], ["up/more/"]],]);
    assert_eq!((json!(seen), cursor), (expected, Value::Null));
    let options = json!({ "include": ["customMetadata"], "startAfter": "up/more" });
    let listed = lab.ok(json!(["R2", ["list", options]])).await;
    assert_eq!(keys(&listed), json!(["up/more/5", "z"]));
    assert_eq!(listed["objects"][1]["customMetadata"], json!({ "of": "z" }));
    lab.ok(json!(["R2", ["delete", ["a", "z", "none"]]])).await;
    assert_eq!(keys(&lab.ok(json!(["R2", ["list"]])).await).as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_part_of_an_object_is_read() {
    let lab = Lab::start().await;
    lab.bindings.put_object("bucket", "k", "0123456789");
    lab.bindings.put_object("bucket", "empty", "");
    let get = |options: Value| json!(["R2", ["get", "k", options]]);
    let header = |text: &str| json!({ "range": { "$headers": { "range": text } } });
    for (options, text, offset) in [
        (json!({}), "0123456789", 0),
        (json!({ "range": { "offset": 3 } }), "3456789", 3),
        (json!({ "range": { "offset": 3, "length": 2 } }), "34", 3),
        (json!({ "range": { "length": 2 } }), "01", 0),
        (json!({ "range": { "offset": 8, "length": 99 } }), "89", 8),
        (json!({ "range": { "suffix": 2 } }), "89", 8),
        (json!({ "range": { "suffix": 99 } }), "0123456789", 0),
        (header("bytes=2-4"), "234", 2),
        (header("bytes=7-"), "789", 7),
        (header("bytes=-1"), "9", 9),
        (header("bytes=5-2"), "0123456789", 0),
        (header("bytes=0-1,4-5"), "0123456789", 0),
        (header("lines=1-2"), "0123456789", 0),
    ] {
        let got = lab.ok(get(options.clone())).await;
        let range = json!({ "offset": offset, "length": text.len() });
        assert_eq!((&got["text"], &got["range"]), (&json!(text), &range), "{options}");
        assert_eq!(got["size"], 10);
    }
    assert_eq!(lab.ok(json!(["R2", ["get", "empty"]])).await["text"], "");
    for options in [
        json!({ "range": { "offset": 11 } }),
        json!({ "range": { "offset": 10 } }),
        json!({ "range": { "length": 0 } }),
        json!({ "range": { "suffix": 0 } }),
    ] {
        let error = lab.error(get(options.clone())).await;
        let expected = "Error: get: The requested range is not satisfiable (10039)";
        assert_eq!(error, expected, "{options}");
    }
}

#[tokio::test]
async fn what_r2_refuses_reaches_the_worker_with_its_words_and_code() {
    let lab = Lab::start().await;
    let long = "k".repeat(1025);
    let key = "The specified object name is not valid. (10020)";
    let limit = "list: MaxKeys params must be positive integer <= 1000. (10022)";
    let many: Vec<_> = (0..1001).map(|number| number.to_string()).collect();
    for (calls, error) in [
        (json!(["R2", ["get", long]]), format!("get: {key}")),
        (json!(["R2", ["put", long, "v"]]), format!("put: {key}")),
        (json!(["R2", ["delete", ["a", long]]]), format!("delete: {key}")),
        (json!(["R2", ["list", { "limit": 0 }]]), limit.to_owned()),
        (json!(["R2", ["list", { "limit": 1001 }]]), limit.to_owned()),
        (
            json!(["R2", ["list", { "cursor": "!" }]]),
            "list: The cursor is not valid. (10029)".to_owned(),
        ),
        (
            json!(["R2", ["delete", many]]),
            "delete: At most 1000 keys can be deleted at once. (10029)".to_owned(),
        ),
        (
            json!(["R2", ["put", "k", "v", { "customMetadata": { "a": "x".repeat(8192) } }]]),
            "put: Your metadata headers exceed the maximum allowed metadata size. (10012)"
                .to_owned(),
        ),
        (
            json!(["R2", ["createMultipartUpload", "k"]]),
            "createMultipartUpload: The stand-in does not play multipart uploads (10029)"
                .to_owned(),
        ),
        (
            json!(["R2", ["put", "k", "v", { "ssecKey": "0".repeat(64) }]]),
            "put: The stand-in does not play keys of customers (10029)".to_owned(),
        ),
    ] {
        assert_eq!(lab.error(calls).await, format!("Error: {error}"));
    }
    assert_eq!(lab.ok(json!(["R2", ["list"]])).await["objects"], json!([]));
}

//! Lists of the API: read to their end, or an error.

use mcp_server::testing::{FakePlatform, ScriptedResponse, json as answer};
use serde_json::{Value, json};

use super::{
    tests::{look, named, ok, refused, settings},
    *,
};
use crate::manifest::Kind;

#[test]
fn lists_are_read_to_their_end_and_lies_about_it_are_errors() {
    let namespaces = |from: usize, to: usize| {
        let one = |at| json!({"id": format!("id-{at}"), "title": format!("n-{at}")});
        ok((from..to).map(one).collect())
    };
    let keys = || ok(json!([{"name": "a"}, {"name": "b"}]));
    let found =
        look(Kind::Kv, &named("n-150"), vec![namespaces(0, 100), namespaces(100, 160), keys()])
            .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].contents.count, Some(2));
    let same = look(Kind::Kv, &named("x"), vec![namespaces(0, 100), namespaces(0, 100)]);
    assert_eq!(
        same.unwrap_err(),
        "the KV namespace cannot be seen: Cloudflare's list of namespaces does not end"
    );
    let bucket = |cursor: &str| {
        answer(
            200,
            json!({"success": true, "result": {"buckets": [{"name": "b"}]}, "result_info": {"cursor": cursor}}),
        )
    };
    let endless = look(Kind::R2, &named("x"), vec![bucket("1"), bucket("1")]);
    assert!(endless.unwrap_err().contains("does not end"));
    let strange = look(Kind::Kv, &named("x"), vec![ok(json!({"a": 1}))]);
    assert!(strange.unwrap_err().contains("has no namespaces"));
    let nameless = look(Kind::Kv, &named("x"), vec![ok(json!([{"id": "1"}]))]);
    assert!(nameless.unwrap_err().contains("has no namespaces"));
    let unseen = look(Kind::Kv, &named("x"), vec![refused(403, 10_000, "Authentication error")]);
    assert_eq!(
        unseen.unwrap_err(),
        "the KV namespace cannot be seen: the token has no right to read it (Cloudflare answered 403: Authentication error (code 10000))"
    );
}

#[test]
fn a_list_that_says_that_there_is_more_is_read_on_or_is_an_error() {
    let of = |titles: &[&str], info: Value| {
        let result: Value = titles.iter().map(|title| json!({"id": "i", "title": title})).collect();
        answer(200, json!({"success": true, "result": result, "result_info": info}))
    };
    let list = |script: Vec<ScriptedResponse>| {
        let platform = FakePlatform::new(script);
        let settings = settings();
        let client = Client::new(platform.clone(), &settings);
        let id = pollster::block_on(client.namespace_id("b"));
        (id.map(|id| id.is_some()), platform.requests().len())
    };
    // Fewer on a page than were asked for.
    for info in [json!({"total_count": 2}), json!({"total_pages": 2})] {
        let script = vec![of(&["a"], info.clone()), of(&["b"], info)];
        assert_eq!(list(script), (Ok(true), 2));
    }
    let lies = json!({"total_count": 7});
    let script = vec![of(&["a"], lies.clone()), of(&[], lies.clone())];
    assert_eq!(list(script), (Ok(false), 2), "an empty page is the end");
    let same = vec![of(&["a"], lies.clone()), of(&["a"], lies.clone())];
    assert_eq!(list(same).0, Err(ApiError::Endless("namespaces")));
    assert_eq!(list(vec![of(&["b"], json!({"total_count": 1}))]), (Ok(true), 1));
    // A list without pages, of which there are more all the same.
    let queues = answer(200, json!({"success": true, "result": [], "result_info": lies}));
    assert!(look(Kind::Queue, &named("x"), vec![queues]).unwrap_err().contains("does not end"));
    // A list that goes on without a cursor is not a whole one.
    for truncated in [json!(true), json!("true")] {
        let info = json!({"is_truncated": truncated});
        let buckets = json!({"success": true, "result": {"buckets": []}, "result_info": info});
        let cut = look(Kind::R2, &named("x"), vec![answer(200, buckets)]);
        assert!(cut.unwrap_err().contains("does not end"));
    }
}

//! Results and notifications of upstreams, as the common door passes them on.
//!
//! Invariant: URIs of the upstream's resources, in the places where the protocol has them, are replaced with those that are
//! exposed; every other byte stays, and text is never searched. The door of a single upstream passes on what was sent.

use std::borrow::Cow;

use mcp_protocol::{fields::fields, raw, splice::Splice};
use serde_json::value::RawValue;

use crate::definition::prefix;

/// The result of `tools/call`: the URIs of linked and embedded resources in `content`.
pub fn of_tool<'a>(upstream: &str, result: &'a str) -> Cow<'a, str> {
    if !may_have_resources(result) {
        return Cow::Borrowed(result);
    }
    let mut splice = Splice::new(result);
    for block in items(result, "content") {
        block_of(&mut splice, upstream, block);
    }
    splice.end()
}

/// The result of `prompts/get`: the URIs of linked and embedded resources in `messages`.
pub fn of_prompt<'a>(upstream: &str, result: &'a str) -> Cow<'a, str> {
    if !may_have_resources(result) {
        return Cow::Borrowed(result);
    }
    let mut splice = Splice::new(result);
    for message in items(result, "messages") {
        if let Ok([Some(content)]) = fields(message.get(), ["content"]) {
            block_of(&mut splice, upstream, content);
        }
    }
    splice.end()
}

/// The result of `resources/read`: the URI of each of its `contents`.
pub fn of_read<'a>(upstream: &str, result: &'a str) -> Cow<'a, str> {
    let mut splice = Splice::new(result);
    for contents in items(result, "contents") {
        own_uri(&mut splice, upstream, contents.get());
    }
    splice.end()
}

/// The parameters of `notifications/resources/updated`: its `uri`.
pub fn of_update<'a>(upstream: &str, params: &'a str) -> Cow<'a, str> {
    let mut splice = Splice::new(params);
    own_uri(&mut splice, upstream, params);
    splice.end()
}

/// Whether the text can have a block of the types `resource` and `resource_link`, written with escapes or without.
fn may_have_resources(result: &str) -> bool {
    result.contains("resource") || result.contains("\\u")
}

/// The elements of a field. What has another form has none, and is passed on as it is.
fn items<'a>(object: &'a str, name: &'static str) -> Vec<&'a RawValue> {
    let found = fields(object, [name]).ok().and_then(|[list]| list);
    found.and_then(|list| raw::elements(list.get()).ok()).unwrap_or_default()
}

fn block_of(splice: &mut Splice<'_>, upstream: &str, block: &RawValue) {
    let Ok([Some(kind), uri, resource]) = fields(block.get(), ["type", "uri", "resource"]) else {
        return;
    };
    match (raw::text(kind).as_deref(), uri, resource) {
        (Some("resource_link"), Some(uri), _) => prefix(splice, upstream, uri),
        (Some("resource"), _, Some(resource)) => own_uri(splice, upstream, resource.get()),
        _ => {}
    }
}

fn own_uri(splice: &mut Splice<'_>, upstream: &str, object: &str) {
    if let Ok([Some(uri)]) = fields(object, ["uri"]) {
        prefix(splice, upstream, uri);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::json::ANY_TEXT;

    use super::*;

    #[test]
    fn uris_of_resources_in_content_are_exposed_and_nothing_else() {
        let sent = |prefix: &str| {
            format!(
                r#"{{ "structuredContent":{{"uri":"a:1","n":9007199254740993}}, "content":[
                 {{"type":"text","text":"see a:1 resource"}},
                 {{"uri":"{prefix}a:1","name":"x","type":"resource_link","n":1e400}},
                 {{"type":"resource","resource":{{"uri" : "{prefix}a:2","text":"uri","uri2":"a:2"}},"uri":"a:2"}},
                 {{"type":"image","uri":"a:3"}}, {{"uri":"a:4"}}, 7, {{"type":"resource","resource":1}},
                 {{"type":"res\u006furce","resource":{{"\u0075ri":"{prefix}a:5"}}}}],
                 "_meta":{{"uri":"a:1"}}, "isError":false}}"#
            )
        };
        assert_eq!(of_tool("tickets", &sent("")), sent("tickets+"));
    }

    #[test]
    fn prompts_contents_and_updates_are_exposed() {
        let prompt = |p: &str| {
            format!(
                r#"{{"description":"a:1","messages":[{{"role":"user","content":{{"type":"resource","resource":{{"uri":"{p}a:1"}}}}}},{{"role":"user","content":[1]}}, 3]}}"#
            )
        };
        assert_eq!(of_prompt("t", &prompt("")), prompt("t+"));
        let read = |p: &str| {
            format!(r#"{{"contents":[{{"uri":"{p}a:1","blob":""}},{{"uri":"{p}b:2"}}],"ttlMs":1}}"#)
        };
        assert_eq!(of_read("t", &read("")), read("t+"));
        let update = |p: &str| format!(r#"{{"_meta":{{}},"uri":"{p}t+a:1"}}"#);
        assert_eq!(of_update("t", &update("")), update("t+"));
    }

    #[test]
    fn what_has_another_form_is_passed_on_as_it_is() {
        for text in [
            "",
            "7",
            "[]",
            r#"{"content":"resource"}"#,
            r#"{"content":[{"type":"resource_link","uri":1},{"type":"resource_link"}]}"#,
            r#"{"content":[{"type":"resource_link","uri":"a:1","uri":"a:2"}]}"#,
            r#"{"contents":{"uri":"a:1"}}"#,
        ] {
            for rewrite in [of_tool, of_prompt, of_read] {
                assert!(
                    matches!(rewrite("t", text), Cow::Borrowed(same) if same == text),
                    "{text}"
                );
            }
        }
    }

    proptest! {
        // Statement 10.
        #[test]
        fn a_result_without_resources_is_passed_on_byte_by_byte(text in ANY_TEXT, n in "[0-9]{1,40}") {
            let text = serde_json::to_string(&text).unwrap();
            let sent = format!(r#"{{"content":[{{"type":"text","text":{text}}}], "x":1{n}}}"#);
            let passed_on = of_tool("t", &sent);
            prop_assert_eq!(passed_on.as_ref(), sent.as_str());
        }
    }
}

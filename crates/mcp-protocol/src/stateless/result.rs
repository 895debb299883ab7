//! The fields that this era adds to every result: its type, the server's info and the cache hint.
//!
//! Invariant: a result's text is never read again. The fields are put in front of its closing
//! brace, so that a static list is copied, not built. Source: MCP 2026-07-28 `basic/index`
//! "ResultType", "_meta"; `server/utilities/caching`; `basic/patterns/mrtr`.

use std::sync::OnceLock;

use crate::{
    fields::{fields, fields_or_null},
    initialize::server_info,
    object::Object,
    raw, spans,
    stateless::{META_SERVER, META_SUBSCRIPTION, mrtr::InputRequests},
};

/// The `resultType` of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultType {
    /// The final content.
    Complete,
    /// Questions to the client, who asks again with the answers.
    InputRequired,
    /// The handle of a task (SEP-2663).
    Task,
}

impl ResultType {
    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::InputRequired => "input_required",
            Self::Task => "task",
        }
    }
}

/// The scope in which a result may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheScope {
    /// Anybody, for anybody: the result is the same for all callers.
    Public,
    /// Only for the same caller.
    Private,
}

/// How long a result may be kept, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheHint {
    /// Milliseconds.
    pub ttl_ms: u32,
    /// By whom.
    pub scope: CacheScope,
}

impl CacheHint {
    /// A list that is the same for all callers and whose changes are announced: 5 min.
    pub const LIST: Self = Self { ttl_ms: 300_000, scope: CacheScope::Public };
    /// A result that may differ each time, and between callers.
    pub const NEVER: Self = Self { ttl_ms: 0, scope: CacheScope::Private };

    fn fields(self) -> String {
        let scope = match self.scope {
            CacheScope::Public => "public",
            CacheScope::Private => "private",
        };
        format!(r#","ttlMs":{},"cacheScope":"{scope}""#, self.ttl_ms)
    }
}

/// A complete result. `result` is the text of an object without `resultType` and `_meta`; `cache`
/// is the [`cache_hint`](crate::stateless::method::Method::cache_hint) of its method, or
/// a stricter one.
pub fn complete(result: impl Into<String>, cache: Option<CacheHint>) -> String {
    typed(result, ResultType::Complete, cache)
}

/// The fields of a result that are about one connection.
const OF_THE_HOP: [&str; 3] = ["resultType", TTL, "cacheScope"];
const TTL: &str = "ttlMs";
/// What the names in `_meta` begin with that the specification keeps for itself.
const RESERVED: &str = "io.modelcontextprotocol/";
/// The one of them that belongs to the content.
const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// The result of another server without what it says about its own connection. Every other byte stays.
pub fn without_hop(result: &str) -> String {
    without(result, &OF_THE_HOP)
}

/// The same for what another server says of a task, whose `ttlMs` is how long the task is kept (SEP-2663).
pub fn task_without_hop(task: &str) -> String {
    without(task, &["resultType", "cacheScope"])
}

fn without(result: &str, of_the_hop: &[&str]) -> String {
    let bare = spans::without(result, of_the_hop);
    let Some(meta) = meta_of(&bare) else {
        return bare;
    };
    let names = spans::fields(&meta).unwrap_or_default();
    let is_reserved = |name: &&str| name.starts_with(RESERVED) && *name != RELATED_TASK;
    let reserved: Vec<&str> =
        names.iter().map(|field| field.name.as_str()).filter(is_reserved).collect();
    if reserved.is_empty() {
        return bare;
    }
    match spans::without(&meta, &reserved) {
        kept if spans::fields(&kept).is_some_and(|kept| kept.is_empty()) => {
            spans::without(&bare, &["_meta"])
        }
        kept => spans::with(&bare, "_meta", &kept),
    }
}

/// A complete result of another server. `cache`: whether results of its method may be kept; for how long
/// is the other server's to say, and only for the same caller.
pub fn relayed(result: &str, cache: Option<CacheHint>) -> String {
    let [ttl] = fields(result, [TTL]).unwrap_or([None]);
    let ttl_ms = ttl.and_then(raw::number).unwrap_or_default();
    let cache = cache.map(|_| CacheHint { ttl_ms, scope: CacheScope::Private });
    noted(without_hop(result), cache)
}

/// A complete result that may have a `_meta` of its own, which is kept where it is an object.
pub fn noted(result: String, cache: Option<CacheHint>) -> String {
    noted_as(result, ResultType::Complete, cache)
}

/// The same for a result of any type.
pub fn noted_as(result: String, kind: ResultType, cache: Option<CacheHint>) -> String {
    let meta = match fields_or_null(&result, ["_meta"]) {
        Ok([None]) => return typed(result, kind, cache),
        Ok([Some(meta)]) if raw::is_object(meta) => meta.get().to_owned(),
        // One that is no object, or is there twice, cannot be added to.
        _ => return typed(spans::without(&result, &["_meta"]), kind, cache),
    };
    let meta = spans::with(&meta, META_SERVER, &server_info());
    let hint = cache.map(CacheHint::fields).unwrap_or_default();
    let more = format!(r#""resultType":"{}"{hint}"#, kind.as_str());
    splice(spans::with(&result, "_meta", &meta), &more)
}

/// A complete result that has its `_meta` already.
pub(super) fn in_front(result: &str, cache: CacheHint) -> String {
    let more = format!(r#""resultType":"{}"{}"#, ResultType::Complete.as_str(), cache.fields());
    splice(result.to_owned(), &more)
}

/// The text of `_meta`, where it is an object.
fn meta_of(result: &str) -> Option<String> {
    let [meta] = fields(result, ["_meta"]).ok()?;
    meta.filter(|meta| raw::is_object(meta)).map(|meta| meta.get().to_owned())
}

/// A result of any type; only complete ones may be kept.
pub fn typed(result: impl Into<String>, kind: ResultType, cache: Option<CacheHint>) -> String {
    let hint = cache.map(CacheHint::fields).unwrap_or_default();
    let more = format!(r#""resultType":"{}"{hint},{}"#, kind.as_str(), server_meta());
    splice(result.into(), &more)
}

/// The result that asks the client. One of both must be there, or it could not go on.
pub fn input_required(requests: &InputRequests<'_>, request_state: Option<&str>) -> String {
    let mut asking = Object::new();
    if !requests.is_empty() {
        asking = asking.raw("inputRequests", &requests.to_json());
    }
    let text = asking.text_if("requestState", request_state).end();
    typed(text, ResultType::InputRequired, None)
}

/// The result that ends a subscription; `id` is the JSON text of its id.
pub(super) fn end_of_subscription(id: &str) -> String {
    let kind = ResultType::Complete.as_str();
    let server = server_info();
    format!(
        r#"{{"resultType":"{kind}","_meta":{{"{META_SUBSCRIPTION}":{id},"{META_SERVER}":{server}}}}}"#
    )
}

/// Puts fields at the end of an object's text.
fn splice(mut object: String, fields: &str) -> String {
    let open = object.trim_end().strip_suffix('}').map(|open| open.trim_end().len());
    debug_assert!(open.is_some(), "a result is an object");
    let Some(open) = open else {
        return object;
    };
    object.truncate(open);
    if !object.ends_with('{') {
        object.push(',');
    }
    object.push_str(fields);
    object.push('}');
    object
}

fn server_meta() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!(r#""_meta":{{"{META_SERVER}":{}}}"#, server_info()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{input_request::InputRequest, stateless::mrtr::KeyedRequest, testing::Examples};

    #[test]
    fn a_result_of_another_server_gets_the_fields_of_this_connection() {
        let theirs = r#"{"resultType":"complete", "content" : [ ],"ttlMs":9,"big":12345678901234567890123,
            "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"x"},"acme/a": 1}}"#;
        let bare = without_hop(theirs);
        assert!(bare.contains(r#""content" : [ ]"#) && bare.contains("12345678901234567890123"));
        assert!(
            !bare.contains("resultType") && !bare.contains("ttlMs") && !bare.contains("serverInfo")
        );
        let ours: Value = serde_json::from_str(&relayed(theirs, Some(CacheHint::NEVER))).unwrap();
        assert_eq!((&ours["resultType"], &ours["ttlMs"]), (&json!("complete"), &json!(9)));
        assert_eq!((&ours["_meta"]["acme/a"], &ours["cacheScope"]), (&json!(1), &json!("private")));
        assert_eq!(ours["_meta"][META_SERVER]["name"], "sitebay-mcp");
        let plain: Value = serde_json::from_str(&relayed(r#"{"content":[]}"#, None)).unwrap();
        assert_eq!(plain["_meta"][META_SERVER]["name"], "sitebay-mcp");
        let only = r#"{"_meta":{"io.modelcontextprotocol/serverInfo":{}},"a":1}"#;
        assert_eq!(without_hop(only), r#"{"a":1}"#);
    }

    #[test]
    fn a_meta_of_another_server_that_cannot_be_added_to_is_replaced() {
        for theirs in [
            r#"{"_meta":7,"a":1}"#,
            r#"{"a":1,"_meta":null}"#,
            r#"{"_meta":[{}],"a":1}"#,
            r#"{"_me\u0074a":"x","a":1}"#,
            r#"{"_meta":{"x":1},"a":1,"_meta":{"x":2}}"#,
        ] {
            for ours in [relayed(theirs, None), noted_as(theirs.into(), ResultType::Task, None)] {
                let names = spans::fields(&ours).unwrap();
                let names = names.iter().filter(|field| field.name == "_meta");
                assert_eq!(names.count(), 1, "{theirs}: {ours}");
                let ours = parsed(&ours);
                assert_eq!((&ours["a"], &ours["_meta"]["x"]), (&json!(1), &Value::Null));
                assert_eq!(ours["_meta"][META_SERVER]["name"], "sitebay-mcp", "{theirs}");
            }
        }
    }

    #[test]
    fn a_task_of_another_server_keeps_how_long_it_lives() {
        let theirs = r#"{"resultType":"task","taskId":"a","ttlMs" : 1e3,"big":12345678901234567890123,
            "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"x"},"acme/a": 1}}"#;
        let bare = task_without_hop(theirs);
        assert!(bare.contains(r#""ttlMs" : 1e3"#) && bare.contains("12345678901234567890123"));
        assert!(!bare.contains("resultType") && !bare.contains("serverInfo"), "{bare}");
        let ours = parsed(&noted_as(bare, ResultType::Task, None));
        assert_eq!((&ours["resultType"], &ours["ttlMs"]), (&json!("task"), &json!(1e3)));
        assert_eq!(ours["_meta"]["acme/a"], 1);
        assert_eq!(ours["_meta"][META_SERVER]["name"], "sitebay-mcp");
        assert_eq!(parsed(&noted_as("{}".into(), ResultType::Task, None))["resultType"], "task");
    }

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn fields_are_put_before_the_closing_brace() {
        let text = complete(r#"{"tools":[{"a":{}}]}"#, Some(CacheHint::LIST));
        assert!(text.starts_with(r#"{"tools":[{"a":{}}],"resultType":"complete","#), "{text}");
        let result = parsed(&text);
        assert_eq!(result["ttlMs"], 300_000);
        assert_eq!(result["cacheScope"], "public");
        assert_eq!(result["_meta"][META_SERVER]["name"], "sitebay-mcp");
    }

    #[test]
    fn an_empty_object_and_white_space_are_objects_too() {
        for text in ["{}", " { } \n", "{\"a\":1} \n", "{\"a\":{ }\n}"] {
            assert_eq!(parsed(&complete(text, None))["resultType"], "complete", "{text}");
        }
    }

    #[test]
    fn without_a_hint_nothing_is_said_of_keeping() {
        let result = parsed(&typed("{}", ResultType::Task, None));
        assert_eq!(result["resultType"], "task");
        assert_eq!(result["ttlMs"], Value::Null);
        assert_eq!(result["cacheScope"], Value::Null);
    }

    #[test]
    fn questions_and_state_are_one_result() {
        let keyed = [KeyedRequest::new("who", InputRequest::Roots)];
        let result = parsed(&input_required(&InputRequests(&keyed), Some("sealed")));
        assert_eq!(result["resultType"], "input_required");
        assert_eq!(
            result["inputRequests"],
            json!({ "who": { "method": "roots/list", "params": {} } })
        );
        assert_eq!(result["requestState"], "sealed");
        assert_eq!(result["ttlMs"], Value::Null);
        let waiting = parsed(&input_required(&InputRequests(&[]), Some("sealed")));
        assert_eq!(waiting["inputRequests"], Value::Null);
    }

    #[test]
    fn results_of_the_specification_have_the_same_fields() {
        let Some(examples) = Examples::or_skip("results of the specification have the same fields")
        else {
            return;
        };
        let kept = ["resultType", "ttlMs", "cacheScope"];
        for of in ["ListToolsResult", "ReadResourceResult", "DiscoverResult"] {
            for (file, example) in examples.of(of) {
                let ours = parsed(&complete("{}", Some(CacheHint::NEVER)));
                for field in kept {
                    let (theirs, ours) = (&example[field], &ours[field]);
                    assert_eq!(theirs.is_u64(), ours.is_u64(), "{of}/{file} {field}");
                    assert_eq!(theirs.is_string(), ours.is_string(), "{of}/{file} {field}");
                }
            }
        }
    }
}

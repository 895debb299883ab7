//! Requests of callers at the common door, as the upstream gets them.
//!
//! Invariant: the one name or URI that the protocol has in a request is replaced with the upstream's own; every other byte of
//! the parameters stays. Whether the caller may use the upstream is for others to check.

use mcp_protocol::{
    fields::{entries, fields},
    raw, spans,
    splice::Splice,
};
use serde_json::value::RawValue;

use crate::names::split_uri;

/// A tool or a prompt of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The upstream's name.
    pub upstream: String,
    /// The name of the tool or the prompt there.
    pub name: String,
}

/// A request for an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The upstream's name, which may be one that is not configured.
    pub upstream: String,
    /// The parameters for it.
    pub params: String,
}

/// Whether every reader finds the same name or URI in the parameters: it is there once. Some servers take a field whose name
/// differs in capitals alone for the field.
pub fn is_plain(method: &str, params: &str) -> bool {
    match method {
        "tools/call" | "prompts/get" => has_once(params, "name"),
        "completion/complete" => {
            let reference = fields(params, ["ref"]).ok().and_then(|[reference]| reference);
            let is_plain = |reference: &str| {
                ["type", "name", "uri"].iter().all(|field| has_once(reference, field))
            };
            has_once(params, "ref") && reference.is_some_and(|reference| is_plain(reference.get()))
        }
        _ => has_once(params, "uri"),
    }
}

/// Whether an object has a field at most once, in whatever capitals, and then in its own.
fn has_once(object: &str, field: &str) -> bool {
    entries(object).is_ok_and(|entries| find_once(&entries, field).is_ok())
}

/// The value of a field that an object has once.
fn only<'a>(object: &'a str, field: &str) -> Option<&'a RawValue> {
    find_once(&entries(object).ok()?, field).ok()?
}

/// A field that is there at most once. Error: it is there twice, or in other capitals.
fn find_once<'a>(
    entries: &[(String, &'a RawValue)],
    field: &str,
) -> Result<Option<&'a RawValue>, ()> {
    let mut alike = entries.iter().filter(|(name, _)| name.eq_ignore_ascii_case(field));
    match (alike.next(), alike.next()) {
        (None, _) => Ok(None),
        (Some((name, value)), None) if name == field => Ok(Some(value)),
        _ => Err(()),
    }
}

/// `tools/call` and `prompts/get`, by a function that finds what an exposed name stands for. None: nothing has this name.
pub fn by_name(params: &str, find: impl FnOnce(&str) -> Option<Located>) -> Option<Routed> {
    let name = only(params, "name")?;
    let there = find(&raw::text(name)?)?;
    let mut splice = Splice::new(params);
    splice.replace_text(name, &there.name);
    Some(Routed { upstream: there.upstream, params: splice.end().into_owned() })
}

/// `tools/call` without the wish for a task of 2025-11-25. This server does not offer such tasks, so that the wish is to be
/// ignored, and an upstream that grants it would hand out what nobody can follow.
pub fn without_task(params: String) -> String {
    match params.contains("\"task\"") || params.contains("\\u") {
        true => spans::without(&params, &["task"]),
        false => params,
    }
}

/// `resources/read`, `resources/subscribe` and `resources/unsubscribe`. None: the URI is of no upstream.
pub fn by_uri(params: &str) -> Option<Routed> {
    let uri = only(params, "uri")?;
    let exposed = raw::text(uri)?;
    let (upstream, there) = split_uri(&exposed)?;
    let mut splice = Splice::new(params);
    splice.replace_text(uri, there);
    Some(Routed { upstream: upstream.to_owned(), params: splice.end().into_owned() })
}

/// `completion/complete`, by a function that finds what the exposed name of a prompt stands for. None: the reference is to
/// nothing of an upstream.
pub fn by_reference(params: &str, find: impl FnOnce(&str) -> Option<Located>) -> Option<Routed> {
    let reference = only(params, "ref")?;
    let kind = only(reference.get(), "type")?;
    let inner = match raw::text(kind).as_deref() {
        Some("ref/prompt") => by_name(reference.get(), find),
        Some("ref/resource") => by_uri(reference.get()),
        _ => None,
    }?;
    let mut splice = Splice::new(params);
    splice.replace(reference, inner.params);
    Some(Routed { upstream: inner.upstream, params: splice.end().into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(exposed: &str) -> Option<Located> {
        let name = (exposed == "t_a-b_abcdefgh").then(|| "a.b".to_owned())?;
        Some(Located { upstream: "t".to_owned(), name })
    }

    fn routed(params: &str) -> Option<Routed> {
        Some(Routed { upstream: "t".to_owned(), params: params.to_owned() })
    }

    #[test]
    fn names_are_those_of_the_upstream() {
        let sent =
            r#"{"arguments":{"name":"t_a-b_abcdefgh","n":1e400}, "name" : "t_a-b_abcdefgh"}"#;
        let there = r#"{"arguments":{"name":"t_a-b_abcdefgh","n":1e400}, "name" : "a.b"}"#;
        assert_eq!(by_name(sent, find), routed(there));
        for params in [r#"{"name":"t_other"}"#, r#"{"name":1}"#, "{}", "[]"] {
            assert_eq!(by_name(params, find), None, "{params}");
        }
    }

    #[test]
    fn what_a_request_names_it_names_once() {
        let completion = r#"{"ref":{"type":"ref/prompt","name":"a"},"argument":{"Name":"x"}}"#;
        for (method, params) in [
            ("tools/call", r#"{"name":"a","arguments":{"Name":"b","name":"c"}}"#),
            ("resources/read", r#"{"uri":"a:1"}"#),
            ("completion/complete", completion),
        ] {
            assert!(is_plain(method, params), "{params}");
        }
        for (method, params) in [
            ("tools/call", r#"{"name":"a","name":"b"}"#),
            ("tools/call", r#"{"name":"a","na\u006de":"b"}"#),
            ("prompts/get", r#"{"Name":"b","name":"a"}"#),
            ("prompts/get", r#"{"NAME":"b"}"#),
            ("resources/read", r#"{"uri":"a:1","uri":"b:1"}"#),
            ("resources/read", r#"{"uri":"a:1","URI":"b:1"}"#),
            ("completion/complete", &completion.replace("\"type\"", "\"name\":\"b\",\"type\"")),
            ("completion/complete", &completion.replace("\"argument\"", "\"Ref\":{},\"argument\"")),
            ("completion/complete", r#"{"ref":[]}"#),
            ("tools/call", "[]"),
        ] {
            assert!(!is_plain(method, params), "{params}");
        }
        for params in [
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a","na\u006de":"b"}"#,
            r#"{"name":"a","Name":"b"}"#,
        ] {
            assert_eq!(by_name(params, |_| panic!("{params}")), None);
        }
        assert_eq!(by_uri(r#"{"uri":"t+a:1","uri":"t+b:1"}"#), None);
        assert_eq!(by_uri(r#"{"uri":"t+a:1","URI":"t+b:1"}"#), None);
        let twice = completion.replace("\"type\"", "\"name\":\"b\",\"type\"");
        assert_eq!(by_reference(&twice, |_| panic!("{twice}")), None);
    }

    #[test]
    fn the_wish_for_a_task_of_2025_11_25_is_left_out() {
        let kept = r#"{"name":"a","arguments":{"task":{"ttl":1}}, "n":1e400}"#;
        assert_eq!(without_task(kept.to_owned()), kept);
        for wish in [r#""task":{"ttl":60000},"#, r#""t\u0061sk":{},"#, r#""task":1,"task":2,"#] {
            let sent = format!(r#"{{{wish}"name":"a"}}"#);
            assert_eq!(without_task(sent), r#"{"name":"a"}"#, "{wish}");
        }
    }

    #[test]
    fn uris_are_those_of_the_upstream() {
        assert_eq!(by_uri(r#"{ "uri":"t+a:1+2" }"#), routed(r#"{ "uri":"a:1+2" }"#));
        for params in [r#"{"uri":"sitebay://sites"}"#, r#"{"uri":"T+a:1"}"#, r#"{"uri":1}"#, "{}"] {
            assert_eq!(by_uri(params), None, "{params}");
        }
    }

    #[test]
    fn references_are_those_of_the_upstream() {
        for (sent, there) in [
            (
                r#"{"ref":{"type":"ref/resource","uri":"t+a://{x}"},"argument":{"name":"x","value":"t+"}}"#,
                r#"{"ref":{"type":"ref/resource","uri":"a://{x}"},"argument":{"name":"x","value":"t+"}}"#,
            ),
            (
                r#"{"ref":{ "name":"t_a-b_abcdefgh","type":"ref/prompt"},"argument":{}}"#,
                r#"{"ref":{ "name":"a.b","type":"ref/prompt"},"argument":{}}"#,
            ),
        ] {
            assert_eq!(by_reference(sent, find), routed(there));
        }
        for params in [r#"{"ref":{"type":"ref/other","uri":"t+a:1"}}"#, r#"{"ref":1}"#, "{}"] {
            assert_eq!(by_reference(params, find), None, "{params}");
        }
    }
}

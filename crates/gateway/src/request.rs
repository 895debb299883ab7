//! Requests of callers at the common door, as the upstream gets them.
//!
//! Invariant: the one name or URI that the protocol has in a request is replaced with the upstream's own; every other byte of
//! the parameters stays. Whether the caller may use the upstream is for others to check.

use mcp_protocol::{fields::fields, raw, splice::Splice};

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

/// `tools/call` and `prompts/get`, by a function that finds what an exposed name stands for. None: nothing has this name.
pub fn by_name(params: &str, find: impl FnOnce(&str) -> Option<Located>) -> Option<Routed> {
    let [name] = fields(params, ["name"]).ok()?;
    let name = name?;
    let there = find(&raw::text(name)?)?;
    let mut splice = Splice::new(params);
    splice.replace_text(name, &there.name);
    Some(Routed { upstream: there.upstream, params: splice.end().into_owned() })
}

/// `resources/read`, `resources/subscribe` and `resources/unsubscribe`. None: the URI is of no upstream.
pub fn by_uri(params: &str) -> Option<Routed> {
    let [uri] = fields(params, ["uri"]).ok()?;
    let uri = uri?;
    let exposed = raw::text(uri)?;
    let (upstream, there) = split_uri(&exposed)?;
    let mut splice = Splice::new(params);
    splice.replace_text(uri, there);
    Some(Routed { upstream: upstream.to_owned(), params: splice.end().into_owned() })
}

/// `completion/complete`, by a function that finds what the exposed name of a prompt stands for. None: the reference is to
/// nothing of an upstream.
pub fn by_reference(params: &str, find: impl FnOnce(&str) -> Option<Located>) -> Option<Routed> {
    let [reference] = fields(params, ["ref"]).ok()?;
    let reference = reference?;
    let [kind] = fields(reference.get(), ["type"]).ok()?;
    let inner = match raw::text(kind?).as_deref() {
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

//! Parameters on their way to an upstream: the fields that belong to a hop are written anew, everything else stays the
//! text that it was.
//!
//! Invariant: the keys of `_meta` that the protocol reserves for a connection never cross it (`io.modelcontextprotocol/…`, but
//! for the task that a message belongs to), nor does a progress token.

use serde_json::value::RawValue;

use mcp_protocol::{
    fields::{entries, fields_or_null},
    object::Object,
    stateless::{META_CAPABILITIES, META_CLIENT, META_LOG_LEVEL, META_VERSION},
};

use crate::error::UpstreamError;

const RESERVED: &str = "io.modelcontextprotocol/";
const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
const PROGRESS_TOKEN: &str = "progressToken";

/// What a request of 2026-07-28 says about its sender.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The version.
    pub version: &'a str,
    /// The client's capabilities: the JSON text of an object.
    pub capabilities: &'a str,
    /// The client: the JSON text of an object.
    pub client: &'a str,
    /// From which level on log messages are wanted.
    pub log_level: Option<&'a str>,
}

/// What `_meta` of a request gets on this hop.
#[derive(Debug, Clone, Copy, Default)]
pub struct HopMeta<'a> {
    /// The envelope, where the wire has one.
    pub envelope: Option<Envelope<'a>>,
    /// The progress token, as JSON.
    pub progress_token: Option<&'a str>,
}

/// The parameters with the `_meta` of this hop. None: there are none, and the hop adds nothing.
///
/// # Errors
/// Where they are no object, or have `_meta` twice.
pub fn stamped(params: Option<&str>, hop: HopMeta<'_>) -> Result<Option<String>, UpstreamError> {
    let unsendable = |_| UpstreamError::Unsendable("parameters must be an object");
    let text = params.unwrap_or("{}");
    let [meta] = fields_or_null(text, ["_meta"]).map_err(unsendable)?;
    let kept = meta.map_or("{}", RawValue::get);
    let kept = if kept == "null" { "{}" } else { kept };
    let stamped = hop_meta(kept, hop).map_err(unsendable)?;
    match (stamped, meta) {
        (None, None) => Ok(params.map(str::to_owned)),
        (None, Some(_)) => with_field(text, "_meta", "{}").map(Some),
        (Some(meta), _) => with_field(text, "_meta", &meta).map(Some),
    }
}

/// The `_meta` of this hop; None where it is empty.
fn hop_meta(kept: &str, hop: HopMeta<'_>) -> Result<Option<String>, serde_json::Error> {
    let passes = |name: &str| {
        name != PROGRESS_TOKEN && (!name.starts_with(RESERVED) || name == RELATED_TASK)
    };
    let mut meta = Object::new();
    for (name, value) in entries(kept)?.into_iter().filter(|(name, _)| passes(name)) {
        meta = meta.raw(&name, value.get());
    }
    if let Some(token) = hop.progress_token {
        meta = meta.raw(PROGRESS_TOKEN, token);
    }
    if let Some(envelope) = hop.envelope {
        meta = meta
            .text(META_VERSION, envelope.version)
            .raw(META_CAPABILITIES, envelope.capabilities)
            .raw(META_CLIENT, envelope.client)
            .text_if(META_LOG_LEVEL, envelope.log_level);
    }
    Ok(Some(meta.end()).filter(|text| text != "{}"))
}

/// The object with another value for a field, or with the field added. Every other byte stays.
///
/// # Errors
/// Where the text is no object, or has the field twice.
pub fn with_field(object: &str, name: &'static str, json: &str) -> Result<String, UpstreamError> {
    let unsendable = UpstreamError::Unsendable("expected an object");
    let found = fields_or_null(object, [name]).map_err(|_| unsendable.clone())?;
    let (before, after, separator) = match found {
        [Some(value)] => {
            // The value is a part of the object's text.
            let at = (value.get().as_ptr() as usize).saturating_sub(object.as_ptr() as usize);
            let end = at.saturating_add(value.get().len());
            (object.get(..at), object.get(end..), None)
        }
        [None] => {
            let end = object.rfind('}').unwrap_or_default();
            let is_empty =
                object.get(..end).is_some_and(|text| text.trim_ascii_end().ends_with('{'));
            (object.get(..end), object.get(end..), Some(if is_empty { "" } else { "," }))
        }
    };
    let (Some(before), Some(after)) = (before, after) else {
        return Err(unsendable);
    };
    Ok(match separator {
        None => [before, json, after].concat(),
        Some(separator) => [before, separator, "\"", name, "\":", json, after].concat(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const ENVELOPE: Envelope<'_> = Envelope {
        version: "2026-07-28",
        capabilities: r#"{"roots":{}}"#,
        client: r#"{"name":"g"}"#,
        log_level: None,
    };

    #[test]
    fn without_a_hop_parameters_stay_as_they_are() {
        assert_eq!(stamped(None, HopMeta::default()).unwrap(), None);
        for params in [" { \"a\" : 1e400 } ", "{}", r#"{"a":{"_meta":{"progressToken":1}}}"#] {
            let stamped = stamped(Some(params), HopMeta::default()).unwrap();
            assert_eq!(stamped.as_deref(), Some(params));
        }
    }

    #[test]
    fn another_hops_meta_is_left_out_and_a_vendors_stays() {
        let params = r#"{ "n":12345678901234567890, "_meta":{"progressToken":"theirs",
            "io.modelcontextprotocol/protocolVersion":"x","io.modelcontextprotocol/clientInfo":{},
            "io.modelcontextprotocol/subscriptionId":1,"io.modelcontextprotocol/related-task":{"taskId":"t"},
            "traceparent":"00-1","com.example/x":1.50}, "n2":1 }"#;
        let kept = r#"{"io.modelcontextprotocol/related-task":{"taskId":"t"},"traceparent":"00-1","com.example/x":1.50"#;
        let none = stamped(Some(params), HopMeta::default()).unwrap().unwrap();
        assert_eq!(none, format!(r#"{{ "n":12345678901234567890, "_meta":{kept}}}, "n2":1 }}"#));
        let hop = HopMeta { envelope: Some(ENVELOPE), progress_token: Some("7") };
        let all = stamped(Some(params), hop).unwrap().unwrap();
        let meta = r#","progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},"io.modelcontextprotocol/clientInfo":{"name":"g"}"#;
        assert_eq!(
            all,
            format!(r#"{{ "n":12345678901234567890, "_meta":{kept}{meta}}}, "n2":1 }}"#)
        );
    }

    #[test]
    fn a_request_without_parameters_gets_those_of_the_hop() {
        let hop = HopMeta { envelope: None, progress_token: Some("7") };
        let token = r#"{"_meta":{"progressToken":7}}"#;
        assert_eq!(stamped(None, hop).unwrap().as_deref(), Some(token));
        assert_eq!(stamped(Some(r#"{"_meta":null}"#), hop).unwrap().as_deref(), Some(token));
        let emptied = stamped(Some(r#"{"_meta":{"progressToken":1}}"#), HopMeta::default());
        assert_eq!(emptied.unwrap().as_deref(), Some(r#"{"_meta":{}}"#));
    }

    #[test]
    fn what_is_no_object_is_not_sent() {
        for params in ["[]", "1", "{", r#"{"_meta":1}"#, r#"{"_meta":{},"_meta":{}}"#] {
            assert!(stamped(Some(params), HopMeta::default()).is_err(), "{params}");
        }
    }

    proptest! {
        #[test]
        fn a_field_is_replaced_or_added_and_nothing_else_changes(
            fields in proptest::collection::btree_map("[a-d\"}{ ]{1,3}", "[ -~é]{0,6}", 0..4), pretty: bool,
        ) {
            let object = json!(fields);
            let text = if pretty { format!("{object:#}") } else { object.to_string() };
            let with = with_field(&text, "b", "[ 1.0 ]").unwrap();
            let mut wanted = object.clone();
            wanted["b"] = json!([1.0]);
            prop_assert_eq!(serde_json::from_str::<Value>(&with).unwrap(), wanted);
            prop_assert!(with.contains("[ 1.0 ]"));
        }
    }
}

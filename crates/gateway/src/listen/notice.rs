//! Which messages of an upstream outside of calls are heard.
//!
//! Invariant: what was not agreed on, what names another subscription, and what is no notice at all is passed over.

use mcp_client::message::Incoming;
use mcp_protocol::{
    fields::fields,
    jsonrpc::RequestId,
    list_kind::ListKind,
    raw,
    stateless::{META_SUBSCRIPTION, listen::SubscriptionFilter},
};
use serde_json::value::RawValue;

/// Bytes of a URI.
const MAX_URI: usize = 8 << 10;

/// What an upstream announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// These lists may have changed.
    Lists(&'static [ListKind]),
    /// The resource of this URI changed.
    Updated(String),
}

/// Reads a message. `subscription`: the request that opened the stream, where there is one.
pub(super) fn read(
    incoming: &Incoming,
    agreed: &SubscriptionFilter,
    subscription: Option<&RequestId>,
) -> Option<Notice> {
    let Incoming::Notification { method, params } = incoming else {
        return None;
    };
    let params = params.as_deref();
    if subscription.is_some_and(|own| names_another(params, own)) {
        return None;
    }
    match method.as_str() {
        "notifications/tools/list_changed" if agreed.tools_list_changed => {
            Some(Notice::Lists(&[ListKind::Tools]))
        }
        "notifications/prompts/list_changed" if agreed.prompts_list_changed => {
            Some(Notice::Lists(&[ListKind::Prompts]))
        }
        "notifications/resources/list_changed" if agreed.resources_list_changed => {
            Some(Notice::Lists(&[ListKind::Resources, ListKind::ResourceTemplates]))
        }
        "notifications/resources/updated" => {
            let [uri] = fields(params?.get(), ["uri"]).ok()?;
            let uri = raw::string(uri?).filter(|uri| uri.len() <= MAX_URI)?;
            agreed.concerns(&uri).then_some(Notice::Updated(uri))
        }
        _ => None,
    }
}

/// Whether parameters name a subscription that is not this one. Some servers name none.
pub(super) fn names_another(params: Option<&RawValue>, own: &RequestId) -> bool {
    let Some(Ok([Some(meta)])) = params.map(|params| fields(params.get(), ["_meta"])) else {
        return false;
    };
    let named = fields(meta.get(), [META_SUBSCRIPTION]);
    matches!(named, Ok([Some(named)]) if named.get() != own.as_json())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notification(method: &str, params: &serde_json::Value) -> Incoming {
        let params = RawValue::from_string(params.to_string()).unwrap();
        Incoming::Notification { method: format!("notifications/{method}"), params: Some(params) }
    }

    fn agreed() -> SubscriptionFilter {
        SubscriptionFilter {
            tools_list_changed: true,
            resource_subscriptions: vec!["urn:a:1".to_owned()],
            ..SubscriptionFilter::default()
        }
    }

    #[test]
    fn what_was_agreed_on_is_heard_and_nothing_else() {
        let heard = |method: &str, params| read(&notification(method, &params), &agreed(), None);
        let tools = Some(Notice::Lists(&[ListKind::Tools]));
        assert_eq!(heard("tools/list_changed", json!({})), tools);
        let bare = Incoming::Notification {
            method: "notifications/tools/list_changed".to_owned(),
            params: None,
        };
        assert_eq!(read(&bare, &agreed(), None), tools);
        let updated = |uri: &str| heard("resources/updated", json!({ "uri": uri }));
        assert_eq!(updated("urn:a:1"), Some(Notice::Updated("urn:a:1".to_owned())));
        for (method, params) in [
            ("prompts/list_changed", json!({})),
            ("resources/list_changed", json!({})),
            ("resources/updated", json!({ "uri": "urn:a:2" })),
            ("resources/updated", json!({ "uri": format!("urn:a:1/{}", "x".repeat(MAX_URI)) })),
            ("resources/updated", json!({ "uri": 1 })),
            ("resources/updated", json!({})),
            ("message", json!({ "level": "info", "data": 1 })),
            ("none", json!([])),
        ] {
            assert_eq!(heard(method, params.clone()), None, "{method} {params}");
        }
    }

    #[test]
    fn what_names_another_subscription_is_not_heard() {
        let own = RequestId::number(7);
        let heard = |id: serde_json::Value| {
            let params = json!({ "_meta": { META_SUBSCRIPTION: id } });
            read(&notification("tools/list_changed", &params), &agreed(), Some(&own)).is_some()
        };
        assert!(heard(json!(7)));
        for id in [json!(8), json!("7"), json!(7.0), json!({})] {
            assert!(!heard(id.clone()), "{id}");
        }
        let null = json!({ "_meta": { META_SUBSCRIPTION: null } });
        for params in [json!({}), json!({ "_meta": {} }), json!({ "_meta": 1 }), null] {
            let untagged = notification("tools/list_changed", &params);
            assert!(read(&untagged, &agreed(), Some(&own)).is_some(), "{params}");
        }
    }
}

//! Listeners of a hub outside of sessions, and their filters.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use mcp_auth::principal::Principal;
use mcp_platform::record::Record;
use mcp_protocol::{
    jsonrpc::RequestId,
    stateless::listen::{Change, Subscription, SubscriptionFilter},
};

/// The header with which the Worker says what a listener wants. Only the Worker reaches a hub.
pub const LISTENER_HEADER: &str = "x-internal-listener";

/// The header that says with whose credential a hub may look at what is watched.
pub const PRINCIPAL_HEADER: &str = "x-internal-principal";

/// A principal as a header's value.
pub fn principal_to_ascii(principal: &Principal) -> String {
    URL_SAFE_NO_PAD.encode(principal.to_json())
}

/// Reads it back.
pub fn principal_from_ascii(text: &str) -> Option<Principal> {
    Principal::from_json(&String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?)
}

/// A listener and its filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The JSON text of the subscription's id.
    pub id: String,
    /// The changes that it subscribes to.
    #[serde(default)]
    pub filter: SubscriptionFilter,
}

impl Record for Listener {
    /// The id and the filter, a line each.
    fn from_0_1_0(text: &str) -> Option<Self> {
        let (id, filter) = text.split_once('\n')?;
        Some(Self { id: id.to_owned(), filter: SubscriptionFilter::from_json(filter).ok()? })
    }
}

impl Listener {
    /// The listener as a header's value.
    pub fn to_ascii(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_json())
    }

    /// The same as version 0.1.0 reads it.
    pub fn to_ascii_0_1_0(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.id, self.filter.to_json()))
    }

    /// Reads either.
    pub fn from_ascii(text: &str) -> Option<Self> {
        Self::from_json(&String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?)
    }

    /// The notification for this listener, if it wants to hear of the change.
    pub fn notification_for(&self, change: &Change<'_>) -> Option<Vec<u8>> {
        let id = RawValue::from_string(self.id.clone()).ok()?;
        let subscription = Subscription(RequestId::read(&id)?);
        match change {
            // The client knows it by the address that it asked for.
            Change::Resource { uri } => {
                let uri = self.filter.watched_as(uri).next()?;
                Some(subscription.notification(&Change::Resource { uri }))
            }
            change => self.filter.wants(change).then(|| subscription.notification(change)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_auth::subject::Subject;
    use test_support::stored::of_0_1_0;

    #[test]
    fn a_listener_hears_what_it_wanted_under_its_own_id() {
        let filter =
            SubscriptionFilter { tools_list_changed: true, ..SubscriptionFilter::default() };
        let listener = Listener { id: "\"ü\"".into(), filter };
        insta::assert_snapshot!(
            listener.to_json(),
            @r#"{"id":"\"ü\"","filter":{"toolsListChanged":true,"promptsListChanged":false,"resourcesListChanged":false,"resourceSubscriptions":[],"taskIds":[]}}"#
        );
        let old = of_0_1_0("listener", &listener.to_ascii_0_1_0());
        assert_eq!(Listener::from_ascii(&old).as_ref(), Some(&listener));
        let same = Listener::from_ascii(&listener.to_ascii()).unwrap();
        assert_eq!(same, listener);
        let told = String::from_utf8(same.notification_for(&Change::Tools).unwrap()).unwrap();
        assert!(told.contains(r#"subscriptionId":"ü""#), "{told}");
        assert_eq!(same.notification_for(&Change::Prompts), None);
    }

    #[test]
    fn a_principal_is_read_as_it_was_written() {
        let principal =
            Principal { client: "Cläude".into(), ..Principal::without_rights(Subject([7; 16])) };
        let stored = of_0_1_0("header-principal", &principal_to_ascii(&principal));
        assert_eq!(principal_from_ascii(&stored), Some(principal));
    }

    #[test]
    fn a_resource_is_told_of_by_the_address_that_the_listener_wrote() {
        let resource_subscriptions = vec!["SITEBAY://sites/".to_owned()];
        let filter = SubscriptionFilter { resource_subscriptions, ..SubscriptionFilter::default() };
        let listener = Listener { id: "1".into(), filter };
        let told = listener.notification_for(&Change::Resource { uri: "sitebay://sites" }).unwrap();
        assert!(String::from_utf8(told).unwrap().contains(r#""uri":"SITEBAY://sites/""#));
        assert_eq!(listener.notification_for(&Change::Resource { uri: "sitebay://teams" }), None);
    }
}

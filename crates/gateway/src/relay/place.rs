//! Where a call of an upstream runs: in an object that keeps the upstream's session, or in the Worker.

use std::rc::Rc;

use futures_util::{future::LocalBoxFuture, stream::LocalBoxStream};
use mcp_auth::secret::Secret;
use mcp_platform::record::Record;
use mcp_protocol::{
    capabilities::ClientCapabilities,
    jsonrpc::{INTERNAL_ERROR, RpcError},
    log_level::LoggingLevel,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{config::Upstream, connect::Connected, forwarded::Forwarded};

/// What the Worker asks of an upstream's object.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectRequest {
    /// What the upstream says of itself.
    About {
        /// The upstream's configured name.
        upstream: String,
        /// The bits of what the client in front can be asked.
        capabilities: u16,
        /// The caller, as the upstream is told of it.
        caller: Caller,
    },
    /// To send a request to the upstream.
    Call(RelayedCall),
    /// To go on with a call that waits for its client.
    Resume {
        /// The life of the object in which the call was parked.
        epoch: String,
        /// The call.
        park: u64,
        /// The round whose questions are answered.
        round: u64,
        /// The client's answers by the keys of the questions.
        responses: Vec<(String, Box<RawValue>)>,
    },
}

/// A request to an upstream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RelayedCall {
    /// The upstream's configured name.
    pub upstream: String,
    /// The method.
    pub method: String,
    /// The parameters, without `_meta` that belongs to one connection.
    pub params: Box<RawValue>,
    /// The caller, as the upstream is told of it.
    #[serde(default)]
    pub caller: Caller,
    /// The bits of what the client in front can be asked.
    #[serde(default)]
    pub capabilities: u16,
    /// From which level on the client wants log messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LoggingLevel>,
    /// Whether the request changes nothing, so that it may be sent again.
    #[serde(default)]
    pub reads: bool,
    /// Whether it calls a tool that may change something.
    #[serde(default)]
    pub changes: bool,
}

/// A caller, as upstreams are told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// `clientInfo`: the text of an object.
    #[serde(default)]
    pub client_info: String,
    /// The gateways that its request passed before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    /// Its headers that upstreams want.
    #[serde(default, skip_serializing_if = "Forwarded::is_empty")]
    pub headers: Forwarded,
    /// The key with which the upstream is called as this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<LentKey>,
}

impl Caller {
    /// The key with which an upstream is called as this person. `upstream`: as the object knows it, which may read its
    /// settings before or after the Worker did.
    ///
    /// # Errors
    /// Where the key was connected for another one, so that nothing may be sent.
    pub fn person(&self, upstream: &Upstream) -> Result<Option<&Connected>, RpcError> {
        match &self.key {
            Some(LentKey(key)) if !key.is_for(upstream) => {
                let name = &upstream.name;
                let why = format!(
                    "nothing was sent: the settings of `{name}` are being changed. Send the request again in half a minute"
                );
                Err(RpcError::new(INTERNAL_ERROR, why))
            }
            key => Ok(key.as_ref().map(|LentKey(key)| key)),
        }
    }
}

/// A person's key on its way to the object that calls the upstream with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LentKey(pub Connected);

/// Its form in a message.
#[derive(Serialize, Deserialize)]
struct WrittenKey {
    key: String,
    revision: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
    /// What it is bound to. One that does not say so is for no upstream.
    #[serde(default)]
    binding: String,
    #[serde(default)]
    connection: u64,
}

impl Serialize for LentKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Connected { key, revision, stack, binding, connection } = &self.0;
        let (key, revision) = (key.expose().to_owned(), revision.to_string());
        let stack = stack.as_ref().map(ToString::to_string);
        let (binding, connection) = (binding.to_string(), *connection);
        WrittenKey { key, revision, stack, binding, connection }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LentKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenKey { key, revision, stack, binding, connection } =
            WrittenKey::deserialize(deserializer)?;
        let (revision, binding) = (revision.into(), binding.into());
        let (key, stack) = (Secret::new(key), stack.map(Rc::from));
        Ok(Self(Connected { key, revision, stack, binding, connection }))
    }
}

impl RelayedCall {
    /// What the client in front can be asked.
    pub fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::from_bits(self.capabilities)
    }
}

impl Record for ObjectRequest {}

/// The chunks of an object's answer.
pub type FrameBody = LocalBoxStream<'static, Result<Vec<u8>, String>>;

/// The way from the Worker to the objects that keep upstreams' sessions for clients without one.
pub trait UpstreamObjects {
    /// Sends a request to the object of this upstream and this caller. Dropping the answer takes the
    /// request back.
    fn send(
        &self,
        upstream: &str,
        request: ObjectRequest,
    ) -> LocalBoxFuture<'static, Result<FrameBody, String>>;
}

/// What a stateless client carries from one round to the next for an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carriage {
    /// The state of a stateless upstream, where it gave one.
    State(Option<String>),
    /// The place of a parked call: the life of its object, its number there, and the round that asked.
    Park(String, u64, u64),
    /// The link at which the person connects a key, and until when it is good, in seconds since 1970. Nothing was sent.
    Connect(String, u64),
}

impl Carriage {
    /// The text that [`Self::read`] reads.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it back.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn upstream(url: &str, kind: &str) -> Upstream {
        Upstream::tickets(url, &json!({ "kind": kind }))
    }

    fn caller() -> Caller {
        let tickets = upstream("https://tickets.example/mcp", "subject");
        let connected = Connected::new(Secret::new("a secret"), "r", &tickets);
        Caller { key: Some(LentKey(connected)), ..Caller::default() }
    }

    #[test]
    fn a_lent_key_is_for_the_upstream_that_it_was_connected_for() {
        let text = serde_json::to_string(&caller()).unwrap();
        let read = |text: &str| serde_json::from_str::<Caller>(text).unwrap();
        let same = upstream("https://tickets.example/mcp", "subject");
        let (arrived, nobody) = (read(&text), Caller::default());
        assert_eq!(arrived.person(&same).unwrap().unwrap().key, Secret::new("a secret"));
        assert_eq!(nobody.person(&same), Ok(None));
        for (url, kind) in [
            ("https://elsewhere.example/mcp", "subject"),
            ("https://tickets.example/mcp", "oauth"),
            ("https://tickets.example/mcp", "none"),
        ] {
            let refused = arrived.person(&upstream(url, kind)).unwrap_err();
            assert!(refused.message.starts_with("nothing was sent"), "{}", refused.message);
            assert!(!refused.message.contains("a secret"));
        }
        let unbound = r#"{"key":{"key":"a secret","revision":"r"}}"#;
        assert!(read(unbound).person(&same).is_err());
    }

    #[test]
    fn a_lent_key_is_for_the_stack_that_it_was_connected_for() {
        let keboola = |settings| Upstream::keboola(&settings).unwrap();
        let all = keboola(json!({ "template": "keboola" }));
        let connected = Connected::new(Secret::new("a secret"), "r", &all);
        assert!(!connected.is_for(&all), "no stack was chosen");
        let connected = connected.at(Some("keboola.com"), &all);
        let text = serde_json::to_string(&LentKey(connected.clone())).unwrap();
        let LentKey(arrived) = serde_json::from_str(&text).unwrap();
        assert_eq!(arrived, connected);
        assert!(arrived.is_for(&all));
        let fewer = json!({ "template": "keboola", "stacks": ["acme.keboola.com"] });
        let other = Connected { stack: Some("eu-central-1.keboola.com".into()), ..arrived.clone() };
        assert!(!arrived.is_for(&keboola(fewer)) && !other.is_for(&all));
        let own = json!({ "template": "keboola", "url": "https://mcp.acme.example/mcp" });
        assert!(!arrived.is_for(&keboola(own)));
        assert!(!Connected::new(Secret::new("k"), "r", &all).at(Some("x"), &all).is_for(&all));
    }

    #[test]
    fn a_lent_key_arrives_and_is_not_shown() {
        let caller = caller();
        let text = serde_json::to_string(&caller).unwrap();
        assert_eq!(serde_json::from_str::<Caller>(&text).unwrap(), caller);
        assert!(!format!("{caller:?}").contains("a secret"));
        let before = serde_json::from_str::<Caller>(r#"{"client_info":"{}"}"#).unwrap();
        assert_eq!(before.key, None);
    }
}

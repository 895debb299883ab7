//! The object of one subject: whoever listens to its changes, wherever the stream is held.
//!
//! Invariant: listeners are hibernatable sockets with what they want in their attachment, so that the
//! hub sleeps while nothing changes and stores nothing.

#![expect(missing_docs, reason = "the attribute generates public items without docs")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use worker::{
    DurableObject, Env, Method, Request, Response, Result, State, WebSocket,
    WebSocketIncomingMessage, WebSocketPair, durable_object,
};

use crate::{
    access::principal::Subject,
    protocol::{
        jsonrpc::RequestId,
        stateless::listen::{Change, Filter, Subscription},
    },
    server::notify::News,
};

/// The header with which the Worker says what a listener wants. Only the Worker reaches a hub.
pub const LISTENER_HEADER: &str = "x-internal-listener";

/// Listeners that one subject may have.
const MAX_LISTENERS: usize = 1_000;

/// The name of a subject's hub.
pub fn hub_name(subject: Subject) -> String {
    format!("hub-{}", URL_SAFE_NO_PAD.encode(subject.0))
}

/// Who listens, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The JSON text of the subscription's id.
    pub id: String,
    /// What it wants to hear.
    pub filter: Filter,
}

impl Listener {
    /// The listener as a header's value.
    pub fn to_ascii(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn from_ascii(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    /// The notification for this listener, if it wants to hear of the change.
    fn told(&self, change: &Change<'_>) -> Option<Vec<u8>> {
        let id = RawValue::from_string(self.id.clone()).ok()?;
        let subscription = Subscription(RequestId::read(&id)?);
        self.filter.wants(change).then(|| subscription.notification(change))
    }
}

/// Tells listeners of one subject what changed.
#[durable_object]
pub struct HubAgent {
    state: State,
}

impl std::panic::RefUnwindSafe for HubAgent {}

impl DurableObject for HubAgent {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match request.method() {
            Method::Get => self.listen(&request),
            _ => {
                let news: News = serde_json::from_slice(&request.bytes().await?)?;
                self.tell(&news);
                Response::empty()
            }
        }
    }

    async fn websocket_message(
        &self,
        _socket: WebSocket,
        _message: WebSocketIncomingMessage,
    ) -> Result<()> {
        // A listener only listens.
        Ok(())
    }

    async fn websocket_close(
        &self,
        _socket: WebSocket,
        _code: usize,
        _reason: String,
        _was_clean: bool,
    ) -> Result<()> {
        Ok(())
    }
}

impl HubAgent {
    fn listen(&self, request: &Request) -> Result<Response> {
        let header = request.headers().get(LISTENER_HEADER)?;
        let Some(listener) = header.filter(|text| Listener::from_ascii(text).is_some()) else {
            return Response::error("not a listener", 400);
        };
        if self.state.get_websockets().len() >= MAX_LISTENERS {
            return Response::error("too many listeners", 429);
        }
        let pair = WebSocketPair::new()?;
        self.state.accept_web_socket(&pair.server);
        pair.server.serialize_attachment(listener)?;
        Response::from_websocket(pair.client)
    }

    fn tell(&self, news: &News) {
        let change = match news {
            News::ToolsChanged => Change::Tools,
            News::PromptsChanged => Change::Prompts,
            News::ResourcesChanged => Change::Resources,
            News::ResourceUpdated(uri) => Change::Resource { uri },
            News::Task(id, task) => Change::Task { id, task },
        };
        for socket in self.state.get_websockets() {
            let attached: Option<String> = socket.deserialize_attachment().ok().flatten();
            let listener = attached.and_then(|text| Listener::from_ascii(&text));
            let told = listener.and_then(|listener| listener.told(&change));
            if let Some(Ok(text)) = told.map(String::from_utf8) {
                // A socket that is closing hears nothing more.
                let _ = socket.send_with_str(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_hears_what_it_wanted_under_its_own_id() {
        let filter = Filter { tools_list_changed: true, ..Filter::default() };
        let listener = Listener { id: "\"ü\"".into(), filter };
        let same = Listener::from_ascii(&listener.to_ascii()).unwrap();
        assert_eq!(same, listener);
        let told = String::from_utf8(same.told(&Change::Tools).unwrap()).unwrap();
        assert!(told.contains(r#"subscriptionId":"ü""#), "{told}");
        assert_eq!(same.told(&Change::Prompts), None);
    }
}

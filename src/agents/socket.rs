//! The hibernatable sockets over which objects feed streams that the Worker holds.
//!
//! Invariant: the other end only listens, so that an object is woken by its news alone.

use worker::{Result, State, WebSocket, WebSocketPair};

/// A newer stream took the place of this one (RFC 6455 §7.4.2, private use).
pub const SUPERSEDED: u16 = 4000;
/// What the stream belonged to was ended.
pub const ENDED: u16 = 4001;

/// Whether messages still go through.
pub fn is_open(socket: &WebSocket) -> bool {
    let socket: &web_sys::WebSocket = socket.as_ref();
    socket.ready_state() == web_sys::WebSocket::OPEN
}

/// Closes a socket. One that is closing already has nothing to be told.
pub fn close(socket: &WebSocket, code: u16, reason: &str) {
    let _ = socket.close(Some(code), Some(reason));
}

/// The text that was kept with a socket.
pub fn attached(socket: &WebSocket) -> Option<String> {
    socket.deserialize_attachment().ok().flatten()
}

/// Accepts a socket that lets the object sleep, with a text of at most 2 KB kept with it.
pub fn accept(state: &State, tags: &[&str], text: &str) -> Result<WebSocketPair> {
    let pair = WebSocketPair::new()?;
    state.accept_websocket_with_tags(&pair.server, tags);
    pair.server.serialize_attachment(text)?;
    Ok(pair)
}

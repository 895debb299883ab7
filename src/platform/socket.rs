//! The hibernatable sockets over which objects feed streams that the Worker holds.
//!
//! Invariant: the other end only listens, so that an object is woken by its news alone, and by lists of upstreams that
//! changed.

use worker::{Result, State, WebSocket, WebSocketPair};

/// A newer stream took the place of this one (RFC 6455 §7.4.2, private use).
pub const SUPERSEDED: u16 = 4000;
/// The stream's session was ended.
pub const ENDED: u16 = 4001;
/// The client does not read what comes.
pub const TOO_SLOW: u16 = 4002;

/// Bytes that may wait in one socket for the Worker to take them; one message alone may have more.
/// The Worker takes what comes at once, so that only a burst or a slow network fills it.
const MAX_BUFFERED: usize = 4 * 1024 * 1024;

/// Whether messages still go through.
pub fn is_open(socket: &WebSocket) -> bool {
    let socket: &web_sys::WebSocket = socket.as_ref();
    socket.ready_state() == web_sys::WebSocket::OPEN
}

/// Sends a message. False where the socket does not take it: it is closing, or so much waits in it
/// already that it is closed now.
pub fn send(socket: &WebSocket, text: &str) -> bool {
    let raw: &web_sys::WebSocket = socket.as_ref();
    let buffered = usize::try_from(raw.buffered_amount()).unwrap_or(usize::MAX);
    if buffered > 0 && buffered.saturating_add(text.len()) > MAX_BUFFERED {
        close(socket, TOO_SLOW, "the client does not read");
        return false;
    }
    socket.send_with_str(text).is_ok()
}

/// Closes a socket. A socket that is closing already is left alone.
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

//! An answer in the making.

use std::borrow::Cow;

use futures_util::StreamExt as _;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Result, WebSocket};

use crate::runtime::http::body;

/// An answer, as the runtime has it.
pub type Response = web_sys::Response;

#[wasm_bindgen(module = "/src/runtime/http/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn whole(status: u16, lines: &str, body: &[u8]) -> std::result::Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    fn copied(response: &Response) -> std::result::Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    fn other(status: u16, lines: &str, body: JsValue) -> std::result::Result<Response, JsValue>;
}

/// Status and headers; the body finishes it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    status: u16,
    /// Names and values in turn, a line each.
    lines: String,
    /// The same of headers that hardly any other answer has.
    own: String,
}

impl Outgoing {
    /// Without headers.
    pub fn new(status: u16) -> Self {
        Self { status, lines: String::new(), own: String::new() }
    }

    /// With one more header. What would be more than one is cut: no value says so much.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        push(&mut self.lines, name, value);
        self
    }

    /// With one more header, whose value hardly any other answer has: all others together are kept
    /// ready (`glue.js`).
    pub fn own(mut self, name: &str, value: &str) -> Self {
        push(&mut self.own, name, value);
        self
    }

    /// With more headers.
    pub fn headers(self, headers: &[(&str, &str)]) -> Self {
        headers.iter().fold(self, |made, (name, value)| made.header(name, value))
    }

    /// With this body.
    ///
    /// # Errors
    /// Where the runtime takes no such header or status.
    pub fn whole(self, body: &[u8]) -> Result<Response> {
        Ok(whole(self.status, &self.all(), body)?)
    }

    /// Without a body.
    ///
    /// # Errors
    /// As [`Self::whole`].
    pub fn empty(self) -> Result<Response> {
        Ok(other(self.status, &self.all(), JsValue::NULL)?)
    }

    /// With a body that comes piece by piece.
    ///
    /// # Errors
    /// As [`Self::whole`].
    pub fn stream<S>(self, stream: S) -> Result<Response>
    where
        S: futures_util::Stream<Item = Result<Vec<u8>>> + 'static,
    {
        // Boxed, or each kind of stream would have a source of its own in the bundle.
        Ok(other(self.status, &self.all(), body::of(stream.boxed_local()))?)
    }

    /// Its own headers stand behind a carriage return.
    fn all(&self) -> Cow<'_, str> {
        match self.own.as_str() {
            "" => Cow::Borrowed(&self.lines),
            own => Cow::Owned([&self.lines, "\r", own].concat()),
        }
    }
}

fn push(lines: &mut String, name: &str, value: &str) {
    for text in [name, value] {
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(text.split(['\n', '\r']).next().unwrap_or_default());
    }
}

/// The other end of a socket.
///
/// # Errors
/// Only where the runtime fails.
pub fn upgraded(socket: WebSocket) -> Result<Response> {
    Ok(worker::Response::from_websocket(socket)?.into())
}

/// The same answer with headers that can be changed.
///
/// # Errors
/// Only where the runtime fails.
pub fn copy(response: &Response) -> Result<Response> {
    Ok(copied(response)?)
}

/// A text for another object of this server.
///
/// # Errors
/// Only where the runtime fails.
pub fn text(status: u16, text: &str) -> Result<Response> {
    Outgoing::new(status).whole(text.as_bytes())
}

/// A status for another object of this server.
///
/// # Errors
/// Only where the runtime fails.
pub fn empty(status: u16) -> Result<Response> {
    Outgoing::new(status).empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_does_not_bring_a_header_along() {
        let made = Outgoing::new(200).header("A", "1\nEvil\n2").header("B", "3");
        assert_eq!(made.all(), "A\n1\nB\n3");
        let made = Outgoing::new(200).header("A", "1\rEvil\n2").own("B", "2\r\nEvil");
        assert_eq!(made.own("C", "3").all(), "A\n1\rB\n2\nC\n3");
    }
}

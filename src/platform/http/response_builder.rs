//! An answer in the making.

use std::cell::RefCell;

use futures_util::StreamExt as _;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Result, WebSocket};

use crate::platform::http::body;

/// An answer, as the runtime has it.
pub type Response = web_sys::Response;

#[wasm_bindgen(module = "/src/platform/http/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn remember(at: u32, lines: &str, names: &str) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    fn whole(
        status: u16,
        at: u32,
        values: &str,
        body: &[u8],
    ) -> std::result::Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    fn copied(response: &Response) -> std::result::Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    fn other(
        status: u16,
        at: u32,
        values: &str,
        body: JsValue,
    ) -> std::result::Result<Response, JsValue>;
}

/// Status and headers; the body finishes it.
#[derive(Debug, Clone, Default)]
pub struct ResponseBuilder {
    status: u16,
    /// Names and values in turn, a line each.
    lines: String,
    /// The names of headers that hardly two answers have in common, a line each.
    own_names: String,
    /// Their values, a line each.
    own_values: String,
}

impl ResponseBuilder {
    /// Without headers.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Adds a header. The value is cut at the first line end.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        push(&mut self.lines, name);
        push(&mut self.lines, value);
        self
    }

    /// With one more header, whose value hardly any other answer has: all others together are made
    /// once and copied.
    pub fn own(mut self, name: &str, value: &str) -> Self {
        push(&mut self.own_names, name);
        push(&mut self.own_values, value);
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
        Ok(whole(self.status, self.known()?, &self.own_values, body)?)
    }

    /// Without a body.
    ///
    /// # Errors
    /// As [`Self::whole`].
    pub fn empty(self) -> Result<Response> {
        Ok(other(self.status, self.known()?, &self.own_values, JsValue::NULL)?)
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
        let body = body::of(stream.boxed_local());
        Ok(other(self.status, self.known()?, &self.own_values, body)?)
    }

    /// The number of its set of headers, which is made where it is not known.
    fn known(&self) -> Result<u32> {
        KNOWN.with_borrow_mut(|known| match known.find(&self.lines, &self.own_names) {
            Some(at) => Ok(at),
            None => {
                let at = known.next();
                remember(at, &self.lines, &self.own_names)?;
                // Only then: a number must never stand for the headers of another answer.
                known.add(&self.lines, &self.own_names);
                Ok(at)
            }
        })
    }
}

/// Sets of headers that are kept: an answer that copies one costs far less than one that makes it.
const MAX_KNOWN: usize = 16;

thread_local! {
    static KNOWN: RefCell<KnownHeaders> = RefCell::default();
}

/// The sets that `glue.js` has, by number: their lines and the names of what is set anew.
#[derive(Debug, Default)]
struct KnownHeaders(Vec<(String, String)>);

impl KnownHeaders {
    fn find(&self, lines: &str, names: &str) -> Option<u32> {
        let at = self.0.iter().position(|(known, own)| known == lines && own == names)?;
        u32::try_from(at).ok()
    }

    /// The number of the set that is added next.
    fn next(&mut self) -> u32 {
        // The address of a page is among them, and there may be any number of pages.
        if self.0.len() >= MAX_KNOWN {
            self.0.clear();
        }
        u32::try_from(self.0.len()).unwrap_or_default()
    }

    fn add(&mut self, lines: &str, names: &str) {
        self.0.push((lines.to_owned(), names.to_owned()));
    }
}

fn push(lines: &mut String, text: &str) {
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines.push_str(text.split(['\n', '\r', '\0']).next().unwrap_or_default());
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
    ResponseBuilder::new(status).whole(text.as_bytes())
}

/// A status for another object of this server.
///
/// # Errors
/// Only where the runtime fails.
pub fn empty(status: u16) -> Result<Response> {
    ResponseBuilder::new(status).empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_does_not_bring_a_header_along() {
        let made = ResponseBuilder::new(200).header("A", "1\nEvil\n2").header("B", "3");
        assert_eq!(made.lines, "A\n1\nB\n3");
        let made = ResponseBuilder::new(200).own("B", "2\r\nEvil").own("C", "3");
        assert_eq!((made.own_names.as_str(), made.own_values.as_str()), ("B\nC", "2\n3"));
    }

    #[test]
    fn sets_that_differ_in_lines_or_names_are_apart_and_few_are_kept() {
        let mut known = KnownHeaders::default();
        assert_eq!(known.find("A\n1", ""), None);
        for (at, names) in [(0, ""), (1, "B")] {
            assert_eq!(known.next(), at);
            known.add("A\n1", names);
        }
        assert_eq!((known.find("A\n1", ""), known.find("A\n1", "B")), (Some(0), Some(1)));
        for number in 0..100 {
            assert!(known.next() < 16);
            known.add("A", &number.to_string());
        }
    }
}

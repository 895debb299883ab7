//! A request that came in.

use std::{borrow::Cow, cell::Cell, ops::Range};

use wasm_bindgen::{JsCast as _, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::{ByteStream, Error, FromRequest, Method, Result};

/// The headers that are taken over with the request. Others can be asked for, one crossing each.
const NAMES: [&str; 17] = [
    "x-internal-seal",
    "origin",
    "authorization",
    "x-api-key",
    "x-mcp-secret",
    "x-sitebay-token",
    "content-type",
    "content-length",
    "accept",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "x-mcp-toolsets",
    "x-mcp-readonly",
    "last-event-id",
    "traceparent",
];

#[wasm_bindgen(module = "/src/platform/http/glue.js")]
extern "C" {
    fn head(request: &web_sys::Request, passed: bool) -> String;
}

/// A request that came in, with its body unread.
pub struct Request {
    raw: web_sys::Request,
    head: Head,
    read: Cell<bool>,
}

impl From<web_sys::Request> for Request {
    fn from(raw: web_sys::Request) -> Self {
        Self { head: Head::read(head(&raw, false)), raw, read: Cell::new(false) }
    }
}

impl FromRequest for Request {
    fn from_raw(
        raw: web_sys::Request,
    ) -> std::result::Result<Self, impl Into<Box<dyn std::error::Error>>> {
        Ok::<_, Error>(Self::from(raw))
    }
}

/// A request to an object.
impl From<worker::Request> for Request {
    fn from(request: worker::Request) -> Self {
        Self::to_object(Clone::clone(request.inner()))
    }
}

impl Request {
    /// A request to an object. Of its headers only those can be asked for that the Worker passes on.
    pub fn to_object(raw: web_sys::Request) -> Self {
        Self { head: Head::read(head(&raw, true)), raw, read: Cell::new(false) }
    }

    /// Its method.
    pub fn method(&self) -> Method {
        Method::from(self.head.method().to_owned())
    }

    /// Its method as it came. [`Self::method`] takes one that it does not know for `GET`.
    pub fn method_name(&self) -> &str {
        self.head.method()
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.head.url()
    }

    /// The path of its address.
    pub fn path(&self) -> &str {
        path(self.url())
    }

    /// A header. The name's case does not matter.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        match NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) {
            Some(index) => self.head.header(index).map(Cow::Borrowed),
            None => self.raw.headers().get(name).ok().flatten().map(Cow::Owned),
        }
    }

    /// The same as a text of its own.
    pub fn header_text(&self, name: &str) -> Option<String> {
        self.header(name).map(Cow::into_owned)
    }

    /// The runtime's own.
    pub fn inner(&self) -> &web_sys::Request {
        &self.raw
    }

    /// Its body, whole.
    ///
    /// # Errors
    /// Where the client went away, or it was read before.
    pub async fn bytes(&self) -> Result<Vec<u8>> {
        self.begin()?;
        let buffer = JsFuture::from(self.raw.array_buffer()?).await?;
        Ok(js_sys::Uint8Array::new(&buffer).to_vec())
    }

    /// Its body as text.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub async fn text(&self) -> Result<String> {
        let bytes = self.bytes().await?;
        Ok(String::from_utf8(bytes).unwrap_or_default())
    }

    /// Its body, piece by piece; None: it has none.
    ///
    /// # Errors
    /// Where it was read before.
    pub fn stream(&self) -> Result<Option<ByteStream>> {
        self.begin()?;
        let stream = self.raw.body().map(|body| body.unchecked_into::<web_sys::ReadableStream>());
        Ok(stream.map(ByteStream::from))
    }

    fn begin(&self) -> Result<()> {
        match self.read.replace(true) {
            true => Err(Error::BodyUsed),
            false => Ok(()),
        }
    }
}

/// The path of a URL that the runtime serialised: `/` is the first slash after the host.
fn path(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let from = behind.find('/').unwrap_or(behind.len());
    let path = behind.get(from..).unwrap_or_default();
    path.split(['?', '#']).next().filter(|path| !path.is_empty()).unwrap_or("/")
}

/// The lines of a head, as `glue.js` writes them.
struct Head {
    text: String,
    lines: [Range<u32>; NAMES.len() + 2],
}

impl Head {
    fn read(text: String) -> Self {
        let mut lines = std::array::from_fn(|_| 0..0);
        let mut from = 0;
        for (line, found) in lines.iter_mut().zip(text.split('\n')) {
            let to = found.len().saturating_add(from);
            *line = offset(from)..offset(to);
            from = to.saturating_add(1);
        }
        Self { text, lines }
    }

    fn line(&self, index: usize) -> &str {
        let range = self.lines.get(index).map(|range| range.start as usize..range.end as usize);
        range.and_then(|range| self.text.get(range)).unwrap_or_default()
    }

    fn method(&self) -> &str {
        self.line(0)
    }

    fn url(&self) -> &str {
        self.line(1)
    }

    fn header(&self, index: usize) -> Option<&str> {
        self.line(index.saturating_add(2)).strip_prefix(':')
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::stubs::session::PASSED;
    use mcp_auth::{authentication::OWN_TOKEN_HEADER, seal::SEAL_HEADER};

    const GLUE: &str = include_str!("glue.js");

    /// The object can read every header that the Worker passes on.
    #[test]
    fn objects_read_the_headers_that_are_passed_on() {
        let (_, behind) = GLUE.split_once("const OF_OBJECTS = [").unwrap();
        let (list, _) = behind.split_once("];").unwrap();
        let names: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        for name in PASSED.into_iter().chain([SEAL_HEADER, OWN_TOKEN_HEADER]) {
            assert!(names.contains(&name), "{name}");
        }
        assert!(names.iter().all(|name| NAMES.contains(name)));
    }

    #[test]
    fn both_sides_name_the_same_headers_in_the_same_order() {
        let (_, behind) = GLUE.split_once("const NAMES = [").unwrap();
        let (list, _) = behind.split_once("];").unwrap();
        let names: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(names, NAMES);
    }

    #[test]
    fn a_head_has_what_was_sent_and_tells_empty_from_missing() {
        let head = Head::read("POST\nhttps://x.example/mcp?a=1\n:seal\n\n:\n:key".to_owned());
        assert_eq!((head.method(), head.url()), ("POST", "https://x.example/mcp?a=1"));
        assert_eq!(head.header(0), Some("seal"));
        assert_eq!(head.header(1), None);
        assert_eq!(head.header(2), Some(""));
        assert_eq!(head.header(3), Some("key"));
        assert_eq!(head.header(4), None);
    }

    #[test]
    fn a_path_ends_where_the_query_begins() {
        for (url, expected) in [
            ("https://x.example/mcp?a=/b", "/mcp"),
            ("https://x.example/", "/"),
            ("http://127.0.0.1:8787/a/b#c", "/a/b"),
            ("https://x.example", "/"),
        ] {
            assert_eq!(path(url), expected, "{url}");
        }
    }
}

//! An outbound HTTP exchange whose answer is read while it arrives.
//!
//! Invariant: dropping the future of [`Platform::open`](crate::Platform::open), or the response that came of it, aborts
//! the exchange. Redirects are answers like others.

use std::{borrow::Cow, fmt, time::Duration};

use futures_util::stream::LocalBoxStream;

use crate::{Method, NetworkFailure};

/// A request whose answer is read as a stream.
#[derive(Clone)]
pub struct StreamRequest {
    /// The method.
    pub method: Method,
    /// The absolute URL, already encoded.
    pub url: String,
    /// Header names and values. Values may be secret: never log them.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body, if any.
    pub body: Option<String>,
    /// How long to wait for the status and the headers. The body has no deadline here.
    pub headers_within: Duration,
}

impl StreamRequest {
    /// The value of a header. The name's case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

impl fmt::Debug for StreamRequest {
    /// Header values and the query of the URL are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_ref()).collect();
        let url = self.url.split('?').next().unwrap_or_default();
        write!(f, "{:?} {url} {names:?}", self.method)
    }
}

/// The headers of an answer that anybody asks for. A header that came several times has its values joined by `", "`.
///
/// On Workers these are the ones that `stream_fetch.js` names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHeaders(Vec<(String, String)>);

impl ResponseHeaders {
    /// Headers of these names and values.
    pub fn new(headers: Vec<(String, String)>) -> Self {
        Self(headers)
    }

    /// The value of a header. The name's case does not matter.
    pub fn get(&self, name: &str) -> Option<&str> {
        find(&self.0, name)
    }
}

fn find<'a, N: AsRef<str>>(headers: &'a [(N, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known.as_ref().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// The chunks of a body, in the sizes in which they arrived.
pub type BodyStream = LocalBoxStream<'static, Result<Vec<u8>, NetworkFailure>>;

/// The answer to a [`StreamRequest`], as far as its headers.
pub struct StreamResponse {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: ResponseHeaders,
    /// The body, unread. It ends without an error where the connection was closed in an orderly way.
    pub body: BodyStream,
}

impl fmt::Debug for StreamResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_without_what_may_be_secret() {
        let request = StreamRequest {
            method: Method::Post,
            url: "https://a.example/mcp?key=secret".into(),
            headers: vec![("Authorization".into(), "Bearer secret".into())],
            body: Some("secret".into()),
            headers_within: Duration::ZERO,
        };
        let shown = format!("{request:?}");
        assert_eq!(shown, r#"Post https://a.example/mcp ["Authorization"]"#);
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
    }

    #[test]
    fn a_header_is_found_in_any_case() {
        let headers = ResponseHeaders::new(vec![("Content-Type".into(), "a".into())]);
        assert_eq!((headers.get("content-type"), headers.get("content")), (Some("a"), None));
    }
}

//! One received request, read to the end.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::HOST;
use percent_encoding::percent_decode_str;

/// A request with its body.
#[derive(Debug)]
pub(crate) struct Call {
    /// The method, as received.
    pub(crate) method: String,
    /// The path, still percent-encoded, without the query.
    pub(crate) path: String,
    /// The query, still encoded, without the question mark.
    pub(crate) query: String,
    /// All headers.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl Call {
    /// One header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The query's parameters, decoded, in their order.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The origin the caller used, for links and redirects.
    pub(crate) fn origin(&self) -> String {
        let host = self.header(HOST.as_str()).unwrap_or("127.0.0.1");
        format!("http://{host}")
    }
}

/// A path with its percent-encoding undone.
pub(crate) fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

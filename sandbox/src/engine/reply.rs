//! An answer, before it is written to the wire.

use bytes::Bytes;
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

/// A status, a few headers and a body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// Headers other than the content type.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The content type; none is sent when it is empty.
    pub(crate) content_type: String,
    /// The body.
    pub(crate) body: Bytes,
    /// The words after the status, where they are not the usual ones.
    pub(crate) reason: Option<String>,
}

impl Reply {
    /// An answer with a body.
    pub(crate) fn of(status: u16, content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let content_type = content_type.into();
        Self { status, headers: Vec::new(), content_type, body: body.into(), reason: None }
    }

    /// An answer with a JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string())
    }

    /// The usual success.
    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self::of(status, "", Bytes::new())
    }

    /// A redirect that keeps method and body.
    pub(crate) fn redirect(location: String) -> Self {
        Self::empty(307).with("location", location)
    }

    /// The same answer with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same answer with other words after its status.
    pub(crate) fn saying(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// The form the HTTP library sends.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        // A fault may ask for a number that is no status; the server fails rather than panics.
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&self.content_type)
            && !value.is_empty()
        {
            headers.insert(CONTENT_TYPE, value);
        }
        for (name, value) in self.headers {
            // What KV keeps beside a value may have any characters.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        if let Some(words) = self.reason.and_then(|it| ReasonPhrase::try_from(it.into_bytes()).ok())
        {
            response.extensions_mut().insert(words);
        }
        response
    }
}

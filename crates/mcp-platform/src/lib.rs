//! The [`Platform`] trait: the runtime functions that the server needs, so that the core runs on the host and in a
//! Worker alike: outbound HTTP, a timer, the clock, random ids.
//!
//! Invariant: nothing above this trait knows `worker`; nothing below it knows MCP.

use std::{rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use thiserror::Error;

use crate::stream::{StreamRequest, StreamResponse};

/// An HTTP method of an outbound request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the methods")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// An outbound HTTP request.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// The absolute URL, already encoded.
    pub url: String,
    /// Header names and values. Values may be secret: never log them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, if any.
    pub body: Option<String>,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
    /// Bytes that the answer's body may have.
    pub at_most: usize,
}

/// The answer to an [`OutboundRequest`].
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    /// The status code.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Retry-After` header, as sent.
    pub retry_after: Option<String>,
    /// The `Location` header, as sent. Redirects are not followed by the platform.
    pub location: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NetworkFailure {
    /// The answer did not come within the request's timeout.
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The connection could not be made, or broke.
    #[error("the connection failed: {0}")]
    Broken(String),
    /// The answer is larger than the limit in bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// The machine around the server. Shared by all calls of one object or request.
pub trait Platform {
    /// Sends a request and reads its whole answer. Never retries, never follows a redirect.
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>>;

    /// Sends a request and waits for the headers of its answer, whose body is read as it arrives. Never retries,
    /// never follows a redirect. Dropping the future, or the response, aborts the exchange.
    ///
    /// A machine without streams refuses every one.
    fn open(
        &self,
        _request: StreamRequest,
    ) -> LocalBoxFuture<'static, Result<StreamResponse, NetworkFailure>> {
        ready(Err(NetworkFailure::Broken("this platform opens no streams".into()))).boxed_local()
    }

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;

    /// Milliseconds since the Unix epoch. On Workers it stands still between I/O.
    fn now_ms(&self) -> u64;

    /// A random UUID v4 in its usual hyphenated form.
    fn uuid(&self) -> String;
}

/// A shared [`Platform`].
pub type SharedPlatform = Rc<dyn Platform>;

pub mod host_name;
pub mod message;
pub mod record;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod url;

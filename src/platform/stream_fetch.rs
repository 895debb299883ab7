//! [`Platform::open`](mcp_platform::Platform::open) on Workers: a fetch whose body is read as it arrives.
//!
//! Invariant: a fetch that is no longer wanted is aborted. Dropping a future or a stream of it alone would leave it
//! running, so what aborts it is dropped with them.
//!
//! Everything until the headers is one call of JavaScript, and with a small body of a known length also that: most answers of
//! upstreams are such, and each step between the two worlds costs some microseconds.

use std::task::Poll;

use futures_util::{StreamExt as _, stream};
use js_sys::Promise;
use wasm_bindgen::{JsCast as _, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::Response;

use crate::platform::workers::method;
use mcp_platform::{
    NetworkFailure,
    stream::{BodyStream, ResponseHeaders, StreamRequest, StreamResponse},
};

#[wasm_bindgen(module = "/src/platform/stream_fetch.js")]
extern "C" {
    type Opening;

    #[wasm_bindgen(js_name = open)]
    fn begin(method: &str, url: &str, lines: &str, body: Option<&str>, millis: u32) -> Opening;

    #[wasm_bindgen(method, getter)]
    fn answer(this: &Opening) -> Promise;

    #[wasm_bindgen(method, getter)]
    fn status(this: &Opening) -> u16;

    #[wasm_bindgen(method, getter)]
    fn headers(this: &Opening) -> String;

    #[wasm_bindgen(method, getter)]
    fn bytes(this: &Opening) -> Option<Vec<u8>>;

    #[wasm_bindgen(method, getter)]
    fn response(this: &Opening) -> web_sys::Response;

    #[wasm_bindgen(method)]
    fn abort(this: &Opening);
}

/// A fetch that is aborted when it is dropped before its end.
struct Fetching(Option<Opening>);

impl Fetching {
    /// It has ended.
    fn end(&mut self) {
        self.0 = None;
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if let Some(opening) = self.0.take() {
            opening.abort();
        }
    }
}

/// Sends a request and waits for the headers of its answer.
///
/// # Errors
/// Where they do not come within their time, or the connection fails.
pub async fn open(request: StreamRequest) -> Result<StreamResponse, NetworkFailure> {
    let within = request.headers_within;
    let millis = u32::try_from(within.as_millis()).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs());
    let lines = lines(&request)?;
    let method = method(request.method);
    let opening = begin(method, &request.url, &lines, request.body.as_deref(), millis);
    let answer = JsFuture::from(opening.answer());
    let mut fetching = Fetching(Some(opening));
    let answered = answer.await.map_err(|error| broken(error.into()))?;
    if answered.is_null() {
        fetching.end();
        return Err(NetworkFailure::TimedOut(within));
    }
    read(answered.unchecked_ref(), fetching).map_err(broken)
}

fn broken(error: worker::Error) -> NetworkFailure {
    NetworkFailure::Broken(error.to_string())
}

/// Names and values of the headers in turn, a line each.
fn lines(request: &StreamRequest) -> Result<String, NetworkFailure> {
    let room = request
        .headers
        .iter()
        .map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(2));
    let mut lines = String::with_capacity(room.sum());
    for part in request.headers.iter().flat_map(|(name, value)| [&**name, &**value]) {
        if part.contains(['\n', '\r', '\0']) {
            return Err(NetworkFailure::Broken("a header has several lines".to_owned()));
        }
        lines.push_str(part);
        lines.push('\n');
    }
    Ok(lines)
}

fn read(opening: &Opening, mut fetching: Fetching) -> worker::Result<StreamResponse> {
    let text = opening.headers();
    let mut parts = text.split('\n');
    let mut headers = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        headers.push((name.to_owned(), value.to_owned()));
    }
    let (status, headers) = (opening.status(), ResponseHeaders::new(headers));
    let body: BodyStream = match opening.bytes() {
        Some(bytes) => {
            fetching.end();
            stream::iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed_local()
        }
        None => {
            let mut chunks = Response::from(opening.response()).stream()?;
            stream::poll_fn(move |cx| {
                let next = chunks.poll_next_unpin(cx);
                if let Poll::Ready(None) = next {
                    fetching.end();
                }
                next.map_err(broken)
            })
            .boxed_local()
        }
    };
    Ok(StreamResponse { status, headers, body })
}

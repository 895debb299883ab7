//! [`Platform::open`](mcp_platform::Platform::open) on Workers: a fetch whose body is read as it arrives.
//!
//! Invariant: a fetch that is no longer wanted is aborted. Dropping a future or a stream of it alone would leave it
//! running, so an `AbortController` is dropped with them.

use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream,
};
use std::pin::pin;
use worker::{AbortController, Fetch, Headers, Request, Response, ResponseBody};

use crate::platform::{request, sleep::Sleep, workers::method};
use mcp_platform::{
    NetworkFailure,
    stream::{BodyStream, ResponseHeaders, StreamRequest, StreamResponse},
};

/// Aborts its fetch when it is dropped. A fetch that is over is not changed by it.
struct AbortOnDrop(Option<AbortController>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

/// Sends a request and waits for the headers of its answer.
///
/// # Errors
/// Where they do not come within their time, or the connection fails.
pub async fn open(request: StreamRequest) -> Result<StreamResponse, NetworkFailure> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let abort = AbortOnDrop(Some(controller));
    let within = request.headers_within;
    let fetch = Fetch::Request(build(&request).map_err(broken)?);
    let sent = pin!(fetch.send_with_signal(&signal));
    match select(sent, Sleep::new(within)).await {
        Either::Left((response, _)) => answer(response.map_err(broken)?, abort).map_err(broken),
        Either::Right(_) => Err(NetworkFailure::TimedOut(within)),
    }
}

fn broken(error: worker::Error) -> NetworkFailure {
    NetworkFailure::Broken(error.to_string())
}

fn build(request: &StreamRequest) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    request::request(method(request.method), &request.url, &headers, request.body.as_deref())
}

fn answer(mut response: Response, abort: AbortOnDrop) -> worker::Result<StreamResponse> {
    let headers = ResponseHeaders::new(response.headers().entries().collect());
    let status = response.status_code();
    let body: BodyStream = if matches!(response.body(), ResponseBody::Empty) {
        stream::empty().boxed_local()
    } else {
        let chunks = response.stream()?;
        chunks
            .map(move |chunk| {
                // The controller lives as long as the stream.
                let _held = &abort;
                chunk.map_err(broken)
            })
            .boxed_local()
    };
    Ok(StreamResponse { status, headers, body })
}

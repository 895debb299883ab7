//! [`Platform`] on Workers.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use uuid::Uuid;
use worker::{AbortSignal, Fetch, Headers, Request, Response, ResponseBody};

use crate::platform::{request, sleep::Sleep, stream_fetch};
use mcp_platform::{
    Method, NetworkFailure, OutboundRequest, OutboundResponse, Platform,
    stream::{StreamRequest, StreamResponse},
};

/// The Workers runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkersPlatform;

impl Platform for WorkersPlatform {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        fetch(request).boxed_local()
    }

    fn open(
        &self,
        request: StreamRequest,
    ) -> LocalBoxFuture<'static, Result<StreamResponse, NetworkFailure>> {
        stream_fetch::open(request).boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        Sleep::new(duration).boxed_local()
    }

    fn now_ms(&self) -> u64 {
        // Milliseconds fit into what JavaScript counts exactly.
        js_sys::Date::now() as u64
    }

    fn uuid(&self) -> String {
        Uuid::new_v4().to_string()
    }
}

async fn fetch(request: OutboundRequest) -> Result<OutboundResponse, NetworkFailure> {
    let (timeout, at_most) = (request.timeout, request.at_most);
    let signal = timeout_signal(timeout);
    let sent = async {
        let response = Fetch::Request(build(request)?).send_with_signal(&signal).await?;
        read(response, at_most).await
    };
    sent.await.map_err(|failure| match failure {
        Failure::TooLarge => NetworkFailure::TooLarge(at_most),
        // The signal also aborts a body that comes too slowly.
        Failure::Broken(_) if signal.aborted() => NetworkFailure::TimedOut(timeout),
        Failure::Broken(error) => NetworkFailure::Broken(error.to_string()),
    })
}

/// Why a request came to no answer.
enum Failure {
    /// The answer has more bytes than the request takes.
    TooLarge,
    /// The runtime failed, or the request was aborted.
    Broken(worker::Error),
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error)
    }
}

fn timeout_signal(timeout: Duration) -> AbortSignal {
    let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(millis))
}

fn build(request: OutboundRequest) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let method = method(request.method);
    request::request(method, &request.url, &headers, request.body.as_deref())
}

pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

async fn read(mut response: Response, at_most: usize) -> Result<OutboundResponse, Failure> {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let content_type = header("content-type");
    let retry_after = header("retry-after");
    let location = header("location");
    let status = response.status_code();
    let mut body = Vec::new();
    // A 204 has none at all.
    if !matches!(response.body(), ResponseBody::Empty) {
        let mut stream = response.stream()?;
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk?);
            if body.len() > at_most {
                return Err(Failure::TooLarge);
            }
        }
    }
    Ok(OutboundResponse { status, content_type, retry_after, location, body })
}

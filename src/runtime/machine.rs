//! [`Platform`] on Workers.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use uuid::Uuid;
use wasm_bindgen::JsValue;
use worker::{AbortSignal, Fetch, Headers, Request, RequestInit, RequestRedirect, Response};

use crate::{
    runtime::sleep::Sleep,
    server::platform::{Method, NetworkFailure, OutboundRequest, OutboundResponse, Platform},
};

/// Bytes an answer may have: twice what a result may have.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The Workers runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Platform for Machine {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        fetch(request).boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        Sleep::new(duration).boxed_local()
    }

    fn now_ms(&self) -> u64 {
        worker::Date::now().as_millis()
    }

    fn uuid(&self) -> String {
        Uuid::new_v4().to_string()
    }
}

async fn fetch(request: OutboundRequest) -> Result<OutboundResponse, NetworkFailure> {
    let timeout = request.timeout;
    let signal = timeout_signal(timeout);
    let sent = async {
        let response = Fetch::Request(build(request)?).send_with_signal(&signal).await?;
        read(response).await
    };
    match sent.await {
        Ok(answer) => answer,
        // The signal also aborts a body that comes too slowly.
        Err(_) if signal.aborted() => Err(NetworkFailure::TimedOut(timeout)),
        Err(error) => Err(NetworkFailure::Broken(error.to_string())),
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
    let mut init = RequestInit::new();
    init.with_method(method(request.method)).with_headers(headers);
    init.with_redirect(RequestRedirect::Manual);
    init.with_body(request.body.map(|body| JsValue::from_str(&body)));
    Request::new_with_init(&request.url, &init)
}

fn method(method: Method) -> worker::Method {
    match method {
        Method::Get => worker::Method::Get,
        Method::Post => worker::Method::Post,
        Method::Put => worker::Method::Put,
        Method::Patch => worker::Method::Patch,
        Method::Delete => worker::Method::Delete,
    }
}

async fn read(mut response: Response) -> worker::Result<Result<OutboundResponse, NetworkFailure>> {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let content_type = header("content-type");
    let retry_after = header("retry-after");
    let location = header("location");
    let status = response.status_code();
    let mut body = Vec::new();
    let mut stream = response.stream()?;
    while let Some(chunk) = stream.next().await {
        body.extend_from_slice(&chunk?);
        if body.len() > MAX_ANSWER {
            return Ok(Err(NetworkFailure::TooLarge(MAX_ANSWER)));
        }
    }
    Ok(Ok(OutboundResponse { status, content_type, retry_after, location, body }))
}

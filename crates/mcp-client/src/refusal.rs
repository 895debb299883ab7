//! Answers with a status other than 200: a JSON-RPC error in them, or what the status says.
//!
//! Invariant: 401, 403, 429 and the end of a session are told by their status, whatever the body says; any other error may
//! carry a JSON-RPC error, which counts more than its status.

use std::time::Duration;

use mcp_platform::{
    stream::{ResponseHeaders, StreamResponse},
    time::http_date,
};
use mcp_protocol::{
    jsonrpc::{INVALID_PARAMS, METHOD_NOT_FOUND, RequestId, TRANSPORT_ERROR},
    raw,
};

use crate::{
    body::Body,
    error::{UpstreamError, quote},
    message::{Answer, Answered, Message, Rules, read},
    upstream::Upstream,
};

/// Bytes of an error's body that are read.
const MAX_BODY: usize = 64 << 10;
/// How long the body of an error may take.
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// The longest wait that `Retry-After` may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The request that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// Its id; None for a notification and a GET.
    pub(crate) id: Option<RequestId>,
    /// Whether it named a session.
    pub(crate) in_session: bool,
    /// Levels of JSON that an error may have.
    pub(crate) depth: usize,
}

/// The JSON-RPC error of an answer with such a status.
///
/// # Errors
/// Where it has none, or the status counts more.
pub(crate) async fn classify(
    upstream: &Upstream,
    response: StreamResponse,
    refused: &Refused,
) -> Result<Answer, UpstreamError> {
    let (status, headers) = (response.status, response.headers);
    let challenge = || headers.get("www-authenticate").map(str::to_owned);
    match status {
        401 if !refused.in_session || challenge().is_some() => {
            return Err(UpstreamError::Unauthorized { challenge: challenge() });
        }
        403 => return Err(UpstreamError::Forbidden { challenge: challenge() }),
        429 => return Err(too_many(upstream, status, &headers)),
        _ => {}
    }
    let deadline = upstream.deadline(Some(BODY_WITHIN), Some(BODY_WITHIN));
    let body = beginning(Body::new(response.body, deadline, None)).await;
    let failure = error_in(&body, status, refused);
    if refused.in_session && is_session_gone(status, &body, failure.as_ref()) {
        return Err(UpstreamError::SessionGone);
    }
    if status == 401 {
        return Err(UpstreamError::Unauthorized { challenge: None });
    }
    if let Some(Failure { answer, .. }) = failure {
        return Ok(answer);
    }
    Err(match status {
        404 | 410 => UpstreamError::NotFound { status },
        408 | 425 => too_many(upstream, status, &headers),
        500.. => {
            UpstreamError::Unavailable { status, retry_after: retry_after(upstream, &headers) }
        }
        400..=499 => UpstreamError::Refused { status, quote: quote(&body) },
        _ => UpstreamError::bad_answer("its status has no meaning here", &body),
    })
}

/// The beginning of a body, as far as it comes in time.
async fn beginning(mut body: Body) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(chunk)) = body.next().await {
        let room = MAX_BODY.saturating_sub(read.len());
        read.extend(chunk.into_iter().take(room));
        if read.len() >= MAX_BODY {
            break;
        }
    }
    read
}

/// A JSON-RPC error that answers the request.
struct Failure {
    answer: Answer,
    code: i64,
    message: String,
    /// Whether it names the request.
    named: bool,
}

fn error_in(body: &[u8], status: u16, refused: &Refused) -> Option<Failure> {
    let rules = Rules { batch: false, depth: refused.depth, status };
    let Some(Message::Response { to, answer: Answer::Error(failure) }) =
        read(body, rules).ok()?.pop()
    else {
        return None;
    };
    let named = match to {
        Answered::Request(id) => Some(&id) == refused.id.as_ref(),
        Answered::Unnamed => false,
    };
    let (code, message) = (failure.code, failure.message.clone());
    Some(Failure { answer: Answer::Error(failure), code, message, named })
}

/// Whether the answer says that the session is unknown. 404 is the protocol's way. 400 with a word about the session is
/// how servers built after the examples of the TypeScript SDK do it, and 401 without a challenge how older servers of the Rust
/// SDK do; they have run nothing either.
fn is_session_gone(status: u16, body: &[u8], failure: Option<&Failure>) -> bool {
    let about_session = |text: &str| text.to_ascii_lowercase().contains("session");
    match (status, failure) {
        (404, Some(failure)) => {
            let ran = [METHOD_NOT_FOUND, INVALID_PARAMS].map(i64::from).contains(&failure.code);
            !(ran && failure.named)
        }
        (404, None) => true,
        (400, Some(failure)) => {
            failure.code == i64::from(TRANSPORT_ERROR) && about_session(&failure.message)
        }
        (400 | 401, None) => about_session(&quote(raw::without_bom(body))),
        _ => false,
    }
}

fn too_many(upstream: &Upstream, status: u16, headers: &ResponseHeaders) -> UpstreamError {
    UpstreamError::TooMany { status, retry_after: retry_after(upstream, headers) }
}

/// The wait that `Retry-After` asks for, in seconds or until a date; None where it is something else.
fn retry_after(upstream: &Upstream, headers: &ResponseHeaders) -> Option<Duration> {
    let text = headers.get("retry-after")?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = http_date(text)?;
            Duration::from_millis(at.saturating_sub(upstream.platform().now_ms()))
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

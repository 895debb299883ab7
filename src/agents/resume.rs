//! Reading on: the rest of a call's stream, for a client that lost its connection.
//!
//! Invariant: a resumed stream always ends in an answer: the rest from memory, the final answer from
//! storage, or an error that says what may have happened. Source: MCP 2025-11-25 `basic/transports`
//! "Resumability and Redelivery".

use futures_util::stream;
use worker::{Response, Result};

use crate::{
    agents::session::Session,
    edge::answer::{self, Caller},
    protocol::{
        event::{self, LastEvent},
        jsonrpc::{INTERNAL_ERROR, RpcError, error_text},
    },
};

/// Answers a GET that names the last event its client saw.
pub async fn answer(
    session: &Session,
    last: &LastEvent,
    incarnation: &str,
    caller: &Caller,
) -> Result<Response> {
    if let Some(rest) = session.resume(last) {
        return answer::stream(rest, caller);
    }
    let stored = session.store().stored(&last.stream).await;
    let body = stored.unwrap_or_else(|| lost(last, incarnation));
    let id = last.stream.event_id(last.place.saturating_add(1));
    let frame = event::message(Some(&id), &body);
    answer::stream(stream::iter([Ok(frame)]), caller)
}

/// The answer to a call whose own answer is gone.
fn lost(last: &LastEvent, incarnation: &str) -> Vec<u8> {
    let why = if last.incarnation == incarnation {
        "the answer to this request is no longer kept (10 minutes)"
    } else {
        "the server was restarted while this request ran, and it was interrupted"
    };
    let message =
        format!("{why}. What it was to change may have been changed: look before you repeat it");
    error_text(Some(&last.request), &RpcError::new(INTERNAL_ERROR, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_told_apart_from_one_that_is_forgotten() {
        let last = LastEvent::parse("aaaa.1.Nw.3").unwrap();
        let interrupted = String::from_utf8(lost(&last, "bbbb")).unwrap();
        assert!(interrupted.contains("restarted") && interrupted.contains(r#""id":7"#));
        let forgotten = String::from_utf8(lost(&last, "aaaa")).unwrap();
        assert!(forgotten.contains("no longer kept"), "{forgotten}");
    }
}

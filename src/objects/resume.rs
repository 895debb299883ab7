//! Reading on: the rest of a call's stream, for a client that lost its connection.
//!
//! Invariant: a resumed stream always ends in an answer: the rest from memory, the final answer from
//! storage, or an error that says what may have happened. Source: MCP 2025-11-25 `basic/transports`
//! "Resumability and Redelivery".

use std::rc::Rc;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use worker::Result;

use crate::{
    platform::{http::Response, workers::WorkersPlatform},
    response,
};
use mcp_protocol::{
    event::{self, LastEvent},
    jsonrpc::{INTERNAL_ERROR, RpcError, error_text},
};
use mcp_server::{
    call::{AttachedAnswer, run_attached},
    channel::Channel,
    session::{Session, encode},
    task_call,
    tasks::Tasks,
};

/// The prefix of the stored row of a call that continues in a task, before the task's id.
pub const MOVED: &str = "task:";

/// Answers a GET that names the last event its client saw.
pub async fn answer(
    session: &Rc<Session>,
    last: &LastEvent,
    incarnation: &str,
    tasks: Rc<dyn Tasks>,
) -> Result<Response> {
    if let Some(rest) = session.resume(last) {
        return response::stream_to_worker(rest.map(Ok));
    }
    let stored = session.store().stored(&last.stream).await;
    let body = match stored {
        Some(stored) => match task_of(&stored) {
            Some(task) => return follow(session, last, task.to_owned(), tasks).await,
            None => stored,
        },
        None => lost_answer(last, incarnation),
    };
    let id = last.stream.event_id(last.place.saturating_add(1));
    let frame = event::message(Some(&id), &body);
    response::stream_to_worker(stream::iter([Ok(frame)]))
}

/// The task in which a call went on whose own object ended before it.
pub(super) fn task_of(stored: &[u8]) -> Option<&str> {
    std::str::from_utf8(stored).ok()?.strip_prefix(MOVED)
}

/// Waits for the task instead of the call. A question that the task has open is put to the client again.
async fn follow(
    session: &Rc<Session>,
    last: &LastEvent,
    task: String,
    tasks: Rc<dyn Tasks>,
) -> Result<Response> {
    let (channel, request) = (Channel::of_request(last.request.clone()), last.request.clone());
    let version = session.version();
    let (running, back) = session.read_on(&request, &channel, &task, Rc::new(WorkersPlatform));
    let call = async move {
        let _running = running;
        let ended = tasks.follow(&task, false, back, None).await;
        encode(version, "tools/call", &request, task_call::ended(&task, ended))
    };
    match run_attached(call.boxed_local(), channel, Rc::new(WorkersPlatform), Rc::default()).await {
        AttachedAnswer::Whole(reply) => {
            let body = reply.body().unwrap_or_default();
            response::stream_to_worker(stream::iter([Ok(event::message(None, body))]))
        }
        AttachedAnswer::Stream(rest) => response::stream_to_worker(rest.map(Ok)),
    }
}

/// The answer to a call whose own answer is gone.
fn lost_answer(last: &LastEvent, incarnation: &str) -> Vec<u8> {
    let why = if last.incarnation == incarnation {
        "the answer to this request was kept for 10 minutes and is gone"
    } else {
        "the server restarted and interrupted this request"
    };
    let message = format!(
        "{why}. If the request changes something, the change may have happened: check \
                 before you repeat it"
    );
    error_text(Some(&last.request), &RpcError::new(INTERNAL_ERROR, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_told_apart_from_one_that_is_forgotten() {
        let last = LastEvent::parse("aaaa.1.Nw.3").unwrap();
        let interrupted = String::from_utf8(lost_answer(&last, "bbbb")).unwrap();
        assert!(interrupted.contains("restarted") && interrupted.contains(r#""id":7"#));
        let forgotten = String::from_utf8(lost_answer(&last, "aaaa")).unwrap();
        assert!(forgotten.contains("kept for 10 minutes and is gone"), "{forgotten}");
    }
}

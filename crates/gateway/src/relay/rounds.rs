//! One request to a stateless upstream (2026-07-28), through all its rounds.
//!
//! Invariant: what the upstream calls its state goes back to it byte for byte, with the answers to the
//! questions that came with it, and with nothing else. A client with a session is asked here; one without
//! carries the state itself. Source: MCP 2026-07-28 `basic/patterns/mrtr`; SEP-2663 for calls that become tasks.

use std::{borrow::Cow, cell::Cell, time::Duration};

use futures_util::future::{Either, select};
use mcp_client::{
    connection::Connection,
    error::UpstreamError,
    message::{Answer, Incoming},
    stateless::{Outcome, outcome},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    jsonrpc::RpcError,
    object::{Object, quoted},
    spans,
    stateless::{method::Method, mrtr::KeyedRequest},
};
use mcp_server::{
    client_request::{Stop, StopReason},
    notifier::Notifier,
};
use serde_json::value::RawValue;

use super::{Asked, Failure, converse::pass_on, once_begun, place::Carriage, questions};

/// Rounds that one request may have while its client has a session.
const MAX_ROUNDS: u32 = 10;
/// Rounds without a question in a row: the upstream asks for time.
const MAX_WAITS: u32 = 3;

/// The answers of a client by their keys, and the state that goes back with them.
#[derive(Debug, Default)]
struct Next {
    responses: Option<String>,
    state: Option<String>,
}

/// Sends a request, and again with the answers to its questions.
///
/// # Errors
/// Where there is no result, and where the client must answer with a new request.
pub(super) async fn ask(
    connection: &Connection,
    asked: &Asked<'_>,
    back: &dyn Notifier,
    platform: &SharedPlatform,
    begun: &Cell<bool>,
) -> Result<String, Failure> {
    let may_ask = Method::parse(asked.method).is_ok_and(Method::may_ask);
    let mut next = carried(back);
    // The round before this one was sent by another request.
    let is_resumed = next.state.is_some() || next.responses.is_some();
    let mut waits = 0_u32;
    for _ in 0..MAX_ROUNDS {
        let params = match may_ask {
            true => Cow::Owned(with_answers(asked.params, &next)),
            // What looks like answers is the client's: those to the questions of a task.
            false => Cow::Borrowed(asked.params),
        };
        let result = match send(connection, asked, &params, back).await {
            Err(Failure::Upstream(error))
                if begun.get() || (is_resumed && leaves_it_unknown(&error)) =>
            {
                return Err(once_begun(error));
            }
            sent => sent?,
        };
        begun.set(true);
        let (questions, state) = match outcome(asked.method, &result)? {
            Outcome::Complete => return Ok(result.get().to_owned()),
            Outcome::Task { id } if asked.takes_task => {
                return Err(Failure::Task { id, text: result.get().to_owned() });
            }
            Outcome::Task { .. } => {
                let why = "it handed out a task to a client that cannot follow one";
                return Err(UpstreamError::bad_answer(why, b"").into());
            }
            Outcome::InputRequired { questions, state } => (questions.unwrap_or_default(), state),
        };
        let mut keyed = Vec::with_capacity(questions.len());
        for asks in questions {
            let question = questions::question(&asks.method, asks.params.as_deref());
            let question = question.map_err(refused)?;
            keyed.push(KeyedRequest::new(asks.key, question));
        }
        let able = |keyed: &&KeyedRequest| back.capabilities().has(keyed.question.needs());
        if let Some(keyed) = keyed.iter().find(|keyed| !able(keyed)) {
            let missing = StopReason::MissingCapability(keyed.question.needs());
            return Err(Failure::Stopped(Stop(missing)));
        }
        let carriage = Carriage::State(state.clone()).to_json();
        let keys: Vec<String> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
        waits = if keys.is_empty() { waits.saturating_add(1) } else { 0 };
        if keys.is_empty() && !back.suspends() {
            if waits > MAX_WAITS {
                break;
            }
            let pause = Duration::from_millis(250_u64.saturating_mul(1 << waits));
            platform.sleep(pause).await;
        }
        let answers = match keys.is_empty() && !back.suspends() {
            true => Vec::new(),
            false => back.relay(keyed, &carriage).await.map_err(Failure::Stopped)?,
        };
        let responses = keys.iter().zip(&answers);
        let responses =
            responses.fold(Object::new(), |all, (key, answer)| all.raw(key, &answer.to_string()));
        next = Next { responses: (!keys.is_empty()).then(|| responses.end()), state };
    }
    Err(UpstreamError::bad_answer("it asks again and again", b"").into())
}

/// Whether the outcome is unknown after this error in a later round of a call. Not where a key was refused, which
/// is told in words of its own, or where the request reached nobody.
fn leaves_it_unknown(error: &UpstreamError) -> bool {
    !matches!(
        error,
        UpstreamError::Unauthorized { .. }
            | UpstreamError::Unreachable { never_connected: true, .. }
    )
}

/// One sending.
async fn send(
    connection: &Connection,
    asked: &Asked<'_>,
    params: &str,
    back: &dyn Notifier,
) -> Result<Box<RawValue>, Failure> {
    if back.is_cancelled() {
        return Err(Failure::TakenBack);
    }
    let mut exchange = connection.request(asked.request(params));
    let mut taken_back = back.cancelled();
    loop {
        let incoming = {
            let next = std::pin::pin!(exchange.next());
            match select(&mut taken_back, next).await {
                // Dropping the exchange takes the request back.
                Either::Left(_) => return Err(Failure::TakenBack),
                Either::Right((incoming, _)) => incoming,
            }
        };
        match incoming.ok_or(UpstreamError::Cut)?? {
            Incoming::Answer(Answer::Result(result)) => return Ok(result),
            Incoming::Answer(Answer::Error(failure)) => {
                return Err(UpstreamError::Rpc(failure).into());
            }
            other => pass_on(&other, back),
        }
    }
}

/// What a stateless client brought back.
fn carried(back: &dyn Notifier) -> Next {
    let Some(carried) = back.carried() else {
        return Next::default();
    };
    let Some(Carriage::State(state)) = Carriage::read(&carried.state) else {
        return Next::default();
    };
    let all = carried.responses.iter();
    let all = all.fold(Object::new(), |all, (key, answer)| all.raw(key, answer.get()));
    Next { responses: (!carried.responses.is_empty()).then(|| all.end()), state }
}

fn with_answers(params: &str, next: &Next) -> String {
    let mut text = spans::without(params, &["inputResponses", "requestState"]);
    if let Some(responses) = &next.responses {
        text = spans::with(&text, "inputResponses", responses);
    }
    if let Some(state) = &next.state {
        text = spans::with(&text, "requestState", &quoted(state));
    }
    text
}

fn refused(error: RpcError) -> Failure {
    Failure::Stopped(Stop::refused(error))
}

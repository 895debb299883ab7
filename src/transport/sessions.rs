//! `DELETE /sessions`: a caller ends all of its sessions, wherever they are.
//!
//! Invariant: a session that is started after the answer lives. A session id says in whole seconds
//! when it was issued, so that the answer waits until the second is over in which sessions end.

use std::time::Duration;

use worker::{Env, Method, Request, Response, Result};

use crate::{
    edge::{
        answer::{self, Caller},
        config::Config,
        refusal::Refusal,
    },
    runtime::{machine::Machine, sleep::Sleep},
    server::platform::Platform as _,
    transport::{
        endpoint::{Endpoint, Outcome, stop_answer},
        hub::Hub,
    },
};

/// Where sessions are ended.
pub const PATH: &str = "/sessions";

/// Answers a request to it.
///
/// # Errors
/// Only where the runtime fails; a refusal is an answer.
pub async fn handle(
    request: Request,
    env: &Env,
    config: &Config,
    caller: &Caller,
) -> Result<Response> {
    let answered = async {
        let endpoint = Endpoint::admit(&request, env, config, caller).await?;
        match request.method() {
            Method::Delete => end(&endpoint).await,
            _ => Err(Refusal::Method("DELETE, OPTIONS").into()),
        }
    };
    answered.await.or_else(|stop| stop_answer(stop, caller))
}

async fn end(endpoint: &Endpoint<'_>) -> Outcome<Response> {
    end_all(&Hub::of(endpoint)).await?;
    Ok(answer::no_content(endpoint.caller)?)
}

/// Ends all sessions of a subject.
///
/// # Errors
/// 503 where its hub cannot be asked.
pub async fn end_all(hub: &Hub) -> std::result::Result<(), Refusal> {
    let second = || Machine.now_ms() / 1_000;
    let not_before = second();
    let until = u32::try_from(not_before).unwrap_or(u32::MAX);
    if let Err(error) = hub.end_sessions(until).await {
        worker::console_error!("sessions could not be ended: {error}");
        return Err(Refusal::HubUnreachable);
    }
    while second() <= not_before {
        let left = 1_000_u64.saturating_sub(Machine.now_ms() % 1_000);
        Sleep::new(Duration::from_millis(left)).await;
    }
    Ok(())
}

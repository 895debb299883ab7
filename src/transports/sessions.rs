//! `DELETE /sessions`: a caller ends all of its sessions, wherever they are.
//!
//! Invariant: a session that is started after the answer lives. A session id says in whole seconds
//! when it was issued, so that the answer waits until the second is over in which sessions end.

use std::time::Duration;

use worker::Method;

use crate::{
    error::AppResult,
    platform::{
        http::{Request, Response},
        sleep::Sleep,
        workers::WorkersPlatform,
    },
    response,
    stubs::hub::Hub,
    transports::endpoint::AdmittedRequest,
};
use mcp_auth::refusal::Refusal;
use mcp_platform::Platform as _;

/// Where sessions are ended.
pub const PATH: &str = "/sessions";

/// Answers a request to it.
pub async fn handle(endpoint: AdmittedRequest<'_>, request: &Request) -> AppResult<Response> {
    match request.method() {
        Method::Delete => {
            if let Some(check) = endpoint.token_check() {
                check.run().await?;
            }
            end(&endpoint.hub()).await?;
            Ok(response::no_content(endpoint.caller)?)
        }
        _ => Err(Refusal::Method("DELETE, OPTIONS").into()),
    }
}

/// Ends all sessions of a subject.
///
/// # Errors
/// 503 where its hub does not answer.
pub async fn end(hub: &Hub) -> AppResult<()> {
    let second = || WorkersPlatform.now_ms() / 1_000;
    let not_before = second();
    let until = u32::try_from(not_before).unwrap_or(u32::MAX);
    if let Err(error) = hub.end_sessions(until).await {
        log::error!("sessions could not be ended: {error}");
        return Err(Refusal::HubUnreachable.into());
    }
    while second() <= not_before {
        let left = 1_000_u64.saturating_sub(WorkersPlatform.now_ms() % 1_000);
        Sleep::new(Duration::from_millis(left)).await;
    }
    Ok(())
}

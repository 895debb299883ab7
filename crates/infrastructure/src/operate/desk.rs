//! Requests to the object of a stage.

use std::time::Duration;

use mcp_platform::record::Record as _;
use mcp_server::{client_request::Stop, context::Context};

use crate::state::{Answer, Refusal, Request, StageState};

use super::{Ended, failed};

/// Pauses before a request that was lost is sent again. Every request may come twice: what it would do again is refused.
const RETRIES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// The object did not answer. Why is for its own log.
const UNREACHABLE: &str = "the records of the stage cannot be reached at the moment";

/// Asks the object of a stage.
///
/// # Errors
/// Where it does not answer: it may have done what was asked of it.
pub(super) async fn ask(ctx: &Context, stage: &str, request: &Request) -> Result<Answer, String> {
    let Some(stages) = ctx.stages.as_deref() else {
        return Err("this server keeps no records of stages".to_owned());
    };
    let json = request.to_json();
    let mut pauses = RETRIES.into_iter();
    loop {
        if let Ok(text) = stages.ask(stage, json.clone()).await
            && let Some(answer) = Answer::from_json(&text)
        {
            return Ok(answer);
        }
        match pauses.next() {
            Some(pause) => ctx.platform.sleep(pause).await,
            None => return Err(UNREACHABLE.to_owned()),
        }
    }
}

/// The same; a task is held back where the object does not answer, and a refusal ends the call.
pub(super) async fn ask_or_hold(
    ctx: &Context,
    stage: &str,
    request: &Request,
) -> Result<Answer, Ended> {
    match ask(ctx, stage, request).await {
        Ok(Answer::Refused(refusal)) => failed(refusal.to_string()),
        Ok(answer) => Ok(answer),
        Err(why) => Err(Stop::held(why).into()),
    }
}

/// Goes on where the stage is not being destroyed. A server that keeps no records of stages destroys none.
///
/// # Errors
/// A destroy that runs or did not end, or records that cannot be reached.
pub(crate) async fn check_not_destroyed(ctx: &Context, stage: &str) -> Result<(), String> {
    if ctx.stages.is_none() {
        return Ok(());
    }
    match ask(ctx, stage, &Request::Read).await? {
        Answer::State(state) if state.is_blocked() => Err(Refusal::Unfinished.to_string()),
        Answer::State(_) => Ok(()),
        Answer::Refused(refusal) => Err(refusal.to_string()),
        _ => Err(UNREACHABLE.to_owned()),
    }
}

/// The records of a stage.
pub(super) async fn state(ctx: &Context, stage: &str) -> Result<StageState, Ended> {
    match ask_or_hold(ctx, stage, &Request::Read).await? {
        Answer::State(state) => Ok(*state),
        _ => Err(Stop::held(UNREACHABLE).into()),
    }
}

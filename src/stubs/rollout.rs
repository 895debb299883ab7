//! Which share of the subjects is let in now: from the isolate, else from the KV store.

use worker::Env;

use crate::platform::stores::STORE;
use crate::{
    config::Config,
    platform::{clock::now_s, stores::Store},
    state,
};
use mcp_auth::{
    principal::Principal,
    refusal::Refusal,
    rollout::{KEY, parse},
    subject::Subject,
};
use mcp_server::cold::cold;

/// Lets a caller in, or not yet. `place` is the subject whose place in the rollout counts.
///
/// # Errors
/// 503 outside the share.
pub async fn admit(
    env: &Env,
    config: &Config,
    principal: &Principal,
    place: Subject,
) -> Result<(), Refusal> {
    if !config.has_rollout {
        return Ok(());
    }
    let Some(percentage) = percentage(env).await else {
        return Ok(());
    };
    match config.rollout_allow.admits(principal, place, percentage) {
        true => Ok(()),
        false => Err(Refusal::Rollout(percentage, principal.subject)),
    }
}

/// The percentage. `None`: no store is bound, and all subjects are admitted.
pub async fn percentage(env: &Env) -> Option<u8> {
    // A store that is bound stays bound: the store is looked for where nothing is known.
    let known = state::with_percentage(|percentage| percentage.fresh(now_s()));
    if known.is_some() {
        return known;
    }
    let store = Store::of(env, STORE)?;
    let answer = match cold(store.get(KEY)).await {
        Ok(found) => parse_percentage(found.as_deref()),
        Err(error) => {
            log::error!("{KEY} cannot be read: {error}");
            None
        }
    };
    Some(state::with_percentage(|percentage| {
        percentage.note(answer, now_s());
        percentage.usable()
    }))
}

/// A missing percentage is 100; an unreadable one changes nothing.
fn parse_percentage(found: Option<&str>) -> Option<u8> {
    let Some(found) = found else {
        return Some(100);
    };
    let percentage = parse(found);
    if percentage.is_none() {
        log::error!("{KEY} is `{found}`: expected a whole number from 0 to 100");
    }
    percentage
}

/// Sets the percentage: here at once, elsewhere within 30 s and what the store takes.
///
/// # Errors
/// Where no store is bound, or it cannot be written.
pub async fn set(env: &Env, percentage: u8) -> Result<(), Refusal> {
    let store = Store::of(env, STORE).ok_or(Refusal::NotBound(STORE))?;
    store.put(KEY, &percentage.to_string()).await.map_err(|error| {
        log::error!("{KEY} cannot be written: {error}");
        Refusal::DatabaseFailed
    })?;
    state::with_percentage(|known| known.note(Some(percentage), now_s()));
    Ok(())
}

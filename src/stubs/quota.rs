//! Whether a subject may make another request: by what the isolate holds, else by the subject's
//! quota object. And whether the SiteBay token that names a subject is verified: until then its
//! requests count against the account, and the subject has no quota object.

use futures_util::FutureExt as _;
use worker::{Env, Error, Headers, Result};

use crate::{
    platform::{clock::now_s, object_stub::ObjectStub},
    state,
};
use mcp_auth::{
    accepted_tokens::{AcceptedTokens, TokenLookup},
    principal::Principal,
    quota::{Lease, LeaseRequest, LeaseSize, QuotaDecision, Rate, WindowCount},
    quota_request::{QuotaRequest, QuotaResponse},
    refusal::Refusal,
    subject::Subject,
};
use mcp_server::{changes::WaitUntil, cold::cold};

/// The binding of the quotas.
const QUOTA_AGENT: &str = "QUOTA_AGENT";

/// Admits a request, or not.
///
/// # Errors
/// 429 where the window is used up, 503 where that cannot be found out.
pub async fn admit(env: &Env, subject: Subject, limit: u32) -> std::result::Result<Rate, Refusal> {
    let mut taken = state::with_leases(|leases| leases.take(subject, limit, now_s()));
    if let QuotaDecision::Ask(part) = taken {
        let lease = cold(lease(env, subject, part, limit)).await.map_err(|error| {
            log::error!("the quota could not be asked: {error}");
            Refusal::QuotaUnreachable
        })?;
        taken = state::with_leases(|leases| leases.note(subject, limit, lease, now_s()));
    }
    match taken {
        QuotaDecision::Admitted(rate) => Ok(rate),
        QuotaDecision::Refused(rate) => Err(Refusal::RateLimit(rate, pause(rate))),
        QuotaDecision::Ask(_) => Err(Refusal::QuotaUnreachable),
    }
}

/// Admits the further requests of a batch whose first one was admitted, or none of them.
///
/// # Errors
/// As [`admit`].
pub async fn admit_batch(
    env: &Env,
    subject: Subject,
    limit: u32,
    requests: usize,
) -> std::result::Result<Option<Rate>, Refusal> {
    let mut rate = None;
    for _ in 1..requests {
        rate = Some(admit(env, subject, limit).await?);
    }
    Ok(rate)
}

/// Admits the start of a session of a caller that was admitted, or not.
///
/// # Errors
/// 429 where it starts too many.
pub fn start(subject: Subject, rate: Rate) -> std::result::Result<(), Refusal> {
    match state::with_leases(|leases| leases.may_start(subject, rate.limit, now_s())) {
        true => Ok(()),
        false => Err(Refusal::RateLimit(rate, pause(rate))),
    }
}

fn pause(rate: Rate) -> u64 {
    rate.reset.saturating_sub(now_s()).max(1)
}

async fn lease(env: &Env, subject: Subject, part: LeaseSize, limit: u32) -> Result<Lease> {
    let wanted = LeaseRequest { limit, now_s: now_s() };
    let wanted = match part {
        LeaseSize::Usual => QuotaRequest::Lease(wanted),
        LeaseSize::One => QuotaRequest::LeaseOne(wanted),
    };
    match ask(env, subject, wanted).await? {
        QuotaResponse::Lease(lease) => Ok(lease),
        _ => Err(unexpected()),
    }
}

/// The leased units of a subject's window.
///
/// # Errors
/// Where its object does not answer.
pub async fn count(env: &Env, subject: Subject) -> Result<WindowCount> {
    match ask(env, subject, QuotaRequest::Count).await? {
        QuotaResponse::Count(count) => Ok(count),
        _ => Err(unexpected()),
    }
}

async fn ask(env: &Env, subject: Subject, ask: QuotaRequest) -> Result<QuotaResponse> {
    let object = ObjectStub::named(env, QUOTA_AGENT, &subject.to_text())?;
    Ok(object.ask(&ask, &Headers::new()).await?)
}

fn unexpected() -> Error {
    Error::RustError("the quota object gave the answer to another request".to_owned())
}

/// Whether the SiteBay token of a subject was accepted by SiteBay before: by what the isolate knows,
/// else by the list of the account. Where that cannot be had, the token counts as unverified.
pub async fn is_accepted(env: &Env, account: Subject, subject: Subject) -> bool {
    let find = || state::with_known_tokens(|known| known.find(account, subject, now_s()));
    let asked = match find() {
        TokenLookup::Known(is_accepted) => return is_accepted,
        TokenLookup::Ask => cold(is_listed(env, account, subject)).await,
        TokenLookup::List => cold(accepted(env, account)).await.map(|list| {
            state::with_known_tokens(|known| known.note(account, &list, now_s()));
            find() == TokenLookup::Known(true)
        }),
    };
    asked.unwrap_or_else(|error| {
        log::error!("it could not be read whether a token was accepted: {error}");
        false
    })
}

/// Whether a token is in the list of the account's object.
async fn is_listed(env: &Env, account: Subject, subject: Subject) -> Result<bool> {
    let QuotaResponse::IsAccepted(is_listed) =
        ask(env, account, QuotaRequest::IsAccepted { subject }).await?
    else {
        return Err(unexpected());
    };
    state::with_known_tokens(|known| match is_listed {
        true => drop(known.add(account, subject, now_s())),
        false => known.note_unknown(account, subject, now_s()),
    });
    Ok(is_listed)
}

/// The tokens of an account that SiteBay accepted.
///
/// # Errors
/// Where its object does not answer.
pub async fn accepted(env: &Env, account: Subject) -> Result<AcceptedTokens> {
    match ask(env, account, QuotaRequest::AcceptedTokens).await? {
        QuotaResponse::AcceptedTokens(tokens) => Ok(tokens),
        _ => Err(unexpected()),
    }
}

/// A callback that records that SiteBay accepted the caller's token: in this isolate at once, in others within
/// seconds. None: nothing is to be noted, because the token is none or is verified.
pub fn note_accepted(
    env: &Env,
    principal: &Principal,
    keep: impl FnOnce() -> WaitUntil,
) -> Option<Box<dyn FnOnce()>> {
    let (account, subject) = (principal.unverified?, principal.subject);
    let (env, keep) = (env.clone(), keep());
    Some(Box::new(move || {
        state::with_known_tokens(|known| known.add(account, subject, now_s()));
        // Also if this isolate sent it before: the object may not have received it, or dropped it since.
        keep(async move { send_accepted(&env, account, subject).await }.boxed_local());
    }))
}

/// The same at once.
pub async fn accept(env: &Env, account: Subject, subject: Subject) {
    if state::with_known_tokens(|known| known.add(account, subject, now_s())) {
        send_accepted(env, account, subject).await;
    }
}

async fn send_accepted(env: &Env, account: Subject, subject: Subject) {
    if let Err(error) = ask(env, account, QuotaRequest::Accept { subject }).await {
        log::error!("an accepted token could not be stored: {error}");
    }
}

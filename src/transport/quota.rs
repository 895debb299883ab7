//! Whether a subject may make another request: by what the isolate holds, else by the subject's
//! quota object.

use futures_util::FutureExt as _;
use worker::{Env, Error, Headers, Result};

use crate::{
    access::{
        principal::Subject,
        quota::{Count, Lease, Rate, Taken, Wanted},
    },
    agents::rows::now_s,
    edge::refusal::Refusal,
    runtime::{isolate, object_stub::ObjectStub, request},
};

/// The binding of the quotas.
const QUOTA_AGENT: &str = "QUOTA_AGENT";

/// Admits a request, or not.
///
/// # Errors
/// 429 where the window is used up, 503 where that cannot be found out.
pub async fn admit(env: &Env, subject: Subject, limit: u32) -> std::result::Result<Rate, Refusal> {
    let mut taken = isolate::with_leases(|leases| leases.take(subject, limit, now_s()));
    if taken == Taken::Ask {
        let lease = lease(env, subject, limit).boxed_local().await.map_err(|error| {
            crate::fault!("the quota could not be asked: {error}");
            Refusal::QuotaUnreachable
        })?;
        taken = isolate::with_leases(|leases| leases.note(subject, limit, lease, now_s()));
    }
    match taken {
        Taken::Admitted(rate) => Ok(rate),
        Taken::Refused(rate) => Err(Refusal::RateLimit(rate, pause(rate))),
        Taken::Ask => Err(Refusal::QuotaUnreachable),
    }
}

/// Admits the start of a session of a caller that was admitted, or not.
///
/// # Errors
/// 429 where it starts too many.
pub fn start(subject: Subject, rate: Rate) -> std::result::Result<(), Refusal> {
    match isolate::with_leases(|leases| leases.may_start(subject, rate.limit, now_s())) {
        true => Ok(()),
        false => Err(Refusal::RateLimit(rate, pause(rate))),
    }
}

fn pause(rate: Rate) -> u64 {
    rate.reset.saturating_sub(now_s()).max(1)
}

async fn lease(env: &Env, subject: Subject, limit: u32) -> Result<Lease> {
    let wanted = Wanted { limit, now_s: now_s() };
    let text = ask(env, subject, &wanted.to_text()).await?;
    Lease::read(&text).ok_or_else(|| Error::RustError(format!("not a lease: {text}")))
}

/// What was leased of a subject's window.
///
/// # Errors
/// Where its object does not answer.
pub async fn count(env: &Env, subject: Subject) -> Result<Count> {
    let text = ask(env, subject, "").await?;
    Count::read(&text).ok_or_else(|| Error::RustError(format!("not a count: {text}")))
}

async fn ask(env: &Env, subject: Subject, body: &str) -> Result<String> {
    let object = ObjectStub::named(env, QUOTA_AGENT, &subject.to_text())?;
    let request = request::request("POST", "https://object/", &Headers::new(), Some(body))?;
    Ok(object.text(&request).await?.1)
}

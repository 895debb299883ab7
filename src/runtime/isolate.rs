//! What one isolate keeps between requests: its configuration, the keys, since when sessions count,
//! what it found out about tokens, which OAuth grants go on, and what was asked of it. Values only: a
//! request that waits for another one is killed.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use worker::{Env, Headers};

use crate::{
    access::{
        accepted::KnownTokens,
        attempts::Attempts,
        jwt::{IssuerKeys, Verified},
        keys::{KeyError, Keyring, NameKey},
        named_key::{FRESH, KnownKeys},
        not_before::{self, NotBefore},
        oauth::{known::KnownGrants, token::Handle},
        principal::Subject,
        quota::Leases,
        rollout::Percentage,
        secret::Secret,
    },
    edge::{config::Config, refusal::Refusal},
    runtime::{
        binding::{Database, Store},
        console::{self, Console},
        object_stub::ObjectStub,
        random, request,
    },
    server::apart::compiled_apart,
    telemetry::{
        audit::Waiting,
        record::{Out, Record},
    },
    transport::{audit::DATASET, named_keys::DATABASE, rollout::STORE},
};

/// The binding of the object that keeps a key where `SESSION_KEY` is missing.
const KEY_AGENT: &str = "KEY_AGENT";

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
    static KEPT_KEYS: RefCell<Option<Rc<Keyring>>> = const { RefCell::new(None) };
    static NOT_BEFORE: RefCell<NotBefore> = RefCell::default();
    static ISSUER_KEYS: RefCell<IssuerKeys> = RefCell::default();
    static VERIFIED: RefCell<Verified> = RefCell::default();
    static LEASES: RefCell<Leases> = RefCell::default();
    static KNOWN_TOKENS: RefCell<KnownTokens> = RefCell::default();
    static ATTEMPTS: RefCell<Attempts> = RefCell::new(attempts());
    static AUDIT: RefCell<Waiting> = RefCell::default();
    static CLEARED: Cell<u64> = const { Cell::new(0) };
    static KEYS_MADE: Cell<Option<(bool, u64)>> = const { Cell::new(None) };
    static ANY_KEY_GOOD: Cell<Option<(bool, u64)>> = const { Cell::new(None) };
    static KNOWN_KEYS: RefCell<KnownKeys> = RefCell::default();
    static PERCENTAGE: RefCell<Percentage> = RefCell::default();
    static GRANTS: RefCell<KnownGrants> = RefCell::default();
    static OUT: RefCell<Option<Rc<dyn Out>>> = const { RefCell::new(None) };
}

/// The credential of an OAuth grant, or that it is over; None where its object must be asked.
pub fn grant(handle: &Handle, now_s: u64) -> Option<Option<Secret>> {
    GRANTS.with_borrow(|known| known.get(handle, now_s))
}

/// Notes what a grant's object said.
pub fn note_grant(handle: &Handle, credential: Option<Secret>, now_s: u64) {
    GRANTS.with_borrow_mut(|known| known.note(handle, credential, now_s));
}

/// Has a grant's object asked again.
pub fn forget_grant(handle: &Handle) {
    GRANTS.with_borrow_mut(|known| known.forget(handle));
}

/// Notes that a grant is over.
pub fn note_grant_over(grant: &[u8; 16]) {
    GRANTS.with_borrow_mut(|known| known.note_over(grant));
}

/// Since when sessions of this subject count, where that is known well enough not to ask its hub.
pub fn not_before(subject: Subject, now_s: u64) -> Option<u32> {
    NOT_BEFORE.with_borrow(|known| known.fresh(subject, now_s))
}

/// The same where the hub does not answer.
pub fn usable_not_before(subject: Subject, now_s: u64) -> Option<u32> {
    NOT_BEFORE.with_borrow(|known| known.usable(subject, now_s))
}

/// When a session of this subject counts as issued that begins now.
pub fn issued(subject: Subject, now: u32) -> u32 {
    not_before::issued(now, NOT_BEFORE.with_borrow(|known| known.last(subject)))
}

/// Notes what the hub said, and gives what holds.
pub fn note_not_before(subject: Subject, not_before: u32, now_s: u64) -> u32 {
    NOT_BEFORE.with_borrow_mut(|known| known.note(subject, not_before, now_s))
}

/// Reads or changes what is known of the issuer's keys.
pub fn with_issuer_keys<T>(f: impl FnOnce(&mut IssuerKeys) -> T) -> T {
    ISSUER_KEYS.with_borrow_mut(f)
}

/// Reads or changes which tokens are known to be signed.
pub fn with_verified<T>(f: impl FnOnce(&mut Verified) -> T) -> T {
    VERIFIED.with_borrow_mut(f)
}

/// Reads or changes what subjects may still ask for.
pub fn with_leases<T>(f: impl FnOnce(&mut Leases) -> T) -> T {
    LEASES.with_borrow_mut(f)
}

/// Reads or changes which callers' SiteBay tokens are known to work.
pub fn with_known_tokens<T>(f: impl FnOnce(&mut KnownTokens) -> T) -> T {
    KNOWN_TOKENS.with_borrow_mut(f)
}

/// A count of attempts. Where the runtime has no random bytes, its places can be found out.
pub fn attempts() -> Attempts {
    Attempts::new(random::bytes().unwrap_or_default())
}

/// Reads or changes what addresses sent that was wrong.
pub fn with_attempts<T>(f: impl FnOnce(&mut Attempts) -> T) -> T {
    ATTEMPTS.with_borrow_mut(f)
}

/// Reads or changes what is known of named keys.
pub fn with_known_keys<T>(f: impl FnOnce(&mut KnownKeys) -> T) -> T {
    KNOWN_KEYS.with_borrow_mut(f)
}

/// Whether named keys were ever made, where that is known: that they were, for good; that they were not,
/// for [`FRESH`](crate::access::named_key::FRESH) seconds.
pub fn were_keys_made(now_s: u64) -> Option<bool> {
    let known = KEYS_MADE.get().filter(|(made, at)| *made || now_s.abs_diff(*at) < FRESH);
    known.map(|(made, _)| made)
}

/// Notes whether named keys were ever made.
pub fn note_keys_made(made: bool, now_s: u64) {
    KEYS_MADE.set(Some((made, now_s)));
}

/// Whether any named key is good, where that was found out in the last
/// [`FRESH`](crate::access::named_key::FRESH) seconds.
pub fn is_any_key_good(now_s: u64) -> Option<bool> {
    let known = ANY_KEY_GOOD.get().filter(|(_, at)| now_s.abs_diff(*at) < FRESH);
    known.map(|(is_good, _)| is_good)
}

/// Notes whether any named key is good.
pub fn note_any_key_good(is_good: bool, now_s: u64) {
    ANY_KEY_GOOD.set(Some((is_good, now_s)));
}

/// Reads or changes what waits to be written into the audit.
pub fn with_audit<T>(f: impl FnOnce(&mut Waiting) -> T) -> T {
    AUDIT.with_borrow_mut(f)
}

/// Whether the audit was not cleared for so many seconds; the next time is so far away again.
pub fn is_time_to_clear(now_s: u64, every: u64) -> bool {
    let is_time = now_s.abs_diff(CLEARED.get()) >= every;
    if is_time {
        CLEARED.set(now_s);
    }
    is_time
}

/// Reads or changes what is known of the share of subjects that is let in.
pub fn with_percentage<T>(f: impl FnOnce(&mut Percentage) -> T) -> T {
    PERCENTAGE.with_borrow_mut(f)
}

/// The configuration; bindings do not change while an isolate lives.
pub fn config(env: &Env) -> Rc<Config> {
    if let Some(config) = CONFIG.with_borrow(Clone::clone) {
        return config;
    }
    let lookup = |name: &str| env.var(name).ok().map(|value| value.to_string());
    let mut config = Config::read(&lookup);
    config.door.named_keys = Database::of(env, DATABASE).is_some();
    config.analytics = env.analytics_engine(DATASET).is_ok();
    config.has_rollout = Store::of(env, STORE).is_some();
    let config = Rc::new(config);
    report(&config);
    if let Some(keys) = config.keyring() {
        KEPT_KEYS.set(Some(Rc::new(keys)));
    }
    CONFIG.set(Some(config.clone()));
    config
}

/// Logs what is wrong with the configuration, once in each isolate: `/health` does not say it.
fn report(config: &Config) {
    console::set_level(config.log_level);
    for error in &config.errors {
        log::error!("{error}");
    }
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
}

/// What is to be known of a request that begins now.
pub fn record(env: &Env) -> Rc<Record> {
    let out = OUT.with_borrow(Clone::clone).unwrap_or_else(|| {
        let dataset = env.analytics_engine(DATASET).ok();
        let out: Rc<dyn Out> = Rc::new(Console::new(config(env).log_level, dataset));
        OUT.set(Some(out.clone()));
        out
    });
    Record::new(out)
}

/// The keys in force: those of `SESSION_KEY` and `SUBJECT_KEY`, or what the key object keeps.
///
/// # Errors
/// Where the configuration is broken, or the key object cannot be asked.
pub async fn keys(env: &Env, config: &Config) -> Result<Rc<Keyring>, Refusal> {
    if let Some(broken) = &config.broken {
        return Err(config.misconfigured(broken));
    }
    if let Some(keys) = KEPT_KEYS.with_borrow(Clone::clone) {
        return Ok(keys);
    }
    let failed = |reason: String| {
        log::error!("{reason}");
        config.misconfigured(&reason)
    };
    let kept = compiled_apart(ask_key_agent(env)).await.map_err(|error| {
        failed(format!("the generated SESSION_KEY or SUBJECT_KEY cannot be read: {error}"))
    })?;
    let keys = with_kept(config, &kept)
        .map_err(|error| failed(format!("the stored keys are not valid: {error}")))?;
    let keys = Rc::new(keys);
    KEPT_KEYS.set(Some(keys.clone()));
    Ok(keys)
}

/// The keys in force, with those that the key object keeps in the place of those that are not set.
fn with_kept(config: &Config, kept: &str) -> Result<Keyring, KeyError> {
    let mut lines = kept.lines();
    let session = lines.next().unwrap_or_default();
    // An object of a version before has one key for both.
    let subject = lines.next().unwrap_or(session);
    let keys = config.keys.clone().map_or_else(|| Keyring::parse(session), Ok)?;
    Ok(config.named(keys.named_by(NameKey::parse(subject)?)))
}

async fn ask_key_agent(env: &Env) -> worker::Result<String> {
    let stub = ObjectStub::named(env, KEY_AGENT, "keys")?;
    let request = request::request("GET", "https://object/key", &Headers::new(), None)?;
    match stub.text(&request).await? {
        (200, key) => Ok(key),
        (status, _) => Err(worker::Error::RustError(format!("the key object answers {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agents::key_agent::both, stored_fixtures::of_0_1_0};

    #[test]
    fn the_answer_of_the_key_object_is_read_as_it_was_written() {
        let (session, subject) = ("s".repeat(43), "n".repeat(43));
        let answer = of_0_1_0("answer-keys", &both(&session, &subject));
        let config = Config::read(&|_| None);
        let keys = with_kept(&config, &answer).unwrap();
        assert_eq!(keys.signing_id(), Keyring::parse(&session).unwrap().signing_id());
        assert_eq!(keys.name(b"x"), Keyring::parse(&subject).unwrap().name(b"x"));
        let one = with_kept(&config, &session).unwrap();
        assert_eq!(one.name(b"x"), Keyring::parse(&session).unwrap().name(b"x"));
    }
}

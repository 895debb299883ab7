//! The state of one isolate between requests: its configuration, the keys, since when sessions count,
//! what it found out about tokens, which OAuth grants go on, and what was asked of it. Values only,
//! never futures, channels or locks: a request that waits for another's wake-up is killed at once.

mod stages;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use worker::Env;

use crate::{
    config::Config,
    platform::{
        console::{self, Console},
        dataset::Dataset,
        random,
        stores::{DATABASE, DATASET, Database, STORE, Store},
    },
    wiring,
};
use gateway::{
    config::Upstream,
    connect::{Connected, known::KnownCredentials},
    memory::Memory,
    relay::park::Room,
    stored::{KnownStored, StoredUpstream},
};
use mcp_auth::{
    accepted_tokens::KnownTokens,
    failed_attempts::FailedAttempts,
    jwt::{IssuerKeys, VerifiedTokens},
    keys::Keyring,
    named_key::{FRESH, KnownKeys},
    not_before::{self, NotBefore},
    oauth::{known_grants::KnownGrants, token::GrantHandle},
    quota::Leases,
    rollout::Percentage,
    secret::Secret,
    subject::Subject,
};
use mcp_server::telemetry::{
    audit::AuditQueue,
    record::{RequestRecord, TelemetrySink},
};

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
    static SETTINGS: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
    static ENV: RefCell<Option<Env>> = const { RefCell::new(None) };
    static STORED: RefCell<KnownStored> = RefCell::default();
    static KEPT_KEYS: RefCell<Option<Rc<Keyring>>> = const { RefCell::new(None) };
    static NOT_BEFORE: RefCell<NotBefore> = RefCell::default();
    static ISSUER_KEYS: RefCell<IssuerKeys> = RefCell::default();
    static VERIFIED: RefCell<VerifiedTokens> = RefCell::default();
    static LEASES: RefCell<Leases> = RefCell::default();
    static KNOWN_TOKENS: RefCell<KnownTokens> = RefCell::default();
    static ATTEMPTS: RefCell<FailedAttempts> = RefCell::new(attempts());
    static AUDIT: RefCell<AuditQueue> = RefCell::default();
    static CLEARED: Cell<u64> = const { Cell::new(0) };
    static KEYS_MADE: Cell<Option<(bool, u64)>> = const { Cell::new(None) };
    static ANY_KEY_GOOD: Cell<Option<(bool, u64)>> = const { Cell::new(None) };
    static KNOWN_KEYS: RefCell<KnownKeys> = RefCell::default();
    static PERCENTAGE: RefCell<Percentage> = RefCell::default();
    static GRANTS: RefCell<KnownGrants> = RefCell::default();
    static UPSTREAMS: Rc<Memory> = Rc::default();
    static RELAY_ROOM: Room = Room::default();
    static CONNECTED: RefCell<KnownCredentials> = RefCell::default();
    static OUT: RefCell<Option<Rc<dyn TelemetrySink>>> = const { RefCell::new(None) };
}

/// What the isolate knows of upstreams.
pub fn upstreams() -> Rc<Memory> {
    UPSTREAMS.with(Rc::clone)
}

/// The room for the calls that objects of upstreams run.
pub fn relay_room() -> Room {
    RELAY_ROOM.with(Clone::clone)
}

/// The key for an upstream that a person connected, where that is known.
pub fn connected(subject: Subject, upstream: &Upstream, now_s: u64) -> Option<Connected> {
    CONNECTED.with_borrow(|known| known.get(subject, upstream, now_s))
}

/// Notes a key that a person connected.
pub fn note_connected(subject: Subject, upstream: &str, connected: Connected, now_s: u64) {
    CONNECTED.with_borrow_mut(|known| known.note(subject, upstream, connected, now_s));
}

/// Has a person's hub asked for the key again.
pub fn forget_connected(subject: Subject, upstream: &str) {
    CONNECTED.with_borrow_mut(|known| known.forget(subject, upstream));
}

/// The credential of an OAuth grant, or that it is over; None where its object must be asked.
pub fn grant(handle: &GrantHandle, now_s: u64) -> Option<Option<Secret>> {
    GRANTS.with_borrow(|known| known.get(handle, now_s))
}

/// Notes what a grant's object said.
pub fn note_grant(handle: &GrantHandle, credential: Option<Secret>, now_s: u64) {
    GRANTS.with_borrow_mut(|known| known.note(handle, credential, now_s));
}

/// Has a grant's object asked again.
pub fn forget_grant(handle: &GrantHandle) {
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
pub fn with_verified<T>(f: impl FnOnce(&mut VerifiedTokens) -> T) -> T {
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
pub fn attempts() -> FailedAttempts {
    FailedAttempts::new(random::bytes().unwrap_or_default())
}

/// Reads or changes what addresses sent that was wrong.
pub fn with_attempts<T>(f: impl FnOnce(&mut FailedAttempts) -> T) -> T {
    ATTEMPTS.with_borrow_mut(f)
}

/// Reads or changes what is known of named keys.
pub fn with_known_keys<T>(f: impl FnOnce(&mut KnownKeys) -> T) -> T {
    KNOWN_KEYS.with_borrow_mut(f)
}

/// Whether named keys were ever made, where that is known: that they were, for good; that they were not,
/// for [`FRESH`] seconds.
pub fn were_keys_made(now_s: u64) -> Option<bool> {
    let known = KEYS_MADE.get().filter(|(made, at)| *made || now_s.abs_diff(*at) < FRESH);
    known.map(|(made, _)| made)
}

/// Notes whether named keys were ever made.
pub fn note_keys_made(made: bool, now_s: u64) {
    KEYS_MADE.set(Some((made, now_s)));
}

/// Whether any named key is good, where that was found out in the last
/// [`FRESH`] seconds.
pub fn is_any_key_good(now_s: u64) -> Option<bool> {
    let known = ANY_KEY_GOOD.get().filter(|(_, at)| now_s.abs_diff(*at) < FRESH);
    known.map(|(is_good, _)| is_good)
}

/// Notes whether any named key is good.
pub fn note_any_key_good(is_good: bool, now_s: u64) {
    ANY_KEY_GOOD.set(Some((is_good, now_s)));
}

/// Reads or changes what waits to be written into the audit.
pub fn with_audit<T>(f: impl FnOnce(&mut AuditQueue) -> T) -> T {
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

/// Reads or changes what is known of the upstreams that are stored.
pub fn with_stored<T>(f: impl FnOnce(&mut KnownStored) -> T) -> T {
    STORED.with_borrow_mut(f)
}

/// Makes the upstreams that are stored a part of the configuration. Of one that is another now, nothing is known.
pub fn set_stored(env: &Env, stored: &[StoredUpstream]) {
    let before = config(env);
    let next = settings(env).with_stored(stored, &|name| variable(env, name));
    for upstream in before.upstreams.iter() {
        if next.upstreams.get(&upstream.name) != Some(upstream) {
            upstreams().forget(&upstream.name);
        }
    }
    upstreams().set_upstreams(next.upstreams.clone());
    for warning in next.warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
        log::warn!("{warning}");
    }
    CONFIG.set(Some(Rc::new(next)));
}

/// The configuration without the upstreams that are stored.
pub fn settings(env: &Env) -> Rc<Config> {
    let config = config(env);
    SETTINGS.with_borrow(Clone::clone).unwrap_or(config)
}

/// The value of a variable or a secret.
pub fn variable(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string())
}

/// The configuration; bindings do not change while an isolate lives, and upstreams that are stored do.
pub fn config(env: &Env) -> Rc<Config> {
    if let Some(config) = CONFIG.with_borrow(Clone::clone) {
        return config;
    }
    mcp_platform::host_name::install(crate::platform::host_name::to_ascii);
    let mut config = Config::read(&|name| variable(env, name));
    config.auth.named_keys = Database::of(env, DATABASE).is_some();
    config.analytics = env.analytics_engine(DATASET).is_ok();
    config.has_rollout = Store::of(env, STORE).is_some();
    let config = Rc::new(config);
    report(&config);
    if let Some(keys) = config.keyring() {
        KEPT_KEYS.set(Some(Rc::new(keys)));
    }
    SETTINGS.set(Some(config.clone()));
    ENV.set(Some(env.clone()));
    wiring::install_host(&stages::Isolate);
    CONFIG.set(Some(config.clone()));
    config
}

/// The bindings, once the configuration was read. They are the same in every request and object of an isolate.
pub fn env() -> Option<Env> {
    ENV.with_borrow(Clone::clone)
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

/// Begins the record of a request.
pub fn record(env: &Env) -> Rc<RequestRecord> {
    let out = OUT.with_borrow(Clone::clone).unwrap_or_else(|| {
        let dataset = Dataset::of(env);
        let out: Rc<dyn TelemetrySink> = Rc::new(Console::new(config(env).log_level, dataset));
        OUT.set(Some(out.clone()));
        out
    });
    RequestRecord::new(out)
}

/// The keys in force, where they are known.
pub fn kept_keys() -> Option<Rc<Keyring>> {
    KEPT_KEYS.with_borrow(Clone::clone)
}

/// Notes the keys in force.
pub fn note_keys(keys: Rc<Keyring>) {
    KEPT_KEYS.set(Some(keys));
}

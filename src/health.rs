//! `/health`: whether the server is up and which one it is. `/admin/health`: what its operator should
//! know besides.
//!
//! Invariant: the public answer says nothing of how the server is configured that would help an attacker
//! who has no key.

use worker::{Env, Result};

use crate::{
    config::Config,
    platform::{http::Response, version},
    response::{self, CorsContext},
    state,
    stubs::named_keys,
};
use mcp_protocol::{
    initialize::{SERVER_NAME, SERVER_VERSION},
    object::Object,
};

/// The error where the backend is this server.
const LEADS_BACK: &str =
    "BACKEND_URL: expected another server than this one: requests to it are refused";

/// The warning where the database does not say which upstreams are stored.
const UNREAD: &str = "upstreams: those that are stored in the database cannot be read, and the last known ones count";

/// How the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HealthState {
    /// Requests are served.
    Ok,
    /// Requests are served, but a way in, or the server behind this one, that the operator set cannot be used.
    Degraded,
    /// Configuration refuses every request.
    Misconfigured,
}

impl HealthState {
    fn of(config: &Config, lets_somebody_in: bool) -> Self {
        let has_broken_backend = config.backend.as_ref().is_some_and(|it| it.origin.is_none());
        let is_degraded = config.has_broken_way || has_broken_backend;
        match (config.broken.is_none() && lets_somebody_in, is_degraded) {
            (false, _) => Self::Misconfigured,
            (true, true) => Self::Degraded,
            (true, false) => Self::Ok,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Misconfigured => "misconfigured",
        }
    }
}

/// Whether anybody can come in: by a way that the settings name, with a named key, or because the server is
/// open.
async fn lets_somebody_in(env: &Env, config: &Config) -> bool {
    config.auth.has_usable_ways()
        || named_keys::is_open(env, config).await
        || named_keys::any_is_valid(env).await
}

/// The public answer: 200 while requests are served, 503 where configuration refuses them all.
/// `percentage`: of the subjects that are let in; None: no store says so.
///
/// # Errors
/// Only where the runtime fails.
pub async fn answer(env: &Env, config: &Config, percentage: Option<u8>) -> Result<Response> {
    let state = HealthState::of(config, lets_somebody_in(env, config).await);
    let body = public(env, config, state, percentage).end();
    let status = if state == HealthState::Misconfigured { 503 } else { 200 };
    response::json(status, body.as_bytes(), &CorsContext::public())
}

/// The JSON text for a caller with the admin scope. `url`: where it asks.
pub fn report(env: &Env, config: &Config, percentage: Option<u8>, url: &str) -> String {
    // Only a request knows the own address.
    let leads_back = config.backend.as_ref().is_some_and(|backend| backend.is_at(url));
    let errors = config.errors.iter().map(String::as_str).chain(leads_back.then_some(LEADS_BACK));
    let unread = state::with_stored(|known| known.has_failed()).then_some(UNREAD);
    public(env, config, HealthState::of(config, true), percentage)
        .raw("rateLimit", &or_null(config.rate_limit))
        .flag("namedKeys", config.auth.named_keys)
        .flag("audit", config.auth.named_keys)
        .flag("metrics", config.analytics)
        .flag("alarms", config.alarms.is_some())
        .texts("errors", errors)
        .texts("warnings", config.warnings.iter().map(String::as_str).chain(unread))
        .end()
}

/// Without `versionId` where no metadata of the version is bound.
fn public(env: &Env, config: &Config, state: HealthState, percentage: Option<u8>) -> Object {
    let rollout = Object::new()
        .raw("percentage", &or_null(percentage.map(u32::from)))
        .flag("on", percentage.is_some())
        .end();
    let health = Object::new()
        .text("status", state.name())
        .text("service", SERVER_NAME)
        .text("environment", &config.environment)
        .text("timestamp", &String::from(js_sys::Date::new_0().to_iso_string()))
        .text("version", SERVER_VERSION)
        .raw("rollout", &rollout);
    match version::id(env) {
        Some(id) => health.text("versionId", &id),
        None => health,
    }
}

fn or_null(number: Option<u32>) -> String {
    number.map_or_else(|| "null".to_owned(), |number| number.to_string())
}

//! Admission on Workers: authentication, rollout and rate limit.
//!
//! Invariant: in this order, so that an unauthenticated caller learns nothing of the rollout and uses up no limit;
//! every refusal is in the audit.

use std::rc::Rc;

use worker::{Context, Env};

use crate::{
    challenge::challenging,
    config::Config,
    error::{AppResult, Error},
    platform::{clock::now_s, http::Request},
    response::CorsContext,
    state,
    stubs::{
        audit,
        grants::{self, Admitted},
        issuer, keys, named_keys, quota, rollout, upstream,
    },
};
use mcp_auth::origin::own;
use mcp_auth::{
    authentication::{AuthDecision, OWN_TOKEN_HEADER},
    credentials::Credentials,
    identity::Identity,
    keys::Keyring,
    oauth::resource,
    principal::Principal,
    quota::Rate,
    refusal::Refusal,
    scope::Scopes,
    subject::{AuthMethod, Subject},
};
use mcp_platform::url::query_value;
use mcp_server::{
    changes::WaitUntil,
    cold::cold,
    telemetry::{
        audit::{Audit, AuditEntry},
        record::RequestRecord,
    },
};

/// A request and what is around it.
pub struct RequestContext<'a> {
    /// The Worker's bindings.
    pub env: &'a Env,
    /// The configuration.
    pub config: &'a Config,
    /// The origin of the request.
    pub caller: &'a CorsContext,
    /// The upstream whose door was asked; empty: the common door, and everything else of this server.
    pub door: &'a str,
    /// The request's log record.
    pub record: Rc<RequestRecord>,
    /// The runtime's `waitUntil`.
    pub context: Rc<Context>,
}

/// A caller that was let in.
pub struct Admission {
    /// The keys in force.
    pub keys: Rc<Keyring>,
    /// Who it is, and what it brings.
    pub admitted: Admitted,
    /// Its rate limit. `None`: there is no limit.
    pub rate: Option<Rate>,
}

impl RequestContext<'_> {
    /// Admits the caller, or refuses.
    ///
    /// # Errors
    /// The refusal: 401, 403, 429, or 503 where it cannot be found out.
    pub async fn admit(&self, request: &Request) -> AppResult<Admission> {
        self.admit_with(request, self.credentials(request)).await
    }

    /// The same with a part of the credentials that the request brings.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn admit_with(
        &self,
        request: &Request,
        brought: Credentials,
    ) -> AppResult<Admission> {
        let Self { env, config, door, .. } = self;
        let keys = keys::keys(env, config).await?;
        let when = self.record.began_s();
        let identified = identify((request, self.door), env, config, &keys, (&brought, when)).await;
        let identified = identified.inspect_err(|stop| self.refused(request, None, stop));
        let mut admitted = identified.map_err(|error| challenging(error, config, request))?;
        let scopes = &admitted.principal.upstreams;
        // Others mean nothing here. Where upstreams are stored, those that are not read yet may have any of them.
        if !scopes.is_empty() && !config.auth.named_keys {
            admitted.principal.upstreams = scopes.filtered(|scope| config.has_scope(scope));
        }
        let account = admitted.principal.unverified;
        verify(env, config, &mut admitted.principal).await;
        self.record.set_principal(&admitted.principal);
        // Where nothing is limited, nothing says which tokens were accepted.
        let place = account.filter(|_| config.rate_limit.is_none());
        let place = place.unwrap_or_else(|| admitted.principal.limited_as());
        let by = Some(&admitted.principal);
        if let Err(refusal) = upstream::enter(config, &admitted.principal, door) {
            let error = refusal.into();
            self.refused(request, by, &error);
            return Err(challenging(error, config, request));
        }
        let rate = check_rate_limit(env, config, &admitted.principal, place).await;
        let rate = rate.inspect_err(|stop| self.refused(request, by, stop))?;
        if let Some(note) = quota::note_accepted(env, &admitted.principal, || self.wait_until()) {
            self.record.on_token_accepted(note);
        }
        Ok(Admission { keys, admitted, rate })
    }

    /// Checks the key of a request that unlocks a stage, which is in `Authorization` alone.
    ///
    /// # Errors
    /// 401 without the right key, 404 where none is set, 429 where the address sent too many wrong ones.
    pub fn check_unlock_key(&self, request: &Request) -> AppResult<()> {
        let address = || request.header_text("cf-connecting-ip");
        if let Some(address) = address()
            && let Some(pause) = state::with_attempts(|attempts| attempts.pause(&address, now_s()))
        {
            return Err(Refusal::TooManyAttempts(pause).into());
        }
        let authorization = request.header_text("authorization");
        let brought = Credentials { authorization, ..Credentials::default() };
        count_failure(self.config.auth.authenticate_unlock(&brought), &address)
    }

    /// The credentials of a request.
    pub fn credentials(&self, request: &Request) -> Credentials {
        read_credentials(request, self.config.auth.keys_in_url)
    }

    /// The audit.
    pub(super) fn audit(&self) -> Rc<dyn Audit> {
        audit::of(self.env, self.config, self.wait_until())
    }

    /// The runtime's `waitUntil`.
    pub(super) fn wait_until(&self) -> WaitUntil {
        let context = self.context.clone();
        Rc::new(move |task| context.wait_until(task))
    }

    /// Records a refusal.
    #[cold]
    #[inline(never)]
    pub(super) fn refused(&self, request: &Request, by: Option<&Principal>, stop: &Error) {
        if let Error::Refused(refusal) = stop
            && let Some(outcome) = audit::outcome(refusal)
        {
            let action = format!("{} {}", request.method_name(), request.path());
            let at_ms = now_s().saturating_mul(1_000);
            let mut entry = AuditEntry::refused(by, &action, outcome, at_ms);
            entry.subject = by.map(|by| by.limited_as().to_text()).unwrap_or_default();
            self.audit().note(entry);
        }
    }
}

/// Marks a caller as verified whose SiteBay token is, or need not be because nothing is limited.
async fn verify(env: &Env, config: &Config, principal: &mut Principal) {
    if let Some(account) = principal.unverified
        && (config.rate_limit.is_none()
            || quota::is_accepted(env, account, principal.subject).await)
    {
        principal.unverified = None;
    }
}

/// Checks rollout and rate limit, and returns the remaining rate. `place` is the subject whose place in the rollout
/// counts.
async fn check_rate_limit(
    env: &Env,
    config: &Config,
    principal: &Principal,
    place: Subject,
) -> AppResult<Option<Rate>> {
    principal.scopes.require(Scopes::READ).map_err(Refusal::Scope)?;
    rollout::admit(env, config, principal, place).await?;
    Ok(match config.rate_limit {
        Some(limit) => Some(quota::admit(env, principal.limited_as(), limit).await?),
        None => None,
    })
}

/// Identifies the caller, unless its address sent too many wrong credentials.
async fn identify(
    (request, door): (&Request, &str),
    env: &Env,
    config: &Config,
    keys: &Keyring,
    (brought, now_s): (&Credentials, u64),
) -> AppResult<Admitted> {
    // On Cloudflare every request has it; elsewhere all callers count as one address.
    let address = || request.header_text("cf-connecting-ip");
    if !state::with_attempts(|attempts| attempts.is_empty())
        && let Some(address) = address()
        && let Some(pause) = state::with_attempts(|attempts| attempts.pause(&address, now_s))
    {
        return Err(Refusal::TooManyAttempts(pause).into());
    }
    let auth = &config.auth;
    let was_closed = auth.is_open() && cold(named_keys::any_exist(env)).await?;
    let judged = match was_closed {
        true => auth.authenticate_credentials(brought, now_s),
        false => auth.authenticate(brought, now_s),
    };
    let judged = match judged {
        Ok(AuthDecision::Admitted(identity)) => Ok(identity),
        Ok(AuthDecision::NeedsSignature(token)) => {
            cold(issuer::verify_signature(config, *token)).await
        }
        Ok(AuthDecision::NeedsNamedKey(key, with_secret)) => {
            let holder = cold(named_keys::authenticate(env, &key)).await;
            let admitted = holder.map(|holder| {
                let key = Some(holder.id.clone());
                let one = if with_secret { Identity::shared(AuthMethod::Secret) } else { holder };
                Admitted { key, ..Admitted::bringing(one, keys, brought) }
            });
            return count_failure(admitted, &address);
        }
        Ok(AuthDecision::NeedsGrant(token)) => {
            let url = request.url();
            let origin = own(url).unwrap_or_default();
            let place = (origin, door);
            let admitted = cold(grants::admit(env, config, keys, (&token, brought), place)).await;
            return count_failure(admitted, &address);
        }
        Err(refusal) => Err(refusal),
    };
    let judged = judged.and_then(|identity| at_its_door(identity, request, door));
    count_failure(judged.map(|identity| Admitted::bringing(identity, keys, brought)), &address)
}

/// The caller, unless its token names doors as its audience, and another one was asked.
fn at_its_door(
    identity: Identity,
    request: &Request,
    door: &str,
) -> std::result::Result<Identity, Refusal> {
    if identity.audiences.is_empty() {
        return Ok(identity);
    }
    let origin = own(request.url()).unwrap_or_default();
    let audiences = identity.audiences.iter().map(String::as_str);
    match resource::opens(audiences, origin, door) {
        true => Ok(identity),
        false => Err(Refusal::AccessOver("the token is for another door of this server")),
    }
}

/// The outcome, with a wrong credential noted against its address. An address that sent too many while
/// this one was checked does not learn whether it is right: guesses at the same time are no more than
/// guesses one after another.
fn count_failure<T>(
    judged: std::result::Result<T, Refusal>,
    address: &dyn Fn() -> Option<String>,
) -> AppResult<T> {
    let is_wrong = judged.as_ref().is_err_and(Refusal::is_guess);
    if (is_wrong || !state::with_attempts(|attempts| attempts.is_empty()))
        && let Some(address) = address()
    {
        let ended = state::with_attempts(|attempts| attempts.ended(is_wrong, &address, now_s()));
        ended.map_err(Refusal::TooManyAttempts)?;
    }
    Ok(judged?)
}

/// Reads the credentials of a request.
fn read_credentials(request: &Request, keys_in_url: bool) -> Credentials {
    let in_url = || {
        let url = request.url();
        query_value(url, "auth").or_else(|| query_value(url, "apiKey"))
    };
    Credentials {
        authorization: request.header_text("authorization"),
        api_key: request.header_text("x-api-key"),
        in_url: keys_in_url.then(in_url).flatten(),
        secret: request.header_text("x-mcp-secret"),
        own_token: request.header_text(OWN_TOKEN_HEADER),
    }
}

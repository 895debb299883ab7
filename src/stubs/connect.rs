//! The way to the keys for upstreams that a person connected: kept sealed in the hub of the subject.
//!
//! Invariant: a key opens for the subject, the upstream, the origin, the kind and the stack for which it was connected, so
//! that an upstream which moves to another origin does not get it. A hub is asked once for each use, and not in the 30 s after an answer.

use std::{rc::Rc, time::Duration};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::{Env, Error, Headers, Result};

use crate::{
    config::Config,
    platform::{
        cipher::{self, KeyContext},
        clock::now_s,
        object_stub::{DEADLINE, ObjectStub},
        random, request,
        workers::WorkersPlatform,
    },
    state,
    stubs::{hub::HUB_AGENT, token_check::TokenCheck},
};
use gateway::{
    address::Surroundings,
    config::{Credential, Upstream},
    connect::{
        Connected, Connections, Page, Unconnected,
        link::Link,
        oauth::{self, token::Account},
        request::{ConnectAnswer, ConnectRequest, PATH},
        stored::{StoredCredential, revision},
    },
};
use mcp_auth::{
    keys::Keyring,
    principal::Principal,
    refusal::Refusal,
    secret::Secret,
    subject::{AuthMethod, Subject},
};
use mcp_platform::{Platform as _, record::Record as _};
use mcp_server::{context::Context, hub::hub_name};

/// Why no key can be connected on a server that cannot keep one.
pub const NO_KEY: &str = "this server cannot keep one, because its operator set no CREDENTIAL_KEY";
const NOT_ACCEPTED: &str = "SiteBay did not accept your token";
const UNCHECKED: &str = "SiteBay did not say whether it accepts your token";
const NOT_RENEWED: &str = "its token cannot be renewed at the moment";
const UNREADABLE: &str = "it cannot be read at the moment";
/// How long a hub may take that asks an authorization server.
const RENEWAL: Duration = oauth::TIMEOUT.saturating_add(DEADLINE);

/// The keys of the person who calls.
pub struct PersonalKeys {
    /// The Worker's bindings.
    pub env: Env,
    /// The keys in force.
    pub keys: Rc<Keyring>,
    /// This server, as the person reaches it: scheme, host and port.
    pub origin: String,
}

impl Connections for PersonalKeys {
    fn find<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
    ) -> LocalBoxFuture<'a, std::result::Result<Connected, Unconnected>> {
        async move {
            if !is_one_person(&ctx.principal) {
                return Err(Unconnected::Shared);
            }
            let subject = ctx.principal.subject;
            if let Some(known) = state::connected(subject, upstream, now_s()) {
                return Ok(known);
            }
            check(&self.env, ctx).await?;
            let ask = ConnectRequest::Find { upstream: upstream.name.clone() };
            self.found(subject, upstream, &ask, DEADLINE).await
        }
        .boxed_local()
    }

    fn refused<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
        refused: &'a Connected,
    ) -> LocalBoxFuture<'a, std::result::Result<Connected, Unconnected>> {
        async move {
            let subject = ctx.principal.subject;
            state::forget_connected(subject, &upstream.name);
            let (upstream_name, revision) = (upstream.name.clone(), refused.revision.to_string());
            if !is_account(upstream) {
                let ask = ConnectRequest::Refuse { upstream: upstream_name, revision };
                return self.found(subject, upstream, &ask, DEADLINE).await;
            }
            let ask = ConnectRequest::Renew { upstream: upstream_name, revision };
            let renewed = self.found(subject, upstream, &ask, RENEWAL).await?;
            match renewed.revision == refused.revision {
                true => Err(Unconnected::Unavailable(NOT_RENEWED.to_owned())),
                false => Ok(renewed),
            }
        }
        .boxed_local()
    }

    fn given_up<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
        refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Unconnected> {
        async move {
            let subject = ctx.principal.subject;
            state::forget_connected(subject, &upstream.name);
            let ask = ConnectRequest::Refuse {
                upstream: upstream.name.clone(),
                revision: refused.revision.to_string(),
            };
            let found = self.found(subject, upstream, &ask, DEADLINE).await;
            found.err().unwrap_or_else(Unconnected::replaced)
        }
        .boxed_local()
    }

    fn page(&self, ctx: &Context, upstream: &Upstream) -> Option<Page> {
        let principal = &ctx.principal;
        let link = Link {
            subject: principal.subject,
            secret: random::bytes().ok()?,
            issued_ms: WorkersPlatform.now_ms(),
            needs_account: principal.auth_method == AuthMethod::OAuth,
            caller: principal.client.clone(),
        };
        let url = link.url(&self.keys, &self.origin, &upstream.name);
        Some(Page { url, until_s: link.until().into() })
    }
}

impl PersonalKeys {
    /// The key in the hub's answer, which the isolate remembers.
    async fn found(
        &self,
        subject: Subject,
        upstream: &Upstream,
        asked: &ConnectRequest,
        at_most: Duration,
    ) -> std::result::Result<Connected, Unconnected> {
        let stored = match ask_within(&self.env, subject, asked, at_most).await {
            Ok(ConnectAnswer::Found(stored)) => stored.ok_or(Unconnected::Missing)?,
            Ok(_) => return Err(unreadable("its hub gave the answer to another request")),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        if stored.is_refused {
            return Err(Unconnected::Refused);
        }
        let config = state::config(&self.env);
        let revision = revision(&stored.sealed);
        let connected = match is_account(upstream) {
            false => {
                let key = open(&config, subject, upstream, &stored).await;
                Connected::new(key.ok_or(Unconnected::Missing)?, &revision, upstream)
                    .at(stored.stack(), upstream)
            }
            true => {
                let account = account(&config, subject, upstream, &stored).await;
                let account = account.ok_or(Unconnected::Missing)?;
                if account.is_due(now_s()) && !matches!(asked, ConnectRequest::Renew { .. }) {
                    let (upstream_name, revision) = (upstream.name.clone(), revision.clone());
                    let ask = ConnectRequest::Renew { upstream: upstream_name, revision };
                    let at_most = if account.is_good(now_s()) { DEADLINE } else { RENEWAL };
                    let renewed = self.found(subject, upstream, &ask, at_most).boxed_local().await;
                    if !account.stands_in(&renewed, now_s()) {
                        return renewed;
                    }
                }
                Connected::new(account.access(), &revision, upstream)
            }
        };
        let connected = connected.connected_at(stored.connected_ms);
        state::note_connected(subject, &upstream.name, connected.clone(), now_s());
        Ok(connected)
    }
}

/// Whether the hub of this caller may be asked.
async fn check(env: &Env, ctx: &Context) -> std::result::Result<(), Unconnected> {
    if state::config(env).credential_keys.is_none() {
        return Err(Unconnected::Impossible(NO_KEY.to_owned()));
    }
    // No object is made for a token that SiteBay does not know.
    if ctx.principal.unverified.is_some() {
        TokenCheck(ctx.clone()).run().await.map_err(|refusal| unknown(&refusal))?;
    }
    Ok(())
}

/// What a caller is told whose token was not found to be good.
fn unknown(refusal: &Refusal) -> Unconnected {
    match refusal {
        Refusal::TokenNotAccepted => Unconnected::Impossible(NOT_ACCEPTED.to_owned()),
        _ => Unconnected::Unavailable(UNCHECKED.to_owned()),
    }
}

/// Whether a caller is one person or program, so that a key of theirs is nobody else's. A server without any credential
/// is a developer's own.
fn is_one_person(principal: &Principal) -> bool {
    let method = principal.auth_method;
    method.is_personal() || principal.own_credential || method == AuthMethod::Open
}

fn unreadable(why: &str) -> Unconnected {
    log::error!("the key of a person could not be read: {why}");
    Unconnected::Unavailable(UNREADABLE.to_owned())
}

/// What a key or an account is sealed for. None: the upstream does not have this stack.
fn sealed_for(subject: Subject, (upstream, stack): (&Upstream, Option<&str>)) -> Option<String> {
    Some(format!("connect {} {}", subject.to_text(), upstream.key_binding(stack)?))
}

/// Seals a key, for the stack that the person chose.
///
/// # Errors
/// Where no key is set under which that can be done, and where the runtime fails.
pub async fn seal(
    config: &Config,
    subject: Subject,
    (upstream, stack): (&Upstream, Option<&str>),
    key: &Secret,
) -> Result<String> {
    let keys = config.credential_keys.as_deref().ok_or_else(|| Error::from(NO_KEY))?;
    let context = sealed_for(subject, (upstream, stack));
    let context = context.ok_or_else(|| Error::from("the stack of a key is not configured"))?;
    Ok(cipher::seal(KeyContext { keys, aad: &[] }, &context, key).await?)
}

/// Whether an upstream is called with a token of an account, and not with a key.
fn is_account(upstream: &Upstream) -> bool {
    matches!(upstream.credential, Credential::OAuth { .. })
}

/// Which addresses an authorization server may have.
pub fn surroundings(config: &Config) -> Surroundings<'static> {
    Surroundings { own_origins: &[], development: config.is_development() }
}

/// What is kept of an account.
pub async fn account(
    config: &Config,
    subject: Subject,
    upstream: &Upstream,
    stored: &StoredCredential,
) -> Option<Account> {
    Account::from_json(open(config, subject, upstream, stored).await?.expose())
}

/// Opens what [`seal`] made. None: the key under which it was sealed is gone, or the upstream has moved.
pub async fn open(
    config: &Config,
    subject: Subject,
    upstream: &Upstream,
    stored: &StoredCredential,
) -> Option<Secret> {
    opened(config, subject, (upstream, stored.stack()), &stored.sealed).await
}

/// The same for a text that is not a row.
pub async fn opened(
    config: &Config,
    subject: Subject,
    (upstream, stack): (&Upstream, Option<&str>),
    sealed: &str,
) -> Option<Secret> {
    let lock = KeyContext { keys: config.credential_keys.as_deref()?, aad: &[] };
    cipher::open(lock, &sealed_for(subject, (upstream, stack))?, sealed).await.ok()
}

/// Asks the hub of a subject about connected keys.
///
/// # Errors
/// Where it does not answer.
pub async fn ask(env: &Env, subject: Subject, ask: &ConnectRequest) -> Result<ConnectAnswer> {
    ask_within(env, subject, ask, DEADLINE).await
}

async fn ask_within(
    env: &Env,
    subject: Subject,
    ask: &ConnectRequest,
    at_most: Duration,
) -> Result<ConnectAnswer> {
    let url = format!("https://object{PATH}");
    let request = request::request("POST", &url, &Headers::new(), Some(&ask.to_json()))?;
    let stub = ObjectStub::named(env, HUB_AGENT, &hub_name(subject))?;
    let (status, text) = stub.text_within(&request, at_most).await?;
    let answer = ConnectAnswer::from_json(&text).filter(|_| status == 200);
    answer.ok_or_else(|| Error::RustError(format!("the hub answers {status}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_not_checked_is_not_said_to_be_refused() {
        let refused = unknown(&Refusal::TokenNotAccepted);
        assert_eq!(refused, Unconnected::Impossible(NOT_ACCEPTED.to_owned()));
        let unchecked = unknown(&Refusal::TokenUnchecked);
        assert_eq!(unchecked, Unconnected::Unavailable(UNCHECKED.to_owned()));
    }
}

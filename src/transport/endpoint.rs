//! An endpoint as one admitted caller meets it, whatever the wire.

use std::rc::Rc;

use uuid::Uuid;
use worker::{Context, Env, Request, Response, Result};

use crate::{
    access::{
        admission::{Identity, OWN_TOKEN_HEADER, Verdict},
        credentials::Credentials,
        keys::Keyring,
        oauth::token::Handle,
        principal::{Principal, Way},
        quota::Rate,
        scope::Scopes,
        secret::Secret,
    },
    agents::rows::now_s,
    edge::{
        answer::{self, Caller},
        body::check_declared,
        config::Config,
        oauth::challenge,
        origin::own,
        refusal::Refusal,
    },
    protocol::{
        initialize::Hello,
        session_id::{Claims, Placement},
    },
    runtime::{isolate, url::query_value},
    server::{choice::Choice, context::Client, tasks::Tasks},
    sitebay::Account,
    telemetry::audit::{Audit, Entry, Unkept},
    transport::{
        audit::{self, Kept},
        forward::Target,
        grants::{self, Admitted},
        held::Lease,
        hub::Hub,
        issuer, named_keys, quota, rollout,
        tasks::TaskLink,
        watchdog::Watched,
    },
};

/// The header that names the toolsets that a caller wants.
const TOOLSETS_HEADER: &str = "x-mcp-toolsets";
/// The header that leaves only tools that read.
const READ_ONLY_HEADER: &str = "x-mcp-readonly";

/// Why the client gets no answer of a session: a refusal, or a failure of the runtime.
pub enum Stop {
    /// Refused.
    Refused(Refusal),
    /// The runtime failed.
    Broken(worker::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<worker::Error> for Stop {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error)
    }
}

impl Stop {
    /// The same with the way to sign in, where there is one.
    fn challenging(self, config: &Config, request: &Request) -> Self {
        match self {
            Self::Refused(refusal) => {
                Self::Refused(challenge::to(refusal, config, &request.inner().url()))
            }
            broken => broken,
        }
    }
}

/// An answer, or why there is none.
pub type Outcome<T> = std::result::Result<T, Stop>;

/// What the client is told instead of an answer.
///
/// # Errors
/// Only where the runtime fails.
pub fn stop_answer(stop: Stop, caller: &Caller) -> Result<Response> {
    match stop {
        Stop::Refused(refusal) => answer::refusal(&refusal, caller),
        Stop::Broken(error) => Err(error),
    }
}

/// A request and what is around it.
pub struct Visit<'a> {
    /// The Worker's bindings.
    pub env: &'a Env,
    /// The configuration.
    pub config: &'a Config,
    /// The page that asks.
    pub caller: &'a Caller,
    /// What lets work go on after the answer.
    pub context: Rc<Context>,
}

impl Visit<'_> {
    fn audit(&self) -> Rc<dyn Audit> {
        if !self.config.door.named_keys {
            return Rc::new(Unkept);
        }
        let context = self.context.clone();
        let keep = Rc::new(move |task| context.wait_until(task));
        Rc::new(Kept::new(self.env, self.config, keep))
    }

    /// Notes that nobody was let in.
    fn refused(&self, request: &Request, by: Option<&Principal>, stop: &Stop) {
        if let Stop::Refused(refusal) = stop
            && let Some(outcome) = audit::outcome(refusal)
        {
            let action = format!("{} {}", request.method(), request.path());
            let at_ms = now_s().saturating_mul(1_000);
            self.audit().note(Entry::refused(by, &action, outcome, at_ms));
        }
    }
}

/// What a caller may still ask for, if it may ask at all.
async fn rated(env: &Env, config: &Config, principal: &Principal) -> Outcome<Option<Rate>> {
    principal.scopes.require(Scopes::READ).map_err(Refusal::Scope)?;
    rollout::admit(env, config, principal).await?;
    Ok(match config.rate_limit {
        Some(limit) => Some(quota::admit(env, principal.subject, limit).await?),
        None => None,
    })
}

/// Who a request is from, unless its address sent too much that was wrong.
async fn identified(
    request: &Request,
    env: &Env,
    config: &Config,
    keys: &Keyring,
    brought: &Credentials,
) -> Outcome<Admitted> {
    // On Cloudflare every request has it; elsewhere nobody is told apart.
    let address = || request.headers().get("cf-connecting-ip");
    if !isolate::with_attempts(|attempts| attempts.is_empty())
        && let Some(address) = address()?
        && let Some(pause) = isolate::with_attempts(|attempts| attempts.pause(&address, now_s()))
    {
        return Err(Refusal::TooManyAttempts(pause).into());
    }
    let judged = match config.door.judge(brought, now_s()) {
        Ok(Verdict::Admitted(identity)) => Ok(identity),
        Ok(Verdict::IfSigned(token)) => issuer::believed(config, *token).await,
        Ok(Verdict::IfNamed(key, with_secret)) => {
            let holder = named_keys::holder(env, &key).await;
            holder.map(|holder| if with_secret { Identity::shared(Way::Secret) } else { holder })
        }
        Ok(Verdict::IfGranted(token)) => {
            let url = request.inner().url();
            let origin = own(&url).unwrap_or_default();
            let admitted = grants::admit(env, config, keys, (&token, brought), origin).await;
            return noted(admitted, &address);
        }
        Err(refusal) => Err(refusal),
    };
    noted(judged.map(|identity| Admitted::bringing(identity, keys, brought)), &address)
}

/// The outcome, with a wrong credential noted against its address.
fn noted<T>(
    judged: std::result::Result<T, Refusal>,
    address: &dyn Fn() -> Result<Option<String>>,
) -> Outcome<T> {
    if let Err(Refusal::WrongCredential(_)) = &judged
        && let Some(address) = address()?
    {
        isolate::with_attempts(|attempts| attempts.failed(&address, now_s()));
    }
    Ok(judged?)
}

/// What a request brings to be let in.
fn brought(request: &Request, keys_in_url: bool) -> Outcome<Credentials> {
    let headers = request.headers();
    let in_url = || {
        let url = request.inner().url();
        query_value(&url, "auth").or_else(|| query_value(&url, "apiKey"))
    };
    Ok(Credentials {
        authorization: headers.get("authorization")?,
        api_key: headers.get("x-api-key")?,
        in_url: keys_in_url.then(in_url).flatten(),
        secret: headers.get("x-mcp-secret")?,
        own_token: headers.get(OWN_TOKEN_HEADER)?,
    })
}

/// The endpoint for one request.
pub struct Endpoint<'a> {
    /// The Worker's bindings.
    pub env: &'a Env,
    /// The configuration.
    pub config: &'a Config,
    /// The page that asks.
    pub caller: &'a Caller,
    /// The keys in force.
    pub keys: Rc<Keyring>,
    /// Who asks.
    pub principal: Principal,
    /// What it may still ask for in this window. None: there is no limit.
    pub rate: Option<Rate>,
    own_token: Option<String>,
    grant: Option<Handle>,
    audit: Rc<dyn Audit>,
}

impl<'a> Endpoint<'a> {
    /// Lets the caller in, or not.
    pub async fn admit(request: &Request, visit: Visit<'a>) -> Outcome<Self> {
        let Visit { env, config, caller, .. } = visit;
        let keys = isolate::keys(env, config).await?;
        let brought = brought(request, config.door.keys_in_url)?;
        let identified = identified(request, env, config, &keys, &brought).await;
        let identified = identified.inspect_err(|stop| visit.refused(request, None, stop));
        let admitted = identified.map_err(|stop| stop.challenging(config, request))?;
        let Admitted { principal, own_token, grant } = admitted;
        let rate = rated(env, config, &principal).await;
        let rate = rate.inspect_err(|stop| visit.refused(request, Some(&principal), stop))?;
        let audit = visit.audit();
        Ok(Self { env, config, caller, keys, principal, rate, own_token, grant, audit })
    }

    /// Where it is noted what happened.
    pub fn audit(&self) -> Rc<dyn Audit> {
        self.audit.clone()
    }

    /// The SiteBay account that the caller acts on.
    pub fn account(&self) -> Rc<Account> {
        Rc::new(self.config.account(&self.principal, self.own_token.as_deref()))
    }

    /// The caller's tasks, where this server keeps any.
    pub fn tasks(&self, client: Client) -> Option<Rc<dyn Tasks>> {
        let link = || TaskLink {
            env: self.env.clone(),
            keys: self.keys.clone(),
            principal: Rc::new(self.principal.clone()),
            client: Rc::new(client),
            own_token: self.own_token.clone().map(Secret::new),
        };
        self.config.offers_tasks().then(|| Rc::new(link()) as Rc<dyn Tasks>)
    }

    /// When a stream that begins now must end, in seconds since 1970.
    pub fn expires(&self) -> u32 {
        let age = u32::try_from(self.config.session_max_age.as_secs()).unwrap_or(u32::MAX);
        let now = u32::try_from(now_s()).unwrap_or(u32::MAX);
        self.with_credential(now.saturating_add(age))
    }

    /// For how long a stream of a session may go on.
    pub fn lease(&self, claims: &Claims) -> Lease {
        let session = Some((claims.subject, claims.issued));
        let expires = self.with_credential(claims.expires);
        Lease { env: self.env.clone(), expires, session, grant: self.grant.clone() }
    }

    /// The OAuth grant that the caller came in with.
    pub fn grant(&self) -> Option<Handle> {
        self.grant.clone()
    }

    /// The earlier end: this one, or that of what the caller came in with.
    fn with_credential(&self, expires: u32) -> u32 {
        self.principal.expires.map_or(expires, |own| own.min(expires))
    }

    /// The session that an id names, if it is this caller's and was not ended with all others.
    pub async fn target(&self, id: &str) -> Outcome<Target<'a>> {
        let claims = Claims::verify(id, &self.keys, self.principal.subject, now_s())
            .map_err(|_| Refusal::SessionNotFound)?;
        if Hub::has_ended(self.env, claims.subject, claims.issued).await? {
            return Err(Refusal::SessionNotFound.into());
        }
        Ok(self.target_of(claims))
    }

    /// A session that this caller may speak to.
    pub fn target_of(&self, claims: Claims) -> Target<'a> {
        let (env, keys, principal) = (self.env, self.keys.clone(), self.principal.clone());
        // What the grant keeps, in the place of what the client sent.
        let own_token = self.own_token.clone().filter(|_| self.grant.is_some());
        Target { env, keys, claims, principal, own_token: own_token.map(Secret::new) }
    }

    /// Passes a request on with its body unread, and hands the object's answer to the client.
    pub async fn pass_on(&self, target: Target<'_>, request: &mut Request) -> Outcome<Response> {
        check_declared(request).await??;
        let mut response = target.pass_on(request).await??;
        let kind = response.headers().get("content-type")?;
        if kind.as_deref() != Some("text/event-stream") {
            return Ok(response);
        }
        Ok(answer::stream(Watched::new(response.stream()?), self.caller)?)
    }

    /// Which tools the caller wants to see: by header, else by URL. None: it does not say.
    pub fn choice(&self, request: &Request) -> Outcome<Option<Choice>> {
        let url = request.inner().url();
        let said = |header: &str, parameter: &str| -> Outcome<Option<String>> {
            let sent = request.headers().get(header)?;
            Ok(sent.or_else(|| query_value(&url, parameter)))
        };
        let toolsets = said(TOOLSETS_HEADER, "toolsets")?;
        let read_only = said(READ_ONLY_HEADER, "readonly")?;
        if toolsets.is_none() && read_only.is_none() {
            return Ok(None);
        }
        let chosen = match toolsets {
            Some(names) => Choice::parse(&names).map_err(Refusal::Toolset)?,
            None => self.config.choice,
        };
        let read_only = read_only.is_some_and(|said| !matches!(said.trim(), "0" | "false"));
        let legacy = self.config.choice.legacy;
        Ok(Some(Choice { read_only: read_only || chosen.read_only, legacy, ..chosen }))
    }

    /// The claims of a new session of this caller.
    ///
    /// # Errors
    /// 429 where it starts too many.
    pub fn claims(&self, hello: Hello, choice: Option<Choice>) -> Outcome<Claims> {
        if let Some(rate) = self.rate {
            quota::start(self.principal.subject, rate)?;
        }
        let issued = u32::try_from(now_s()).unwrap_or(u32::MAX);
        let age = u32::try_from(self.config.session_max_age.as_secs()).unwrap_or(u32::MAX);
        Ok(Claims {
            session: Uuid::new_v4(),
            version: hello.version,
            capabilities: hello.capabilities,
            placement: self.placement(),
            subject: self.principal.subject,
            issued,
            expires: issued.saturating_add(age),
            toolset: choice.map(Choice::to_claim).unwrap_or_default(),
            client_name: hello.client_name,
            client_version: hello.client_version,
        })
    }

    /// Callers who share a key, or have none, never share an object, unless each brings a
    /// credential of its own.
    fn placement(&self) -> Placement {
        let somebody = self.principal.way.is_personal() || self.principal.own_credential;
        if somebody { self.config.placement } else { Placement::Session }
    }
}

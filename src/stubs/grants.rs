//! The way to OAuth grants, from the Worker: admitting who brings an access token, giving tokens,
//! ending grants.
//!
//! Invariant: a token that this server did not sign reaches no object; of one that it did, the grant
//! is asked every 30 s and not more often.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use worker::{Env, Error, Headers, Result};

use crate::{
    config::Config,
    platform::{
        cipher::{self, KeyContext},
        clock::now_s,
        object_stub::ObjectStub,
    },
    state,
};
use mcp_auth::{
    credentials::Credentials,
    identity::Identity,
    keys::Keyring,
    oauth::{
        grant_ref::GrantRef,
        grant_request::{Answer, GrantRequest, Known},
        token::{AccessToken, GrantHandle},
    },
    principal::Principal,
    refusal::Refusal,
    secret::Secret,
    subject::AuthMethod,
};

/// The binding of the grants.
const GRANT_AGENT: &str = "GRANT_AGENT";

/// An authenticated caller.
pub struct Admitted {
    /// Who.
    pub principal: Principal,
    /// The SiteBay token that the caller brought, or that its grant keeps.
    pub own_token: Option<String>,
    /// The grant, to ask again whether it goes on.
    pub grant: Option<GrantHandle>,
    /// The id of its named key, to ask the same.
    pub key: Option<String>,
}

impl Admitted {
    /// An authenticated caller, with the SiteBay token of its request.
    pub fn bringing(identity: Identity, keys: &Keyring, brought: &Credentials) -> Self {
        let principal = identity.principal(keys, brought.own());
        let own_token = brought.own_token.clone().filter(|_| principal.own_credential);
        Self { principal, own_token, grant: None, key: None }
    }
}

/// Lets the bearer of an access token in. `origin` is this server's, and `door` the one that was asked.
///
/// # Errors
/// 401 if the token is not valid here or has ended, 503 if that cannot be found out.
pub async fn admit(
    env: &Env,
    config: &Config,
    keys: &Keyring,
    (token, brought): (&str, &Credentials),
    (origin, door): (&str, &str),
) -> std::result::Result<Admitted, Refusal> {
    let token = AccessToken::read(token, keys)
        .ok_or(Refusal::WrongCredential("the access token was not issued by this server"))?;
    if !token.is_good(origin, door, now_s()) {
        let why = "the access token has expired, or is for another server or door";
        return Err(Refusal::AccessOver(why));
    }
    let credential = credential(env, config, &token.handle).await?;
    // The grant's token has precedence over the one of the request.
    let own_token = match credential.expose() {
        "" => brought.own().map(str::to_owned),
        kept => Some(kept.to_owned()),
    };
    let principal = Principal {
        auth_method: AuthMethod::OAuth,
        subject: token.subject,
        client: token.client_name,
        scopes: token.scopes,
        upstreams: token.upstreams,
        own_credential: own_token.is_some(),
        expires: Some(token.expires),
        grant: Some(GrantRef::of(&token.handle)),
        // The subject does not depend on what the request brings.
        unverified: None,
    };
    Ok(Admitted { principal, own_token, grant: Some(token.handle), key: None })
}

/// The SiteBay token that a grant keeps: what the isolate knows of the last 30 s, else what the
/// grant's object says.
///
/// # Errors
/// 401 if the grant is over, 503 if that cannot be found out.
pub async fn credential(
    env: &Env,
    config: &Config,
    handle: &GrantHandle,
) -> std::result::Result<Secret, Refusal> {
    let known = match state::grant(handle, now_s()) {
        Some(known) => known,
        None => look_up(env, config, handle).await?,
    };
    known.ok_or(Refusal::AccessOver("the access was revoked or has expired"))
}

/// Whether a grant is over, for a stream that asks again at `next_s`, in seconds since 1970: what would
/// be too old by then is asked for now. If it cannot be found out, the grant goes on.
pub async fn is_over(env: &Env, handle: &GrantHandle, next_s: u64) -> bool {
    let known = match state::grant(handle, next_s) {
        Some(known) => Ok(known),
        None => look_up(env, &state::config(env), handle).await,
    };
    matches!(known, Ok(None))
}

async fn look_up(
    env: &Env,
    config: &Config,
    handle: &GrantHandle,
) -> std::result::Result<Option<Secret>, Refusal> {
    let now = now_s();
    let look = GrantRequest::Look(Known { secret: handle.secret_hash() });
    let credential = match ask(env, &handle.object(), &look).await {
        Ok(Answer::Credential(sealed)) => open(config, handle, &sealed).await,
        Ok(Answer::Refused(_)) => None,
        Ok(_) => return Err(unreachable("it answers something else")),
        Err(error) => return Err(unreachable(&error.to_string())),
    };
    state::note_grant(handle, credential.clone(), now);
    Ok(credential)
}

fn unreachable(why: &str) -> Refusal {
    log::error!("an OAuth grant could not be asked: {why}");
    Refusal::GrantUnreachable
}

/// Encrypts a SiteBay token so that only a token of the grant opens it.
///
/// # Errors
/// Where the runtime fails.
pub async fn seal(config: &Config, handle: &GrantHandle, token: &Secret) -> Result<String> {
    let keys = config.credential_keys.as_deref();
    let keys = keys.ok_or_else(|| Error::from("CREDENTIAL_KEY is not set"))?;
    let lock = KeyContext { keys, aad: &handle.secret };
    Ok(cipher::seal(lock, &handle.object(), token).await?)
}

/// Whether the SiteBay token of a grant can be opened, which is known from then on.
pub async fn is_good(config: &Config, handle: &GrantHandle, sealed: &str) -> bool {
    let credential = open(config, handle, sealed).await;
    let is_good = credential.is_some();
    state::note_grant(handle, credential, now_s());
    is_good
}

/// Empty where the person gave none. None: its key is gone, and with it the grant's use.
async fn open(config: &Config, handle: &GrantHandle, sealed: &str) -> Option<Secret> {
    if sealed.is_empty() {
        return Some(Secret::new(""));
    }
    let lock = KeyContext { keys: config.credential_keys.as_deref()?, aad: &handle.secret };
    cipher::open(lock, &handle.object(), sealed).await.ok()
}

/// Whether a grant is live, for a caller without its token.
///
/// # Errors
/// Where it cannot be asked.
pub async fn goes_on(env: &Env, grant: &GrantRef) -> Result<bool> {
    let (object, secret) = grant.parts().ok_or_else(|| Error::from("not a grant"))?;
    match ask(env, object, &GrantRequest::Look(Known { secret })).await? {
        Answer::Credential(_) => Ok(true),
        Answer::Refused(_) => Ok(false),
        _ => Err(Error::from("a grant answers something else")),
    }
}

/// Ends a grant. What its object says is for the caller to judge.
///
/// # Errors
/// Where it cannot be asked.
pub async fn end(env: &Env, object: &str, ask_to: &GrantRequest) -> Result<Answer> {
    let answered = ask(env, object, ask_to).await?;
    let grant = URL_SAFE_NO_PAD.decode(object).ok().and_then(|bytes| bytes.try_into().ok());
    if let (Answer::Done, Some(grant)) = (&answered, grant) {
        state::note_grant_over(&grant);
    }
    Ok(answered)
}

/// Asks a grant's object.
///
/// # Errors
/// Where it does not answer.
pub async fn ask(env: &Env, object: &str, ask: &GrantRequest) -> Result<Answer> {
    Ok(ObjectStub::named(env, GRANT_AGENT, object)?.ask(ask, &Headers::new()).await?)
}

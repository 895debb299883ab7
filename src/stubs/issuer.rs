//! Whether the trusted issuer signed a token: by its public keys, fetched where they are not known.

use std::time::Duration;

use wasm_bindgen::JsValue;

use crate::{
    config::Config,
    platform::{clock::now_s, signature, sleep::Sleep, workers::WorkersPlatform},
    state,
};
use mcp_auth::{
    identity::Identity,
    jwt::{IssuerKey, JwtError, KeyLookup, Token},
    refusal::Refusal,
};
use mcp_platform::{Method, OutboundRequest, Platform as _};

/// How long the issuer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request waits before it looks whether another one has the keys.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Bytes that the document with its keys may have.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Verifies a token's signature and returns its identity.
pub async fn verify_signature(config: &Config, token: Token) -> Result<Identity, Refusal> {
    if !state::with_verified(|verified| verified.contains(&token, now_s())) {
        let key = key(config, &token).await?;
        if !signature::is_signed_by(&token, &key).await.unwrap_or_else(unusable) {
            return Err(wrong(JwtError::Signature));
        }
        state::with_verified(|verified| verified.note(&token, now_s()));
    }
    Ok(token.claims.identity())
}

async fn key(config: &Config, token: &Token) -> Result<IssuerKey, Refusal> {
    let find = || state::with_issuer_keys(|known| known.find(token, now_s()));
    let mut found = find();
    if let (KeyLookup::Fetch, Some(url)) = (&found, &config.auth.jwt.keys_url) {
        let enough = state::with_issuer_keys(|known| known.without_fetch(token, now_s()));
        found = match enough {
            Some(KeyLookup::Unreachable) => fetched_by_others(find).await,
            Some(known) => known,
            None => {
                let document = fetch(url).await;
                state::with_issuer_keys(|known| known.note(document.as_deref(), now_s()));
                find()
            }
        };
    }
    match found {
        KeyLookup::Key(key) => Ok(key),
        KeyLookup::Unknown => Err(wrong(JwtError::Signature)),
        KeyLookup::Fetch | KeyLookup::Unreachable => Err(Refusal::IssuerUnreachable),
    }
}

/// The cache once a fetch of another request has ended. Requests cannot wait for one another, so
/// this one looks again and again.
async fn fetched_by_others(find: impl Fn() -> KeyLookup) -> KeyLookup {
    let begun = now_s();
    loop {
        Sleep::new(LOOK_AGAIN).await;
        let found = find();
        if found != KeyLookup::Fetch || now_s().abs_diff(begun) > TIMEOUT.as_secs() {
            return found;
        }
    }
}

/// The document with the keys; None where it cannot be had.
async fn fetch(url: &str) -> Option<String> {
    let request = OutboundRequest {
        method: Method::Get,
        url: url.to_owned(),
        headers: vec![("Accept", "application/jwk-set+json, application/json".to_owned())],
        body: None,
        timeout: TIMEOUT,
        at_most: MAX_DOCUMENT,
    };
    let why = match WorkersPlatform.fetch(request).await {
        Ok(answer) if answer.status == 200 => return String::from_utf8(answer.body).ok(),
        Ok(answer) => format!("status {}", answer.status),
        Err(failure) => failure.to_string(),
    };
    log::error!("the keys of MCP_JWKS_URL could not be fetched: {why}");
    None
}

fn unusable(error: JsValue) -> bool {
    log::error!("a key of MCP_JWKS_URL cannot be used: {}", worker::Error::from(error));
    false
}

fn wrong(error: JwtError) -> Refusal {
    Refusal::WrongCredential(error.text())
}

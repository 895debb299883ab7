//! A grant: what one person lets one client do, from its code to its last refresh.
//!
//! ```text
//! Code ──redeemed──► Live(0) ──refreshed──► Live(1) ──► …
//!   │                   │
//!   └─ again            └─ with a token older than the last two, or with the last but one too late
//!           └──────────────────┴──► over: the object forgets it, and everything it knew
//! ```
//!
//! Invariant: a code is good once; of a grant's refresh tokens only the newest is good, and for a
//! moment the one before it, whose use then gives the same newest one again: clients refresh in
//! parallel. Any other token was used twice, and ends the grant (RFC 9700 §4.14.2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    Hash,
    error::{ErrorCode, OAuthError},
    hash,
};
use crate::{scope::Scopes, subject::Subject, upstream_scopes::UpstreamScopes};
use mcp_platform::record::Record;
use mcp_protocol::base64url;

/// How long a code is good, in seconds.
const CODE_LASTS: u64 = 600;
/// How long a grant lasts after it was last refreshed, in seconds.
pub const GRANT_LASTS: u64 = 30 * 24 * 60 * 60;
/// How long a refresh token still gives the one that took its place, in milliseconds.
const GRACE_MS: u64 = 10_000;

/// The terms that a person agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantTerms {
    /// The person.
    pub subject: Subject,
    /// The client's id, hashed.
    #[serde(with = "base64url")]
    pub client: Hash,
    /// The client's name.
    #[serde(default)]
    pub client_name: String,
    /// Where the person was sent back to.
    pub redirect_uri: String,
    /// The client's scopes.
    pub scopes: Scopes,
    /// Its scopes of upstreams.
    #[serde(default, skip_serializing_if = "UpstreamScopes::is_empty")]
    pub upstreams: UpstreamScopes,
    /// The PKCE challenge (RFC 7636 §4.2, S256).
    pub challenge: String,
    /// The server or the door that the tokens are for, hashed.
    #[serde(with = "base64url")]
    pub origin: Hash,
    /// The secret that all tokens carry, hashed.
    #[serde(with = "base64url")]
    pub secret: Hash,
    /// The person's SiteBay token, sealed under that secret; empty where the person gave none.
    #[serde(default)]
    pub credential: String,
}

/// How far a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "GrantStageFields", into = "GrantStageFields")]
enum GrantStage {
    /// The code was given out.
    Code,
    /// It was redeemed; of this many refreshes the last was then, in milliseconds since 1970.
    Live(u32, u64),
}

/// The fields of a [`GrantStage`]; one whose code was not redeemed has none.
#[derive(Serialize, Deserialize)]
struct GrantStageFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

impl From<GrantStage> for GrantStageFields {
    fn from(stage: GrantStage) -> Self {
        match stage {
            GrantStage::Code => Self { generation: None, since: None },
            GrantStage::Live(generation, since) => {
                Self { generation: Some(generation), since: Some(since) }
            }
        }
    }
}

impl From<GrantStageFields> for GrantStage {
    fn from(fields: GrantStageFields) -> Self {
        match (fields.generation, fields.since) {
            (Some(generation), Some(since)) => Self::Live(generation, since),
            _ => Self::Code,
        }
    }
}

/// A grant, as its object keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The terms.
    #[serde(flatten)]
    pub terms: GrantTerms,
    /// When it is over, in seconds since 1970.
    #[serde(rename = "ends")]
    pub ends_s: u64,
    #[serde(flatten)]
    stage: GrantStage,
}

/// A client that wants tokens.
#[derive(Debug, Clone, Copy)]
pub struct Bearer<'a> {
    /// Its id, hashed.
    pub client: &'a Hash,
    /// The secret in what it brings, hashed.
    pub secret: &'a Hash,
    /// The server it asks, hashed.
    pub origin: &'a Hash,
}

/// Why no tokens are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantError {
    /// The request was wrong; the grant goes on.
    Invalid(OAuthError),
    /// It has expired; the grant is over, even if the clock goes back.
    Expired(OAuthError),
    /// The code or token was used twice; the grant is over.
    Replayed(OAuthError),
}

/// The number of the refresh token to give.
pub type Generation = u32;

impl Grant {
    /// A grant whose code is about to be given out.
    pub fn new(terms: GrantTerms, now_s: u64) -> Self {
        Self { terms, ends_s: now_s.saturating_add(CODE_LASTS), stage: GrantStage::Code }
    }

    /// Whether its tokens count.
    pub fn is_live(&self, secret: &Hash, now_s: u64) -> bool {
        now_s < self.ends_s && is_same(&self.terms.secret, secret) && self.stage != GrantStage::Code
    }

    /// Gives the first tokens for the code.
    ///
    /// # Errors
    /// Where the code is not this client's, or was used before.
    pub fn redeem(
        &mut self,
        by: Bearer<'_>,
        redirect_uri: Option<&str>,
        verifier: &str,
        now_ms: u64,
    ) -> Result<Generation, GrantError> {
        self.check(by, now_ms)?;
        if redirect_uri.is_some_and(|uri| uri != self.terms.redirect_uri) {
            return Err(wrong("`redirect_uri` differs from that of the authorization request"));
        }
        if !answers(verifier, &self.terms.challenge) {
            return Err(wrong("`code_verifier` does not match `code_challenge`"));
        }
        if self.stage != GrantStage::Code {
            return Err(GrantError::Replayed(OAuthError::grant("the code was used before")));
        }
        self.goes_on(0, now_ms);
        Ok(0)
    }

    /// Gives the next tokens for a refresh token.
    ///
    /// # Errors
    /// Where it is not this client's, or not the newest.
    pub fn refresh(
        &mut self,
        by: Bearer<'_>,
        brought: Generation,
        now_ms: u64,
    ) -> Result<Generation, GrantError> {
        self.check(by, now_ms)?;
        let GrantStage::Live(newest, since_ms) = self.stage else {
            return Err(wrong("the code of this grant was not exchanged yet"));
        };
        let parallel = now_ms.abs_diff(since_ms) <= GRACE_MS;
        match newest.checked_sub(brought) {
            Some(0) => {
                self.goes_on(newest.saturating_add(1), now_ms);
                Ok(newest.saturating_add(1))
            }
            Some(1) if parallel => Ok(newest),
            _ => Err(GrantError::Replayed(OAuthError::grant("the refresh token was used before"))),
        }
    }

    fn check(&self, by: Bearer<'_>, now_ms: u64) -> Result<(), GrantError> {
        if !is_same(&self.terms.secret, by.secret) {
            return Err(wrong("the code or token is not valid any more"));
        }
        if now_ms / 1_000 >= self.ends_s {
            return Err(GrantError::Expired(OAuthError::grant(
                "the code or token is not valid any more",
            )));
        }
        if self.terms.client != *by.client {
            return Err(wrong("the code or token was issued to another client"));
        }
        match self.terms.origin == *by.origin {
            true => Ok(()),
            false => Err(wrong("the code or token is for another server")),
        }
    }

    fn goes_on(&mut self, generation: Generation, now_ms: u64) {
        self.stage = GrantStage::Live(generation, now_ms);
        self.ends_s = (now_ms / 1_000).saturating_add(GRANT_LASTS);
    }
}

impl Record for Grant {}

impl Record for GrantTerms {}

/// Bytes of a known length that were written as text.
pub fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    base64url::read(text)
}

/// Whether a verifier has the form of RFC 7636 §4.1 and answers the challenge.
fn answers(verifier: &str, challenge: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    let formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
    let answer = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    formed && bool::from(answer.as_bytes().ct_eq(challenge.as_bytes()))
}

fn is_same(known: &Hash, brought: &Hash) -> bool {
    known.ct_eq(brought).into()
}

fn wrong(why: &'static str) -> GrantError {
    GrantError::Invalid(OAuthError::grant(why))
}

impl GrantError {
    /// The error for the client.
    pub fn fault(self) -> OAuthError {
        let (Self::Invalid(fault) | Self::Expired(fault) | Self::Replayed(fault)) = self;
        fault
    }
}

/// The error if the grant no longer exists.
pub const GONE: OAuthError =
    OAuthError::new(ErrorCode::InvalidGrant, "the grant was revoked or has expired");

/// Whether a challenge is a SHA-256 hash in base64url.
pub fn is_challenge(text: &str) -> bool {
    bytes::<32>(text).is_some()
}

/// The hash of a client's id.
pub fn client_hash(id: &str) -> Hash {
    hash(id)
}

#[cfg(test)]
#[path = "grant_tests.rs"]
mod tests;

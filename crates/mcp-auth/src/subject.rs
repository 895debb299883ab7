//! The names of callers.
//!
//! Invariant: a subject is a keyed hash. It distinguishes callers and reveals nothing about them.

use mcp_protocol::{
    base64url,
    bytes::{cut_text, put_block},
};
use serde::{Deserialize, Serialize};

use crate::keys::Keyring;

/// Bytes that the name of a key or a client may have.
pub const MAX_CLIENT: usize = 64;

/// How the caller authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMethod {
    /// Nothing is configured and the environment is development.
    Open,
    /// A key in `MCP_API_KEY`.
    ApiKey,
    /// A key that the admin API made, with a name, scopes and an end.
    NamedKey,
    /// A secret in `MCP_SHARED_SECRET`.
    #[serde(rename = "shared-secret")]
    Secret,
    /// A JSON Web Token of an issuer that the operator trusts.
    Jwt,
    /// An access token of this server's own authorization server.
    #[serde(rename = "oauth")]
    OAuth,
}

impl AuthMethod {
    pub(crate) const ALL: [Self; 6] =
        [Self::Open, Self::ApiKey, Self::NamedKey, Self::Secret, Self::Jwt, Self::OAuth];

    /// The name that subjects, logs and tools use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ApiKey => "api-key",
            Self::NamedKey => "named-key",
            Self::Secret => "shared-secret",
            Self::Jwt => "jwt",
            Self::OAuth => "oauth",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|auth_method| auth_method.name() == name)
    }

    /// The number that a seal carries.
    pub fn code(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::ApiKey => 1,
            Self::NamedKey => 2,
            Self::Secret => 3,
            Self::Jwt => 4,
            Self::OAuth => 5,
        }
    }

    /// Reads the number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|auth_method| auth_method.code() == code)
    }

    /// Whether a caller of this method without a credential of its own is one
    /// person or program. Callers who share a key, or need none, are not.
    pub fn is_personal(self) -> bool {
        matches!(self, Self::NamedKey | Self::Jwt | Self::OAuth)
    }

    /// Whether the operator gave it out for the server's own SiteBay account.
    pub fn acts_for_operator(self) -> bool {
        matches!(self, Self::Open | Self::ApiKey | Self::NamedKey | Self::Secret)
    }
}

/// The keyed hash that names a caller: way in, issuer, id, and the SiteBay credential where the
/// caller brings one. Two callers with the same hash share what is bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject(#[serde(with = "base64url")] pub [u8; 16]);

impl Subject {
    /// The hash as text.
    pub fn to_text(self) -> String {
        base64url::to_text(&self.0)
    }

    /// Reads it back.
    pub fn read(text: &str) -> Option<Self> {
        base64url::read(text).map(Self)
    }

    /// Names the account of an identity: all its callers whose SiteBay credentials are unverified.
    pub fn account(keys: &Keyring, auth_method: AuthMethod, issuer: &str, id: &str) -> Self {
        // An empty credential counts as none.
        Self::of(keys, auth_method, issuer, id, Some(""))
    }

    /// Names a caller. `issuer` and `id` are empty where all who come in like this are one.
    pub fn of(
        keys: &Keyring,
        auth_method: AuthMethod,
        issuer: &str,
        id: &str,
        credential: Option<&str>,
    ) -> Self {
        let mut text = Vec::with_capacity(96);
        text.push(auth_method.code());
        for part in [issuer, id] {
            // One that is too long for a block is named by its hash.
            if put_block(&mut text, part.as_bytes()).is_none() {
                text.extend_from_slice(&keys.name(part.as_bytes()));
            }
        }
        if let Some(credential) = credential {
            text.extend_from_slice(&keys.name(credential.as_bytes()));
        }
        Self(keys.name(&text))
    }
}

/// A name as a principal carries it.
pub fn client_name(name: &str) -> String {
    cut_text(name, MAX_CLIENT).to_owned()
}

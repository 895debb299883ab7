//! Admission: from the headers of a request to its principal, or a refusal.
//!
//! Invariant: closed unless somebody opened it. With nothing configured only the development
//! environment is open. Secrets are compared in constant time and never leave this module.

use hmac::digest::Digest as _;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{
    access::{
        keys::Keyring,
        principal::{Principal, Subject, Way},
        scope::Scopes,
        secret::Secret,
    },
    edge::refusal::Refusal,
};

/// The header in which a caller brings its own SiteBay token.
pub const OWN_TOKEN_HEADER: &str = "x-sitebay-token";

/// Who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// Everybody: nothing is configured, in development.
    Open,
    /// Nobody: nothing is configured, elsewhere.
    Closed,
    /// Whoever has the key.
    Key(Secret),
}

/// The headers that admission looks at.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// `Authorization`.
    pub authorization: Option<String>,
    /// `X-SiteBay-Token`.
    pub own_token: Option<String>,
}

impl Door {
    /// Lets a request in, or says why not.
    ///
    /// # Errors
    /// 401 without the right key, 503 where nothing is configured.
    pub fn admit(&self, keys: &Keyring, with: &Credentials) -> Result<Principal, Refusal> {
        let way = match self {
            Self::Open => Way::Open,
            Self::Closed => return Err(Refusal::NotConfigured),
            Self::Key(key) => {
                check_bearer(key, with.authorization.as_deref())?;
                Way::ApiKey
            }
        };
        let own = with.own_token.as_deref().map(str::trim).filter(|token| !token.is_empty());
        Ok(Principal {
            way,
            subject: Subject::of(keys, way, "", "", own),
            client: String::new(),
            scopes: Scopes::WRITE,
            own_credential: own.is_some(),
            expires: None,
        })
    }
}

/// Checks `Authorization: Bearer <key>` (RFC 6750 §2.1; the scheme's case does not matter).
fn check_bearer(key: &Secret, authorization: Option<&str>) -> Result<(), Refusal> {
    let Some(authorization) = authorization else {
        return Err(Refusal::Unauthorized("no credential was sent"));
    };
    let token = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        return Err(Refusal::Unauthorized("expected the form `Bearer <key>`"));
    };
    // Digests, so that neither length nor content shows in the time taken.
    let same = Sha256::digest(token).ct_eq(&Sha256::digest(key.expose()));
    if bool::from(same) { Ok(()) } else { Err(Refusal::Unauthorized("the key is wrong")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keyring {
        Keyring::parse(&"k".repeat(40)).unwrap()
    }

    fn with(authorization: &str) -> Credentials {
        Credentials { authorization: Some(authorization.into()), own_token: None }
    }

    #[test]
    fn nothing_configured_is_closed() {
        let refused = Door::Closed.admit(&keys(), &Credentials::default());
        assert!(matches!(refused, Err(Refusal::NotConfigured)));
    }

    #[test]
    fn only_the_whole_key_opens() {
        let door = Door::Key(Secret::new("right"));
        for authorization in ["Bearer right", "bearer right", "BEARER  right "] {
            assert!(door.admit(&keys(), &with(authorization)).is_ok(), "{authorization}");
        }
        for authorization in
            ["Bearer wrong", "Bearer righ", "Bearer right2", "right", "Basic right", ""]
        {
            assert!(door.admit(&keys(), &with(authorization)).is_err(), "{authorization}");
        }
        assert!(door.admit(&keys(), &Credentials::default()).is_err());
    }

    #[test]
    fn an_own_token_makes_a_subject_of_its_own() {
        let of = |token: Option<&str>| {
            let with = Credentials { authorization: None, own_token: token.map(str::to_owned) };
            Door::Open.admit(&keys(), &with).unwrap()
        };
        assert_ne!(of(Some("a")).subject, of(Some("b")).subject);
        assert_ne!(of(Some("a")).subject, of(None).subject);
        assert_eq!(of(Some("a")).subject, of(Some(" a ")).subject);
        assert_eq!(of(Some(" ")), of(None));
    }
}

//! A caller as its credential names it.

use crate::{
    keys::Keyring,
    principal::Principal,
    scope::Scopes,
    subject::{AuthMethod, Subject, client_name},
    upstream_scopes::UpstreamScopes,
};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// How.
    pub auth_method: AuthMethod,
    /// The issuer of the id; empty if it is this server.
    pub issuer: String,
    /// The id at the issuer; empty if all callers of this method share one identity.
    pub id: String,
    /// The short name of the key or the client.
    pub client: String,
    /// Its scopes.
    pub scopes: Scopes,
    /// Its scopes besides, of which some may be those of upstreams.
    pub upstreams: UpstreamScopes,
    /// The audiences of its token that count; empty if it has none.
    pub audiences: Vec<String>,
    /// When what it came in with runs out, in seconds since 1970.
    pub expires: Option<u32>,
}

impl Identity {
    /// The shared identity of all callers of this method.
    pub fn shared(auth_method: AuthMethod) -> Self {
        let (issuer, id, client) = (String::new(), String::new(), String::new());
        let (upstreams, audiences) = (UpstreamScopes::default(), Vec::new());
        let scopes = Scopes::WRITE;
        Self { auth_method, issuer, id, client, scopes, upstreams, audiences, expires: None }
    }

    /// The identity of a holder of an admin key.
    pub fn administrator() -> Self {
        let admin = || "admin".to_owned();
        Self {
            id: admin(),
            client: admin(),
            scopes: Scopes::ADMIN,
            ..Self::shared(AuthMethod::ApiKey)
        }
    }

    /// The caller, with the SiteBay credential that it brings, which is unverified.
    pub fn principal(self, keys: &Keyring, own: Option<&str>) -> Principal {
        let account = || Subject::account(keys, self.auth_method, &self.issuer, &self.id);
        Principal {
            auth_method: self.auth_method,
            subject: Subject::of(keys, self.auth_method, &self.issuer, &self.id, own),
            unverified: own.map(|_| account()),
            client: client_name(&self.client),
            scopes: self.scopes,
            upstreams: self.upstreams,
            own_credential: own.is_some(),
            expires: self.expires,
            grant: None,
        }
    }
}

//! Signing in at another OpenID provider: what it says of itself, and of a person (OpenID Connect
//! Core 1.0 §3.1, Discovery 1.0 §4).
//!
//! Invariant: who a person is says an ID token that came from the provider itself, for this server, in
//! answer to this very request. It came over https from the token endpoint, which stands in for its
//! signature (Core §3.1.3.7): a provider whose endpoints are not https is not asked.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::{hash, redirect::with_parameters};
use crate::{address::is_protected, secret::Secret};
use mcp_protocol::{
    bytes::{Reader, cut_text, put_text},
    fields::fields,
    raw,
};

/// Bytes of a person's id that count: providers give at most 255.
const MAX_ID: usize = 255;

/// The provider that the operator chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcProvider {
    /// `MCP_OIDC_ISSUER`.
    pub issuer: String,
    /// `MCP_OIDC_CLIENT_ID`.
    pub client_id: String,
    /// `MCP_OIDC_CLIENT_SECRET`.
    pub client_secret: Secret,
    /// Whether it may be on this machine without https: in development.
    pub loopback: bool,
}

/// Why a provider's document cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DiscoveryError {
    /// It is none, or names another issuer.
    #[error("names another issuer or lacks an endpoint")]
    Foreign,
    /// An endpoint is not https, so that tokens sent there could be read in transit.
    #[error("names an endpoint that is not https")]
    Unprotected,
}

/// Where a provider is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcEndpoints {
    /// Where the person goes.
    pub authorization: String,
    /// Where a code is redeemed.
    pub token: String,
}

/// A person, as a provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcUser {
    /// The issuer.
    pub issuer: String,
    /// The id at the issuer.
    pub id: String,
    /// The name to show on a page.
    pub name: String,
}

impl OidcProvider {
    /// The address of its document.
    pub fn document(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'))
    }

    /// Reads the document.
    ///
    /// # Errors
    /// Where it is not this provider's, or its endpoints are not https.
    pub fn endpoints(&self, document: &str) -> Result<OidcEndpoints, DiscoveryError> {
        let found = self.named(document).ok_or(DiscoveryError::Foreign)?;
        for url in [&found.authorization, &found.token] {
            if !is_protected(url, self.loopback) {
                return Err(DiscoveryError::Unprotected);
            }
        }
        Ok(found)
    }

    fn named(&self, document: &str) -> Option<OidcEndpoints> {
        let names = ["issuer", "authorization_endpoint", "token_endpoint"];
        let [issuer, authorization, token] = fields(document, names).ok()?;
        let found = OidcEndpoints {
            authorization: raw::string(authorization?)?,
            token: raw::string(token?)?,
        };
        (raw::text(issuer?)? == self.issuer.as_str()).then_some(found)
    }

    /// Where a person goes to sign in, with the state that comes back.
    pub fn address(&self, endpoints: &OidcEndpoints, state: &str, callback: &str) -> String {
        let parameters = [
            ("response_type", Some("code")),
            ("client_id", Some(self.client_id.as_str())),
            ("redirect_uri", Some(callback)),
            ("scope", Some("openid profile email")),
            ("state", Some(state)),
            ("nonce", Some(&nonce(state))),
        ];
        with_parameters(&endpoints.authorization, &parameters)
    }

    /// The person of an answer to a code. None: it does not say who came with this state.
    pub fn person(&self, answer: &str, state: &str, now_s: u64) -> Option<OidcUser> {
        let [token] = fields(answer, ["id_token"]).ok()?;
        let token = raw::text(token?)?;
        let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())?;
        let claims = String::from_utf8(claims).ok()?;
        let names = ["iss", "aud", "exp", "nonce", "sub", "email", "name"];
        let [issuer, audience, expires, sent, id, email, name] = fields(&claims, names).ok()?;
        let audience = audience?;
        let is_for_us = match raw::elements(audience.get()) {
            Ok(list) => list.into_iter().filter_map(raw::text).any(|one| one == self.client_id),
            Err(_) => raw::text(audience).as_deref() == Some(&self.client_id),
        };
        let id = raw::string(id?).filter(|id| !id.is_empty() && id.len() <= MAX_ID)?;
        let good = is_for_us
            && raw::text(issuer?)? == self.issuer.as_str()
            && raw::float(expires?)? > now_s as f64
            && raw::text(sent?)? == nonce(state).as_str();
        let name = email.or(name).and_then(raw::string).unwrap_or_else(|| id.clone());
        good.then(|| OidcUser { issuer: self.issuer.clone(), id, name })
    }
}

/// The nonce that binds an ID token to a state.
fn nonce(state: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(state))
}

impl OidcUser {
    /// Writes a person for [`Self::read`].
    pub fn write(&self, out: &mut Vec<u8>) {
        for text in [&self.issuer, &self.id, &self.name] {
            put_text(out, cut_text(text, MAX_ID));
        }
    }

    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { issuer: reader.text()?, id: reader.text()?, name: reader.text()? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use test_support::stored::of_0_1_0;

    fn provider() -> OidcProvider {
        OidcProvider {
            issuer: "https://id.example/".into(),
            client_id: "us".into(),
            client_secret: Secret::new("s"),
            loopback: false,
        }
    }

    fn answer(claims: &Value) -> String {
        json!({ "id_token": format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string())) })
            .to_string()
    }

    fn claims() -> Value {
        json!({ "iss": "https://id.example/", "aud": ["us"], "exp": 100.5, "nonce": nonce("state"),
            "sub": "42", "email": "ada@example.org" })
    }

    #[test]
    fn an_id_token_names_the_person_who_came_with_this_state() {
        let person = provider().person(&answer(&claims()), "state", 100).unwrap();
        assert_eq!((person.id.as_str(), person.name.as_str()), ("42", "ada@example.org"));
        let mut written = Vec::new();
        person.write(&mut written);
        let stored = of_0_1_0("oauth-person", &URL_SAFE_NO_PAD.encode(&written));
        assert_eq!(URL_SAFE_NO_PAD.decode(stored).as_ref(), Ok(&written));
        assert_eq!(OidcUser::read(&mut Reader::new(&written)), Some(person));
        assert_eq!(provider().person(&answer(&claims()), "other", 100), None);
        assert_eq!(provider().person(&answer(&claims()), "state", 101), None);
        for (claim, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("them")),
            ("aud", json!(["them"])),
            ("nonce", Value::Null),
            ("sub", json!("")),
            ("sub", json!("x".repeat(256))),
            ("exp", json!("never")),
        ] {
            let mut wrong = claims();
            wrong[claim] = value;
            assert_eq!(provider().person(&answer(&wrong), "state", 100), None, "{wrong}");
        }
        assert_eq!(provider().person("{}", "state", 0), None);
    }

    #[test]
    fn a_document_must_be_the_provider_s_own() {
        assert_eq!(provider().document(), "https://id.example/.well-known/openid-configuration");
        let document = |issuer: &str| {
            json!({ "issuer": issuer, "authorization_endpoint": "https://id.example/auth",
                "token_endpoint": "https://id.example/token" })
            .to_string()
        };
        let endpoints = provider().endpoints(&document("https://id.example/")).unwrap();
        let address = provider().address(&endpoints, "state", "https://m.example/cb");
        assert!(
            address.starts_with("https://id.example/auth?response_type=code&client_id=us&"),
            "{address}"
        );
        let foreign = Err(DiscoveryError::Foreign);
        assert_eq!(provider().endpoints(&document("https://id.example")), foreign);
        assert_eq!(provider().endpoints("{}"), foreign);
    }

    #[test]
    fn endpoints_must_be_https_as_the_issuer_is() {
        let named = |provider: &OidcProvider, authorization: &str, token: &str| {
            let issuer = &provider.issuer;
            let document = json!({ "issuer": issuer, "authorization_endpoint": authorization,
                "token_endpoint": token });
            provider.endpoints(&document.to_string()).map(|_| ())
        };
        let (secure, plain) = ("https://id.example/a", "http://id.example/a");
        let here = "http://127.0.0.1:1/a";
        let (refused, outside) = (Err(DiscoveryError::Unprotected), provider());
        assert_eq!(named(&outside, secure, secure), Ok(()));
        let local = OidcProvider { loopback: true, ..provider() };
        assert_eq!(named(&local, here, here), Ok(()));
        for (authorization, token) in [(secure, plain), (plain, secure)] {
            assert_eq!(named(&outside, authorization, token), refused);
            assert_eq!(named(&local, authorization, token), refused);
        }
        assert_eq!(named(&outside, secure, here), refused);
    }
}

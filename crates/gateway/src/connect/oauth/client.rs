//! This server as a client of an authorization server: as it was configured, or registered on the spot (RFC 7591).

use mcp_auth::secret::Secret;
use mcp_platform::{Method, SharedPlatform};
use mcp_protocol::{fields::fields, object::Object, raw};
use serde::{Deserialize, Serialize};

use super::{ask, server::Server};
use crate::{
    address::Surroundings,
    config::{Credential, is_value},
};

/// A client.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// The secret that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Client {
    /// One that was registered by hand.
    pub fn configured(id: &str, secret: Option<&Secret>) -> Self {
        Self { id: id.to_owned(), secret: secret.map(|secret| secret.expose().to_owned()) }
    }

    /// This client as the configuration has it by now: its secret may have been replaced. One that registered itself, and one
    /// of another issuer, is what it was.
    pub(super) fn current(&self, issuer: &str, configured: &Credential) -> Self {
        match configured {
            Credential::OAuth { issuer: Some(at), client_id: Some(id), secret, .. }
                if at == issuer && *id == self.id =>
            {
                Self::configured(id, secret.as_ref().map(|secret| &secret.value))
            }
            _ => self.clone(),
        }
    }

    /// Registers one that returns to this address.
    ///
    /// # Errors
    /// Where that is not possible: why, for the person.
    pub async fn register(
        server: &Server,
        callback: &str,
        surroundings: Surroundings<'_>,
        platform: &SharedPlatform,
    ) -> Result<Self, String> {
        let nowhere = "its authorization server registers no clients, so that the operator must register this server there";
        let url = server.registration.as_deref().ok_or(nowhere)?;
        let wanted = Object::new()
            .text("client_name", "sitebay-mcp")
            .texts("redirect_uris", [callback])
            .texts("grant_types", ["authorization_code", "refresh_token"])
            .texts("response_types", ["code"])
            .text("token_endpoint_auth_method", "none")
            .text("application_type", "web")
            .end();
        let kind = ("Content-Type", "application/json".to_owned());
        let to = (Method::Post, url);
        match ask(to, vec![kind], Some(wanted), surroundings, platform).await? {
            (200 | 201, text) => Self::read(&text).ok_or_else(|| {
                "its authorization server registered this server without an id".to_owned()
            }),
            (status, _) => {
                Err(format!("its authorization server did not register this server ({status})"))
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        let [id, secret] = fields(text, ["client_id", "client_secret"]).ok()?;
        let id =
            raw::string(id?).filter(|id| !id.is_empty() && id.len() <= 4_096 && is_value(id))?;
        let secret = secret.and_then(raw::string).filter(|secret| is_value(secret));
        Some(Self { id, secret: secret.filter(|secret| !secret.is_empty()) })
    }

    /// The fields of a form that say who asks (RFC 6749 §2.3.1).
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let secret = self.secret.as_deref().map(|secret| ("client_secret", secret));
        std::iter::once(("client_id", self.id.as_str())).chain(secret)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Upstream;

    #[test]
    fn a_client_has_the_secret_that_is_configured_for_it_at_its_issuer() {
        let auth = json!({
            "kind": "oauth", "issuer": "https://as.example", "client_id": "a", "secret": "TICKETS_CLIENT",
        });
        let configured = Upstream::tickets("https://tickets.example/mcp", &auth).credential;
        let before = Client::configured("a", Some(&Secret::new("before")));
        let secret = |client: &Client, issuer: &str| client.current(issuer, &configured).secret;
        assert_eq!(secret(&before, "https://as.example").as_deref(), Some("s3cret"));
        assert_eq!(secret(&before, "https://other.example").as_deref(), Some("before"));
        let other = Client::configured("b", None);
        assert_eq!(secret(&other, "https://as.example"), None);
        assert!(before.current("https://as.example", &Credential::None) == before);
    }

    #[test]
    fn a_registration_has_an_id() {
        let read = Client::read(r#"{"client_id":"a","client_secret":"b","more":1}"#).unwrap();
        let fields: Vec<_> = read.fields().collect();
        assert_eq!(fields, [("client_id", "a"), ("client_secret", "b")]);
        assert_eq!(Client::read(r#"{"client_id":"a"}"#).unwrap().fields().count(), 1);
        for wrong in
            ["", "{}", r#"{"client_id":""}"#, r#"{"client_id":"a\nb"}"#, r#"{"client_id":7}"#]
        {
            assert!(Client::read(wrong).is_none(), "{wrong}");
        }
    }
}

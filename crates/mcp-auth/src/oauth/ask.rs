//! What a grant's object is asked for: the path and the body of a request that only the Worker sends.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Hash,
    grant::{Bearer, Generation, Terms, bytes},
};
use crate::subject::Subject;
use mcp_protocol::{fields::fields, object::Object, raw};

/// Who brings a code or a token, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The client's id, hashed.
    pub client: Hash,
    /// The secret in it, hashed.
    pub secret: Hash,
    /// The server that is asked, hashed.
    pub origin: Hash,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To keep what a person agreed to.
    Create(Terms),
    /// To give the first tokens for the code: redirect URI and verifier.
    Redeem(Brought, Option<String>, String),
    /// To give the next tokens for a refresh token of this generation.
    Refresh(Brought, Generation),
    /// For the sealed credential, by whoever knows the secret's hash.
    Look(Hash),
    /// To end it, by a client.
    Revoke(Brought),
    /// To end it, by the person.
    TakeBack(Subject),
}

impl Ask {
    /// The request's path.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Create(_) => "/create",
            Self::Redeem(..) => "/redeem",
            Self::Refresh(..) => "/refresh",
            Self::Look(_) => "/look",
            Self::Revoke(_) => "/revoke",
            Self::TakeBack(_) => "/take-back",
        }
    }

    /// The request's body.
    pub fn body(&self) -> String {
        match self {
            Self::Create(terms) => terms.to_json(),
            Self::Redeem(by, redirect_uri, verifier) => by
                .write()
                .text_if("redirect_uri", redirect_uri.as_deref())
                .text("verifier", verifier)
                .end(),
            Self::Refresh(by, generation) => {
                by.write().number("generation", u64::from(*generation)).end()
            }
            Self::Look(secret) => text(Object::new(), "secret", secret).end(),
            Self::Revoke(by) => by.write().end(),
            Self::TakeBack(subject) => text(Object::new(), "subject", &subject.0).end(),
        }
    }

    /// Reads a request.
    pub fn read(path: &str, body: &str) -> Option<Self> {
        let names = ["redirect_uri", "verifier", "generation", "secret", "subject"];
        let [redirect_uri, verifier, generation, secret, subject] = fields(body, names).ok()?;
        Some(match path {
            "/create" => Self::Create(Terms::from_json(body)?),
            "/redeem" => Self::Redeem(
                Brought::read(body)?,
                redirect_uri.and_then(raw::string),
                raw::string(verifier?)?,
            ),
            "/refresh" => Self::Refresh(Brought::read(body)?, raw::number(generation?)?),
            "/look" => Self::Look(bytes(&raw::text(secret?)?)?),
            "/revoke" => Self::Revoke(Brought::read(body)?),
            "/take-back" => Self::TakeBack(Subject(bytes(&raw::text(subject?)?)?)),
            _ => return None,
        })
    }
}

impl Brought {
    /// The same as grants see it.
    pub fn bearer(&self) -> Bearer<'_> {
        Bearer { client: &self.client, secret: &self.secret, origin: &self.origin }
    }

    fn write(&self) -> Object {
        let object = text(Object::new(), "client", &self.client);
        text(text(object, "secret", &self.secret), "origin", &self.origin)
    }

    fn read(json: &str) -> Option<Self> {
        let [client, secret, origin] = fields(json, ["client", "secret", "origin"]).ok()?;
        Some(Self {
            client: bytes(&raw::text(client?)?)?,
            secret: bytes(&raw::text(secret?)?)?,
            origin: bytes(&raw::text(origin?)?)?,
        })
    }
}

fn text(object: Object, name: &str, bytes: &[u8]) -> Object {
    object.text(name, &URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::lines_of_0_1_0;

    #[test]
    fn a_request_leads_back_to_what_was_asked() {
        let by = Brought { client: [1; 32], secret: [2; 32], origin: [3; 32] };
        let asks = [
            Ask::Redeem(by.clone(), Some("cursor://x".into()), "v".into()),
            Ask::Redeem(by.clone(), None, "v".into()),
            Ask::Refresh(by.clone(), 7),
            Ask::Look([4; 32]),
            Ask::Revoke(by),
            Ask::TakeBack(Subject([5; 16])),
        ];
        let written = asks.each_ref().map(|ask| format!("{} {}", ask.path(), ask.body()));
        for (line, ask) in lines_of_0_1_0("messages-grant", &written).iter().zip(asks) {
            let (path, body) = line.split_once(' ').unwrap();
            assert_eq!(Ask::read(path, body), Some(ask));
        }
        assert_eq!(Ask::read("/refresh", "{}"), None);
        assert_eq!(Ask::read("/other", "{}"), None);
    }
}

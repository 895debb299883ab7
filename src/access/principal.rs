//! Who a request comes from, once admitted.
//!
//! Invariant: sessions and everything stored are bound to the [`Subject`], never to a token, so
//! that a refreshed token keeps the session.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::protocol::{fields::fields, object::Object, raw};

/// How the caller came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Nothing is configured and the environment is development.
    Open,
    /// The key in `MCP_API_KEY`.
    ApiKey,
}

impl Way {
    /// The name that subjects, logs and tools use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ApiKey => "api-key",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::ApiKey].into_iter().find(|way| way.name() == name)
    }
}

/// The keyed hash that names a caller: way in, issuer, id, and the SiteBay credential where the
/// caller brings one. Two callers with the same hash share what is bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject(pub [u8; 16]);

/// An admitted caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// How the caller came in.
    pub way: Way,
    /// What everything of this caller is bound to.
    pub subject: Subject,
    /// Whether the caller brings its own SiteBay credential.
    pub own_credential: bool,
    /// When what it came in with runs out, in seconds since 1970. None: it does not.
    pub expires: Option<u32>,
}

impl Principal {
    /// The JSON text that [`Self::from_json`] reads.
    pub fn to_json(&self) -> String {
        Object::new()
            .text("way", self.way.name())
            .text("subject", &URL_SAFE_NO_PAD.encode(self.subject.0))
            .flag("own", self.own_credential)
            .raw("expires", &self.expires.map_or("null".to_owned(), |at| at.to_string()))
            .end()
    }

    /// Reads it back.
    pub fn from_json(json: &str) -> Option<Self> {
        let names = ["way", "subject", "own", "expires"];
        let [way, subject, own, expires] = fields(json, names).ok()?;
        let subject = URL_SAFE_NO_PAD.decode(&*raw::text(subject?)?).ok()?;
        Some(Self {
            way: Way::parse(&raw::text(way?)?)?,
            subject: Subject(subject.try_into().ok()?),
            own_credential: raw::flag(own?)?,
            expires: expires.and_then(raw::number),
        })
    }
}

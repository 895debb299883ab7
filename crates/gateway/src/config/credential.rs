//! The credential with which an upstream is called.
//!
//! Invariant: a configuration names secrets and holds none; a fault repeats no value, which may be a secret that was put
//! into the wrong place.

use std::borrow::Cow;

use mcp_auth::secret::Secret;
use mcp_protocol::{object::Object as Written, raw};

use super::{
    Rules,
    error::ConfigError,
    header::{is_value, may_carry_credential},
    object::{Faults, Object},
};
use crate::address;

const AUTHORIZATION: &str = "Authorization";
const EXPECTED_HEADER: &str = "the name of a header that can carry a credential";
const EXPECTED_PREFIX: &str = "at most 32 visible characters, such as \"Bearer \"";
const EXPECTED_ISSUER: &str = "the issuer of the authorization server at which `client_id` is registered, an https URL as \
                               its metadata has it";
const EXPECTED_SECRET: &str =
    "the name of a secret that is set, of capital letters, digits and `_`";

/// A secret that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSecret {
    /// The name of the secret.
    pub name: String,
    /// Its value: at most 8 KiB that a header can carry.
    pub value: Secret,
}

/// The header that carries a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHeader {
    /// The header. Default: `Authorization`.
    pub name: String,
    /// What stands before the key. Default: `Bearer ` in `Authorization`, else nothing.
    pub prefix: String,
}

/// How an upstream is called: `auth` in the configuration. Default: without a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// `none`: without one.
    None,
    /// `static`: with a key of the operator.
    Static {
        /// The header that carries it.
        header: KeyHeader,
        /// The key.
        secret: NamedSecret,
    },
    /// `subject`: with a key of the person who calls, which this server asks for.
    Subject {
        /// The header that carries it.
        header: KeyHeader,
    },
    /// `oauth`: with a token that the upstream's authorization server gives out for the person who calls.
    OAuth {
        /// The authorization server's issuer. None: whichever the upstream names, where this server registers itself.
        issuer: Option<String>,
        /// The id of this server as a client there, where it was registered by hand.
        client_id: Option<String>,
        /// The secret that belongs to it.
        secret: Option<NamedSecret>,
        /// The scopes to ask for. Empty: those that the upstream names.
        scopes: Vec<String>,
    },
    /// `access`: with the service token of Cloudflare Access, for a server behind a tunnel.
    Access {
        /// The value of `CF-Access-Client-Id`.
        client_id: String,
        /// The value of `CF-Access-Client-Secret`.
        secret: NamedSecret,
    },
}

/// The kinds by name.
const KINDS: [(&str, &[&str]); 5] = [
    ("none", &["kind"]),
    ("static", &["kind", "header", "prefix", "secret"]),
    ("subject", &["kind", "header", "prefix"]),
    ("oauth", &["kind", "issuer", "client_id", "secret", "scopes"]),
    ("access", &["kind", "client_id", "secret"]),
];

impl KeyHeader {
    /// The header with this key in it.
    pub fn with(&self, key: &Secret) -> (Cow<'static, str>, Secret) {
        let value = Secret::new(format!("{}{}", self.prefix, key.expose()));
        (Cow::Owned(self.name.clone()), value)
    }
}

impl Credential {
    /// The word for it in the configuration.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Static { .. } => "static",
            Self::Subject { .. } => "subject",
            Self::OAuth { .. } => "oauth",
            Self::Access { .. } => "access",
        }
    }

    /// The name of the secret in it, where it has one.
    pub fn secret_name(&self) -> Option<&str> {
        match self {
            Self::Static { secret, .. } | Self::Access { secret, .. } => Some(&secret.name),
            Self::OAuth { secret, .. } => secret.as_ref().map(|secret| secret.name.as_str()),
            Self::None | Self::Subject { .. } => None,
        }
    }

    /// The issuer of the authorization server that the operator chose.
    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::OAuth { issuer, .. } => issuer.as_deref(),
            _ => None,
        }
    }

    /// Whether every person who calls has a credential of their own.
    pub const fn is_personal(&self) -> bool {
        matches!(self, Self::Subject { .. } | Self::OAuth { .. })
    }

    /// The headers that carry the operator's credential. Empty for the other kinds.
    pub fn headers(&self) -> Vec<(Cow<'static, str>, Secret)> {
        match self {
            Self::Static { header, secret } => vec![header.with(&secret.value)],
            Self::Access { client_id, secret } => vec![
                (Cow::Borrowed("CF-Access-Client-Id"), Secret::new(client_id.clone())),
                (Cow::Borrowed("CF-Access-Client-Secret"), secret.value.clone()),
            ],
            Self::None | Self::Subject { .. } | Self::OAuth { .. } => Vec::new(),
        }
    }

    /// The header that carries a person's own key or token. None for the other kinds.
    pub fn personal_header(&self, key: &Secret) -> Option<(Cow<'static, str>, Secret)> {
        match self {
            Self::Subject { header } => Some(header.with(key)),
            Self::OAuth { .. } => Some(KeyHeader::named(None, None).with(key)),
            Self::None | Self::Static { .. } | Self::Access { .. } => None,
        }
    }

    /// Whether a header carries the credential, so that no caller may send it.
    pub(super) fn uses(&self, header: &str) -> bool {
        match self {
            Self::Static { header: own, .. } | Self::Subject { header: own } => {
                own.name.eq_ignore_ascii_case(header)
            }
            _ => false,
        }
    }

    /// `usual`: the header that carries a person's key, where no other is named.
    pub(super) fn read(
        of: &Object<'_>,
        usual: Option<&str>,
        rules: &Rules<'_>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let Some(auth) = of.get("auth") else {
            return Some(Self::None);
        };
        let auth = Object::open(&of.path("auth"), auth.get(), faults)?.without_values();
        let words = KINDS.map(|kind| (kind.0, kind));
        if auth.get("kind").is_none() {
            let names = words.map(|(word, _)| word).join(", ");
            faults.push(ConfigError::new(&auth.path("kind"), format!("one of {names}"), None));
            return None;
        }
        let (kind, known) = auth.choice("kind", &words, faults)?;
        auth.allow_only(known, faults);
        match kind {
            "static" => {
                let header = KeyHeader::read(&auth, None, faults);
                Some(Self::Static {
                    header: header?,
                    secret: required_secret(&auth, rules, faults)?,
                })
            }
            "subject" => Some(Self::Subject { header: KeyHeader::read(&auth, usual, faults)? }),
            "oauth" => Some(Self::OAuth {
                issuer: issuer(&auth, rules, faults),
                client_id: client_id(&auth, faults),
                secret: secret(&auth, rules, faults),
                scopes: auth.list("scopes", "a scope (RFC 6749 §3.3)", faults, scope),
            }),
            "access" => {
                let id = client_id(&auth, faults);
                if auth.get("client_id").is_none() {
                    let expected = "the client id of the service token";
                    faults.push(ConfigError::new(&auth.path("client_id"), expected, None));
                }
                let secret = required_secret(&auth, rules, faults);
                Some(Self::Access { client_id: id?, secret: secret? })
            }
            _ => Some(Self::None),
        }
    }

    /// The text that is read back, with names of secrets and without their values.
    pub(super) fn to_json(&self) -> String {
        let begun = Written::new().text("kind", self.kind());
        let key = |begun: Written, header: &KeyHeader| {
            begun.text("header", &header.name).text("prefix", &header.prefix)
        };
        match self {
            Self::None => begun,
            Self::Static { header, secret } => key(begun, header).text("secret", &secret.name),
            Self::Subject { header } => key(begun, header),
            Self::OAuth { issuer, client_id, secret, scopes } => begun
                .text_if("issuer", issuer.as_deref())
                .text_if("client_id", client_id.as_deref())
                .text_if("secret", secret.as_ref().map(|secret| secret.name.as_str()))
                .texts("scopes", scopes.iter().map(String::as_str)),
            Self::Access { client_id, secret } => {
                begun.text("client_id", client_id).text("secret", &secret.name)
            }
        }
        .end()
    }
}

impl KeyHeader {
    fn named(name: Option<String>, prefix: Option<String>) -> Self {
        let name = name.unwrap_or_else(|| AUTHORIZATION.to_owned());
        let usual = if name.eq_ignore_ascii_case(AUTHORIZATION) { "Bearer " } else { "" };
        Self { name, prefix: prefix.unwrap_or_else(|| usual.to_owned()) }
    }

    fn read(auth: &Object<'_>, usual: Option<&str>, faults: &mut Faults) -> Option<Self> {
        let before = faults.len();
        let name = auth.read("header", EXPECTED_HEADER, faults, |raw| {
            raw::string(raw).filter(|name| may_carry_credential(name))
        });
        let prefix = auth.read("prefix", EXPECTED_PREFIX, faults, |raw| {
            raw::string(raw).filter(|text| text.len() <= 32 && is_value(text.trim_end_matches(' ')))
        });
        let name = name.or_else(|| usual.map(str::to_owned));
        (faults.len() == before).then(|| Self::named(name, prefix))
    }
}

/// The upstream chooses its authorization server. It must not choose where the operator's client goes.
fn issuer(auth: &Object<'_>, rules: &Rules<'_>, faults: &mut Faults) -> Option<String> {
    let at = auth.path("issuer");
    let Some(raw) = auth.get("issuer") else {
        if auth.get("client_id").or(auth.get("secret")).is_some() {
            faults.push(ConfigError::new(&at, EXPECTED_ISSUER, None));
        }
        return None;
    };
    let text = raw::string(raw);
    let got = match text.as_deref().map(|text| address::check(text, rules.surroundings)) {
        None => "no text".to_owned(),
        Some(Ok(url)) if url.href.contains('?') => "a URL with a query".to_owned(),
        Some(Ok(_)) => return text,
        Some(Err(error)) => error.to_string(),
    };
    faults.push(ConfigError::new(&at, EXPECTED_ISSUER, Some(got)));
    None
}

fn client_id(auth: &Object<'_>, faults: &mut Faults) -> Option<String> {
    auth.read("client_id", "a client id of at most 512 visible characters", faults, |raw| {
        raw::string(raw).filter(|id| !id.is_empty() && id.len() <= 512 && is_value(id))
    })
}

/// RFC 6749 §3.3.
pub(super) fn scope(text: &str) -> Option<String> {
    let part = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',');
    let fits = (1..=128).contains(&text.len()) && text.bytes().all(part);
    fits.then(|| text.to_owned())
}

fn required_secret(
    auth: &Object<'_>,
    rules: &Rules<'_>,
    faults: &mut Faults,
) -> Option<NamedSecret> {
    if auth.get("secret").is_none() {
        faults.push(ConfigError::new(&auth.path("secret"), EXPECTED_SECRET, None));
    }
    secret(auth, rules, faults)
}

fn secret(auth: &Object<'_>, rules: &Rules<'_>, faults: &mut Faults) -> Option<NamedSecret> {
    let raw = auth.get("secret")?;
    let is_name = |name: &String| {
        let part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        (1..=64).contains(&name.len()) && name.bytes().all(part)
    };
    let mut fault = |expected: &str, got: &str| {
        faults.push(ConfigError::new(&auth.path("secret"), expected, Some(got.to_owned())));
        None
    };
    let Some(name) = raw::string(raw).filter(is_name) else {
        return fault(EXPECTED_SECRET, "something else");
    };
    match (rules.secret)(&name) {
        None => fault(EXPECTED_SECRET, "a name of which no secret is set"),
        Some(value) if value.expose().is_empty() || !is_value(value.expose()) => {
            fault("a secret of at most 8 KiB of visible ASCII", "one that no header can carry")
        }
        Some(value) => Some(NamedSecret { name, value }),
    }
}

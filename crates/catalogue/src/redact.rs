//! Takes secrets out of answers.
//!
//! Invariant: what a caller gave as secret, and the credential, never come back; what a service keeps
//! secret comes back only where the caller asked to see it. Fields that are secret in one answer only are
//! marked in the catalogue; the keys of [`SecretKeys`] are secret wherever they turn up, and so is a
//! password in an address.

use serde_json::Value;

use crate::service::Service;
use mcp_auth::secret::Secret;

/// The replacement for a secret.
pub const PLACEHOLDER: &str = "[redacted]";

/// The keys in a service's answers whose values are secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretKeys {
    /// Shown only on demand.
    pub on_demand: &'static [&'static str],
    /// Never shown.
    pub never: &'static [&'static str],
    /// The beginnings of keys that are never shown.
    pub beginnings: &'static [&'static str],
}

impl SecretKeys {
    /// For a service whose catalogue marks all that is secret.
    pub const NONE: Self = Self { on_demand: &[], never: &[], beginnings: &[] };

    /// Where the first secret key is in a text that is not whole JSON.
    fn first_in(&self, text: &str) -> Option<usize> {
        let whole = self.on_demand.iter().chain(self.never).filter_map(|key| text.find(key));
        let quoted = |beginning: &&str| text.find(&format!("\"{beginning}"));
        whole.chain(self.beginnings.iter().filter_map(quoted)).min()
    }
}

/// Whether the values of a key are hidden. The keys are constants here, as this is called for each key of
/// every answer.
fn hides<S: Service>(key: &str, reveal: bool) -> bool {
    (!reveal && S::SECRETS.on_demand.contains(&key))
        || S::SECRETS.never.contains(&key)
        || S::SECRETS.beginnings.iter().any(|beginning| key.starts_with(beginning))
}

/// Replaces the values of secret keys at any depth.
pub fn redact<S: Service>(value: &mut Value, reveal: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redact::<S>(item, reveal)),
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                if hides::<S>(key, reveal) && !inner.is_null() {
                    *inner = Value::from(PLACEHOLDER);
                } else {
                    redact::<S>(inner, reveal);
                }
            }
        }
        Value::String(text) => {
            if let Some(clean) = without_userinfo(text) {
                *text = clean;
            }
        }
        _ => {}
    }
}

/// An address without the password in it (RFC 3986 §3.2.1), such as that of a Git repository. None:
/// it has none.
fn without_userinfo(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    // A text around an address, such as a file, stays what it is.
    if text.contains(char::is_whitespace) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let after = rest.get(user.len()..)?;
    let user = match user.split_once(':') {
        Some((name, _)) => format!("{name}:{PLACEHOLDER}"),
        None if user == "git" => return None,
        // A token alone is a password, too.
        None => PLACEHOLDER.to_owned(),
    };
    Some(format!("{scheme}://{user}{after}"))
}

/// Replaces secrets in all strings of a value.
pub fn scrub(value: &mut Value, secrets: &[Secret]) {
    match value {
        Value::String(text) => {
            if let Some(clean) = scrubbed(text, secrets) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, secrets)),
        Value::Object(map) => map.values_mut().for_each(|inner| scrub(inner, secrets)),
        _ => {}
    }
}

/// A text without the secrets, as they are or as JSON writes them. From the first secret key on
/// nothing is kept: the end of its value cannot be found in a text that is not whole JSON.
pub fn scrub_text<S: Service>(text: &str, secrets: &[Secret]) -> String {
    let safe = S::SECRETS.first_in(text).and_then(|end| text.get(..end));
    let kept = safe.unwrap_or(text);
    let mut clean = scrubbed(kept, secrets).unwrap_or_else(|| kept.to_owned());
    if safe.is_some() {
        clean.push_str(PLACEHOLDER);
    }
    clean
}

fn scrubbed(text: &str, secrets: &[Secret]) -> Option<String> {
    let mut clean = None;
    for secret in secrets.iter().filter(|secret| !secret.expose().is_empty()) {
        for form in [secret.expose().to_owned(), in_json(secret.expose())] {
            let current = clean.as_deref().unwrap_or(text);
            if current.contains(&form) {
                clean = Some(current.replace(&form, PLACEHOLDER));
            }
        }
    }
    clean
}

fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

//! Values of keys that begin with `#`, which Keboola keeps encrypted.
//!
//! Invariant: a [`Sealed`] configuration holds no secret in plain text, and only [`Unsealed::seal`] makes one.
//! A write of a configuration takes a `Sealed`, so that none goes out unencrypted.
//!
//! Only the secrets are sent to the encryption service, not the configuration around them. The service encrypts
//! texts, numbers, booleans and nulls; in an object or an array under a secret key it encrypts only what is
//! under secret keys again, so anything else in there is refused. `[REDACTED]`, which stands for a secret on
//! reading, is refused on writing: which stored secret it stands for is a guess once keys have moved, and it
//! would replace a working secret.

use std::{
    fmt,
    ops::{ControlFlow, Deref},
};

use serde_json::{Map, Value};
use thiserror::Error;

use super::parameter_path::push_key;

/// What stands for a secret in plain text on reading.
pub const REDACTED: &str = "[REDACTED]";

/// Why a configuration is not written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// A secret is [`REDACTED`]; the paths.
    #[error(
        "{REDACTED} stands for a secret that is not shown, at {}: leave the stored secret as it is by not \
         setting it, or ask the person for a new one",
        .0.join(", ")
    )]
    Redacted(Vec<String>),
    /// A secret is in a form that Keboola does not encrypt; the path.
    #[error(
        "Keboola encrypts only single values: under the secret key at {0}, give each secret a key of its own \
         that begins with \"#\""
    )]
    NotEncryptable(String),
    /// The encryption service left secrets in plain text.
    #[error("Keboola's encryption service did not encrypt every secret: nothing was written")]
    NotEncrypted,
}

/// Whether a key's value is a secret.
pub fn is_secret_key(key: &str) -> bool {
    key.starts_with('#')
}

/// Whether a text has the form of a cipher, such as `KBC::ProjectSecure::…` or, from long ago,
/// `KBC::Encrypted==…`. Other texts that begin with `KBC::` are encrypted like any.
pub fn is_cipher(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("KBC::") else { return false };
    let name = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (_, rest) = rest.split_at(name);
    let cipher = rest.strip_prefix("::").or_else(|| rest.strip_prefix("=="));
    name > 0
        && cipher.is_some_and(|cipher| !cipher.is_empty() && !cipher.contains(char::is_whitespace))
}

/// The same with [`REDACTED`] for each secret in plain text, at every depth. Ciphers stay: they say nothing.
pub fn redact(mut value: Value) -> Value {
    redact_in_place(&mut value);
    value
}

/// Puts [`REDACTED`] for each secret in plain text.
pub fn redact_in_place(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact_in_place),
        Value::Object(map) => {
            for (key, value) in map {
                if !is_secret_key(key) {
                    redact_in_place(value);
                } else if !value.as_str().is_some_and(is_cipher) {
                    *value = Value::from(REDACTED);
                }
            }
        }
        _ => {}
    }
}

/// A configuration whose secrets may be in plain text.
pub struct Unsealed {
    configuration: Value,
    /// What is to be encrypted, by the keys under which the service is asked to.
    secrets: Map<String, Value>,
}

/// A configuration whose secrets are all encrypted. It is larger than before: check its size now.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed(Value);

impl Unsealed {
    /// Looks for the secrets of a configuration, and refuses those that cannot be encrypted.
    pub fn new(mut configuration: Value) -> Result<Self, SecretError> {
        let (mut secrets, mut redacted) = (Map::new(), Vec::new());
        walk(&mut configuration, &mut |place, value| {
            match value {
                Value::String(text) if text == REDACTED => redacted.push(place.path.clone()),
                Value::Array(_) | Value::Object(_) => {}
                _ if place.is_below => {
                    return ControlFlow::Break(SecretError::NotEncryptable(place.path.clone()));
                }
                _ => drop(secrets.insert(asked_as(secrets.len()), value.clone())),
            }
            ControlFlow::Continue(())
        })?;
        redacted.truncate(10);
        if redacted.is_empty() {
            Ok(Self { configuration, secrets })
        } else {
            Err(SecretError::Redacted(redacted))
        }
    }

    /// What the encryption service is asked to encrypt, as the body of `POST /encrypt`: a key such as `#0` for
    /// each secret. None where nothing is to be encrypted.
    pub fn request(&self) -> Option<Value> {
        (!self.secrets.is_empty()).then(|| Value::Object(self.secrets.clone()))
    }

    /// Puts in the ciphers that the service answered with. Without a request there is no answer.
    pub fn seal(mut self, answer: Option<&Value>) -> Result<Sealed, SecretError> {
        let mut place = 0_usize;
        walk(&mut self.configuration, &mut |_, value| {
            if is_single(value) {
                let cipher = answer.and_then(|answer| answer.get(asked_as(place)));
                match cipher.and_then(Value::as_str).filter(|cipher| is_cipher(cipher)) {
                    Some(cipher) => *value = Value::from(cipher),
                    None => return ControlFlow::Break(SecretError::NotEncrypted),
                }
                place = place.saturating_add(1);
            }
            ControlFlow::Continue(())
        })?;
        Ok(Sealed(self.configuration))
    }
}

/// The configuration is left out: secrets are in it.
impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsealed({} secrets)", self.secrets.len())
    }
}

impl Sealed {
    /// The configuration.
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl Deref for Sealed {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

/// Where a value is.
#[derive(Default)]
struct Place {
    /// Its path.
    path: String,
    /// Whether it is inside of an object or an array under a secret key, and under no secret key of its own.
    is_below: bool,
}

/// The key under which the service is asked for a secret.
fn asked_as(place: usize) -> String {
    format!("#{place}")
}

fn is_single(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

/// Calls a function with each value under a secret key that is no cipher, and with each value inside of such a
/// value, in an order that is always the same for the same configuration.
fn walk(
    value: &mut Value,
    visit: &mut dyn FnMut(&Place, &mut Value) -> ControlFlow<SecretError>,
) -> Result<(), SecretError> {
    match walk_below(value, false, &mut Place::default(), visit) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn walk_below(
    value: &mut Value,
    is_secret: bool,
    place: &mut Place,
    visit: &mut dyn FnMut(&Place, &mut Value) -> ControlFlow<SecretError>,
) -> ControlFlow<SecretError> {
    if is_secret && !value.as_str().is_some_and(is_cipher) {
        visit(place, value)?;
    }
    let length = place.path.len();
    let was_below = place.is_below;
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                place.path.push_str(&format!("[{index}]"));
                place.is_below = is_secret;
                walk_below(item, is_secret, place, visit)?;
                place.path.truncate(length);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                push_key(&mut place.path, key);
                let is_named = is_secret_key(key);
                place.is_below = is_secret && !is_named;
                walk_below(item, is_secret || is_named, place, visit)?;
                place.path.truncate(length);
            }
        }
        _ => {}
    }
    place.is_below = was_below;
    ControlFlow::Continue(())
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;

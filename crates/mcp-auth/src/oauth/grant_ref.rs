//! A grant as others than its tokens know it: enough to ask whether it goes on, and to open nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Hash, grant::bytes, token::GrantHandle};

/// The grant's object, and the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantRef(String);

impl GrantRef {
    /// The grant of a token.
    pub fn of(handle: &GrantHandle) -> Self {
        Self(format!("{}.{}", handle.object(), URL_SAFE_NO_PAD.encode(handle.secret_hash())))
    }

    /// Reads what [`Self::as_str`] gave.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its object, and the hash of its secret.
    pub fn parts(&self) -> Option<(&str, Hash)> {
        let (object, secret) = self.0.split_once('.')?;
        Some((object, bytes(secret)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_known_by_its_object_and_the_hash_of_its_secret() {
        let handle = GrantHandle::of([1; 16], [2; 32]);
        let grant = GrantRef::from_text(GrantRef::of(&handle).as_str().to_owned());
        assert_eq!(grant.parts(), Some((handle.object().as_str(), handle.secret_hash())));
        assert_eq!(GrantRef::from_text("x".into()).parts(), None);
    }
}

//! What is remembered between calls for a short while.
//!
//! Invariant: an entry belongs to one credential, by its digest; there are at most [`MOST`] of a
//! kind; values are kept, never work under way.

use std::cell::RefCell;

use sha2::{Digest as _, Sha256};

use mcp_auth::secret::Secret;
use mcp_protocol::base64url;

/// Entries of one kind.
const MOST: usize = 256;

/// Whose entry it is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key of a credential of a stack.
    pub(crate) fn of(stack: &str, token: &Secret) -> Self {
        Self::digest(&[stack.as_bytes(), token.expose().as_bytes()])
    }

    /// The key of something of a credential's.
    pub(crate) fn with(&self, name: &str) -> Self {
        Self::digest(&[&self.0, name.as_bytes()])
    }

    /// As a text, which says nothing of the credential.
    pub(crate) fn text(&self) -> String {
        base64url::to_text(&self.0)
    }

    fn digest(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// Values by key, each for so long.
pub(crate) struct Kept<T> {
    for_ms: u64,
    entries: RefCell<Vec<(Key, u64, T)>>,
}

impl<T: Clone> Kept<T> {
    /// None yet.
    pub(crate) const fn new(for_ms: u64) -> Self {
        Self { for_ms, entries: RefCell::new(Vec::new()) }
    }

    /// What is remembered, unless it is too old.
    pub(crate) fn get(&self, key: Key, now_ms: u64) -> Option<T> {
        let entries = self.entries.borrow();
        let (_, since, value) = entries.iter().find(|(known, ..)| *known == key)?;
        // One of the future is of a clock that went back.
        let age = now_ms.checked_sub(*since)?;
        (age < self.for_ms).then(|| value.clone())
    }

    /// Forgets a value.
    pub(crate) fn remove(&self, key: Key) {
        self.entries.borrow_mut().retain(|(known, ..)| *known != key);
    }

    /// Remembers a value; the oldest one goes where there are too many.
    pub(crate) fn put(&self, key: Key, now_ms: u64, value: T) {
        let mut entries = self.entries.borrow_mut();
        entries.retain(|(known, ..)| *known != key);
        if entries.len() >= MOST {
            entries.remove(0);
        }
        entries.push((key, now_ms, value));
    }

    /// Forgets a value.
    pub(crate) fn forget(&self, key: Key) {
        self.entries.borrow_mut().retain(|(known, ..)| *known != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_of_one_credential_and_grows_old() {
        let kept = Kept::new(60_000);
        let mine = Key::of("https://a", &Secret::new("t"));
        let other = Key::of("https://a", &Secret::new("u"));
        kept.put(mine, 1_000, "mine");
        assert_eq!(kept.get(mine, 60_999), Some("mine"));
        assert_eq!(kept.get(mine, 61_000), None);
        assert_eq!(kept.get(mine, 999), None, "the clock went back");
        assert_eq!(kept.get(other, 1_000), None);
        assert_ne!(mine, mine.with("branches"));
        kept.forget(mine);
        assert_eq!(kept.get(mine, 1_000), None);
    }

    #[test]
    fn there_are_never_too_many() {
        let kept = Kept::new(60_000);
        let key = |n: usize| Key::of("https://a", &Secret::new(n.to_string()));
        (0..=MOST).for_each(|n| kept.put(key(n), 0, n));
        assert_eq!((kept.get(key(0), 0), kept.get(key(MOST), 0)), (None, Some(MOST)));
        assert_eq!(kept.entries.borrow().len(), MOST);
    }
}

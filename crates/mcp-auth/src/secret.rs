//! Texts that must not be shown: their `Debug` is a placeholder and they have no `Display`.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// A secret text. Call [`Secret::expose`] only where it leaves for its purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text as secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The names in a setting that is a list of names, separated by commas or white space.
pub fn names(setting: &str) -> impl Iterator<Item = &str> {
    setting.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty())
}

/// The keys in a setting that is a list of keys, separated by commas or line ends. A passphrase with
/// spaces in it is one key.
pub fn keys(setting: &str) -> impl Iterator<Item = &str> {
    setting.split([',', '\n', '\r']).map(str::trim).filter(|text| !text.is_empty())
}

/// The place in the list, from 1, of the first key that has fewer characters than this.
pub fn first_shorter(setting: &str, least: usize) -> Option<usize> {
    let at = keys(setting).position(|key| key.chars().count() < least)?;
    Some(at.saturating_add(1))
}

/// Secrets of which any is right, so that one is replaced by adding the new one first and removing
/// the old one later. Only their digests are kept. The setting as a whole is one of them too: it may
/// be a single secret with a comma in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    digests: Vec<[u8; 32]>,
    is_unusable: bool,
}

impl Secrets {
    /// Reads a list.
    pub fn parse(setting: &str) -> Self {
        let mut all = keys(setting).peekable();
        let whole = all.peek().is_some().then(|| setting.trim());
        let digests = all.chain(whole).map(|text| Sha256::digest(text).into()).collect();
        Self { digests, is_unusable: false }
    }

    /// Secrets that the operator set and that must not be used, because one can be guessed: none
    /// opens.
    pub fn unusable() -> Self {
        Self { digests: Vec::new(), is_unusable: true }
    }

    /// Whether the operator set secrets that must not be used.
    pub fn is_unusable(&self) -> bool {
        self.is_unusable
    }

    /// Whether there is none that opens.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether a text is one of these and one of others.
    pub fn overlaps(&self, others: &Self) -> bool {
        self.digests.iter().any(|digest| others.digests.contains(digest))
    }

    /// Whether a text is one of them. Neither its length nor its content, nor which one it is, shows
    /// in the time taken.
    pub fn contains(&self, text: &str) -> bool {
        if self.digests.is_empty() {
            return false;
        }
        let digest: [u8; 32] = Sha256::digest(text).into();
        let same = self.digests.iter().map(|known| known.ct_eq(&digest));
        same.fold(Choice::from(0), |any, same| any | same).into()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secrets]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_list_is_right_and_nothing_else() {
        let secrets = Secrets::parse(" old,new\nnewest\r\nin words ");
        for right in ["old", "new", "newest", "in words", "old,new\nnewest\r\nin words"] {
            assert!(secrets.contains(right), "{right}");
        }
        for wrong in ["", "ol", "old,new", "old ", "oldest", "in", "words"] {
            assert!(!secrets.contains(wrong), "{wrong}");
        }
        assert!(Secrets::parse(" , ").is_empty() && !Secrets::parse("").contains(""));
    }

    #[test]
    fn the_first_short_key_is_found_by_its_place() {
        assert_eq!(first_shorter("long enough, four", 5), Some(2));
        assert_eq!(first_shorter("ümlaut", 6), None, "characters count, not bytes");
        assert_eq!(first_shorter(" , ", 5), None);
    }

    #[test]
    fn unusable_secrets_open_nothing() {
        let secrets = Secrets::unusable();
        assert!(secrets.is_empty() && secrets.is_unusable() && !secrets.contains(""));
    }

    #[test]
    fn nothing_is_shown() {
        assert_eq!(
            format!("{:?} {:?}", Secret::new("a"), Secrets::parse("a")),
            "[secret] [secrets]"
        );
    }
}

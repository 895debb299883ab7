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

/// The texts of a setting that is a list, separated by commas or white space.
pub fn listed(setting: &str) -> impl Iterator<Item = &str> {
    setting.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty())
}

/// Secrets of which any is right, so that one is replaced by adding the new one first and removing
/// the old one later. Only their digests are kept. The setting as a whole is one of them too: it may
/// be a single secret with a comma in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<[u8; 32]>);

impl Secrets {
    /// Reads a list.
    pub fn parse(setting: &str) -> Self {
        let mut all = listed(setting).peekable();
        let whole = all.peek().is_some().then(|| setting.trim());
        Self(all.chain(whole).map(|text| Sha256::digest(text).into()).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a text is one of them. Neither its length nor its content, nor which one it is, shows
    /// in the time taken.
    pub fn know(&self, text: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(text).into();
        let same = self.0.iter().map(|known| known.ct_eq(&digest));
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
        let secrets = Secrets::parse(" old,new\nnewest ");
        for right in ["old", "new", "newest", "old,new\nnewest"] {
            assert!(secrets.know(right), "{right}");
        }
        for wrong in ["", "ol", "old,new", "old ", "oldest"] {
            assert!(!secrets.know(wrong), "{wrong}");
        }
        assert!(Secrets::parse(" , ").is_empty() && !Secrets::parse("").know(""));
    }

    #[test]
    fn nothing_is_shown() {
        assert_eq!(
            format!("{:?} {:?}", Secret::new("a"), Secrets::parse("a")),
            "[secret] [secrets]"
        );
    }
}

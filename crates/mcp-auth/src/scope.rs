//! The scopes of a caller: read, write, administer.
//!
//! Invariant: a wider scope brings the narrower ones along (admin ⊃ write ⊃ read), so that asking for
//! one bit is enough.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The request needs scopes that the caller does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("insufficient scope: this needs `{}`", .0.names())]
pub struct BeyondScope(pub Scopes);

impl BeyondScope {
    /// The challenge that says which scopes are needed, all of them at once (RFC 6750 §3.1, MCP
    /// `basic/authorization` "Scope Challenge Handling").
    pub fn challenge(self) -> String {
        format!(r#"Bearer error="insufficient_scope", scope="{}""#, self.0.names())
    }
}

/// A set of scopes, stored as its bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub struct Scopes(u8);

impl Scopes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Tools that read.
    pub const READ: Self = Self(1);
    /// Tools that change or destroy something, and those that read.
    pub const WRITE: Self = Self(3);
    /// The admin API, and all tools.
    pub const ADMIN: Self = Self(7);

    const NAMES: [(&'static str, Self); 3] =
        [("read", Self::READ), ("write", Self::WRITE), ("admin", Self::ADMIN)];

    /// Reads names, separated by white space or commas. Other names mean nothing here.
    pub fn parse(names: &str) -> Self {
        names
            .split(|c: char| c == ',' || c.is_whitespace())
            .map(Self::named)
            .fold(Self::NONE, Self::with)
    }

    /// The scope of this name, with what it brings along.
    pub fn named(name: &str) -> Self {
        let known = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        known.map_or(Self::NONE, |(_, scopes)| scopes)
    }

    /// Both sets in one.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The intersection.
    #[must_use]
    pub fn limited_to(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Goes on only where all of these are there.
    ///
    /// # Errors
    /// Which are needed.
    pub fn require(self, needed: Self) -> Result<(), BeyondScope> {
        if self.has(needed) { Ok(()) } else { Err(BeyondScope(needed)) }
    }

    /// Whether all of these are there.
    pub fn has(self, needed: Self) -> bool {
        self.0 & needed.0 == needed.0
    }

    /// The names of all scopes in the set, separated by spaces (RFC 6749 §3.3).
    pub fn names(self) -> String {
        let names = Self::NAMES.into_iter().filter(|(_, scopes)| self.has(*scopes));
        names.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
    }

    /// The bits, as a seal carries them.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From bits; those that mean nothing are dropped, and what is brought along is there.
    pub fn from_bits(bits: u8) -> Self {
        let had = Self::NAMES.into_iter().map(|(_, scopes)| scopes);
        had.filter(|scopes| Self(bits).has(*scopes)).fold(Self::NONE, Self::with)
    }
}

impl From<Scopes> for u8 {
    fn from(scopes: Scopes) -> Self {
        scopes.bits()
    }
}

impl From<u8> for Scopes {
    fn from(bits: u8) -> Self {
        Self::from_bits(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_scope_brings_the_narrower_ones_along() {
        assert!(Scopes::parse("admin").has(Scopes::WRITE));
        assert!(Scopes::parse("write").has(Scopes::READ));
        assert!(!Scopes::parse("read").has(Scopes::WRITE));
        assert_eq!(Scopes::parse("write").names(), "read write");
    }

    #[test]
    fn unknown_names_and_bits_mean_nothing() {
        assert_eq!(Scopes::parse("openid profile, Write"), Scopes::NONE);
        assert_eq!(Scopes::parse("openid read,write"), Scopes::WRITE);
        assert_eq!(Scopes::from_bits(0b1111_1001), Scopes::READ);
        assert_eq!(Scopes::from_bits(Scopes::ADMIN.bits()), Scopes::ADMIN);
        // The bit of a wide scope alone is not that scope.
        assert_eq!(Scopes::from_bits(0b100), Scopes::NONE);
    }
}

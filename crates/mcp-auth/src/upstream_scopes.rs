//! Scopes of upstreams: names that the operator gave, beside `read`, `write` and `admin`.
//!
//! Invariant: each name is there once, and none is one of this server's own. None brings another along: a tool of an
//! upstream needs `read` or `write` besides.

use serde::{Deserialize, Serialize};

use crate::scope::Scopes;

/// A set of such scopes, stored as its names with spaces in between (RFC 6749 §3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamScopes(String);

impl UpstreamScopes {
    /// The scopes of these names, without this server's own.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for name in names {
            if Scopes::named(name) == Scopes::NONE && !name.is_empty() && !all.has(name) {
                all.push(name);
            }
        }
        all
    }

    /// Reads names, separated by white space or commas.
    pub fn parse(names: &str) -> Self {
        Self::of(names.split(|c: char| c == ',' || c.is_whitespace()))
    }

    fn push(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(name);
    }

    /// The first ones, as many as have so many bytes together with the spaces between them.
    #[must_use]
    pub fn within(&self, bytes: usize) -> Self {
        let mut kept = Self::default();
        for name in self.names() {
            let between = usize::from(!kept.is_empty());
            if kept.0.len().saturating_add(between).saturating_add(name.len()) > bytes {
                break;
            }
            kept.push(name);
        }
        kept
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|name| !name.is_empty())
    }

    /// The names as one text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one is there.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// Those of which this holds.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self::of(self.names().filter(|name| keep(name)))
    }

    /// The intersection.
    #[must_use]
    pub fn limited_to(&self, other: &Self) -> Self {
        self.filtered(|name| other.has(name))
    }

    /// All names of both kinds, separated by spaces.
    pub fn with_own(&self, own: Scopes) -> String {
        let names = own.names();
        match (names.is_empty(), self.is_empty()) {
            (_, true) => names,
            (true, false) => self.0.clone(),
            (false, false) => format!("{names} {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_once_and_this_servers_own_are_not_among_them() {
        let scopes = UpstreamScopes::parse("read upstream:a,openid  upstream:a\tadmin");
        assert_eq!(scopes.as_str(), "upstream:a openid");
        assert!(scopes.has("upstream:a") && !scopes.has("read") && !scopes.has("upstream"));
        assert!(!scopes.has("") && !scopes.has("upstream:a openid"));
        assert_eq!(scopes.with_own(Scopes::WRITE), "read write upstream:a openid");
        assert_eq!(scopes.with_own(Scopes::NONE), "upstream:a openid");
        assert_eq!(UpstreamScopes::parse(" read ").with_own(Scopes::READ), "read");
    }

    #[test]
    fn a_set_is_limited_by_another_and_by_its_bytes() {
        let all = UpstreamScopes::parse("a bb ccc");
        assert_eq!(all.limited_to(&UpstreamScopes::parse("ccc x a")).as_str(), "a ccc");
        assert!(all.limited_to(&UpstreamScopes::default()).is_empty());
        for (bytes, kept) in
            [(0, ""), (1, "a"), (3, "a"), (4, "a bb"), (7, "a bb"), (8, "a bb ccc")]
        {
            assert_eq!(all.within(bytes).as_str(), kept, "{bytes}");
        }
    }
}

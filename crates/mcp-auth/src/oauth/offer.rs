//! What a person can grant beside the tools of this server: the doors of upstreams, and the scopes that upstreams have.
//!
//! Invariant: a scope is offered only where an upstream has it; `admin` never is. The scopes of a door are those of its
//! upstream.

use super::OFFERED;
use crate::{scope::Scopes, upstream_scopes::UpstreamScopes};

/// Bytes of the names of all scopes of upstreams that are offered: tokens and headers carry them.
pub const MAX_SCOPES: usize = 2_048;

/// An upstream, as far as it can be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Upstream {
    name: String,
    scope: String,
}

/// The upstreams of this server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer(Vec<Upstream>);

impl Offer {
    /// The offer of upstreams by name and scope.
    pub fn new<'a>(upstreams: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let upstream = |(name, scope): (&str, &str)| Upstream {
            name: name.to_owned(),
            scope: scope.to_owned(),
        };
        Self(upstreams.into_iter().map(upstream).collect())
    }

    /// Whether there is a door of this name.
    pub fn has_door(&self, name: &str) -> bool {
        self.0.iter().any(|upstream| upstream.name == name)
    }

    /// The scopes of upstreams that can be granted at a door; an empty name is the common door, at which all are.
    pub fn upstreams(&self, door: &str) -> UpstreamScopes {
        let here = |upstream: &&Upstream| door.is_empty() || upstream.name == door;
        let scopes = self.0.iter().filter(here).map(|upstream| upstream.scope.as_str());
        UpstreamScopes::of(scopes).within(MAX_SCOPES)
    }

    /// The names of all scopes that can be granted at a door.
    pub fn names(&self, door: &str) -> String {
        self.upstreams(door).with_own(OFFERED)
    }

    /// The upstreams that a scope opens.
    pub fn opened_by<'a>(&'a self, scope: &'a str) -> impl Iterator<Item = &'a str> {
        let has = move |upstream: &&Upstream| upstream.scope == scope;
        self.0.iter().filter(has).map(|upstream| upstream.name.as_str())
    }
}

/// The scopes of a list that can be had, of both kinds; all of them where it names none. Clients ask for scopes that
/// they know from elsewhere, such as `offline_access`; the answer to `/token` says which they got (RFC 6749 §3.3).
pub fn chosen(
    list: Option<&str>,
    own: Scopes,
    upstreams: &UpstreamScopes,
) -> (Scopes, UpstreamScopes) {
    let list = list.unwrap_or_default();
    let wanted = Scopes::parse(list).limited_to(own);
    let there = UpstreamScopes::parse(list).limited_to(upstreams);
    match (wanted == Scopes::NONE, there.is_empty()) {
        (true, true) => (own, upstreams.clone()),
        // An upstream cannot be used without any of this server's scopes.
        (true, false) => (own, there),
        (false, _) => (wanted, there),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        Offer::new([
            ("tickets", "upstream:tickets"),
            ("wiki", "read"),
            ("shop", "upstream:tickets"),
        ])
    }

    #[test]
    fn each_door_offers_the_scope_of_its_upstream_and_the_common_door_all() {
        assert_eq!(offer().names(""), "read write upstream:tickets");
        assert_eq!(offer().names("tickets"), "read write upstream:tickets");
        assert_eq!(offer().names("wiki"), "read write");
        assert_eq!(offer().names("none"), "read write");
        assert_eq!(Offer::new([("a", "admin")]).names("a"), "read write");
        let opened: Vec<_> = offer().opened_by("upstream:tickets").map(str::to_owned).collect();
        assert_eq!(opened, ["tickets", "shop"]);
        assert!(offer().has_door("wiki") && !offer().has_door("") && !offer().has_door("moon"));
    }

    #[test]
    fn what_is_offered_has_an_end() {
        let names: Vec<String> = (0..64).map(|n| format!("{n:0>128}")).collect();
        let all = Offer::new(names.iter().map(|name| (name.as_str(), name.as_str())));
        assert!(all.upstreams("").as_str().len() <= MAX_SCOPES);
        assert_eq!(all.upstreams("").names().count(), 15);
        assert_eq!(all.upstreams(&names[63]).as_str(), names[63]);
    }

    #[test]
    fn a_list_chooses_of_what_can_be_had_and_none_of_it_chooses_all() {
        let had = UpstreamScopes::parse("upstream:a upstream:b");
        let chosen = |list: &str| {
            let (own, there) = chosen(Some(list), Scopes::WRITE, &had);
            there.with_own(own)
        };
        for (list, granted) in [
            ("", "read write upstream:a upstream:b"),
            ("openid offline_access", "read write upstream:a upstream:b"),
            ("read", "read"),
            ("read upstream:b openid", "read upstream:b"),
            ("upstream:a", "read write upstream:a"),
            ("upstream:c", "read write upstream:a upstream:b"),
            ("admin", "read write"),
        ] {
            assert_eq!(chosen(list), granted, "{list}");
        }
        assert_eq!(super::chosen(None, Scopes::READ, &had), (Scopes::READ, had));
    }
}

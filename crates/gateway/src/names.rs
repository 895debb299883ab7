//! The names under which tools and prompts of upstreams are listed.
//!
//! Invariant: a name is made from the upstream's configured name and the tool's own, so that adding or removing
//! another upstream renames nothing. It matches `[A-Za-z0-9_-]{1,64}`, which is what model APIs take.
//!
//! `tickets` and `search` become `tickets_search`. Where a tool's name has other characters, or is too long, the exposed
//! name ends with a digest of both names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use sha2::{Digest as _, Sha256};

/// Characters that an exposed name may have.
pub const MAX_EXPOSED: usize = 64;
/// Characters that the name of an upstream may have.
pub const MAX_UPSTREAM: usize = 16;
/// Characters of a digest in a name: 40 bits.
const DIGEST: usize = 8;
/// RFC 4648 §6, in small letters.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Whether an upstream may have this name: up to 16 small letters, digits and hyphens after a letter.
///
/// It has no `_`, which ends it in exposed names, and begins with a letter because it also begins the scheme of exposed
/// URIs (RFC 3986 §3.1).
pub fn is_upstream_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= MAX_UPSTREAM
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(rest)
}

/// The name under which a tool or a prompt of an upstream is listed.
pub fn exposed(upstream: &str, name: &str) -> String {
    let plain: String = name.chars().map(cleaned).collect();
    let whole = upstream.len().saturating_add(1).saturating_add(plain.len());
    if plain == name && !name.is_empty() && whole <= MAX_EXPOSED {
        return format!("{upstream}_{name}");
    }
    with_digest(upstream, name, &plain)
}

/// The names under which all tools, or all prompts, of an upstream are listed, in their order.
///
/// Two that would have one name are both listed with a digest. None: the name is that of another even so; the one that
/// comes first in the order of texts keeps it. `names` has each name once.
pub fn exposed_all(upstream: &str, names: &[&str]) -> Vec<Option<String>> {
    let first: Vec<String> = names.iter().map(|name| exposed(upstream, name)).collect();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &first {
        let count = uses.entry(name).or_default();
        *count = count.saturating_add(1);
    }
    let unique = |(name, first): (&&str, &String)| match uses.get(first.as_str()) {
        Some(1) => first.clone(),
        _ => with_digest(upstream, name, &name.chars().map(cleaned).collect::<String>()),
    };
    let last: Vec<String> = names.iter().zip(&first).map(unique).collect();
    let mut order: Vec<(&&str, &String)> = names.iter().zip(&last).collect();
    order.sort_unstable();
    let mut taken = BTreeSet::new();
    let kept: BTreeSet<&str> = order
        .into_iter()
        .filter(|(_, last)| taken.insert(last.as_str()))
        .map(|(name, _)| *name)
        .collect();
    names.iter().zip(&last).map(|(name, last)| kept.contains(name).then(|| last.clone())).collect()
}

/// The upstream that an exposed name begins with, and the rest: the tool's own name, unless a digest was added. None: no
/// upstream can have listed it.
pub fn split(exposed: &str) -> Option<(&str, &str)> {
    exposed
        .split_once('_')
        .filter(|(upstream, name)| is_upstream_name(upstream) && !name.is_empty())
}

/// The URI under which a resource of an upstream, or a template of URIs, is listed.
pub fn exposed_uri(upstream: &str, uri: &str) -> String {
    format!("{upstream}+{uri}")
}

/// The upstream of an exposed URI, and the URI there. None: no upstream can have listed it.
pub fn split_uri(exposed: &str) -> Option<(&str, &str)> {
    exposed.split_once('+').filter(|(upstream, _)| is_upstream_name(upstream))
}

fn cleaned(c: char) -> char {
    if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }
}

/// The name with a digest at its end, cut so that it fits.
fn with_digest(upstream: &str, name: &str, plain: &str) -> String {
    let fixed = upstream.len().saturating_add(DIGEST).saturating_add(2);
    let kept = plain.get(..MAX_EXPOSED.saturating_sub(fixed)).unwrap_or(plain);
    let mut exposed = String::with_capacity(MAX_EXPOSED);
    // Writing to a text does not fail.
    let _ = write!(exposed, "{upstream}_{kept}_");
    exposed.extend(digest(upstream, name));
    exposed
}

/// The first characters of SHA-256(upstream, 0, name) in base32.
fn digest(upstream: &str, name: &str) -> impl Iterator<Item = char> {
    let hash = Sha256::new().chain_update(upstream).chain_update([0]).chain_update(name).finalize();
    let bits = hash.iter().take(5).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    (0..DIGEST).rev().map(move |place| {
        let at = usize::try_from(bits >> (place.saturating_mul(5)) & 31).unwrap_or_default();
        BASE32.get(at).copied().map_or('a', char::from)
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_set, prelude::*};
    use test_support::json::ANY_TEXT;

    use super::*;

    #[test]
    fn a_plain_name_follows_that_of_its_upstream() {
        assert_eq!(exposed("tickets", "search_all-2"), "tickets_search_all-2");
        assert_eq!(split("tickets_search_all-2"), Some(("tickets", "search_all-2")));
    }

    #[test]
    fn other_names_end_with_a_digest() {
        let dotted = exposed("tickets", "tickets.search");
        assert!(dotted.starts_with("tickets_tickets-search_"), "{dotted}");
        let other = exposed("tickets", "tickets/search");
        assert!(other.starts_with("tickets_tickets-search_") && other != dotted);
        let long = "x".repeat(128);
        assert_eq!(exposed("tickets", &long).len(), MAX_EXPOSED);
        assert_eq!(exposed("tickets", &long[..56]), format!("tickets_{}", &long[..56]));
        assert!(exposed("tickets", "").starts_with("tickets__"));
        // The digest is that of the two names with a zero byte in between.
        let hash: String = Sha256::digest("a\0\u{fc}").iter().map(|b| format!("{b:08b}")).collect();
        let five = |n: usize| usize::from_str_radix(&hash[n * 5..n * 5 + 5], 2).unwrap();
        let digest: String = (0..8).map(|n| char::from(BASE32[five(n)])).collect();
        assert_eq!(exposed("a", "\u{fc}"), format!("a_-_{digest}"));
    }

    #[test]
    fn two_names_that_collide_both_end_with_a_digest() {
        let dotted = exposed("t", "a.b");
        let crafted = dotted.strip_prefix("t_").unwrap().to_owned();
        let both = exposed_all("t", &["a.b", &crafted, "c"]);
        let both: Vec<String> = both.into_iter().map(Option::unwrap).collect();
        assert_eq!((both[0].as_str(), both[2].as_str()), (dotted.as_str(), "t_c"));
        assert!(both[1].starts_with(&dotted) && both[1].len() == dotted.len() + 9, "{both:?}");
    }

    #[test]
    fn only_names_of_upstreams_begin_an_exposed_name() {
        for name in ["a", "tickets", "a-1", "abcdefghijklmnop"] {
            assert!(is_upstream_name(name), "{name}");
        }
        for name in ["", "A", "a_b", "-a", "1a", "abcdefghijklmnopq", "\u{fc}", "a b", "a+b"] {
            assert!(!is_upstream_name(name), "{name}");
        }
        for text in ["tickets_", "tickets", "_search", "Tickets_search", ""] {
            assert_eq!(split(text), None, "{text}");
        }
        assert_eq!(split_uri("tickets+file:///a+b"), Some(("tickets", "file:///a+b")));
        assert_eq!(split_uri("a+a+x:y"), Some(("a", "a+x:y")));
        for text in ["file:///a+b", "sitebay://sites", "+x", ""] {
            assert_eq!(split_uri(text), None, "{text}");
        }
    }

    proptest! {
        // Statement 11.
        #[test]
        fn exposed_names_are_safe_unique_and_independent_of_other_upstreams(
            upstreams in btree_set("[a-z][a-z0-9-]{0,15}", 1..4),
            names in btree_set(prop_oneof![ANY_TEXT, "[a-z._/]{0,140}"], 0..12),
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut seen = BTreeSet::new();
            for upstream in &upstreams {
                for (name, exposed) in names.iter().zip(exposed_all(upstream, &names)) {
                    let exposed = exposed.unwrap();
                    let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
                    prop_assert!((1..=MAX_EXPOSED).contains(&exposed.len()));
                    prop_assert!(exposed.bytes().all(safe), "{}", exposed);
                    prop_assert_eq!(split(&exposed).unwrap().0, upstream);
                    // It depends on nothing but the two names.
                    prop_assert_eq!(&exposed, &super::exposed(upstream, name));
                    prop_assert!(seen.insert(exposed), "{}", name);
                }
            }
        }

        #[test]
        fn a_uri_comes_back_as_it_was(upstream in "[a-z][a-z0-9-]{0,15}", uri in ANY_TEXT) {
            let exposed = exposed_uri(&upstream, &uri);
            prop_assert_eq!(split_uri(&exposed), Some((upstream.as_str(), uri.as_str())));
        }
    }
}

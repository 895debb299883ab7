//! An issuer's public keys (RFC 7517), as an isolate knows them.
//!
//! Invariant: bounded, values only. Known keys are good for 10 minutes, and for an hour where the
//! issuer does not answer. A key id that is not among them has them fetched again at most once a
//! minute, however many tokens name it; fetches that begin before one has ended are bounded.

use serde_json::value::RawValue;

use super::{Algorithm, Token};
use crate::start_limit::StartLimit;
use mcp_protocol::{fields::fields, raw};

/// How long a cached answer is used, in seconds.
const FRESH: u64 = 600;
/// How old keys may be where the issuer does not answer, in seconds.
const USABLE: u64 = 3_600;
/// Between two fetches while keys are known, in seconds.
const REFETCH_AFTER: u64 = 60;
/// Between two that failed while none are, in seconds.
const RETRY_AFTER: u64 = 5;
/// Keys that an issuer may have.
const MAX_KEYS: usize = 100;
/// Characters of an RSA modulus of 2048 bits.
const MIN_MODULUS: usize = 342;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerKey {
    /// Its name.
    pub id: Option<String>,
    /// The algorithm that it verifies.
    pub algorithm: Algorithm,
    /// The members of a JSON Web Key that say what it is, and no others.
    pub members: Vec<(&'static str, String)>,
}

impl IssuerKey {
    /// Reads a key. None: it is not for signatures that this server verifies.
    fn read(json: &RawValue) -> Option<Self> {
        let names = ["kty", "crv", "n", "e", "x", "y", "kid", "alg", "use"];
        let all = fields(json.get(), names).ok()?;
        let [kty, crv, n, e, x, y, id, alg, usage] = all.map(|raw| raw.and_then(raw::string));
        let (kty, crv) = (kty?, crv.unwrap_or_default());
        let (algorithm, parts) = match (kty.as_str(), crv.as_str()) {
            ("RSA", _) => (Algorithm::Rs256, vec![("n", n), ("e", e)]),
            ("EC", "P-256") => (Algorithm::Es256, vec![("crv", Some(crv)), ("x", x), ("y", y)]),
            ("OKP", "Ed25519") => (Algorithm::EdDsa, vec![("crv", Some(crv)), ("x", x)]),
            _ => return None,
        };
        let mut members = vec![("kty", kty)];
        for (name, part) in parts {
            members.push((name, part?));
        }
        let strong = members.iter().all(|(name, part)| *name != "n" || part.len() >= MIN_MODULUS);
        let fits = alg.is_none_or(|alg| Algorithm::parse(&alg) == Some(algorithm));
        let signs = usage.is_none_or(|usage| usage == "sig");
        (strong && fits && signs).then_some(Self { id, algorithm, members })
    }
}

/// Reads the document with the keys. None: it is none.
fn read_all(document: &str) -> Option<Vec<IssuerKey>> {
    let [keys] = fields(document, ["keys"]).ok()?;
    let keys = raw::elements(keys?.get()).ok()?;
    Some(keys.into_iter().take(MAX_KEYS).filter_map(IssuerKey::read).collect())
}

/// The result of a key lookup for a token.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyLookup {
    /// The key.
    Key(IssuerKey),
    /// The keys must be fetched first.
    Fetch,
    /// The issuer has no such key.
    Unknown,
    /// The issuer does not answer, and no key is known.
    Unreachable,
}

/// An isolate's cache. Times are seconds since 1970; 0: never.
#[derive(Debug, Default)]
pub struct IssuerKeys {
    keys: Vec<IssuerKey>,
    fetched: u64,
    asked: u64,
    starts: StartLimit,
}

impl IssuerKeys {
    /// Looks for the key of a token.
    pub fn find(&self, token: &Token, now_s: u64) -> KeyLookup {
        let age = now_s.abs_diff(self.fetched);
        let pause = if age < USABLE { REFETCH_AFTER } else { RETRY_AFTER };
        let may_ask = now_s.abs_diff(self.asked) >= pause;
        match self.key(token) {
            Some(key) if age < FRESH || (age < USABLE && !may_ask) => KeyLookup::Key(key.clone()),
            _ if may_ask => KeyLookup::Fetch,
            _ if age < USABLE => KeyLookup::Unknown,
            _ => KeyLookup::Unreachable,
        }
    }

    /// Looks for the key of a token that asks for a fetch, where enough have begun: a known key serves.
    /// None: the fetch may begin, and is counted.
    pub fn without_fetch(&mut self, token: &Token, now_s: u64) -> Option<KeyLookup> {
        if self.starts.begin(now_s) {
            return None;
        }
        let known = self.key(token).filter(|_| now_s.abs_diff(self.fetched) < USABLE);
        Some(known.cloned().map_or(KeyLookup::Unreachable, KeyLookup::Key))
    }

    /// Notes what the issuer answered. None, or what cannot be read: it did not.
    pub fn note(&mut self, document: Option<&str>, now_s: u64) {
        self.asked = now_s;
        if let Some(keys) = document.and_then(read_all) {
            self.keys = keys;
            self.fetched = now_s;
        }
    }

    /// The key that a token names, or the only one of its algorithm where it names none.
    fn key(&self, token: &Token) -> Option<&IssuerKey> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm == token.algorithm && (token.key_id.is_none() || key.id == token.key_id)
        });
        let first = fitting.next()?;
        (token.key_id.is_some() || fitting.next().is_none()).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Claims, *};

    fn ec(id: &str) -> String {
        format!(r#"{{"kty":"EC","crv":"P-256","x":"x","y":"y","kid":"{id}"}}"#)
    }

    fn document(keys: &[String]) -> String {
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    fn token(algorithm: Algorithm, key_id: Option<&str>) -> Token {
        let key_id = key_id.map(str::to_owned);
        let (signed, signature) = (String::new(), Vec::new());
        Token { algorithm, key_id, signed, signature, claims: Claims::default() }
    }

    fn named(id: &str) -> Token {
        token(Algorithm::Es256, Some(id))
    }

    #[test]
    fn keys_are_fetched_once_and_again_after_10_min() {
        let mut known = IssuerKeys::default();
        assert_eq!(known.find(&named("a"), 10_000), KeyLookup::Fetch);
        known.note(Some(&document(&[ec("a")])), 10_000);
        assert!(matches!(known.find(&named("a"), 10_599), KeyLookup::Key(_)));
        assert_eq!(known.find(&named("a"), 10_600), KeyLookup::Fetch);
        known.note(None, 10_600);
        assert!(matches!(known.find(&named("a"), 10_601), KeyLookup::Key(_)), "the old ones serve");
        assert_eq!(known.find(&named("a"), 10_660), KeyLookup::Fetch);
    }

    #[test]
    fn an_unknown_key_has_them_fetched_once_a_minute_at_most() {
        let mut known = IssuerKeys::default();
        known.note(Some(&document(&[ec("a")])), 10_000);
        assert_eq!(known.find(&named("b"), 10_059), KeyLookup::Unknown);
        assert_eq!(known.find(&named("b"), 10_060), KeyLookup::Fetch);
        known.note(Some(&document(&[ec("a"), ec("b")])), 10_060);
        assert!(matches!(known.find(&named("b"), 10_060), KeyLookup::Key(_)));
        assert_eq!(known.find(&named("c"), 10_061), KeyLookup::Unknown);
    }

    #[test]
    fn an_issuer_that_never_answered_is_asked_every_5_s() {
        let mut known = IssuerKeys::default();
        known.note(None, 10_000);
        assert_eq!(known.find(&named("a"), 10_004), KeyLookup::Unreachable);
        assert_eq!(known.find(&named("a"), 10_005), KeyLookup::Fetch);
        known.note(Some("<html>"), 10_005);
        assert_eq!(known.find(&named("a"), 10_006), KeyLookup::Unreachable);
    }

    #[test]
    fn an_issuer_that_hangs_is_not_asked_for_every_token() {
        let mut known = IssuerKeys::default();
        let mut begun = 0;
        while known.without_fetch(&named("a"), 10_000).is_none() {
            begun += 1;
            assert!(begun < 100);
        }
        assert_eq!(known.without_fetch(&named("a"), 10_000), Some(KeyLookup::Unreachable));
        known.note(Some(&document(&[ec("a")])), 10_000);
        let known_key = known.without_fetch(&named("a"), 10_000);
        assert!(matches!(known_key, Some(KeyLookup::Key(_))), "{known_key:?}");
        assert_eq!(known.without_fetch(&named("b"), 10_000), Some(KeyLookup::Unreachable));
        assert_eq!(known.without_fetch(&named("b"), 10_005), None);
    }

    #[test]
    fn a_key_verifies_its_own_algorithm_and_nothing_else() {
        let mut known = IssuerKeys::default();
        known.note(Some(&document(&[ec("a")])), 10_000);
        assert_eq!(known.find(&token(Algorithm::Rs256, Some("a")), 10_001), KeyLookup::Unknown);
        assert!(matches!(known.find(&token(Algorithm::Es256, None), 10_001), KeyLookup::Key(_)));
        known.note(Some(&document(&[ec("a"), ec("b")])), 10_000);
        assert_eq!(known.find(&token(Algorithm::Es256, None), 10_001), KeyLookup::Unknown);
    }

    #[test]
    fn keys_for_something_else_are_left_out() {
        let weak = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned();
        let shared = r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#.to_owned();
        let encrypts = ec("a").replace("\"kid\"", "\"use\":\"enc\",\"kid\"");
        let other = ec("a").replace("\"kid\"", "\"alg\":\"ES512\",\"kid\"");
        let keys = read_all(&document(&[weak, shared, encrypts, other, ec("good"), "1".into()]));
        let ids: Vec<_> = keys.unwrap().into_iter().map(|key| key.id).collect();
        assert_eq!(ids, [Some("good".to_owned())]);
        assert_eq!(read_all(r#"{"keys":{}}"#), None);
    }
}

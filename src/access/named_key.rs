//! Keys with a name, scopes and an end, which the admin API makes and revokes.
//!
//! Invariant: a key is `sbk_`, its id, and a random secret of 256 bits; only the digest of all of it is
//! kept, so that whoever reads the database has no key. The id is no secret: it finds the digest. What
//! an isolate knows of a key is 30 s old at most, and that is how long a revoked one may still open.
//!
//! ```text
//! sbk_ | id: 12 hexadecimal digits | _ | secret: 43 characters of base64url
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    access::{admission::Identity, principal::Way, scope::Scopes},
    protocol::{fields::fields, raw},
};

/// What every key begins with.
pub const PREFIX: &str = "sbk_";
/// Keys, known or unknown, that one isolate remembers.
const MAX_KEYS: usize = 1_000;
/// For how long, in seconds.
pub const FRESH: u64 = 30;

/// The id in a text that has the form of a key.
pub fn id_of(text: &str) -> Option<&str> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && secret.len() == 43).then_some(id)
}

/// Makes a key of random bytes: its id, and all of it.
pub fn make(random: &[u8; 38]) -> (String, String) {
    let (id, secret) = random.split_at(6);
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret));
    (id, key)
}

/// The digest of a key, as it is kept.
pub fn digest(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(key))
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// What its maker called it.
    pub name: String,
    hash: String,
    /// What its holder may do.
    pub scopes: Scopes,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u32>,
    revoked: bool,
}

impl Record {
    /// Reads a row.
    pub fn read(json: &str) -> Option<Self> {
        let names = ["id", "name", "hash", "scopes", "expires", "revoked"];
        let [id, name, hash, scopes, expires, revoked] = fields(json, names).ok()?;
        Some(Self {
            id: raw::string(id?)?,
            name: raw::string(name?)?,
            hash: raw::string(hash?)?,
            scopes: Scopes::parse(&raw::text(scopes?)?),
            expires: expires.map(|at| raw::number(at).unwrap_or_default()),
            revoked: revoked.is_some(),
        })
    }

    /// Whether it was revoked.
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Who holds the key, if this is it and it is still good.
    ///
    /// # Errors
    /// What its holder is told.
    pub fn judge(&self, key: &str, now_s: u64) -> Result<Identity, &'static str> {
        if !bool::from(self.hash.as_bytes().ct_eq(digest(key).as_bytes())) {
            return Err("the key is wrong");
        }
        if self.revoked {
            return Err("the key was revoked");
        }
        if self.expires.is_some_and(|at| now_s >= u64::from(at)) {
            return Err("the key has expired");
        }
        Ok(Identity {
            way: Way::NamedKey,
            issuer: String::new(),
            id: self.id.clone(),
            client: self.name.clone(),
            scopes: self.scopes,
            expires: self.expires,
        })
    }
}

/// What an isolate knows of keys by their ids; also of ids that are nobody's.
#[derive(Debug, Default)]
pub struct KnownKeys(Vec<(String, Option<Record>, u64)>);

impl KnownKeys {
    /// What is known of an id, where that is fresh: the inner None is nobody's.
    pub fn find(&self, id: &str, now_s: u64) -> Option<Option<Record>> {
        let known = self.0.iter().find(|(known, _, at)| known == id && is_fresh(*at, now_s));
        known.map(|(_, record, _)| record.clone())
    }

    /// Notes what the database says.
    pub fn note(&mut self, id: &str, record: Option<Record>, now_s: u64) {
        self.0.retain(|(known, _, at)| known != id && is_fresh(*at, now_s));
        if self.0.len() < MAX_KEYS {
            self.0.push((id.to_owned(), record, now_s));
        }
    }

    /// Forgets a key that was changed.
    pub fn forget(&mut self, id: &str) {
        self.0.retain(|(known, ..)| known != id);
    }
}

fn is_fresh(at: u64, now_s: u64) -> bool {
    now_s.abs_diff(at) < FRESH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (String, String) {
        make(&std::array::from_fn(|place| u8::try_from(place).unwrap()))
    }

    fn record(more: &str) -> Record {
        let (id, key) = made();
        let hash = digest(&key);
        let row =
            format!(r#"{{"id":"{id}","name":"ci","hash":"{hash}","scopes":"read write"{more}}}"#);
        Record::read(&row).unwrap()
    }

    #[test]
    fn a_key_has_its_id_in_it() {
        let (id, key) = made();
        assert_eq!((id.as_str(), key.len()), ("000102030405", 60));
        assert_eq!(id_of(&key), Some(id.as_str()));
        for wrong in ["", "sbk_", "sbk_000102030405_short", &key[1..], &format!("{key}x")] {
            assert_eq!(id_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_key_itself_opens_while_it_is_good() {
        let (id, key) = made();
        let identity = record("").judge(&key, 1_000).unwrap();
        assert_eq!((identity.way, identity.id, identity.client), (Way::NamedKey, id, "ci".into()));
        let other = format!("{}A", &key[..59]);
        assert_eq!(record("").judge(&other, 1_000), Err("the key is wrong"));
        let expiring = record(r#","expires":1000,"revoked":null"#);
        assert_eq!(expiring.judge(&key, 999).unwrap().expires, Some(1_000));
        assert_eq!(expiring.judge(&key, 1_000), Err("the key has expired"));
        assert_eq!(record(r#","revoked":7"#).judge(&key, 1_000), Err("the key was revoked"));
    }

    #[test]
    fn what_is_known_is_good_for_30_s() {
        let mut known = KnownKeys::default();
        assert_eq!(known.find("a", 1_000), None);
        known.note("a", None, 1_000);
        known.note("b", Some(record("")), 1_010);
        assert_eq!(known.find("a", 1_029), Some(None));
        assert_eq!((known.find("a", 1_030), known.find("b", 1_030).is_some()), (None, true));
        known.forget("b");
        assert_eq!(known.find("b", 1_030), None);
    }
}

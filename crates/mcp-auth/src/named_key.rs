//! Keys with a name, scopes and an end, which the admin API makes and revokes.
//!
//! Invariant: a key is `sbk_`, its id, and a random secret of 256 bits; only the digest of all of it is
//! stored, so that reading the database gives no key. The id is no secret: it finds the digest. The record that
//! an isolate caches is 30 s old at most, and that is how long a revoked key may still be accepted.
//!
//! ```text
//! sbk_ | id: 12 hexadecimal digits | _ | secret: 43 characters of base64url
//! ```

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{identity::Identity, scope::Scopes, subject::AuthMethod};

/// The prefix of every key.
pub const PREFIX: &str = "sbk_";
/// Keys that one isolate caches, and as many ids without a key. The oldest is evicted.
const MAX_KEYS: usize = 1_000;
/// For how long, in seconds.
pub const FRESH: u64 = 30;
/// Queries for ids that found nothing, in [`FRESH`] seconds, after which the isolate reads all good ids at
/// once. One without an answer counts as well.
const LIST_AFTER: usize = 20;
/// For how long that list counts, or that it cannot be had, in seconds.
const LIST_FRESH: u64 = 10;
/// Ids that such a list may have. With more good keys, each unknown id is looked up.
pub const MAX_LISTED: usize = 10_000;

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

/// The row of a key in the database. Times are seconds since 1970.
#[derive(Debug, Deserialize)]
pub struct NamedKeyRow {
    id: String,
    name: String,
    hash: String,
    scopes: String,
    expires: Option<u64>,
    revoked: Option<u64>,
}

/// The stored record of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey {
    /// Its id.
    pub id: String,
    /// The name that its creator gave it.
    pub name: String,
    hash: String,
    /// The scopes of its holder.
    pub scopes: Scopes,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u32>,
    revoked: bool,
}

impl From<NamedKeyRow> for NamedKey {
    fn from(row: NamedKeyRow) -> Self {
        Self {
            scopes: Scopes::parse(&row.scopes),
            // One that no 32 bits hold is over.
            expires: row.expires.map(|at| u32::try_from(at).unwrap_or_default()),
            revoked: row.revoked.is_some(),
            id: row.id,
            name: row.name,
            hash: row.hash,
        }
    }
}

impl NamedKey {
    /// Whether it was revoked.
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Verifies a key and returns its holder's identity.
    ///
    /// # Errors
    /// The reason that its holder reads.
    pub fn verify(&self, key: &str, now_s: u64) -> Result<Identity, &'static str> {
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
            id: self.id.clone(),
            client: self.name.clone(),
            scopes: self.scopes,
            expires: self.expires,
            ..Identity::shared(AuthMethod::NamedKey)
        })
    }
}

/// How an isolate finds out about an id.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyLookup {
    /// It is cached. None: no key has it.
    Known(Option<NamedKey>),
    /// The database has to be asked for this id.
    Ask,
    /// The database has to be asked for all good ids: too many unknown ones were asked for.
    List,
    /// Another request asks for all good ids.
    Wait,
    /// The database did not say which ids are good, and is not asked again for some seconds.
    Unavailable,
}

/// An isolate's cache of keys by id; also of ids without a key.
///
/// Invariant: invented ids cost at most `LIST_AFTER` queries in [`FRESH`] seconds and one in
/// `LIST_FRESH` seconds from then on, whether or not the database answers, and push out no record of a
/// key. Both hold for as long as there are at most [`MAX_LISTED`] good keys.
#[derive(Debug, Default)]
pub struct KnownKeys {
    records: Vec<(String, NamedKey, u64)>,
    unknown: Vec<(String, u64)>,
    /// When the window of [`FRESH`] seconds began in which `misses` were counted.
    began: u64,
    /// Queries for single ids that found nothing, or have no answer yet.
    misses: usize,
    listed: Listed,
}

/// All good ids, as the database last said.
#[derive(Debug, Default)]
struct Listed {
    /// While the next answer is awaited, the one before counts.
    ids: Ids,
    /// When the database was asked; 0: never.
    asked: u64,
}

#[derive(Debug, Default)]
enum Ids {
    /// No answer has come yet.
    #[default]
    Awaited,
    /// The database did not answer.
    Unavailable,
    /// There are too many.
    TooMany,
    /// All of them.
    Known(BTreeSet<String>),
}

impl KnownKeys {
    /// Looks up an id in the cache, or says how to find out. A record must still count at `at_s`, which may be
    /// later than now.
    pub fn find(&mut self, id: &str, now_s: u64, at_s: u64) -> KeyLookup {
        let record = self.records.iter().find(|(known, _, at)| known == id && is_fresh(*at, at_s));
        if let Some((_, record, _)) = record {
            return KeyLookup::Known(Some(record.clone()));
        }
        if self.unknown.iter().any(|(known, at)| known == id && is_fresh(*at, now_s)) {
            return KeyLookup::Known(None);
        }
        if now_s.abs_diff(self.began) >= FRESH {
            (self.began, self.misses) = (now_s, 0);
        }
        let is_recent = self.listed.asked.abs_diff(now_s) < LIST_FRESH;
        match &self.listed.ids {
            Ids::Known(ids) if is_recent && !ids.contains(id) => return KeyLookup::Known(None),
            Ids::Awaited if is_recent => return KeyLookup::Wait,
            Ids::Unavailable if is_recent => return KeyLookup::Unavailable,
            _ => {}
        }
        if is_recent || self.misses < LIST_AFTER {
            // Counted before the answer comes, so that ids at the same time count.
            self.misses = self.misses.saturating_add(1);
            return KeyLookup::Ask;
        }
        // Set before the answer comes, so that a flood asks once.
        self.listed.asked = now_s;
        if !matches!(self.listed.ids, Ids::Known(_)) {
            self.listed.ids = Ids::Awaited;
        }
        KeyLookup::List
    }

    /// Notes what the database says of an id.
    pub fn note(&mut self, id: &str, record: Option<NamedKey>, now_s: u64) {
        self.forget(id);
        let id = id.to_owned();
        match record {
            Some(record) => {
                self.misses = self.misses.saturating_sub(1);
                make_room(&mut self.records);
                self.records.push((id, record, now_s));
            }
            None => {
                make_room(&mut self.unknown);
                self.unknown.push((id, now_s));
            }
        }
    }

    /// Notes all good ids, of which the database was asked for one more than [`MAX_LISTED`]; None: it did
    /// not answer, and what it said before does not count any more.
    pub fn note_all(&mut self, ids: Option<BTreeSet<String>>) {
        self.listed.ids = match ids {
            None => Ids::Unavailable,
            Some(ids) if ids.len() > MAX_LISTED => Ids::TooMany,
            Some(ids) => Ids::Known(ids),
        };
    }

    /// Forgets a key that was made or changed.
    pub fn forget(&mut self, id: &str) {
        self.records.retain(|(known, ..)| known != id);
        self.unknown.retain(|(known, _)| known != id);
    }

    /// Adds a key that was just made.
    pub fn made(&mut self, id: &str) {
        self.forget(id);
        if let Ids::Known(ids) = &mut self.listed.ids {
            ids.insert(id.to_owned());
        }
    }
}

/// Removes the oldest entry of a full table; entries are in the order in which they were noted.
fn make_room<T>(table: &mut Vec<T>) {
    if table.len() >= MAX_KEYS {
        table.remove(0);
    }
}

fn is_fresh(at: u64, now_s: u64) -> bool {
    now_s.abs_diff(at) < FRESH
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::of_0_1_0;

    fn made() -> (String, String) {
        make(&std::array::from_fn(|place| u8::try_from(place).unwrap()))
    }

    fn record(more: &str) -> NamedKey {
        let (id, key) = made();
        let hash = digest(&key);
        let row =
            format!(r#"{{"id":"{id}","name":"ci","hash":"{hash}","scopes":"read write"{more}}}"#);
        serde_json::from_str::<NamedKeyRow>(&row).unwrap().into()
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
    fn a_key_of_0_1_0_opens_by_the_row_that_was_kept_of_it() {
        let (id, key) = made();
        let key = of_0_1_0("named-key", &key);
        let hash = of_0_1_0("named-key-digest", &digest(&key));
        let row = format!(
            r#"{{"id":"{id}","name":"ci","hash":"{hash}","scopes":"{}","expires":null,"revoked":null}}"#,
            Scopes::WRITE.names()
        );
        let row = of_0_1_0("named-key-row", &row);
        let row: NamedKeyRow = serde_json::from_str(&row).unwrap();
        assert!(NamedKey::from(row).verify(&key, 1_000).is_ok());
    }

    #[test]
    fn only_the_key_itself_opens_while_it_is_good() {
        let (id, key) = made();
        let identity = record("").verify(&key, 1_000).unwrap();
        assert_eq!(
            (identity.auth_method, identity.id, identity.client),
            (AuthMethod::NamedKey, id, "ci".into())
        );
        let other = format!("{}A", &key[..59]);
        assert_eq!(record("").verify(&other, 1_000), Err("the key is wrong"));
        let expiring = record(r#","expires":1000,"revoked":null"#);
        assert_eq!(expiring.verify(&key, 999).unwrap().expires, Some(1_000));
        assert_eq!(expiring.verify(&key, 1_000), Err("the key has expired"));
        assert_eq!(record(r#","revoked":7"#).verify(&key, 1_000), Err("the key was revoked"));
    }

    #[test]
    fn what_is_known_is_good_for_30_s() {
        let mut known = KnownKeys::default();
        assert_eq!(known.find("a", 1_000, 1_000), KeyLookup::Ask);
        known.note("a", None, 1_000);
        known.note("b", Some(record("")), 1_010);
        assert_eq!(known.find("a", 1_029, 1_029), KeyLookup::Known(None));
        assert_eq!(known.find("a", 1_030, 1_030), KeyLookup::Ask);
        assert_eq!(known.find("b", 1_030, 1_030), KeyLookup::Known(Some(record(""))));
        known.forget("b");
        assert_eq!(known.find("b", 1_030, 1_030), KeyLookup::Ask);
    }

    /// One request with this id; the queries that it costs a database with one good key, `good`.
    fn queries(known: &mut KnownKeys, id: &str, now_s: u64) -> (bool, usize) {
        let asked = |known: &mut KnownKeys| {
            let found = (id == "good").then(|| record(""));
            known.note(id, found.clone(), now_s);
            found.is_some()
        };
        match known.find(id, now_s, now_s) {
            KeyLookup::Known(found) => (found.is_some(), 0),
            KeyLookup::Wait | KeyLookup::Unavailable => panic!("every list is answered at once"),
            KeyLookup::Ask => (asked(known), 1),
            KeyLookup::List => {
                known.note_all(Some(["good".to_owned()].into()));
                match known.find(id, now_s, now_s) {
                    KeyLookup::Known(found) => (found.is_some(), 1),
                    _ => (asked(known), 2),
                }
            }
        }
    }

    #[test]
    fn a_flood_of_invented_keys_costs_few_queries_and_real_keys_still_open() {
        let mut known = KnownKeys::default();
        let (mut asked, mut invented) = (0, 0..);
        for now_s in 1_000..1_060 {
            for number in invented.by_ref().take(500) {
                let (opens, cost) = queries(&mut known, &format!("invented-{number}"), now_s);
                assert!(!opens);
                asked += cost;
            }
            let (opens, cost) = queries(&mut known, "good", now_s);
            assert!(opens && cost <= 1, "{now_s}: {cost}");
        }
        // 20 unknown ids in each 30 s, and a list for each 10 s from then on.
        assert!(asked <= 2 * LIST_AFTER + 6, "{asked}");
        known.made("new");
        assert_ne!(known.find("new", 1_059, 1_059), KeyLookup::Known(None));
    }

    #[test]
    fn a_list_that_is_not_complete_says_nothing() {
        let mut known = KnownKeys::default();
        for number in 0..LIST_AFTER {
            queries(&mut known, &number.to_string(), 1_000);
        }
        assert_eq!(known.find("good", 1_000, 1_000), KeyLookup::List);
        known.note_all(Some((0..=MAX_LISTED).map(|number| number.to_string()).collect()));
        assert_eq!(known.find("good", 1_000, 1_000), KeyLookup::Ask);
    }

    #[test]
    fn a_database_that_does_not_answer_is_asked_a_few_times_only() {
        let mut known = KnownKeys::default();
        let mut asked = 0;
        for number in 0..10_000 {
            // No answer is noted.
            let lookup = known.find(&number.to_string(), 1_000, 1_000);
            asked += usize::from(matches!(lookup, KeyLookup::Ask | KeyLookup::List));
        }
        assert!(asked <= LIST_AFTER + 1, "{asked}");
        assert_eq!(known.find("good", 1_000, 1_000), KeyLookup::Wait);
        known.note_all(None);
        assert_eq!(known.find("good", 1_009, 1_009), KeyLookup::Unavailable);
        assert_eq!(known.find("good", 1_010, 1_010), KeyLookup::List, "one try in 10 s");
        known.note_all(Some(["good".to_owned()].into()));
        assert_eq!(known.find("good", 1_010, 1_010), KeyLookup::Ask);
        assert_eq!(known.find("invented", 1_010, 1_010), KeyLookup::Known(None));
    }

    #[test]
    fn keys_that_are_good_are_no_misses() {
        let mut known = KnownKeys::default();
        for number in 0..3 * LIST_AFTER {
            let id = format!("good-{number}");
            assert_eq!(known.find(&id, 1_000, 1_000), KeyLookup::Ask);
            known.note(&id, Some(record("")), 1_000);
        }
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let mut known = KnownKeys::default();
        for number in 0..=MAX_KEYS {
            known.note(&format!("good-{number}"), Some(record("")), 1_000);
            known.note(&format!("bad-{number}"), None, 1_000);
        }
        assert_eq!((known.records.len(), known.unknown.len()), (MAX_KEYS, MAX_KEYS));
        assert_ne!(known.find("good-0", 1_000, 1_000), KeyLookup::Known(Some(record(""))));
        assert_eq!(known.find("good-1", 1_000, 1_000), KeyLookup::Known(Some(record(""))));
        let last = format!("good-{MAX_KEYS}");
        assert_eq!(known.find(&last, 1_000, 1_000), KeyLookup::Known(Some(record(""))));
    }
}

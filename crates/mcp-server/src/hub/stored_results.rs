//! Which large results a hub keeps, oldest first, and which must go for another one.
//!
//! Invariant: a subject keeps a bounded number of bytes, and nothing longer than an hour.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use mcp_platform::record::Record;

/// Bytes that are kept of one subject.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Results that are kept of one subject.
const MAX_RESULTS: usize = 50;

/// One kept result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResult {
    /// Names it.
    pub id: Uuid,
    /// Into how many pages it was cut.
    pub pages: usize,
    /// How many bytes it has.
    #[serde(default)]
    pub bytes: usize,
    /// When it is over, in seconds since 1970.
    pub until: u64,
}

/// All kept results of a subject, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredResults(Vec<StoredResult>);

impl Record for StoredResults {
    /// A line for each.
    fn from_0_1_0(text: &str) -> Option<Self> {
        let line = |line: &str| {
            let mut words = line.split(' ');
            Some(StoredResult {
                id: words.next()?.parse().ok()?,
                pages: words.next()?.parse().ok()?,
                bytes: words.next()?.parse().ok()?,
                until: words.next()?.parse().ok()?,
            })
        };
        Some(Self(text.lines().filter_map(line).collect()))
    }
}

impl StoredResults {
    /// Adds one; those that are over, and the oldest that there is no room for, are given back.
    pub fn add(&mut self, new: StoredResult, now_s: u64) -> Vec<StoredResult> {
        self.0.push(new);
        let mut gone: Vec<StoredResult> = self.0.extract_if(.., |one| one.until <= now_s).collect();
        let bytes = |all: &[StoredResult]| all.iter().map(|one| one.bytes).sum::<usize>();
        while self.0.len() > 1 && (self.0.len() > MAX_RESULTS || bytes(&self.0) > MAX_BYTES) {
            gone.push(self.0.remove(0));
        }
        gone
    }

    /// The result of this id.
    pub fn find(&self, id: Uuid) -> Option<&StoredResult> {
        self.0.iter().find(|one| one.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::read_0_1_0;

    fn one(id: u128, bytes: usize, until: u64) -> StoredResult {
        StoredResult { id: Uuid::from_u128(id), pages: 2, bytes, until }
    }

    #[test]
    fn what_is_kept_is_read_as_it_was_written() {
        let mut results = StoredResults::default();
        results.add(one(1, 2, 3), 0);
        results.add(one(4, 5, 6), 0);
        let written = results.to_json();
        insta::assert_snapshot!(
            written,
            @r#"[{"id":"00000000-0000-0000-0000-000000000001","pages":2,"bytes":2,"until":3},{"id":"00000000-0000-0000-0000-000000000004","pages":2,"bytes":5,"until":6}]"#
        );
        for text in [read_0_1_0("hub-results"), written] {
            assert_eq!(StoredResults::from_json(&text), Some(results.clone()));
        }
        assert_eq!(results.find(Uuid::from_u128(4)).unwrap().bytes, 5);
    }

    #[test]
    fn what_is_over_and_what_there_is_no_room_for_goes() {
        let mut results = StoredResults::default();
        assert!(results.add(one(1, 1, 10), 0).is_empty());
        assert_eq!(results.add(one(2, 1, 30), 20), [one(1, 1, 10)]);
        assert_eq!(results.add(one(3, MAX_BYTES, 40), 20), [one(2, 1, 30)]);
        assert!(results.find(Uuid::from_u128(3)).is_some());
        for id in 10..100 {
            results.add(one(id, 1, 40), 20);
        }
        assert_eq!(results.0.len(), MAX_RESULTS);
    }
}

//! The hits of a search, of which a page is shown.
//!
//! Invariant: all hits are counted, and at most [`MOST`] of [`MAX_KEPT`] bytes are kept: the latest.

use serde_json::{Map, Value};

use crate::call::Incomplete;

/// Hits that are kept.
pub(super) const MOST: usize = 1_000;
/// Bytes of their texts.
const MAX_KEPT: usize = 4 * 1024 * 1024;
/// More are gathered before the oldest are let go.
const FACTOR: usize = 2;

/// The hits so far.
#[derive(Default)]
pub(super) struct Hits {
    kept: Vec<Kept>,
    bytes: usize,
    total: usize,
    by_type: Map<String, Value>,
}

struct Kept {
    changed: i64,
    bytes: usize,
    hit: Value,
}

impl Hits {
    /// Adds one.
    pub(super) fn push(&mut self, hit: Value) {
        let kind = hit.get("item_type").and_then(Value::as_str).unwrap_or_default();
        let count = self.by_type.get(kind).and_then(Value::as_u64).unwrap_or_default();
        self.by_type.insert(kind.to_owned(), count.saturating_add(1).into());
        self.total = self.total.saturating_add(1);
        let (changed, bytes) = (super::search::changed(&hit), hit.to_string().len());
        self.bytes = self.bytes.saturating_add(bytes);
        self.kept.push(Kept { changed, bytes, hit });
        let most = |limit: usize| limit.saturating_mul(FACTOR);
        if self.kept.len() >= most(MOST) || self.bytes > most(MAX_KEPT) {
            self.let_go();
        }
    }

    /// Keeps the latest.
    fn let_go(&mut self) {
        self.kept.sort_by_key(|kept| std::cmp::Reverse(kept.changed));
        let mut bytes = 0_usize;
        let fits = |kept: &&Kept| {
            let sum = bytes.saturating_add(kept.bytes);
            let is_first = bytes == 0;
            bytes = sum;
            is_first || sum <= MAX_KEPT
        };
        let fitting = self.kept.iter().take(MOST).take_while(fits).count();
        self.kept.truncate(fitting);
        self.bytes = self.kept.iter().map(|kept| kept.bytes).fold(0, usize::saturating_add);
    }

    /// The page that is asked for, latest first, how many there are, and how many of each type.
    pub(super) fn into_page(
        mut self,
        (offset, limit): (usize, usize),
        incomplete: &mut Incomplete,
    ) -> (Vec<Value>, usize, Map<String, Value>) {
        self.let_go();
        let kept = self.kept.len();
        if kept < self.total && offset.saturating_add(limit) > kept {
            incomplete.note(format!("hits after the latest {kept} of {}", self.total));
        }
        let page = self.kept.into_iter().skip(offset).take(limit).map(|kept| kept.hit);
        (page.collect(), self.total, self.by_type)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hit(n: usize, text: &str) -> Value {
        let updated = format!("2026-01-01T{:02}:{:02}:{:02}Z", n / 3_600, n / 60 % 60, n % 60);
        json!({"item_type": "table", "updated": updated, "name": n, "description": text})
    }

    #[test]
    fn all_are_counted_and_the_latest_are_kept() {
        let mut hits = Hits::default();
        (0..5_000).for_each(|n| hits.push(hit(n, "")));
        assert!(hits.kept.len() < 2 * MOST);
        let mut incomplete = Incomplete::default();
        let (page, total, by_type) = hits.into_page((0, 2), &mut incomplete);
        assert_eq!((total, &by_type["table"]), (5_000, &json!(5_000)));
        assert_eq!((&page[0]["name"], &page[1]["name"]), (&json!(4_999), &json!(4_998)));
        assert_eq!(incomplete.text(""), None);
        let mut hits = Hits::default();
        (0..5_000).for_each(|n| hits.push(hit(n, "")));
        let mut incomplete = Incomplete::default();
        assert_eq!(hits.into_page((990, 100), &mut incomplete).0.len(), 10);
        assert!(incomplete.text("").unwrap().contains("hits after the latest 1000 of 5000"));
    }

    #[test]
    fn long_ones_leave_less_room() {
        let mut hits = Hits::default();
        let long = "x".repeat(1024 * 1024);
        (0..20).for_each(|n| hits.push(hit(n, &long)));
        assert!(hits.bytes <= 2 * MAX_KEPT + 2 * long.len());
        let (page, total, _) = hits.into_page((0, 100), &mut Incomplete::default());
        assert_eq!((page.len(), total, &page[0]["name"]), (3, 20, &json!(19)));
    }
}

//! The sequence numbers of a device.
//!
//! Invariant: no number is given twice, also over a crash. Numbers are given below a limit that is on disk already; after
//! a start the numbers begin at that limit, and those between were never given.

use crate::record::MAX_SEQUENCE;

/// Numbers that are reserved at a time: one write to disk for so many lines.
pub const RESERVED: u64 = 10_000;

/// Gives numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    next: u64,
    limit: u64,
}

impl Sequence {
    /// Begins at the limit that was stored last; a new device has stored none, and begins at 1.
    pub fn from_stored(limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(1).clamp(1, MAX_SEQUENCE);
        Self { next: limit, limit }
    }

    /// The limit to store before so many numbers are taken. None: they are reserved.
    pub fn to_reserve(&self, numbers: u64) -> Option<u64> {
        let end = self.next.saturating_add(numbers);
        (end > self.limit).then(|| end.saturating_add(RESERVED).min(MAX_SEQUENCE))
    }

    /// Notes that this limit is stored.
    pub fn reserved(&mut self, limit: u64) {
        self.limit = self.limit.max(limit.min(MAX_SEQUENCE));
    }

    /// The next number. None: it is not reserved.
    pub fn take(&mut self) -> Option<u64> {
        let number = Some(self.next).filter(|next| *next < self.limit)?;
        self.next = number.saturating_add(1);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_given_after_its_limit_was_stored() {
        let mut sequence = Sequence::from_stored(None);
        assert_eq!(sequence.take(), None);
        let limit = sequence.to_reserve(2).unwrap();
        sequence.reserved(limit);
        assert_eq!((sequence.take(), sequence.take(), limit), (Some(1), Some(2), 3 + RESERVED));
        assert_eq!(sequence.to_reserve(RESERVED), None);
        assert!(sequence.to_reserve(RESERVED + 1).is_some());
        let mut last = Sequence::from_stored(Some(MAX_SEQUENCE));
        last.reserved(u64::MAX);
        assert_eq!(last.take(), None);
    }

    proptest! {
        #[test]
        fn numbers_rise_over_any_number_of_crashes(runs in proptest::collection::vec(0_u64..30_000, 1..8)) {
            let (mut stored, mut highest) = (None, 0);
            for lines in runs {
                let mut sequence = Sequence::from_stored(stored);
                for _ in 0..lines {
                    if let Some(limit) = sequence.to_reserve(1) {
                        stored = Some(limit);
                        sequence.reserved(limit);
                    }
                    let number = sequence.take().unwrap();
                    prop_assert!(number > highest);
                    highest = number;
                }
            }
        }
    }
}

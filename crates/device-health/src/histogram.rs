//! A histogram of times with fixed bounds, so that those of any minutes, devices and versions can be added.
//!
//! Invariant: a bucket is an eighth of a power of two, so that a quantile is at most 12.5 % above the true value, and never below it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Buckets of a power of two, as a power of two.
const FINE: u32 = 3;
/// Values from here on are in the last bucket: in microseconds, twelve days.
const MAX: u64 = (1 << 40) - 1;
/// The bucket of the highest value; what a device says of buckets behind it is skipped.
const LAST: u16 = 303;

/// Counts of values by size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// Values by bucket; buckets without any are not there.
    #[serde(rename = "b", default)]
    buckets: BTreeMap<u16, u64>,
    /// The sum of all values.
    #[serde(default)]
    sum: u64,
    /// The largest.
    #[serde(default)]
    max: u64,
}

impl Histogram {
    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        let value = value.min(MAX);
        let count = self.buckets.entry(bucket(value)).or_default();
        *count = count.saturating_add(1);
        self.sum = self.sum.saturating_add(value);
        self.max = self.max.max(value);
    }

    /// Adds all values of another one.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.buckets.range(..=LAST) {
            let own = self.buckets.entry(*bucket).or_default();
            *own = own.saturating_add(*count);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.buckets.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The mean. None: there is no value.
    pub fn mean(&self) -> Option<u64> {
        self.sum.checked_div(self.count())
    }

    /// The value below which so many thousandths of the values are, such as 950 for p95. None: there is no value.
    pub fn quantile(&self, thousandths: u64) -> Option<u64> {
        let count = self.count();
        let rank = count.saturating_mul(thousandths.min(1_000)).div_ceil(1_000).max(1);
        let mut seen = 0_u64;
        let found = self.buckets.iter().find(|(_, count)| {
            seen = seen.saturating_add(**count);
            seen >= rank
        });
        found.map(|(bucket, _)| highest(*bucket).min(self.max))
    }
}

/// The bucket of a value.
fn bucket(value: u64) -> u16 {
    let power = value.checked_ilog2().unwrap_or_default();
    let shift = power.saturating_sub(FINE);
    // Below 8 each value has its own bucket; from there on three bits behind the first choose one.
    let index = (u64::from(shift) << FINE).saturating_add(value >> shift);
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// The highest value of a bucket.
fn highest(bucket: u16) -> u64 {
    let shift = (bucket >> FINE).saturating_sub(1);
    let above = u64::from(bucket.saturating_sub(shift << FINE)).saturating_add(1);
    above.checked_shl(u32::from(shift)).map_or(MAX, |above| above.saturating_sub(1).min(MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.add(*value));
        histogram
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let values: Vec<u64> = (1..=1_000).collect();
        let histogram = of(&values);
        assert_eq!(histogram.quantile(500), Some(511));
        assert_eq!(histogram.quantile(950), Some(959));
        assert_eq!(histogram.quantile(990), Some(1_000));
        assert_eq!((histogram.count(), histogram.mean()), (1_000, Some(500)));
        assert_eq!((of(&[]).quantile(500), of(&[]).mean()), (None, None));
        assert_eq!(of(&[0]).quantile(1_000), Some(0));
        assert_eq!((of(&[u64::MAX]).quantile(500), bucket(MAX)), (Some(MAX), LAST));
        let lie: Histogram = serde_json::from_str(r#"{"b":{"304":1,"5":1},"new":1}"#).unwrap();
        let mut merged = Histogram::default();
        merged.merge(&lie);
        assert_eq!(merged.count(), 1);
        let text = serde_json::to_string(&of(&[3, 3, 9])).unwrap();
        assert_eq!(text, r#"{"b":{"3":2,"9":1},"sum":15,"max":9}"#);
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_an_eighth_too_high(mut values in proptest::collection::vec(0_u64..1 << 41, 1..80), thousandths in 1_u64..=1_000) {
            let histogram = of(&values);
            values.sort_unstable();
            let rank = (values.len() * usize::try_from(thousandths).unwrap()).div_ceil(1_000).max(1);
            let exact = values[rank - 1].min(MAX);
            let found = histogram.quantile(thousandths).unwrap();
            prop_assert!(found >= exact && found - exact <= exact / 8, "{} {}", found, exact);
        }

        #[test]
        fn histograms_are_added_as_their_values_are(one in proptest::collection::vec(any::<u64>(), 0..40), other in proptest::collection::vec(any::<u64>(), 0..40)) {
            let mut added = of(&one);
            added.merge(&of(&other));
            prop_assert_eq!(added, of(&[one, other].concat()));
        }
    }
}

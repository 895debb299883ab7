//! Wrong credentials by address, counted before anybody is known, and without an object: a guesser is
//! kept from guessing on.
//!
//! Invariant: bounded, and no address is counted too low, however many others send something. A
//! credential that is right is not counted, one that is missing neither; where an address sent too many
//! wrong ones, all its requests are refused until the minute is over. Each isolate counts for itself.
//!
//! The counts are a count-min sketch: each network has one cell in each of four rows, which it may share
//! with others, and its count is the smallest of them. A network shares all four only by chance: the
//! places depend on a random seed, so that they cannot be chosen. While 1,000 networks are refused, one
//! in some 6,000 others is refused with them.

use sha2::{Digest as _, Sha256};

/// Wrong credentials that an address may send in a minute.
pub const MAX_FAILURES: u32 = 60;
/// Seconds for which they count, from the first one of any address.
const WINDOW: u64 = 60;
/// Rows of the sketch.
const ROWS: usize = 4;
/// Cells of a row.
const CELLS: usize = 8_192;

/// Where an address is counted: a cell of each row.
type Places = [usize; ROWS];

/// An attempt that was counted, to take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedAttempt {
    places: Places,
    until: u64,
}

/// The counters of an isolate. Times are seconds since 1970.
#[derive(Debug)]
pub struct FailedAttempts {
    seed: [u8; 16],
    /// Row by row; none while nothing is counted.
    cells: Vec<u16>,
    until: u64,
}

impl FailedAttempts {
    /// Counts nothing yet. The seed is random.
    pub fn new(seed: [u8; 16]) -> Self {
        Self { seed, cells: Vec::new(), until: 0 }
    }

    /// Whether nothing wrong was sent, so that the address need not be known.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// In how many seconds an address may try again; None: now.
    pub fn pause(&mut self, address: &str, now_s: u64) -> Option<u64> {
        self.pause_after(MAX_FAILURES, address, now_s)
    }

    /// The same where an address may try `most` times in a minute.
    pub fn pause_after(&mut self, most: u32, address: &str, now_s: u64) -> Option<u64> {
        self.count(address, now_s)
            .filter(|count| *count >= most)
            .map(|_| self.until.saturating_sub(now_s))
    }

    /// Counts an attempt when it begins, unless its address had `most` of them: those that run at the
    /// same time would pass the limit if they were counted when they end.
    ///
    /// # Errors
    /// The seconds until the address may try again.
    pub fn begin(&mut self, most: u32, address: &str, now_s: u64) -> Result<CountedAttempt, u64> {
        match self.pause_after(most, address, now_s) {
            Some(pause) => Err(pause),
            None => Ok(self.failed(address, now_s)),
        }
    }

    /// Takes back an attempt that turned out to be right.
    pub fn forgive(&mut self, counted: CountedAttempt) {
        // Cells of another window have not counted it.
        if counted.until == self.until {
            self.each(&counted.places, |cell| *cell = cell.saturating_sub(1));
        }
    }

    /// Counts a wrong credential.
    pub fn failed(&mut self, address: &str, now_s: u64) -> CountedAttempt {
        self.clear_when_over(now_s);
        if self.cells.is_empty() {
            self.cells = vec![0; ROWS.saturating_mul(CELLS)];
            self.until = now_s.saturating_add(WINDOW);
        }
        let places = self.places(address);
        self.each(&places, |cell| *cell = cell.saturating_add(1));
        CountedAttempt { places, until: self.until }
    }

    /// Counts the end of an attempt that was judged.
    ///
    /// # Errors
    /// The seconds until the address may try again, where it had sent too much that was wrong when this
    /// attempt was checked: its result must not be reported.
    pub fn ended(&mut self, is_wrong: bool, address: &str, now_s: u64) -> Result<(), u64> {
        if let Some(pause) = self.pause(address, now_s) {
            return Err(pause);
        }
        if is_wrong {
            self.failed(address, now_s);
        }
        Ok(())
    }

    /// The count of an address. Returns `None` if nothing was counted for any address.
    fn count(&mut self, address: &str, now_s: u64) -> Option<u32> {
        self.clear_when_over(now_s);
        if self.cells.is_empty() {
            return None;
        }
        let mut least = u16::MAX;
        let places = self.places(address);
        self.each(&places, |cell| least = least.min(*cell));
        Some(u32::from(least))
    }

    /// An end that is further away than a window is of a clock that went back.
    fn clear_when_over(&mut self, now_s: u64) {
        if !(1..=WINDOW).contains(&self.until.saturating_sub(now_s)) {
            self.cells = Vec::new();
        }
    }

    fn places(&self, address: &str) -> Places {
        let digest = Sha256::new_with_prefix(self.seed).chain_update(network(address)).finalize();
        let mut parts = digest.chunks(4).zip(0_usize..);
        std::array::from_fn(|_| {
            let (part, row) = parts.next().unwrap_or_default();
            let number = part.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            let cell = number.checked_rem(CELLS).unwrap_or_default();
            row.saturating_mul(CELLS).saturating_add(cell)
        })
    }

    fn each(&mut self, places: &Places, mut change: impl FnMut(&mut u16)) {
        for place in places {
            if let Some(cell) = self.cells.get_mut(*place) {
                change(cell);
            }
        }
    }
}

/// An address, or the beginning of one in IPv6, where a single machine has all of a /64.
fn network(address: &str) -> &str {
    let end = address.match_indices(':').nth(3).map_or(address.len(), |(at, _)| at);
    let end = address.find("::").map_or(end, |at| at.min(end));
    address.get(..end).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts() -> FailedAttempts {
        FailedAttempts::new([7; 16])
    }

    #[test]
    fn who_guesses_is_kept_from_guessing_on_for_a_minute() {
        let mut attempts = attempts();
        for _ in 0..MAX_FAILURES {
            assert_eq!(attempts.pause("192.0.2.1", 1_000), None);
            attempts.failed("192.0.2.1", 1_000);
        }
        assert_eq!(attempts.pause("192.0.2.1", 1_015), Some(45));
        assert_eq!(attempts.pause("192.0.2.2", 1_015), None);
        assert_eq!(attempts.pause("192.0.2.1", 1_060), None);
        assert_eq!(attempts.pause("192.0.2.1", 900), None, "a clock that went back");
        assert!(attempts.is_empty());
    }

    #[test]
    fn an_attempt_that_is_forgiven_does_not_count() {
        let mut attempts = attempts();
        for _ in 0..2 * MAX_FAILURES {
            let counted = attempts.begin(MAX_FAILURES, "192.0.2.1", 1_000).unwrap();
            attempts.forgive(counted);
        }
        assert_eq!(attempts.pause("192.0.2.1", 1_000), None);
        let counted = attempts.begin(2, "192.0.2.1", 1_000).unwrap();
        assert_eq!(attempts.pause_after(2, "192.0.2.1", 1_000), None);
        assert_eq!(attempts.pause_after(1, "192.0.2.1", 1_000), Some(60));
        assert_eq!(attempts.begin(1, "192.0.2.1", 1_000), Err(60));
        // An attempt forgiven in the next window was not counted there.
        attempts.failed("192.0.2.1", 1_060);
        attempts.forgive(counted);
        assert_eq!(attempts.pause_after(1, "192.0.2.1", 1_060), Some(60));
    }

    #[test]
    fn of_attempts_at_the_same_time_no_more_are_judged_than_one_after_another() {
        let mut attempts = attempts();
        let told = (0..200).filter(|_| attempts.ended(true, "192.0.2.1", 1_000).is_ok());
        assert_eq!(told.count(), MAX_FAILURES as usize);
        assert_eq!(attempts.ended(false, "192.0.2.1", 1_000), Err(60), "a right one after them");
        assert_eq!(attempts.ended(false, "192.0.2.2", 1_000), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
        assert_eq!(network("2001:db8:1:2::6"), network("2001:db8:1:2:a:b:c:d"));
        assert_eq!(network("2001:db8::1"), "2001:db8");
        assert_eq!((network("192.0.2.1"), network("")), ("192.0.2.1", ""));
    }

    #[test]
    fn many_networks_keep_no_guesser_from_being_counted() {
        let mut attempts = attempts();
        for round in 0..2 {
            for number in 0..2_000 {
                attempts.failed(&format!("{round}{number}a"), 1_000);
                attempts.failed(&format!("{round}{number}a"), 1_000);
            }
        }
        // Two that take turns, so that each makes the other one the newest.
        for _ in 0..MAX_FAILURES {
            attempts.failed("192.0.2.1", 1_000);
            attempts.failed("192.0.2.2", 1_000);
        }
        assert_eq!(attempts.pause("192.0.2.1", 1_000), Some(60));
        assert_eq!(attempts.pause("192.0.2.2", 1_000), Some(60));
        assert_eq!(attempts.pause("192.0.2.3", 1_000), None);
    }
}

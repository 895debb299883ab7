//! Wrong credentials by address, counted before anybody is known, and without an object: whoever
//! guesses is kept from guessing on.
//!
//! Invariant: bounded, values only. A credential that is right is not counted, one that is missing
//! neither; where an address sent too many wrong ones, it is refused whatever it sends until its
//! minute is over. Each isolate counts for itself.

/// Wrong credentials that an address may send in a minute.
const MAX_FAILURES: u32 = 60;
/// Seconds for which they count.
const WINDOW: u64 = 60;
/// Addresses that one isolate remembers.
const MAX_ADDRESSES: usize = 1_000;

#[derive(Debug)]
struct Failures {
    address: String,
    count: u32,
    until: u64,
}

impl Failures {
    /// Whether their minute is not over. An end that is further away is of a clock that went back.
    fn counts(&self, now_s: u64) -> bool {
        (1..=WINDOW).contains(&self.until.saturating_sub(now_s))
    }
}

/// What an isolate counted. Times are seconds since 1970.
#[derive(Debug, Default)]
pub struct Attempts(Vec<Failures>);

impl Attempts {
    /// Whether nobody sent anything wrong, so that the address need not be known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In how many seconds an address may try again; None: now.
    pub fn pause(&self, address: &str, now_s: u64) -> Option<u64> {
        self.pause_after(MAX_FAILURES, address, now_s)
    }

    /// The same where an address may try `most` times in a minute.
    pub fn pause_after(&self, most: u32, address: &str, now_s: u64) -> Option<u64> {
        let network = network(address);
        let sent = self.0.iter().find(|sent| sent.address == network && sent.counts(now_s))?;
        (sent.count >= most).then(|| sent.until.saturating_sub(now_s))
    }

    /// Takes back one attempt that was noted before it was known to be right. Attempts that run at the
    /// same time are counted only if they are noted when they begin.
    pub fn forgive(&mut self, address: &str) {
        let network = network(address);
        if let Some(sent) = self.0.iter_mut().find(|sent| sent.address == network) {
            sent.count = sent.count.saturating_sub(1);
        }
    }

    /// Notes a wrong credential.
    pub fn failed(&mut self, address: &str, now_s: u64) {
        self.0.retain(|sent| sent.counts(now_s));
        let network = network(address);
        if let Some(sent) = self.0.iter_mut().find(|sent| sent.address == network) {
            sent.count = sent.count.saturating_add(1);
            return;
        }
        if self.0.len() >= MAX_ADDRESSES {
            self.make_room();
        }
        let (address, until) = (network.to_owned(), now_s.saturating_add(WINDOW));
        self.0.push(Failures { address, count: 1, until });
    }

    /// Forgets the address that sent the fewest, of several the oldest: many addresses that send
    /// little free none that guesses.
    fn make_room(&mut self) {
        let place = self.0.iter().enumerate().min_by_key(|(_, sent)| (sent.count, sent.until));
        if let Some((place, _)) = place {
            self.0.remove(place);
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

    #[test]
    fn who_guesses_is_kept_from_guessing_on_for_a_minute() {
        let mut attempts = Attempts::default();
        for _ in 0..MAX_FAILURES {
            assert_eq!(attempts.pause("192.0.2.1", 1_000), None);
            attempts.failed("192.0.2.1", 1_000);
        }
        assert_eq!(attempts.pause("192.0.2.1", 1_015), Some(45));
        assert_eq!(attempts.pause("192.0.2.2", 1_015), None);
        assert_eq!(attempts.pause("192.0.2.1", 1_060), None);
        assert_eq!(attempts.pause("192.0.2.1", 900), None, "a clock that went back");
        attempts.failed("192.0.2.2", 1_060);
        assert_eq!(attempts.0.len(), 1);
    }

    #[test]
    fn an_attempt_that_is_forgiven_does_not_count() {
        let mut attempts = Attempts::default();
        attempts.forgive("192.0.2.1");
        for _ in 0..2 * MAX_FAILURES {
            attempts.failed("192.0.2.1", 1_000);
            attempts.forgive("192.0.2.1");
        }
        assert_eq!(attempts.pause("192.0.2.1", 1_000), None);
        attempts.failed("192.0.2.1", 1_000);
        assert_eq!(attempts.pause_after(2, "192.0.2.1", 1_000), None);
        assert_eq!(attempts.pause_after(1, "192.0.2.1", 1_000), Some(60));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
        assert_eq!(network("2001:db8:1:2::6"), network("2001:db8:1:2:a:b:c:d"));
        assert_eq!(network("2001:db8::1"), "2001:db8");
        assert_eq!((network("192.0.2.1"), network("")), ("192.0.2.1", ""));
    }

    #[test]
    fn in_a_full_table_who_guesses_most_stays_and_a_new_address_is_counted() {
        let mut attempts = Attempts::default();
        for _ in 0..MAX_FAILURES {
            attempts.failed("guesser", 1_000);
        }
        for number in 0..2 * MAX_ADDRESSES {
            attempts.failed(&format!("a{number}"), 1_000);
        }
        assert_eq!(attempts.0.len(), MAX_ADDRESSES);
        for _ in 0..MAX_FAILURES {
            attempts.failed("another", 1_000);
        }
        assert_eq!(attempts.pause("guesser", 1_000), Some(60));
        assert_eq!(attempts.pause("another", 1_000), Some(60));
    }
}

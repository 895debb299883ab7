//! How many requests a subject may make: fixed windows of a minute, counted in one object for each
//! subject, which leases parts of a window to isolates so that most requests need no call of an object.
//!
//! Invariant: never more than the limit is admitted. The object gives no unit twice, a unit is good
//! for its window only, and what an isolate does not use is lost. Only the object refuses: an isolate
//! repeats what it said until the window is over. An isolate's knowledge is bounded, values only.
//!
//! ```text
//!            lease: limit / 10              take: 1
//!   object ────────────────────► isolate ────────────► request
//!     │ nothing left                 │ nothing held and nothing left in the object
//!     └──────────► refused ◄─────────┘ until the window ends
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use mcp_platform::record::Record;

/// Seconds of a window.
pub const WINDOW: u64 = 60;
/// A lease is at most one part in so many of a window.
const PARTS: u32 = 10;
/// Subjects that one isolate holds leases for.
const MAX_SUBJECTS: usize = 1_000;
/// Sessions that a subject may start in a window however low its limit is.
const MIN_STARTS: u32 = 10;

/// The rate limit as the `RateLimit` headers report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests in a window.
    pub limit: u32,
    /// Requests left in this window: the isolate's own lease plus what the object had left when it
    /// last answered. It is too high by at most what other isolates have leased since.
    pub remaining: u32,
    /// When the window ends, in seconds since 1970.
    pub reset: u64,
}

/// How much of a window an isolate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseSize {
    /// One part in `PARTS`.
    Usual,
    /// One unit, which is used at once: the isolate has no room to hold more.
    One,
}

/// Part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The requests that may be admitted.
    pub units: u32,
    /// The units left in the object.
    pub left: u32,
    /// When the window ends, in seconds since 1970.
    pub ends: u64,
}

impl Lease {
    /// Whether its window is not over. The object's clock may be a window ahead; an end that is further
    /// away is of a clock that went back.
    fn counts(self, now_s: u64) -> bool {
        let most = WINDOW.saturating_mul(2);
        (1..=most).contains(&self.ends.saturating_sub(now_s))
    }
}

/// A request of an isolate for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Part of so many requests in a window.
    pub limit: u32,
    /// The isolate's time, in seconds since 1970.
    pub now_s: u64,
}

/// The count in a subject's object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCount {
    /// When the window began, in seconds since 1970.
    pub began: u64,
    /// The units leased in this window.
    pub leased: u32,
}

impl WindowCount {
    /// The count of the window at this time.
    #[must_use]
    pub fn at(self, now_s: u64) -> Self {
        let began = now_s.saturating_sub(now_s.checked_rem(WINDOW).unwrap_or_default());
        // A clock that goes back a little begins no window again; after one that went back further,
        // no caller would be admitted until the clock is back at its old time.
        let is_another = began > self.began || self.began.saturating_sub(began) > WINDOW;
        if is_another { Self { began, leased: 0 } } else { self }
    }

    /// Leases a part of the window to an isolate.
    pub fn lease(&mut self, part: LeaseSize, limit: u32, now_s: u64) -> Lease {
        *self = self.at(now_s);
        let left = limit.saturating_sub(self.leased);
        let units = match part {
            LeaseSize::Usual => limit.checked_div(PARTS).unwrap_or_default().max(1).min(left),
            LeaseSize::One => left.min(1),
        };
        self.leased = self.leased.saturating_add(units);
        let ends = self.began.saturating_add(WINDOW);
        Lease { units, left: left.saturating_sub(units), ends }
    }
}

impl Record for WindowCount {
    /// Both numbers in a line.
    fn from_0_1_0(text: &str) -> Option<Self> {
        let (began, leased) = text.split_once(' ')?;
        Some(Self { began: began.parse().ok()?, leased: leased.parse().ok()? })
    }
}

/// The decision of an isolate about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaDecision {
    /// It is admitted.
    Admitted(Rate),
    /// The object refuses it.
    Refused(Rate),
    /// The object must be asked for this part.
    Ask(LeaseSize),
}

#[derive(Debug)]
struct CachedLease {
    lease: Lease,
    started: u32,
    /// The value of [`Leases::clock`] when it was last used.
    used: u64,
}

/// The leases of one isolate. A full table gives up leases that are used up, the one that was unused for
/// longest first, and none that has units left: a caller with many subjects costs no other caller a unit.
/// Newcomers to a table without such a lease get one unit at a time.
#[derive(Debug, Default)]
pub struct Leases {
    held: BTreeMap<Subject, CachedLease>,
    /// Counts uses, to order them.
    clock: u64,
}

impl Leases {
    /// Takes a unit for a request.
    pub fn take(&mut self, subject: Subject, limit: u32, now_s: u64) -> QuotaDecision {
        if let Some(held) = self.held(subject, now_s) {
            let must_ask = held.lease.units == 0 && held.lease.left > 0;
            return if must_ask {
                QuotaDecision::Ask(LeaseSize::Usual)
            } else {
                spend(held, limit)
            };
        }
        QuotaDecision::Ask(if self.make_room(now_s) { LeaseSize::Usual } else { LeaseSize::One })
    }

    /// Notes a lease, and takes a unit of it for the request that asked.
    pub fn note(
        &mut self,
        subject: Subject,
        limit: u32,
        lease: Lease,
        now_s: u64,
    ) -> QuotaDecision {
        if let Some(held) = self.held(subject, now_s).filter(|held| held.lease.ends == lease.ends) {
            held.lease.units = held.lease.units.saturating_add(lease.units);
            held.lease.left = held.lease.left.min(lease.left);
            return spend(held, limit);
        }
        let mut held = CachedLease { lease, started: 0, used: self.clock };
        let taken = spend(&mut held, limit);
        // Units are kept even if other requests took the room while this one asked for them: the table
        // is larger then by what was asked for at the same time.
        if self.held.contains_key(&subject) || self.make_room(now_s) || held.lease.units > 0 {
            self.held.insert(subject, held);
        }
        taken
    }

    /// Whether a subject may start another session in this window: half of its requests may. Each
    /// isolate counts for itself.
    pub fn may_start(&mut self, subject: Subject, limit: u32, now_s: u64) -> bool {
        let most = limit.checked_div(2).unwrap_or_default().max(MIN_STARTS);
        let Some(held) = self.held(subject, now_s) else {
            return true;
        };
        held.started = held.started.saturating_add(1);
        held.started <= most
    }

    /// The lease of a subject, if its window is not over.
    fn held(&mut self, subject: Subject, now_s: u64) -> Option<&mut CachedLease> {
        self.clock = self.clock.saturating_add(1);
        let held = self.held.get_mut(&subject).filter(|held| held.lease.counts(now_s))?;
        held.used = self.clock;
        Some(held)
    }

    /// Makes room for another lease. False: all that are held have units left.
    fn make_room(&mut self, now_s: u64) -> bool {
        if self.held.len() < MAX_SUBJECTS {
            return true;
        }
        self.held.retain(|_, held| held.lease.counts(now_s));
        if self.held.len() >= MAX_SUBJECTS {
            let spent = self.held.iter().filter(|(_, held)| held.lease.units == 0);
            let oldest = spent.min_by_key(|(_, held)| held.used).map(|(subject, _)| *subject);
            oldest.map(|subject| self.held.remove(&subject));
        }
        self.held.len() < MAX_SUBJECTS
    }
}

fn spend(held: &mut CachedLease, limit: u32) -> QuotaDecision {
    let Lease { units, left, ends: reset } = held.lease;
    let Some(units) = units.checked_sub(1) else {
        return QuotaDecision::Refused(Rate { limit, remaining: 0, reset });
    };
    held.lease.units = units;
    QuotaDecision::Admitted(Rate { limit, remaining: units.saturating_add(left), reset })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use test_support::stored::read_0_1_0;

    const ONE: Subject = Subject([1; 16]);

    /// One request in an isolate that asks the object where it must.
    fn request(
        isolate: &mut Leases,
        object: &mut WindowCount,
        limit: u32,
        now: u64,
    ) -> (QuotaDecision, bool) {
        match isolate.take(ONE, limit, now) {
            QuotaDecision::Ask(part) => {
                (isolate.note(ONE, limit, object.lease(part, limit, now), now), true)
            }
            taken => (taken, false),
        }
    }

    #[test]
    fn one_isolate_admits_the_limit_and_asks_for_a_tenth_of_it() {
        let (mut isolate, mut object) = (Leases::default(), WindowCount::default());
        let mut asked = 0;
        for number in 1..=100 {
            let (taken, did_ask) = request(&mut isolate, &mut object, 100, 1_200);
            asked += u32::from(did_ask);
            let QuotaDecision::Admitted(rate) = taken else { panic!("{number}: {taken:?}") };
            // No other isolate leases anything, so the estimate is exact.
            let expected = Rate { limit: 100, remaining: 100 - number, reset: 1_260 };
            assert_eq!(rate, expected);
        }
        assert_eq!(asked, 10);
        let refused = QuotaDecision::Refused(Rate { limit: 100, remaining: 0, reset: 1_260 });
        // The object is not asked again in this window.
        assert_eq!(request(&mut isolate, &mut object, 100, 1_259), (refused, false));
        let (taken, did_ask) = request(&mut isolate, &mut object, 100, 1_260);
        assert!(did_ask && matches!(taken, QuotaDecision::Admitted(Rate { remaining: 99, .. })));
    }

    #[test]
    fn a_lease_that_comes_back_late_admits_its_request_and_no_other() {
        let (mut isolate, mut object) = (Leases::default(), WindowCount::default());
        let lease = object.lease(LeaseSize::Usual, 100, 1_259);
        assert!(matches!(isolate.note(ONE, 100, lease, 1_260), QuotaDecision::Admitted(_)));
        assert_eq!(isolate.take(ONE, 100, 1_260), QuotaDecision::Ask(LeaseSize::Usual));
    }

    #[test]
    fn a_clock_that_goes_back_begins_no_window_again() {
        let mut object = WindowCount::default();
        object.lease(LeaseSize::Usual, 1, 1_200);
        assert_eq!(object.lease(LeaseSize::Usual, 1, 1_199).units, 0);
        assert_eq!(object.lease(LeaseSize::Usual, 1, 1_260).units, 1);
    }

    #[test]
    fn after_a_clock_that_went_back_by_an_hour_callers_are_let_in() {
        let (mut isolate, mut object) = (Leases::default(), WindowCount::default());
        request(&mut isolate, &mut object, 1, 4_800);
        let (refused, _) = request(&mut isolate, &mut object, 1, 4_800);
        assert!(matches!(refused, QuotaDecision::Refused(_)));
        let (taken, did_ask) = request(&mut isolate, &mut object, 1, 1_200);
        assert!(did_ask && matches!(taken, QuotaDecision::Admitted(Rate { reset: 1_260, .. })));
    }

    #[test]
    fn half_of_the_requests_may_start_a_session() {
        let (mut isolate, mut object) = (Leases::default(), WindowCount::default());
        assert!(isolate.may_start(ONE, 100, 1_200), "nothing is known");
        request(&mut isolate, &mut object, 100, 1_200);
        assert!((0..50).all(|_| isolate.may_start(ONE, 100, 1_200)));
        assert!(!isolate.may_start(ONE, 100, 1_200));
        request(&mut isolate, &mut object, 100, 1_260);
        assert!(isolate.may_start(ONE, 100, 1_260));
    }

    #[test]
    fn a_count_is_read_as_it_was_written() {
        let count = WindowCount { began: 1_200, leased: 7 };
        insta::assert_snapshot!(count.to_json(), @r#"{"began":1200,"leased":7}"#);
        assert_eq!(WindowCount::from_json(&count.to_json()), Some(count));
        assert_eq!(WindowCount::from_json(&read_0_1_0("quota-count")), Some(count));
        assert_eq!(WindowCount::from_json("7"), None);
    }

    fn numbered(number: usize) -> Subject {
        let mut subject = [0; 16];
        subject[..8].copy_from_slice(&number.to_be_bytes());
        Subject(subject)
    }

    /// An isolate whose table is full of leases with units left.
    fn full() -> Leases {
        let mut isolate = Leases::default();
        for number in 0..MAX_SUBJECTS {
            let lease = WindowCount::default().lease(LeaseSize::Usual, 100, 1_200);
            isolate.note(numbered(number), 100, lease, 1_200);
        }
        isolate
    }

    #[test]
    fn a_full_table_gives_up_the_used_up_lease_that_was_unused_for_longest() {
        let mut isolate = full();
        for spent in [7, 8] {
            assert!((0..9).all(|_| {
                matches!(isolate.take(numbered(spent), 100, 1_200), QuotaDecision::Admitted(_))
            }));
        }
        assert_eq!(isolate.take(numbered(7), 100, 1_200), QuotaDecision::Ask(LeaseSize::Usual));
        let newcomer = numbered(MAX_SUBJECTS);
        assert_eq!(isolate.take(newcomer, 100, 1_200), QuotaDecision::Ask(LeaseSize::Usual));
        isolate.note(
            newcomer,
            100,
            WindowCount::default().lease(LeaseSize::Usual, 100, 1_200),
            1_200,
        );
        assert_eq!(isolate.held.len(), MAX_SUBJECTS);
        for known in (0..=MAX_SUBJECTS).filter(|number| ![7, 8].contains(number)) {
            let taken = isolate.take(numbered(known), 100, 1_200);
            assert!(matches!(taken, QuotaDecision::Admitted(_)), "{known}: {taken:?}");
        }
        assert!(
            isolate.held.contains_key(&numbered(7)) && !isolate.held.contains_key(&numbered(8))
        );
    }

    #[test]
    fn a_newcomer_to_a_table_that_is_full_of_units_asks_for_one_at_a_time() {
        let (mut isolate, mut object) = (full(), WindowCount::default());
        for number in 1..=100 {
            assert_eq!(isolate.take(ONE, 100, 1_200), QuotaDecision::Ask(LeaseSize::One));
            let (taken, _) = request(&mut isolate, &mut object, 100, 1_200);
            let expected = Rate { limit: 100, remaining: 100 - number, reset: 1_260 };
            assert_eq!(taken, QuotaDecision::Admitted(expected));
        }
        assert!(matches!(
            request(&mut isolate, &mut object, 100, 1_200).0,
            QuotaDecision::Refused(_)
        ));
        assert_eq!(isolate.held.len(), MAX_SUBJECTS);
        assert_eq!(
            isolate.take(ONE, 100, 1_260),
            QuotaDecision::Ask(LeaseSize::Usual),
            "the window is over"
        );
    }

    #[test]
    fn an_attacker_with_many_subjects_burns_no_lease_of_another() {
        let mut isolate = Leases::default();
        isolate.note(ONE, 100, WindowCount::default().lease(LeaseSize::Usual, 100, 1_200), 1_200);
        for number in 0..2 * MAX_SUBJECTS {
            if let QuotaDecision::Ask(part) = isolate.take(numbered(number), 100, 1_200) {
                let lease = WindowCount::default().lease(part, 100, 1_200);
                isolate.note(numbered(number), 100, lease, 1_200);
            }
        }
        assert_eq!(isolate.held.len(), MAX_SUBJECTS);
        let taken = isolate.take(ONE, 100, 1_200);
        assert!(matches!(taken, QuotaDecision::Admitted(_)), "{taken:?}");
    }

    proptest! {
        /// Several isolates serve several subjects, leases are evicted at any time and objects keep
        /// nothing but their row: no subject is admitted more often than the limit in any window, and
        /// the reported remainder is too high by at most the units leased by other isolates.
        #[test]
        fn no_window_admits_more_than_the_limit(
            limit in 1_u32..60,
            steps in prop::collection::vec(
                (0_usize..3, 0_usize..3, 0_u64..9, any::<bool>(), 0_u8..20), 1..400,
            ),
        ) {
            let mut isolates = [Leases::default(), Leases::default(), Leases::default()];
            let (mut objects, mut now) = ([WindowCount::default(); 3], 60_000);
            let mut admitted = std::collections::HashMap::new();
            let mut leased = std::collections::HashMap::new();
            for (isolate, subject, pause, restarted, evicted) in steps {
                now = u64::saturating_add(now, pause);
                let (object, id) = (&mut objects[subject], numbered(subject));
                if restarted {
                    *object = WindowCount::from_json(&object.to_json()).unwrap();
                }
                if evicted == 0 {
                    isolates[isolate].held.remove(&id);
                }
                let taken = match isolates[isolate].take(id, limit, now) {
                    QuotaDecision::Ask(part) => {
                        // Any isolate may have a full table at any time.
                        let part = if evicted % 3 == 1 { LeaseSize::One } else { part };
                        let lease = object.lease(part, limit, now);
                        let all = leased.entry((isolate, subject, lease.ends)).or_insert(0_u32);
                        *all = all.saturating_add(lease.units);
                        isolates[isolate].note(id, limit, lease, now)
                    }
                    taken => taken,
                };
                if let QuotaDecision::Admitted(rate) = taken {
                    let count = admitted.entry((subject, rate.reset)).or_insert(0_u32);
                    *count = count.saturating_add(1);
                    prop_assert!(*count <= limit);
                    let others: u32 = (0..3).filter(|other| *other != isolate)
                        .filter_map(|other| leased.get(&(other, subject, rate.reset)))
                        .sum();
                    // `count` includes the units that the others spent of their leases.
                    let left = limit.saturating_sub(*count);
                    prop_assert!(rate.remaining <= left.saturating_add(others));
                }
            }
        }
    }
}

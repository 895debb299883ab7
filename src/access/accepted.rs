//! Which SiteBay tokens were accepted by SiteBay at least once, for each account that brings them.
//!
//! A token that a caller brings is unverified until then: anybody can invent one. Its requests count
//! against the account, which is one for all unverified tokens of an identity, and no object is made
//! for it.
//!
//! Invariant: bounded, values only. A mark is 8 bytes of the subject, which is a keyed hash, so nobody
//! can choose a token that has another's mark. A mark that was dropped comes back with the next call
//! that works.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::principal::Subject;

/// Marks that the object of an account keeps; the oldest makes room.
const MAX_MARKS: usize = 2_000;
/// Accounts that one isolate remembers; the one whose list is oldest makes room.
const MAX_ACCOUNTS: usize = 1_000;
/// For how long an isolate takes a token that is not in the list for unverified, in seconds.
const FRESH: u64 = 2;

/// What stands for a subject in a list.
type Mark = u64;

fn mark(subject: Subject) -> Mark {
    let [a, b, c, d, e, f, g, h, ..] = subject.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The list that the object of an account keeps, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptedTokens(Vec<Mark>);

impl AcceptedTokens {
    /// Adds a subject. False: it is there already.
    pub fn add(&mut self, subject: Subject) -> bool {
        let mark = mark(subject);
        if let Some(at) = self.0.iter().position(|known| *known == mark) {
            // The one that worked last goes last.
            self.0.remove(at);
            self.0.push(mark);
            return false;
        }
        if self.0.len() >= MAX_MARKS {
            self.0.remove(0);
        }
        self.0.push(mark);
        true
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The text that [`Self::read`] reads.
    pub fn to_text(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|mark| format!("{mark:016x}")).collect();
        words.join(" ")
    }

    /// Reads it back. What cannot be read is left out.
    pub fn read(text: &str) -> Self {
        let marks = text.split(' ').filter_map(|word| Mark::from_str_radix(word, 16).ok());
        Self(marks.collect())
    }
}

#[derive(Debug, Default)]
struct Known {
    marks: BTreeSet<Mark>,
    /// When the account's object was asked, in seconds since 1970; 0: never.
    asked: u64,
}

/// What an isolate knows of accounts and their tokens.
#[derive(Debug, Default)]
pub struct KnownTokens(BTreeMap<Subject, Known>);

impl KnownTokens {
    /// Whether the token of a subject was accepted. None: the account's object must be asked.
    pub fn find(&self, account: Subject, subject: Subject, now_s: u64) -> Option<bool> {
        let known = self.0.get(&account)?;
        if known.marks.contains(&mark(subject)) {
            return Some(true);
        }
        (now_s.abs_diff(known.asked) < FRESH).then_some(false)
    }

    /// Notes the list of an account's object.
    pub fn note(&mut self, account: Subject, list: &AcceptedTokens, now_s: u64) {
        let known = self.known(account);
        known.asked = now_s;
        // A mark that this isolate added may be on its way to the object.
        if known.marks.len() >= MAX_MARKS {
            known.marks.clear();
        }
        known.marks.extend(&list.0);
    }

    /// Adds a subject whose token was just accepted. False: it was known.
    pub fn add(&mut self, account: Subject, subject: Subject) -> bool {
        self.known(account).marks.insert(mark(subject))
    }

    fn known(&mut self, account: Subject) -> &mut Known {
        if self.0.len() >= MAX_ACCOUNTS && !self.0.contains_key(&account) {
            let oldest = self.0.iter().min_by_key(|(_, known)| known.asked);
            if let Some(oldest) = oldest.map(|(account, _)| *account) {
                self.0.remove(&oldest);
            }
        }
        self.0.entry(account).or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::quota::{Count, Leases, Taken},
        stored_fixtures::of_0_1_0,
    };

    const ACCOUNT: Subject = Subject([1; 16]);

    fn subject(number: usize) -> Subject {
        let mut subject = [9; 16];
        subject[..8].copy_from_slice(&number.to_be_bytes());
        Subject(subject)
    }

    #[test]
    fn a_list_comes_back_from_its_text() {
        let mut list = AcceptedTokens::default();
        assert_eq!(AcceptedTokens::read(&list.to_text()), list);
        assert!(list.add(subject(1)) && list.add(subject(2)) && !list.add(subject(1)));
        let stored = of_0_1_0("answer-quota-accepted", &list.to_text());
        assert_eq!(AcceptedTokens::read(&stored), list);
        assert_eq!(AcceptedTokens::read("broken").count(), 0);
        let told = of_0_1_0("message-quota-accepted", &subject(1).to_text());
        assert_eq!(Subject::read(&told), Some(subject(1)));
    }

    #[test]
    fn the_oldest_of_too_many_tokens_is_forgotten() {
        let mut list = AcceptedTokens::default();
        assert!((0..=MAX_MARKS).all(|number| list.add(subject(number))));
        assert_eq!(list.count(), MAX_MARKS);
        assert!(!list.add(subject(1)) && list.add(subject(0)));
    }

    #[test]
    fn a_token_that_is_not_in_the_list_is_asked_for_again_after_2_s() {
        let mut known = KnownTokens::default();
        assert_eq!(known.find(ACCOUNT, subject(1), 1_000), None);
        let mut list = AcceptedTokens::default();
        known.note(ACCOUNT, &list, 1_000);
        assert_eq!(known.find(ACCOUNT, subject(1), 1_001), Some(false));
        assert_eq!(known.find(ACCOUNT, subject(1), 1_002), None);
        list.add(subject(1));
        known.note(ACCOUNT, &list, 1_002);
        assert_eq!(known.find(ACCOUNT, subject(1), 9_000), Some(true));
        assert_eq!(known.find(subject(7), subject(1), 1_002), None, "of another account");
    }

    #[test]
    fn a_token_that_was_just_accepted_outlives_a_list_that_does_not_have_it_yet() {
        let mut known = KnownTokens::default();
        assert!(known.add(ACCOUNT, subject(1)) && !known.add(ACCOUNT, subject(1)));
        known.note(ACCOUNT, &AcceptedTokens::default(), 1_000);
        assert_eq!(known.find(ACCOUNT, subject(1), 1_000), Some(true));
    }

    #[test]
    fn isolates_remember_a_bounded_number_of_accounts_and_tokens() {
        let mut known = KnownTokens::default();
        for number in 0..=MAX_ACCOUNTS {
            let now_s = 1_000 + u64::try_from(number).unwrap();
            known.note(subject(number), &AcceptedTokens::default(), now_s);
        }
        assert_eq!(known.0.len(), MAX_ACCOUNTS);
        assert!(!known.0.contains_key(&subject(0)));
        for round in 0..5 {
            let marks = (0..1_500).map(|number| mark(subject(round * 10_000 + number)));
            known.note(ACCOUNT, &AcceptedTokens(marks.collect()), 9_000);
        }
        assert!(known.0[&ACCOUNT].marks.len() <= 2 * MAX_MARKS);
    }

    /// A request with a token: under whose limit, and what came of it.
    struct World {
        isolates: [(KnownTokens, Leases); 2],
        list: AcceptedTokens,
        counts: BTreeMap<Subject, Count>,
    }

    impl World {
        fn request(&mut self, at: usize, token: Subject, limit: u32, now: u64) -> (Subject, Taken) {
            let (known, leases) = &mut self.isolates[at];
            let accepted = known.find(ACCOUNT, token, now).unwrap_or_else(|| {
                known.note(ACCOUNT, &self.list, now);
                known.find(ACCOUNT, token, now).unwrap()
            });
            let limited = if accepted { token } else { ACCOUNT };
            let taken = match leases.take(limited, limit, now) {
                Taken::Ask => {
                    let lease = self.counts.entry(limited).or_default().lease(limit, now);
                    leases.note(limited, limit, lease, now)
                }
                taken => taken,
            };
            (limited, taken)
        }
    }

    proptest! {
        /// Invented and working tokens in any order, over two isolates: no account and no subject is
        /// admitted more often than its limit, objects are made for tokens that worked only, and a
        /// flood of invented tokens refuses no request of a token that worked 2 s ago or earlier.
        #[test]
        fn no_account_and_no_subject_is_admitted_more_often_than_its_limit(
            limit in 10_u32..60,
            steps in prop::collection::vec((0_usize..2, 0_usize..200, any::<bool>(), 0_u64..3), 1..400),
        ) {
            let mut world = World {
                isolates: Default::default(),
                list: AcceptedTokens::default(),
                counts: BTreeMap::new(),
            };
            let (mut admitted, mut worked) = (BTreeMap::new(), BTreeMap::new());
            let mut now = 60_000;
            for (at, number, invented, pause) in steps {
                now = u64::saturating_add(now, pause);
                // Three tokens work, all others are invented.
                let token = if invented { subject(number.saturating_add(3)) } else { subject(number % 3) };
                let (limited, taken) = world.request(at, token, limit, now);
                if let Taken::Admitted(rate) = taken {
                    let count = admitted.entry((limited, rate.reset)).or_insert(0_u32);
                    *count = count.saturating_add(1);
                    prop_assert!(*count <= limit);
                    if !invented {
                        world.isolates[at].0.add(ACCOUNT, token);
                        world.list.add(token);
                        worked.entry(token).or_insert(now);
                    }
                }
                if worked.get(&token).is_some_and(|since| now.saturating_sub(*since) >= FRESH) {
                    prop_assert_eq!(limited, token);
                }
            }
            for limited in world.counts.keys() {
                prop_assert!(*limited == ACCOUNT || worked.contains_key(limited));
            }
        }
    }
}

//! Which SiteBay tokens were accepted by SiteBay at least once, for each account that brings them.
//!
//! A token that a caller brings is unverified until then: anybody can invent one. Its requests count
//! against the account, which is one for all unverified tokens of an identity, and no object is made
//! for it.
//!
//! Invariant: bounded, values only. A mark is 8 bytes of the subject, which is a keyed hash, so no caller
//! can choose a token that has another's mark. A mark that was dropped comes back with the next call
//! that works.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use mcp_platform::record::Record;

/// Marks that the object of an account keeps; the oldest makes room.
const MAX_MARKS: usize = 2_000;
/// Accounts that one isolate remembers; the one whose list is oldest makes room.
const MAX_ACCOUNTS: usize = 1_000;
/// For how long an isolate takes a token that is not in the list for unverified, in seconds.
const FRESH: u64 = 2;
/// Single tokens of an account that an isolate asks for in [`FRESH`] seconds; from then on it asks for
/// the whole list, as often at most while no answer has come: invented tokens cost their account's object
/// next to nothing.
const MAX_ASKED: usize = 10;

/// The entry of a subject in a list.
type TokenMark = u64;

fn mark(subject: Subject) -> TokenMark {
    let [a, b, c, d, e, f, g, h, ..] = subject.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The list that the object of an account keeps, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AcceptedTokens(Vec<TokenMark>);

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

    /// Whether a subject is there, which is asked because it is used: it goes last.
    pub fn is_used(&mut self, subject: Subject) -> bool {
        let is_known = self.0.contains(&mark(subject));
        if is_known {
            self.add(subject);
        }
        is_known
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The text of version 0.1.0: hexadecimal words.
    pub fn to_0_1_0(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|mark| format!("{mark:016x}")).collect();
        words.join(" ")
    }
}

impl Record for AcceptedTokens {
    /// What cannot be read is left out.
    fn from_0_1_0(text: &str) -> Option<Self> {
        let marks = text.split(' ').filter_map(|word| TokenMark::from_str_radix(word, 16).ok());
        Some(Self(marks.collect()))
    }
}

/// The result of a lookup in an isolate's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLookup {
    /// Whether it was accepted.
    Known(bool),
    /// The account's object must be asked for this one.
    Ask,
    /// The account's object must be asked for the list: too many single ones were asked for.
    List,
}

#[derive(Debug, Default)]
struct Known {
    marks: BTreeSet<TokenMark>,
    /// When the window of [`FRESH`] seconds began in which the object was asked, in seconds since 1970.
    began: u64,
    /// How often it was asked for a token, and for the list, in that window.
    asked: usize,
    lists: usize,
    /// Tokens that were not in the list in that window.
    unknown: Vec<TokenMark>,
    /// When the list came, in seconds since 1970; 0: never.
    listed: u64,
    /// When anything was asked or added.
    used: u64,
}

/// An isolate's cache of accounts and their tokens.
#[derive(Debug, Default)]
pub struct KnownTokens(BTreeMap<Subject, Known>);

impl KnownTokens {
    /// Whether the token of a subject was accepted, or how to find out.
    pub fn find(&mut self, account: Subject, subject: Subject, now_s: u64) -> TokenLookup {
        let (known, mark) = (self.known(account, now_s), mark(subject));
        if known.marks.contains(&mark) {
            return TokenLookup::Known(true);
        }
        if now_s.abs_diff(known.listed) < FRESH {
            return TokenLookup::Known(false);
        }
        if now_s.abs_diff(known.began) >= FRESH {
            (known.began, known.asked, known.lists) = (now_s, 0, 0);
            known.unknown.clear();
        }
        if known.unknown.contains(&mark) {
            return TokenLookup::Known(false);
        }
        // Counted when it is asked: requests at the same time ask before there is an answer.
        if known.asked < MAX_ASKED {
            known.asked = known.asked.saturating_add(1);
            return TokenLookup::Ask;
        }
        if known.lists < MAX_ASKED {
            known.lists = known.lists.saturating_add(1);
            return TokenLookup::List;
        }
        TokenLookup::Known(false)
    }

    /// Whether the token of a subject is known to be accepted, without asking.
    pub fn knows(&self, account: Subject, subject: Subject) -> bool {
        self.0.get(&account).is_some_and(|known| known.marks.contains(&mark(subject)))
    }

    /// Notes that a token is not in the list of the account's object.
    pub fn note_unknown(&mut self, account: Subject, subject: Subject, now_s: u64) {
        let known = self.known(account, now_s);
        if known.unknown.len() < MAX_ASKED {
            known.unknown.push(mark(subject));
        }
    }

    /// Notes the list of an account's object.
    pub fn note(&mut self, account: Subject, list: &AcceptedTokens, now_s: u64) {
        let known = self.known(account, now_s);
        known.listed = now_s;
        make_room(&mut known.marks);
        // A mark that this isolate added may be on its way to the object.
        known.marks.extend(&list.0);
    }

    /// Adds a subject whose token was accepted, now or before. False: it was known.
    pub fn add(&mut self, account: Subject, subject: Subject, now_s: u64) -> bool {
        let known = self.known(account, now_s);
        make_room(&mut known.marks);
        known.marks.insert(mark(subject))
    }

    fn known(&mut self, account: Subject, now_s: u64) -> &mut Known {
        if self.0.len() >= MAX_ACCOUNTS && !self.0.contains_key(&account) {
            let oldest = self.0.iter().min_by_key(|(_, known)| known.used);
            if let Some(oldest) = oldest.map(|(account, _)| *account) {
                self.0.remove(&oldest);
            }
        }
        let known = self.0.entry(account).or_default();
        known.used = now_s;
        known
    }
}

/// Forgets the marks of an account that has too many: they are asked for again.
fn make_room(marks: &mut BTreeSet<TokenMark>) {
    if marks.len() >= MAX_MARKS {
        marks.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quota::{Leases, QuotaDecision, WindowCount};
    use test_support::stored::of_0_1_0;

    const ACCOUNT: Subject = Subject([1; 16]);

    fn subject(number: usize) -> Subject {
        let mut subject = [9; 16];
        subject[..8].copy_from_slice(&number.to_be_bytes());
        Subject(subject)
    }

    #[test]
    fn a_list_comes_back_from_its_text() {
        let mut list = AcceptedTokens::default();
        for text in [list.to_json(), list.to_0_1_0()] {
            assert_eq!(AcceptedTokens::from_json(&text), Some(list.clone()));
        }
        assert!(list.add(subject(1)) && list.add(subject(2)) && !list.add(subject(1)));
        insta::assert_snapshot!(list.to_json(), @"[2,1]");
        insta::assert_snapshot!(list.to_0_1_0(), @"0000000000000002 0000000000000001");
        for text in [list.to_json(), list.to_0_1_0()] {
            assert_eq!(AcceptedTokens::from_json(&text), Some(list.clone()));
        }
        let stored = of_0_1_0("answer-quota-accepted", &list.to_0_1_0());
        assert_eq!(AcceptedTokens::from_json(&stored), Some(list));
        assert_eq!(AcceptedTokens::from_json("broken").unwrap().count(), 0);
    }

    #[test]
    fn the_oldest_of_too_many_tokens_is_forgotten() {
        let mut list = AcceptedTokens::default();
        assert!((0..=MAX_MARKS).all(|number| list.add(subject(number))));
        assert_eq!(list.count(), MAX_MARKS);
        assert!(!list.add(subject(1)) && list.add(subject(0)));
    }

    #[test]
    fn a_token_that_is_used_is_not_the_next_to_be_forgotten() {
        let mut list = AcceptedTokens::default();
        assert!((0..MAX_MARKS).all(|number| list.add(subject(number))));
        assert!(list.is_used(subject(0)) && !list.is_used(subject(MAX_MARKS)));
        list.add(subject(MAX_MARKS));
        assert!(list.is_used(subject(0)) && !list.is_used(subject(1)));
    }

    #[test]
    fn a_token_that_is_not_in_the_list_is_asked_for_again_after_2_s() {
        let mut known = KnownTokens::default();
        // Requests at the same time each ask.
        assert!((0..2).all(|_| known.find(ACCOUNT, subject(1), 1_000) == TokenLookup::Ask));
        known.note_unknown(ACCOUNT, subject(1), 1_000);
        assert_eq!(known.find(ACCOUNT, subject(1), 1_001), TokenLookup::Known(false));
        assert_eq!(known.find(ACCOUNT, subject(1), 1_002), TokenLookup::Ask);
        assert!(known.add(ACCOUNT, subject(1), 1_002) && !known.add(ACCOUNT, subject(1), 1_002));
        assert_eq!(known.find(ACCOUNT, subject(1), 9_000), TokenLookup::Known(true));
        assert_eq!(
            known.find(subject(7), subject(1), 1_002),
            TokenLookup::Ask,
            "of another account"
        );
    }

    #[test]
    fn invented_tokens_have_the_object_asked_a_few_times_only() {
        let mut known = KnownTokens::default();
        known.add(ACCOUNT, subject(1), 1_000);
        for now_s in [1_000, 1_002, 1_004] {
            let mut asked = [0, 0];
            for number in 0..1_000 {
                match known.find(ACCOUNT, subject(10 + number), now_s) {
                    TokenLookup::Ask => asked[0] += 1,
                    // No answer comes while all these ask.
                    TokenLookup::List => asked[1] += 1,
                    TokenLookup::Known(accepted) => assert!(!accepted),
                }
            }
            assert_eq!(asked, [MAX_ASKED, MAX_ASKED]);
            assert_eq!(known.find(ACCOUNT, subject(1), now_s), TokenLookup::Known(true));
        }
        let mut list = AcceptedTokens::default();
        list.add(subject(2));
        known.note(ACCOUNT, &list, 1_006);
        assert_eq!(
            known.find(ACCOUNT, subject(11), 1_007),
            TokenLookup::Known(false),
            "not in the list"
        );
        for accepted in [1, 2] {
            assert_eq!(known.find(ACCOUNT, subject(accepted), 1_004), TokenLookup::Known(true));
        }
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
        for number in 0..5_000 {
            known.add(ACCOUNT, subject(100_000 + number), 9_000);
            known.note_unknown(ACCOUNT, subject(200_000 + number), 9_000);
        }
        assert!(known.0[&ACCOUNT].marks.len() <= 2 * MAX_MARKS);
        assert!(known.0[&ACCOUNT].unknown.len() <= MAX_ASKED);
    }

    /// A request with a token: under whose limit, and what came of it.
    struct World {
        isolates: [(KnownTokens, Leases); 2],
        list: AcceptedTokens,
        counts: BTreeMap<Subject, WindowCount>,
    }

    impl World {
        fn request(
            &mut self,
            at: usize,
            token: Subject,
            limit: u32,
            now: u64,
        ) -> (Subject, QuotaDecision) {
            let (known, leases) = &mut self.isolates[at];
            let accepted = match known.find(ACCOUNT, token, now) {
                TokenLookup::Known(accepted) => accepted,
                TokenLookup::Ask => {
                    let accepted = self.list.is_used(token);
                    match accepted {
                        true => drop(known.add(ACCOUNT, token, now)),
                        false => known.note_unknown(ACCOUNT, token, now),
                    }
                    accepted
                }
                TokenLookup::List => {
                    known.note(ACCOUNT, &self.list, now);
                    known.find(ACCOUNT, token, now) == TokenLookup::Known(true)
                }
            };
            let limited = if accepted { token } else { ACCOUNT };
            let taken = match leases.take(limited, limit, now) {
                QuotaDecision::Ask(part) => {
                    let lease = self.counts.entry(limited).or_default().lease(part, limit, now);
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
                if let QuotaDecision::Admitted(rate) = taken {
                    let count = admitted.entry((limited, rate.reset)).or_insert(0_u32);
                    *count = count.saturating_add(1);
                    prop_assert!(*count <= limit);
                    if !invented {
                        world.isolates[at].0.add(ACCOUNT, token, now);
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

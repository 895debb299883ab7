//! Gradual rollout: which share of the subjects is let in.
//!
//! Invariant: whether a subject is in depends on the subject and the percentage alone, and who is in at
//! one percentage is in at every higher one. A subject that its caller can invent, because SiteBay has not
//! accepted its token, has the place of its account. Who administers the server is always in. What an isolate
//! knows is 30 s old at most, unless the store does not answer: then the last that was known counts,
//! and all subjects are admitted if none was.

use crate::{
    principal::Principal,
    scope::Scopes,
    secret::names,
    subject::{AuthMethod, Subject},
};

/// The key of the store under which the percentage stands.
pub const KEY: &str = "feature:dark-launch-percentage";
/// For how long the store is not asked again, in seconds.
const FRESH: u64 = 30;

/// The percentage that a text says; None: it is none.
pub fn parse(text: &str) -> Option<u8> {
    text.trim().parse().ok().filter(|percentage| *percentage <= 100)
}

/// The callers who are always admitted (`ROLLOUT_ALLOW`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(Vec<String>);

impl Allowed {
    /// Reads a list of subjects, and of names of keys and of JWT's clients.
    pub fn parse(setting: &str) -> Self {
        Self(names(setting).map(str::to_owned).collect())
    }

    /// The list.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a caller is in at this percentage. `place` is the subject whose place counts.
    pub fn admits(&self, principal: &Principal, place: Subject, percentage: u8) -> bool {
        // Apps that people sign in with give themselves their names.
        let client = Some(&principal.client).filter(|_| principal.auth_method != AuthMethod::OAuth);
        let subject = principal.subject.to_text();
        let named = |name: &str| client.is_some_and(|client| client == name) || name == subject;
        bucket(place) < percentage || principal.scopes.has(Scopes::ADMIN) || self.names().any(named)
    }
}

/// A number below 100 that is constant for a subject. Subjects are keyed hashes, so no caller can choose its own.
fn bucket(Subject([a, b, c, d, ..]): Subject) -> u8 {
    let number = u32::from_be_bytes([a, b, c, d]).checked_rem(100).unwrap_or_default();
    u8::try_from(number).unwrap_or_default()
}

/// An isolate's cache of the percentage. Times are seconds since 1970; 0: never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Percentage {
    known: Option<u8>,
    asked: u64,
}

impl Percentage {
    /// The percentage, where it is known well enough not to ask.
    pub fn fresh(&self, now_s: u64) -> Option<u8> {
        (now_s.abs_diff(self.asked) < FRESH).then(|| self.usable())
    }

    /// The percentage to use if the store does not answer.
    pub fn usable(&self) -> u8 {
        self.known.unwrap_or(100)
    }

    /// Notes that the store was asked, and its answer where there is one.
    pub fn note(&mut self, answer: Option<u8>, now_s: u64) {
        self.known = answer.or(self.known);
        self.asked = now_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(number: u32) -> Principal {
        let mut subject = [0; 16];
        subject[..4].copy_from_slice(&number.to_be_bytes());
        Principal { scopes: Scopes::WRITE, ..Principal::without_rights(Subject(subject)) }
    }

    fn admits(allowed: &Allowed, principal: &Principal, percentage: u8) -> bool {
        allowed.admits(principal, principal.limited_as(), percentage)
    }

    #[test]
    fn a_share_of_the_subjects_is_in_and_stays_in() {
        let without_rights = Allowed::default();
        let admitted = |percentage| {
            (0..1_000)
                .filter(|number| admits(&without_rights, &principal(*number), percentage))
                .count()
        };
        assert_eq!((admitted(0), admitted(25), admitted(100)), (0, 250, 1_000));
        for percentage in 0..100 {
            for number in 0..200 {
                let (now, later) = (principal(number), percentage + 1);
                assert!(
                    !admits(&without_rights, &now, percentage)
                        || admits(&without_rights, &now, later)
                );
            }
        }
    }

    #[test]
    fn invented_tokens_share_the_place_of_their_account() {
        let account = principal(50).subject;
        for number in 0..100 {
            let invented = Principal { unverified: Some(account), ..principal(number) };
            assert!(!admits(&Allowed::default(), &invented, 50), "{number}");
            assert!(admits(&Allowed::default(), &invented, 51), "{number}");
        }
    }

    #[test]
    fn those_who_are_named_and_who_administers_are_always_in() {
        let one = principal(99);
        let text = one.subject.to_text();
        assert!(!admits(&Allowed::parse("other, one"), &one, 0));
        assert!(admits(&Allowed::parse(&format!("other {text}")), &one, 0));
        let named = Principal { client: "one".into(), ..one.clone() };
        assert!(admits(&Allowed::parse("other, one"), &named, 0));
        let admin = Principal { scopes: Scopes::ADMIN, ..one };
        assert!(admits(&Allowed::default(), &admin, 0));
    }

    #[test]
    fn a_client_that_names_itself_is_not_in_by_its_name() {
        let app =
            Principal { auth_method: AuthMethod::OAuth, client: "one".into(), ..principal(99) };
        assert!(!admits(&Allowed::parse("other, one"), &app, 0));
        let subject = app.subject.to_text();
        assert!(admits(&Allowed::parse(&subject), &app, 0));
    }

    #[test]
    fn what_is_known_is_good_for_30_s_and_longer_where_nobody_answers() {
        let mut percentage = Percentage::default();
        assert_eq!((percentage.fresh(1_000), percentage.usable()), (None, 100));
        percentage.note(Some(25), 1_000);
        assert_eq!((percentage.fresh(1_029), percentage.fresh(1_030)), (Some(25), None));
        percentage.note(None, 1_030);
        assert_eq!(percentage.fresh(1_031), Some(25));
    }

    #[test]
    fn only_whole_percentages_are_percentages() {
        assert_eq!((parse("0"), parse(" 100\n")), (Some(0), Some(100)));
        for wrong in ["", "101", "-1", "12.5", "ten"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

//! Since when sessions of a subject count: those that were issued at that time or before are ended.
//!
//! Invariant: bounded, values only, and a time never goes back. What an isolate knows is 30 s old at
//! most, or 5 min where the hub cannot be asked.

use crate::subject::Subject;

/// Subjects that one isolate remembers.
const MAX_SUBJECTS: usize = 1_000;
/// How long a cached answer is used, in seconds.
const FRESH: u64 = 30;
/// How old a cached time may be if the hub does not answer, in seconds.
const USABLE: u64 = 300;

struct Known {
    subject: Subject,
    not_before: u32,
    asked: u64,
}

/// An isolate's cache. Times are seconds since 1970; 0: no session was ended.
#[derive(Default)]
pub struct NotBefore(Vec<Known>);

impl NotBefore {
    /// A time that is good enough not to ask.
    pub fn fresh(&self, subject: Subject, now: u64) -> Option<u32> {
        self.younger(subject, now, FRESH)
    }

    /// A time to use if the hub does not answer.
    pub fn usable(&self, subject: Subject, now: u64) -> Option<u32> {
        self.younger(subject, now, USABLE)
    }

    /// Notes an answer, and gives what holds: one that was on its way while sessions were ended is
    /// older than what is known.
    pub fn note(&mut self, subject: Subject, not_before: u32, now: u64) -> u32 {
        if let Some(known) = self.0.iter_mut().find(|known| known.subject == subject) {
            known.not_before = known.not_before.max(not_before);
            known.asked = now;
            return known.not_before;
        }
        let known = Known { subject, not_before, asked: now };
        let full = self.0.len() >= MAX_SUBJECTS;
        match self.0.iter_mut().min_by_key(|known| known.asked).filter(|_| full) {
            Some(oldest) => *oldest = known,
            None => self.0.push(known),
        }
        not_before
    }

    /// The time that is known, however old.
    pub fn last(&self, subject: Subject) -> Option<u32> {
        let known = self.0.iter().find(|known| known.subject == subject)?;
        Some(known.not_before)
    }

    fn younger(&self, subject: Subject, now: u64, age: u64) -> Option<u32> {
        let known = self.0.iter().find(|known| known.subject == subject)?;
        (now.abs_diff(known.asked) < age).then_some(known.not_before)
    }
}

/// Until when sessions end that are ended at `asked`, where those until `kept` ended before. After a
/// clock that went back, sessions that were started since are issued just behind `kept`.
pub fn next_end(kept: u32, asked: u32) -> u32 {
    if asked < kept { kept.saturating_add(1) } else { asked }
}

/// When a session counts as issued that begins now: behind the last end that is known, also where the
/// clock went back since.
pub fn issued(now: u32, ended: Option<u32>) -> u32 {
    ended.map_or(now, |ended| now.max(ended.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Subject = Subject([1; 16]);

    #[test]
    fn a_time_is_asked_for_again_after_30_s_and_used_for_5_min() {
        let mut known = NotBefore::default();
        assert_eq!(known.fresh(ONE, 0), None);
        known.note(ONE, 7, 1_000);
        assert_eq!(known.fresh(ONE, 1_029), Some(7));
        assert_eq!((known.fresh(ONE, 1_030), known.usable(ONE, 1_299)), (None, Some(7)));
        assert_eq!(known.usable(ONE, 1_300), None);
    }

    #[test]
    fn after_a_clock_that_went_back_sessions_begin_and_end() {
        let mut known = NotBefore::default();
        known.note(ONE, 5_000, 5_000);
        assert_eq!(known.fresh(ONE, 1_400), None, "it is not known for an hour");
        let new = issued(1_400, known.last(ONE));
        assert_eq!(new, 5_001);
        let end = next_end(5_000, 1_410);
        assert!(end >= new && issued(1_420, Some(end)) > end);
        assert_eq!((issued(1_400, None), issued(6_000, Some(5_000))), (1_400, 6_000));
        assert_eq!((next_end(5_000, 5_000), next_end(5_000, 6_000)), (5_000, 6_000));
    }

    #[test]
    fn an_older_answer_brings_no_session_back() {
        let mut known = NotBefore::default();
        known.note(ONE, 7, 1_000);
        assert_eq!(known.note(ONE, 0, 1_001), 7);
        assert_eq!(known.fresh(ONE, 1_001), Some(7));
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let mut known = NotBefore::default();
        for number in 0..=MAX_SUBJECTS {
            let mut subject = [0; 16];
            subject[..8].copy_from_slice(&number.to_be_bytes());
            known.note(Subject(subject), 1, 1_000 + u64::try_from(number).unwrap());
        }
        assert_eq!(known.0.len(), MAX_SUBJECTS);
        assert_eq!(known.usable(Subject([0; 16]), 1_001), None);
    }
}

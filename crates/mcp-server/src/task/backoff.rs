//! Tasks that cannot go on for now, and tasks whose time is over.
//!
//! Invariant: a task that is held back runs again when its pause is over and at no other time, however
//! often it is looked at. The pauses double from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`].

use super::{Status, TaskRecord};
use mcp_platform::time::rfc3339;

/// Milliseconds until a task that could not go on is tried again for the first time.
const FIRST_PAUSE: u64 = 10_000;
/// Milliseconds that the pause never exceeds.
const LONGEST_PAUSE: u64 = 300_000;
/// Milliseconds before a task is forgotten at which it ends in any case, so that its client can read how.
const LAST_WORD: u64 = 3_600_000;

impl TaskRecord {
    /// Holds the task back because it cannot go on for now. `attempts` had failed in a row before. One that is over is
    /// as it ended.
    pub fn back_off(&mut self, why: String, attempts: u32, now_ms: u64) {
        if self.is_over() {
            return;
        }
        let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.min(16));
        self.attempts = attempts.saturating_add(1);
        self.held = Some(why);
        self.sleeps(now_ms.saturating_add(doubled.min(LONGEST_PAUSE)), now_ms);
        self.updated_ms = now_ms;
    }

    /// Lets the task go on. Returns how many attempts had failed in a row.
    pub fn resume(&mut self) -> u32 {
        self.held = None;
        std::mem::take(&mut self.attempts)
    }

    /// The `statusMessage` of the task.
    pub fn status_message(&self) -> Option<String> {
        match &self.held {
            Some(why) => {
                let at = rfc3339(self.wake_ms);
                Some(format!("the task cannot continue for now: {why}. It is retried at {at}"))
            }
            None => self.message.clone(),
        }
    }

    /// When it ends as failed if it is not over before, in milliseconds since 1970.
    pub fn gives_up_ms(&self) -> u64 {
        self.order.ends_s.saturating_mul(1_000).saturating_sub(LAST_WORD)
    }

    /// Why it failed whose time is over. None: it is over, or has time left.
    pub fn given_up(&self, now_ms: u64) -> Option<String> {
        if self.is_over() || now_ms < self.gives_up_ms() {
            return None;
        }
        let why = match (&self.held, self.status) {
            (Some(why), _) => why,
            (None, Status::InputRequired) => "its question was not answered",
            (None, _) => "it was still working",
        };
        Some(format!(
            "the task did not end in time: {why}. Some of its changes may have happened: check \
             before you repeat it"
        ))
    }

    /// When its object has to wake: at the end of its pause, of its time, or when it is forgotten.
    pub fn wakes_ms(&self) -> u64 {
        match self.status {
            Status::Working => self.wake_ms.min(self.gives_up_ms()),
            Status::InputRequired => self.gives_up_ms(),
            _ => self.order.ends_s.saturating_mul(1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::record::tests::kept;

    const DAY: u64 = 24 * 3_600;
    const HOUR_MS: u64 = 3_600_000;

    fn working() -> TaskRecord {
        let mut kept = kept();
        kept.status = Status::Working;
        kept.order.ends_s = DAY;
        kept
    }

    /// The pauses of a task that can never go on, in seconds, until its time is over.
    fn pauses(kept: &mut TaskRecord) -> Vec<u64> {
        let (mut now_ms, mut pauses) = (0, Vec::new());
        while kept.given_up(now_ms).is_none() {
            let attempts = kept.attempts;
            kept.back_off("no key".into(), attempts, now_ms);
            assert!(!kept.is_due(now_ms) && !kept.is_due(kept.wake_ms.saturating_sub(1)));
            assert!(kept.is_due(kept.wake_ms));
            pauses.push(kept.wakes_ms().saturating_sub(now_ms) / 1_000);
            now_ms = kept.wakes_ms();
        }
        pauses
    }

    #[test]
    fn a_task_that_cannot_go_on_is_tried_ever_more_rarely_until_its_time_is_over() {
        let mut kept = working();
        let pauses = pauses(&mut kept);
        assert_eq!(pauses[..7], [10, 20, 40, 80, 160, 300, 300]);
        assert!(pauses.len() < 300, "{}", pauses.len());
        assert_eq!(pauses.iter().sum::<u64>(), 23 * 3_600);
        assert!(kept.given_up(23 * HOUR_MS).unwrap().contains("no key"));
    }

    #[test]
    fn a_task_that_goes_on_again_says_how_far_it_is() {
        let mut kept = working();
        kept.message = Some("half".into());
        kept.back_off("no key".into(), 3, 1_000);
        let held = kept.status_message().unwrap();
        assert_eq!(
            held,
            "the task cannot continue for now: no key. It is retried at 1970-01-01T00:01:21Z"
        );
        assert!(kept.view(None, 2_000).contains(&held));
        assert_eq!(kept.resume(), 4);
        assert_eq!((kept.status_message().as_deref(), kept.attempts), (Some("half"), 0));
    }

    #[test]
    fn a_task_that_is_over_is_not_held_back() {
        let mut kept = working();
        kept.message = Some("half".into());
        kept.becomes(Status::Completed, 1);
        kept.back_off("no key".into(), 3, 1_000);
        assert_eq!((kept.status_message().as_deref(), kept.attempts), (Some("half"), 0));
        assert_eq!((kept.updated_ms, kept.wakes_ms()), (1, 24 * HOUR_MS));
    }

    #[test]
    fn only_a_task_that_is_over_outlives_its_time() {
        let mut kept = working();
        assert_eq!(kept.given_up(23 * HOUR_MS - 1), None);
        assert!(kept.given_up(23 * HOUR_MS).unwrap().contains("still working"));
        kept.becomes(Status::InputRequired, 1);
        assert!(kept.given_up(23 * HOUR_MS).unwrap().contains("not answered"));
        assert_eq!(kept.wakes_ms(), 23 * HOUR_MS);
        kept.becomes(Status::Completed, 1);
        assert_eq!((kept.given_up(25 * HOUR_MS), kept.wakes_ms()), (None, 24 * HOUR_MS));
    }
}

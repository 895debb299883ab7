//! Messages that are to be delivered.
//!
//! Invariant: of one incident, a message is sent after the one before it arrived or was given up. One that may not have arrived
//! is sent again under its id for 24 hours.

use serde::{Deserialize, Serialize};

use super::notice::{Notice, Word};

/// How long a message is sent again.
pub const PATIENCE_MS: u64 = 24 * 3_600_000;
const FIRST_PAUSE_MS: u64 = 15_000;
const MAX_PAUSE_MS: u64 = 3_600_000;
/// Messages that wait.
const MAX_WAITING: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    notice: Notice,
    next_ms: u64,
    #[serde(default)]
    failures: u32,
}

/// The messages that wait, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    waiting: Vec<Waiting>,
    lost: u64,
}

impl Delivery {
    /// Adds messages.
    pub fn add(&mut self, notices: impl IntoIterator<Item = Notice>) {
        for notice in notices {
            let next_ms = notice.at_ms;
            self.waiting.push(Waiting { notice, next_ms, failures: 0 });
        }
        let over = self.waiting.len().saturating_sub(MAX_WAITING);
        self.waiting.drain(..over);
        self.count_lost(over);
    }

    fn count_lost(&mut self, messages: usize) {
        self.lost = self.lost.saturating_add(u64::try_from(messages).unwrap_or(u64::MAX));
    }

    /// The messages to send now. Those that waited too long are given up.
    pub fn due(&mut self, now_ms: u64) -> Vec<Notice> {
        let before = self.waiting.len();
        self.waiting.retain(|one| now_ms.saturating_sub(one.notice.at_ms) < PATIENCE_MS);
        self.count_lost(before.saturating_sub(self.waiting.len()));
        let mut seen: Vec<&str> = Vec::new();
        let mut due = Vec::new();
        for Waiting { notice, next_ms, .. } in &self.waiting {
            if seen.contains(&notice.incident.as_str()) {
                continue;
            }
            seen.push(&notice.incident);
            if *next_ms <= now_ms {
                due.push(notice.clone());
            }
        }
        due
    }

    /// Notes that a message arrived.
    pub fn delivered(&mut self, id: &str) {
        self.waiting.retain(|one| one.notice.id != id);
    }

    /// Notes that it may not have: it is sent again, later each time. A test is not.
    pub fn failed(&mut self, id: &str, now_ms: u64) {
        self.waiting.retain_mut(|one| {
            if one.notice.id == id {
                let pause = FIRST_PAUSE_MS.checked_shl(one.failures).unwrap_or(MAX_PAUSE_MS);
                one.next_ms = now_ms.saturating_add(pause.clamp(FIRST_PAUSE_MS, MAX_PAUSE_MS));
                one.failures = one.failures.saturating_add(1).min(16);
            }
            one.notice.id != id || one.notice.word != Word::Test
        });
    }

    /// When the next is to be sent; it may be past.
    pub fn next_at(&self) -> Option<u64> {
        self.waiting.iter().map(|one| one.next_ms).min()
    }

    /// Messages that were given up.
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::rule::{Rule, Subject};

    fn notice(incident: &str, word: Word, at_ms: u64) -> Notice {
        Notice {
            id: format!("{incident}_{word:?}"),
            incident: incident.to_owned(),
            word,
            rule: Rule::Hang,
            subjects: vec![Subject::device("d")],
            devices: 1,
            since_ms: at_ms,
            at_ms,
        }
    }

    fn ids(notices: &[Notice]) -> Vec<&str> {
        notices.iter().map(|notice| notice.id.as_str()).collect()
    }

    #[test]
    fn the_end_of_an_incident_is_sent_after_its_beginning_arrived() {
        let mut delivery = Delivery::default();
        delivery.add([
            notice("a", Word::Begun, 1),
            notice("a", Word::Over, 2),
            notice("b", Word::Begun, 3),
        ]);
        assert_eq!(ids(&delivery.due(5)), ["a_Begun", "b_Begun"]);
        delivery.failed("a_Begun", 5);
        delivery.delivered("b_Begun");
        // As it is kept between two looks.
        let text = serde_json::to_string(&delivery).unwrap();
        let mut delivery: Delivery = serde_json::from_str(&text).unwrap();
        assert!(delivery.due(15_004).is_empty(), "nor the end");
        assert_eq!(ids(&delivery.due(15_005)), ["a_Begun"]);
        delivery.delivered("a_Begun");
        assert_eq!(ids(&delivery.due(15_006)), ["a_Over"]);
        delivery.delivered("a_Over");
        assert_eq!((delivery.next_at(), delivery.lost()), (None, 0));
    }

    #[test]
    fn a_message_is_tried_for_24_hours_with_longer_pauses_and_then_given_up() {
        let mut delivery = Delivery::default();
        delivery.add([notice("a", Word::Begun, 0)]);
        let (mut tries, mut now, mut pauses) = (0, 0, Vec::new());
        while let Some(next) = delivery.next_at() {
            pauses.push(next - now);
            now = next;
            if delivery.due(now).is_empty() {
                break;
            }
            tries += 1;
            delivery.failed("a_Begun", now);
        }
        assert_eq!(pauses[..4], [0, 15_000, 30_000, 60_000]);
        assert_eq!(pauses[pauses.len() - 1], MAX_PAUSE_MS);
        assert!((25..40).contains(&tries), "{tries}");
        assert_eq!((delivery.lost(), now >= PATIENCE_MS), (1, true));
    }

    #[test]
    fn no_more_than_a_thousand_wait_and_a_test_is_sent_once() {
        let mut delivery = Delivery::default();
        delivery.add((0..1_100).map(|at| notice(&at.to_string(), Word::Begun, at)));
        assert_eq!((delivery.waiting.len(), delivery.lost()), (1_000, 100));
        let mut delivery = Delivery::default();
        let test = Notice::test(1);
        delivery.add([test.clone()]);
        assert_eq!(delivery.due(1), vec![test.clone()]);
        delivery.failed(&test.id, 1);
        assert_eq!(delivery.next_at(), None);
    }
}

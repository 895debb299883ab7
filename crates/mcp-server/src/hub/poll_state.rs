//! The resources that a hub polls, their state at the last poll, and when the next poll is due.
//!
//! Invariant: the first poll of a resource announces nothing. A resource that changes or is busy is polled soon
//! again, what rests less and less often.

use serde::{Deserialize, Serialize};

use crate::toolset::ResourceState;
use mcp_platform::record::Record;

/// Resources that are looked at for one subject; further ones are heard of only when they change
/// through this server.
pub const MAX_POLLED: usize = 32;
/// Seconds until the next look at something that changed or is at work.
const MIN_INTERVAL: u64 = 5;
/// The most seconds between two looks.
const MAX_INTERVAL: u64 = 60;
/// The same while SiteBay does not answer.
const FAILURE_INTERVAL: u64 = 300;

/// The state of the last poll, and the interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    #[serde(rename = "pace")]
    pace_s: u64,
    /// URIs and digests.
    seen: Vec<(String, String)>,
}

impl Default for PollState {
    fn default() -> Self {
        Self { pace_s: MIN_INTERVAL, seen: Vec::new() }
    }
}

impl Record for PollState {
    /// The pace, and a line for each resource.
    fn from_0_1_0(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pace_s = lines.next().and_then(|pace| pace.parse().ok()).unwrap_or(MIN_INTERVAL);
        let line = |line: &str| line.split_once(' ').map(|(d, uri)| (uri.to_owned(), d.to_owned()));
        Some(Self { pace_s, seen: lines.filter_map(line).collect() })
    }
}

impl PollState {
    /// Removes resources that are no longer watched.
    pub fn keep(&mut self, watched: &[String]) {
        self.seen.retain(|(uri, _)| watched.contains(uri));
    }

    /// Whether all of them were looked at before.
    pub fn knows(&self, watched: &[String]) -> bool {
        watched.iter().all(|uri| self.seen.iter().any(|(known, _)| known == uri))
    }

    /// Notes a look; true where it saw a change.
    pub fn looked(&mut self, uri: &str, digest: &str) -> bool {
        match self.seen.iter_mut().find(|(known, _)| known == uri) {
            Some((_, known)) if known == digest => false,
            Some((_, known)) => {
                digest.clone_into(known);
                true
            }
            None => {
                self.seen.push((uri.to_owned(), digest.to_owned()));
                false
            }
        }
    }

    /// The same state, but without what is known of this resource: kept before a change of it is announced, it
    /// has the next look announce a change in any case. A hub that ends between the news and its
    /// record would else miss a change back.
    pub fn unsettled(&self, uri: &str) -> Self {
        let mut state = self.clone();
        state
            .seen
            .iter_mut()
            .filter(|(known, _)| known == uri)
            .for_each(|(_, digest)| digest.clear());
        state
    }

    /// Seconds until the next round, after one in which something changed or was at work, or in
    /// which nothing could be read.
    pub fn next_s(&mut self, restless: bool, failed: bool) -> u64 {
        let most = if failed { FAILURE_INTERVAL } else { MAX_INTERVAL };
        self.pace_s = match restless {
            true => MIN_INTERVAL,
            false => self.pace_s.saturating_mul(2).clamp(MIN_INTERVAL, most),
        };
        self.pace_s
    }
}

/// Whether this look is worth another one soon.
pub fn polls_soon(look: &ResourceState, changed: bool) -> bool {
    look.busy || changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::read_0_1_0;

    #[test]
    fn what_was_seen_is_read_as_it_was_written() {
        let mut polled = PollState::default();
        polled.looked("sitebay://site/a b", "d1");
        polled.looked("sitebay://gone", "");
        polled.next_s(false, false);
        let written = polled.to_json();
        insta::assert_snapshot!(
            written,
            @r#"{"pace":10,"seen":[["sitebay://site/a b","d1"],["sitebay://gone",""]]}"#
        );
        for text in [read_0_1_0("hub-polled"), written] {
            assert_eq!(PollState::from_json(&text), Some(polled.clone()));
        }
        for nothing in ["", "{}"] {
            assert_eq!(PollState::from_json(nothing), Some(PollState::default()), "{nothing}");
        }
    }

    #[test]
    fn only_a_second_look_tells_of_a_change() {
        let mut polled = PollState::default();
        assert!(!polled.looked("a", "1") && !polled.looked("a", "1") && polled.looked("a", "2"));
        assert!(polled.knows(&["a".into()]) && !polled.knows(&["a".into(), "b".into()]));
        polled.keep(&[]);
        assert!(!polled.looked("a", "3"), "what was forgotten is new");
    }

    #[test]
    fn after_an_end_between_the_news_and_its_record_a_change_back_is_announced() {
        let mut polled = PollState::default();
        polled.looked("a", "1");
        polled.looked("b", "1");
        assert!(polled.looked("a", "2"));
        let mut after_the_end = polled.unsettled("a");
        assert!(after_the_end.looked("a", "1"), "a change back");
        assert!(!after_the_end.looked("b", "1"), "another resource is as it was");
    }

    #[test]
    fn what_rests_is_looked_at_less_and_less_often() {
        let mut polled = PollState::default();
        let paces: Vec<u64> = (0..5).map(|_| polled.next_s(false, false)).collect();
        assert_eq!(paces, [10, 20, 40, 60, 60]);
        assert_eq!(polled.next_s(true, false), 5);
        let failing: Vec<u64> = (0..7).map(|_| polled.next_s(false, true)).collect();
        assert_eq!(failing.last(), Some(&300));
    }
}

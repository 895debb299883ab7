//! Which incidents begin and end.
//!
//! Invariant: an incident begins at the first look that finds its share too high, and is over after
//! [`QUIET_LOOKS`] looks in a row that do not. A look with too few requests is quiet: what failed has no callers left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    reading::Reading,
    rule::{Rule, Thresholds},
};

/// Quiet looks after which an incident is over.
pub const QUIET_LOOKS: u32 = 2;

/// An incident that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Incident {
    /// When it began, in milliseconds since the epoch.
    since_ms: u64,
    /// Quiet looks in a row.
    #[serde(default)]
    quiet: u32,
}

/// The incidents that go on, as they are kept between two looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incidents {
    #[serde(default)]
    open: BTreeMap<String, Incident>,
}

/// What happened to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It began.
    Begun,
    /// It is over.
    Over,
}

/// A change that is to be posted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// What it is about.
    pub rule: Rule,
    /// What happened.
    pub change: Change,
    /// When the incident began, in milliseconds since the epoch.
    pub since_ms: u64,
    /// The share now, in percent. None: there are too few requests.
    pub share: Option<f64>,
    /// From which share on it is an incident. None: it is not watched any more.
    pub threshold: Option<f64>,
    /// The requests of the window.
    pub requests: f64,
}

impl Incidents {
    /// Reads what is kept. What cannot be read counts as none: an incident is then posted again.
    pub fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The text to keep.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is posted after a reading. The incidents are as before, but for the count of quiet looks: [`Self::posted`]
    /// takes up what was posted.
    pub fn look(&mut self, reading: &Reading, thresholds: &Thresholds, now_ms: u64) -> Vec<Event> {
        let mut events = Vec::new();
        for rule in Rule::ALL {
            let (share, threshold) = (reading.share(rule), thresholds.of(rule));
            let is_high = share.zip(threshold).is_some_and(|(share, most)| share > most);
            let event = |change, since_ms| {
                let requests = reading.requests;
                Event { rule, change, since_ms, share, threshold, requests }
            };
            match self.open.get_mut(rule.name()) {
                None if is_high => events.push(event(Change::Begun, now_ms)),
                None => {}
                Some(incident) if is_high => incident.quiet = 0,
                Some(incident) => {
                    incident.quiet = incident.quiet.saturating_add(1);
                    if incident.quiet >= QUIET_LOOKS {
                        events.push(event(Change::Over, incident.since_ms));
                    }
                }
            }
        }
        events
    }

    /// Notes that a change was posted.
    pub fn posted(&mut self, event: &Event) {
        let name = event.rule.name();
        match event.change {
            Change::Begun => {
                let incident = Incident { since_ms: event.since_ms, quiet: 0 };
                self.open.insert(name.to_owned(), incident);
            }
            Change::Over => {
                self.open.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(requests: u32, rate_limit: u32) -> Reading {
        let row = format!(
            r#"{{"requests":{requests},"rate_limit":{rate_limit},"refused":0,"failed":0,"objects":0}}"#
        );
        Reading::read(format!(r#"{{"data":[{row}]}}"#).as_bytes()).unwrap()
    }

    /// The changes of a series of looks, all of which are posted.
    fn changes(readings: &[Reading]) -> Vec<Option<Change>> {
        let mut incidents = Incidents::default();
        let look = |(at, reading): (usize, &Reading)| {
            let now_ms = u64::try_from(at).unwrap();
            // As it is kept between two looks.
            incidents = Incidents::read(Some(&incidents.to_text()));
            let events = incidents.look(reading, &Thresholds::default(), now_ms);
            events.iter().for_each(|event| incidents.posted(event));
            assert!(events.len() < 2);
            events.first().map(|event| event.change)
        };
        readings.iter().enumerate().map(look).collect()
    }

    #[test]
    fn an_incident_is_posted_when_it_begins_and_when_it_is_over() {
        let (high, low, none) = (reading(1_000, 1_000), reading(1_000, 50), reading(0, 0));
        let (begun, over) = (Some(Change::Begun), Some(Change::Over));
        assert_eq!(changes(&[low, high, high, high]), [None, begun, None, None]);
        assert_eq!(changes(&[high, low, low, low]), [begun, None, over, None]);
        assert_eq!(changes(&[high, none, none, high]), [begun, None, over, begun]);
        // Its share goes up and down: one incident.
        assert_eq!(changes(&[high, low, high, low, high]), [begun, None, None, None, None]);
    }

    #[test]
    fn what_was_not_posted_is_posted_at_the_next_look() {
        let mut incidents = Incidents::default();
        let (high, low) = (reading(100, 100), reading(100, 0));
        assert_eq!(incidents.look(&high, &Thresholds::default(), 1).len(), 1);
        let again = incidents.look(&high, &Thresholds::default(), 2);
        assert_eq!(again.len(), 1);
        again.iter().for_each(|event| incidents.posted(event));
        for _ in 0..QUIET_LOOKS {
            incidents.look(&low, &Thresholds::default(), 3);
        }
        let over = incidents.look(&low, &Thresholds::default(), 4);
        assert_eq!((over.len(), over[0].change, over[0].since_ms), (1, Change::Over, 2));
    }

    #[test]
    fn an_alarm_that_is_switched_off_ends_and_junk_counts_as_none() {
        let mut incidents = Incidents::default();
        let high = reading(100, 100);
        let begun = incidents.look(&high, &Thresholds::default(), 1);
        incidents.posted(&begun[0]);
        let off = Thresholds::parse("rate-limit=off").unwrap();
        incidents.look(&high, &off, 2);
        assert_eq!(incidents.look(&high, &off, 3)[0].change, Change::Over);
        assert_eq!(Incidents::read(Some("x")), Incidents::default());
    }
}

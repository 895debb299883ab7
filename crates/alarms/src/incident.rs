//! Which incidents begin and end.
//!
//! Invariant: an incident begins at the first look that finds its share too high, and is over after
//! [`QUIET_LOOKS`] looks in a row that do not. A look with too few requests is quiet: what failed has no callers left.
//! An incident has the same number and hour at the next look where it could not be kept, so that its message has the same id.

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
    /// Which incident of its rule it is.
    #[serde(default)]
    number: u64,
    /// Quiet looks in a row.
    #[serde(default)]
    quiet: u32,
    /// The message of its beginning may not have arrived: it is posted again, under the same id, before that of its end.
    #[serde(default)]
    waits: bool,
}

/// The incidents that go on, as they are kept between two looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incidents {
    #[serde(default)]
    open: BTreeMap<String, Incident>,
    /// How many there were of each rule.
    #[serde(default)]
    counts: BTreeMap<String, u64>,
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
    /// Which incident of its rule it is.
    pub number: u64,
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

    /// What is posted after a reading. What did not arrive is posted again until [`Self::posted`] notes it, also after a look
    /// that is quiet: it may have arrived.
    pub fn look(&mut self, reading: &Reading, thresholds: &Thresholds, now_ms: u64) -> Vec<Event> {
        let mut events = Vec::new();
        for rule in Rule::ALL {
            let (share, threshold) = (reading.share(rule), thresholds.of(rule));
            let is_high = share.zip(threshold).is_some_and(|(share, most)| share > most);
            let event = |change, incident: &Incident| {
                let requests = reading.requests;
                let Incident { since_ms, number, .. } = *incident;
                Event { rule, change, since_ms, number, share, threshold, requests }
            };
            match self.open.get_mut(rule.name()) {
                None if is_high => {
                    let number = self.counts.entry(rule.name().to_owned()).or_default();
                    *number = number.saturating_add(1);
                    let incident =
                        Incident { since_ms: now_ms, number: *number, quiet: 0, waits: true };
                    self.open.insert(rule.name().to_owned(), incident);
                    events.push(event(Change::Begun, &incident));
                }
                None => {}
                Some(incident) => {
                    incident.quiet = if is_high { 0 } else { incident.quiet.saturating_add(1) };
                    if incident.waits {
                        events.push(event(Change::Begun, incident));
                    } else if incident.quiet >= QUIET_LOOKS {
                        events.push(event(Change::Over, incident));
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
                if let Some(incident) = self.open.get_mut(name) {
                    incident.waits = false;
                }
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
        assert_eq!((again.len(), again[0].since_ms), (1, 1), "it is the same message");
        again.iter().for_each(|event| incidents.posted(event));
        for _ in 0..QUIET_LOOKS {
            incidents.look(&low, &Thresholds::default(), 3);
        }
        let over = incidents.look(&low, &Thresholds::default(), 4);
        assert_eq!((over.len(), over[0].change, over[0].since_ms), (1, Change::Over, 1));
    }

    #[test]
    fn an_incident_whose_beginning_did_not_arrive_is_posted_before_its_end() {
        let mut incidents = Incidents::default();
        let (high, low) = (reading(100, 100), reading(100, 0));
        incidents.look(&high, &Thresholds::default(), 1);
        for now_ms in 2..6 {
            incidents = Incidents::read(Some(&incidents.to_text()));
            let events = incidents.look(&low, &Thresholds::default(), now_ms);
            assert_eq!((events.len(), events[0].change, events[0].since_ms), (1, Change::Begun, 1));
        }
        let begun = incidents.look(&low, &Thresholds::default(), 6);
        incidents.posted(&begun[0]);
        let over = incidents.look(&low, &Thresholds::default(), 7);
        assert_eq!((over[0].change, over[0].since_ms), (Change::Over, 1));
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

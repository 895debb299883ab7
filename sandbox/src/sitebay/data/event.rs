//! The events of a site, for its logs and its list of events.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::clock::{self, Time};

/// How many are kept.
const MOST: usize = 1_000;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Its id.
    pub(crate) id: Uuid,
    /// When.
    pub(crate) at: Time,
    /// The log it is written to.
    pub(crate) log: &'static str,
    /// How grave it is.
    pub(crate) level: &'static str,
    /// What.
    pub(crate) text: String,
}

impl Event {
    /// The event as the API shows it.
    pub(crate) fn view(&self, fqdn: &str) -> Value {
        json!({
            "id": self.id,
            "fqdn": fqdn,
            "type": self.log,
            "level": self.level,
            "message": self.text,
            "created_at": clock::text(self.at),
        })
    }
}

/// The latest events, oldest first, and a number that every change makes larger.
#[derive(Debug, Default)]
pub(crate) struct Events {
    kept: Vec<Event>,
    revision: u64,
}

impl Events {
    /// Adds one.
    pub(crate) fn note(&mut self, log: &'static str, level: &'static str, text: String) {
        if self.kept.len() >= MOST {
            self.kept.remove(0);
        }
        self.kept.push(Event { id: Uuid::new_v4(), at: clock::now(), log, level, text });
        // A visit changes nothing.
        if log != "access" {
            self.touch();
        }
    }

    /// Those kept.
    pub(crate) fn all(&self) -> &[Event] {
        &self.kept
    }

    /// Counts a change that is no event.
    pub(crate) fn touch(&mut self) {
        self.revision = self.revision.saturating_add(1);
    }

    /// The number of the latest change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }
}

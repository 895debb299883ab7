//! A database of D1: its SQL, and what it was at earlier times.

use serde_json::{Value, json};

use crate::cloudflare::ids::Ids;
use crate::cloudflare::sql::Store;
use crate::engine::clock::{self, Time};

/// How many earlier states are kept.
const KEPT: usize = 50;

/// A database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: Time,
    pub(crate) location: Option<String>,
    pub(crate) jurisdiction: Option<String>,
    pub(crate) replication: String,
    pub(crate) store: Store,
    /// Oldest first; the first is the empty database.
    pub(crate) moments: Vec<Moment>,
}

/// A state that a database had.
#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) bookmark: String,
    pub(crate) at: Time,
    pub(crate) image: Vec<u8>,
}

impl Database {
    /// An empty database.
    pub(crate) fn new(ids: &mut Ids, name: &str, now: Time) -> Result<Self, rusqlite::Error> {
        let mut database = Self {
            id: ids.uuid(),
            name: name.to_owned(),
            created: now,
            location: None,
            jurisdiction: None,
            replication: "disabled".to_owned(),
            store: Store::open()?,
            moments: Vec::new(),
        };
        database.remember(now);
        Ok(database)
    }

    /// Keeps the present state under a new bookmark.
    pub(crate) fn remember(&mut self, now: Time) {
        let Ok(image) = self.store.image() else {
            return;
        };
        let number = self.moments.last().map_or(0, |last| number(&last.bookmark)).saturating_add(1);
        let bookmark = format!("{number:08x}-00000000-00004e50-{:032x}", image.len());
        self.moments.push(Moment { bookmark, at: now, image });
        if self.moments.len() > KEPT {
            self.moments.remove(0);
        }
    }

    /// The bookmark of the present state.
    pub(crate) fn bookmark(&self) -> &str {
        self.moments.last().map_or("", |last| last.bookmark.as_str())
    }

    /// As one shows it; lists show the same.
    pub(crate) fn view(&self) -> Value {
        let (size, tables) = self.store.size();
        json!({
            "uuid": self.id,
            "name": self.name,
            "created_at": clock::text(self.created),
            "version": "production",
            "file_size": size,
            "num_tables": tables,
            "running_in_region": self.location.as_deref().unwrap_or("weur").to_uppercase(),
            "jurisdiction": self.jurisdiction,
            "read_replication": { "mode": self.replication },
        })
    }
}

fn number(bookmark: &str) -> u64 {
    let first = bookmark.split('-').next().unwrap_or_default();
    u64::from_str_radix(first, 16).unwrap_or_default()
}

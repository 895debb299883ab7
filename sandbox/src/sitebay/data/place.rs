//! The content of a site or a stage, and its history.
//!
//! Contents are shared until they are changed, so that ten thousand unchanged sites
//! cost no more than one, and a checkpoint costs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::derived;
use super::stock::STOCK;
use crate::engine::clock::{self, Time};

/// Texts by their path below `wp-content/`.
pub(crate) type Files = BTreeMap<String, String>;
/// Rows by their key.
pub(crate) type Table = BTreeMap<String, Value>;
/// Tables by their name.
pub(crate) type Tables = BTreeMap<String, Table>;

/// How many earlier contents are kept.
const MOST: usize = 1_000;

/// Files and database at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    /// The files.
    pub(crate) files: Arc<Files>,
    /// The database.
    pub(crate) tables: Arc<Tables>,
}

/// A state of the database that has a name.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// The name.
    pub(crate) hash: String,
    /// When it was reached.
    pub(crate) at: Time,
    /// The operation.
    pub(crate) message: String,
    /// The state.
    pub(crate) after: Arc<Tables>,
}

/// A content with its past.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    id: Uuid,
    made: Time,
    content: Content,
    /// Earlier contents with the moment each ended, oldest first.
    past: Vec<(Time, Content)>,
    commits: Vec<Commit>,
}

impl Place {
    /// A place with what every site starts with.
    pub(crate) fn stock(id: Uuid, made: Time) -> Self {
        Self::with(id, made, STOCK.content.clone())
    }

    /// A place with given content.
    pub(crate) fn with(id: Uuid, made: Time, content: Content) -> Self {
        Self { id, made, content, past: Vec::new(), commits: Vec::new() }
    }

    /// Files and database.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// The files.
    pub(crate) fn files(&self) -> &Files {
        &self.content.files
    }

    /// The database.
    pub(crate) fn tables(&self) -> &Tables {
        &self.content.tables
    }

    /// Changes the files.
    pub(crate) fn change_files<T>(&mut self, change: impl FnOnce(&mut Files) -> T) -> T {
        self.keep();
        change(Arc::make_mut(&mut self.content.files))
    }

    /// Changes the database, which its history then says.
    pub(crate) fn change_tables<T>(
        &mut self,
        message: &str,
        change: impl FnOnce(&mut Tables) -> T,
    ) -> T {
        self.keep();
        let result = change(Arc::make_mut(&mut self.content.tables));
        self.commit(message);
        result
    }

    /// Puts other content in.
    pub(crate) fn fill(&mut self, content: Content, message: &str) {
        self.keep();
        let same = *self.content.tables == *content.tables;
        self.content = content;
        if !same {
            self.commit(message);
        }
    }

    /// The content at a moment; before the beginning, the first content.
    pub(crate) fn at(&self, time: Time) -> &Content {
        let earlier = self.past.iter().find(|(until, _)| *until > time);
        earlier.map_or(&self.content, |(_, content)| content)
    }

    /// The database's history, newest first.
    pub(crate) fn history(&self) -> Vec<Commit> {
        let made_up = |number, message: &str, after: &Arc<Tables>| Commit {
            hash: derived(self.id, number).simple().to_string(),
            at: clock::minutes_after(self.made, u64::try_from(number).unwrap_or_default()),
            message: message.to_owned(),
            after: Arc::clone(after),
        };
        let mut commits: Vec<Commit> = self.commits.iter().rev().cloned().collect();
        commits.push(made_up(2, "Publish the second post", &STOCK.content.tables));
        commits.push(made_up(1, "Initial commit", &STOCK.first));
        commits
    }

    /// A state of the database by its name; at least seven characters of it are enough.
    pub(crate) fn commit_named(&self, hash: &str) -> Option<Commit> {
        let fits = |commit: &Commit| {
            commit.hash == hash || (hash.len() >= 7 && commit.hash.starts_with(hash))
        };
        self.history().into_iter().find(fits)
    }

    /// The state of the database at a moment.
    pub(crate) fn commit_at(&self, time: Time) -> Option<Commit> {
        self.history().into_iter().find(|commit| commit.at <= time)
    }

    fn keep(&mut self) {
        if self.past.len() >= MOST {
            self.past.remove(0);
        }
        self.past.push((clock::now(), self.content.clone()));
    }

    fn commit(&mut self, message: &str) {
        if self.commits.len() >= MOST {
            self.commits.remove(0);
        }
        self.commits.push(Commit {
            hash: Uuid::new_v4().simple().to_string(),
            at: clock::now(),
            message: message.to_owned(),
            after: Arc::clone(&self.content.tables),
        });
    }
}

//! Restores of a site to an earlier state.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::place::{Content, Files, Place};
use crate::engine::clock::{self, Time};

/// The plan of a restore.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The moment to go back to.
    pub(crate) restore_point: Time,
    /// The database state to go back to.
    pub(crate) git_restore_hash: Option<String>,
    /// Whether the database is included.
    pub(crate) restore_db: bool,
    /// Whether the files are included.
    pub(crate) restore_wp_content: bool,
    /// Whether files that are not in the backup go away.
    pub(crate) delete_extra_files: bool,
    /// Whether to try only.
    pub(crate) is_dry_run: bool,
}

/// A restore that was asked for.
#[derive(Debug)]
pub(crate) struct Restore {
    /// Its id.
    pub(crate) id: Uuid,
    site_id: Uuid,
    plan: Plan,
    counts: Counts,
    created_at: Time,
    started: Instant,
    takes: Duration,
}

/// The counts of a restore.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    tables: usize,
    added: usize,
    restored: usize,
    deleted: usize,
}

impl Plan {
    /// The content afterwards. `None` when there is no such state of the database.
    pub(crate) fn outcome(&self, place: &Place) -> Option<Content> {
        let now = place.content();
        let then = place.at(self.restore_point);
        let mut after = now.clone();
        if self.restore_db {
            after.tables = match &self.git_restore_hash {
                Some(hash) => place.commit_named(hash)?.after,
                None => then.tables.clone(),
            };
        }
        if self.restore_wp_content {
            let mut files: Files = then.files.as_ref().clone();
            if !self.delete_extra_files {
                let extra = now.files.iter().filter(|(path, _)| !then.files.contains_key(*path));
                files.extend(extra.map(|(path, text)| (path.clone(), text.clone())));
            }
            after.files = files.into();
        }
        Some(after)
    }
}

impl Restore {
    /// Starts a restore from one content to another.
    pub(crate) fn start(
        site_id: Uuid,
        plan: Plan,
        takes: Duration,
        (from, to): (&Content, &Content),
    ) -> Self {
        let counts = Counts {
            tables: to.tables.iter().filter(|(name, t)| from.tables.get(*name) != Some(t)).count(),
            added: to.files.keys().filter(|path| !from.files.contains_key(*path)).count(),
            restored: to
                .files
                .iter()
                .filter(|(path, text)| from.files.get(*path).is_some_and(|now| now != *text))
                .count(),
            deleted: from.files.keys().filter(|path| !to.files.contains_key(*path)).count(),
        };
        Self {
            id: Uuid::new_v4(),
            site_id,
            plan,
            counts,
            created_at: clock::now(),
            started: Instant::now(),
            takes,
        }
    }

    /// Makes it done.
    pub(crate) fn finish(&mut self) {
        self.takes = self.takes.min(self.started.elapsed());
    }

    /// The restore as the API shows it: its numbers come when it is done.
    pub(crate) fn view(&self) -> Value {
        let Self { plan, counts, .. } = self;
        let done = self.started.elapsed() >= self.takes;
        let tables = |count: usize| (done && plan.restore_db).then_some(count);
        let files = |count: usize| (done && plan.restore_wp_content).then_some(count);
        json!({
            "id": self.id,
            "site_live_id": self.site_id,
            "restore_point": clock::text(plan.restore_point),
            "git_restore_hash": plan.git_restore_hash,
            "backup_point": clock::text(plan.restore_point),
            "created_at": clock::text(self.created_at),
            "finished_at": done.then(|| clock::text(clock::later(self.created_at, self.takes))),
            "restore_db": plan.restore_db,
            "passed_dry_run": (done && plan.is_dry_run).then_some(true),
            "restore_wp_content": plan.restore_wp_content,
            "delete_extra_files": plan.delete_extra_files,
            "num_tables_restored": tables(counts.tables),
            "num_tables_deleted": tables(0),
            "num_tables_failed": tables(0),
            "num_tables_skipped": tables(0),
            "num_folders_added": files(0),
            "num_files_added": files(counts.added),
            "num_files_restored": files(counts.restored),
            "num_files_deleted": files(counts.deleted),
            "failed_reason": null,
        })
    }
}

//! Restores of a site to an earlier state.
//!
//! They take a while and have a result, but change no files or posts: there is no earlier state
//! to go back to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::{self, Time};

/// How long a real restore takes.
const TAKES: Duration = Duration::from_secs(1);

/// What is to be restored.
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
    created_at: Time,
    started: Instant,
}

impl Restore {
    /// Starts a restore.
    pub(crate) fn start(site_id: Uuid, plan: Plan) -> Self {
        Self {
            id: Uuid::new_v4(),
            site_id,
            plan,
            created_at: clock::now(),
            started: Instant::now(),
        }
    }

    /// How long the site is busy with it.
    pub(crate) fn takes(&self) -> Duration {
        if self.plan.is_dry_run { Duration::ZERO } else { TAKES }
    }

    /// The restore as the API shows it: its numbers come when it is done.
    pub(crate) fn view(&self) -> Value {
        let plan = &self.plan;
        let done = self.started.elapsed() >= self.takes();
        let tables = |count: u32| (done && plan.restore_db).then_some(count);
        let files = |count: u32| (done && plan.restore_wp_content).then_some(count);
        let deleted = if plan.delete_extra_files { 2 } else { 0 };
        json!({
            "id": self.id,
            "site_live_id": self.site_id,
            "restore_point": clock::text(plan.restore_point),
            "git_restore_hash": plan.git_restore_hash,
            "backup_point": clock::text(plan.restore_point),
            "created_at": clock::text(self.created_at),
            "finished_at": done.then(|| clock::text(self.created_at + self.takes())),
            "restore_db": plan.restore_db,
            "passed_dry_run": plan.is_dry_run.then_some(true),
            "restore_wp_content": plan.restore_wp_content,
            "delete_extra_files": plan.delete_extra_files,
            "num_tables_restored": tables(2),
            "num_tables_deleted": tables(0),
            "num_tables_failed": tables(0),
            "num_tables_skipped": tables(1),
            "num_folders_added": files(0),
            "num_files_added": files(1),
            "num_files_restored": files(3),
            "num_files_deleted": files(deleted),
            "failed_reason": null,
        })
    }
}

//! Sites.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::restore::Restore;
use super::{sample_id, user};
use crate::clock::{self, Time};
use crate::reply::Reply;

/// What a site is doing, as far as the sandbox goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nothing: it can be changed.
    Idle,
    /// Being set up.
    Creating,
    /// Being put back to an earlier state.
    Restoring,
}

impl Status {
    /// The contract's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Creating => "creating",
            Self::Restoring => "restoring",
        }
    }

    fn display(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Creating => "Creating",
            Self::Restoring => "Restoring",
        }
    }
}

/// A site.
#[derive(Debug)]
pub(crate) struct Site {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its domain name, in lower case.
    pub(crate) fqdn: String,
    /// The team it belongs to.
    pub(crate) team_id: Uuid,
    /// The repository it is connected to.
    pub(crate) git_url: Option<String>,
    /// Whether visitors are asked for a password.
    pub(crate) http_auth_enabled: bool,
    /// Whether it is on the free plan.
    pub(crate) is_free: bool,
    /// Whether the cache in front of it is off.
    pub(crate) cf_dev_mode: bool,
    /// The files edited since the start, by path.
    pub(crate) edits: BTreeMap<String, String>,
    /// Its restores, newest first.
    pub(crate) restores: Vec<Restore>,
    /// When it was made.
    pub(crate) created_at: Time,
    has_stage: bool,
    busy: Option<(Status, Option<Instant>)>,
}

/// What a new site is made from.
#[derive(Debug)]
pub(crate) struct NewSite {
    /// Its domain name.
    pub(crate) fqdn: String,
    /// The team it belongs to.
    pub(crate) team_id: Uuid,
    /// The repository it is connected to.
    pub(crate) git_url: Option<String>,
    /// Whether it is on the free plan.
    pub(crate) is_free: bool,
}

impl Site {
    /// A site of the sample data.
    pub(super) fn sample(number: u64, team_id: Uuid) -> Self {
        let new = NewSite {
            fqdn: format!("site-{number}.example.com"),
            team_id,
            git_url: None,
            is_free: false,
        };
        Self {
            id: sample_id(0x0517, number),
            created_at: clock::sample(number),
            has_stage: number == 1,
            ..Self::create(new)
        }
    }

    /// A new site, idle until told otherwise.
    pub(crate) fn create(new: NewSite) -> Self {
        Self {
            id: Uuid::new_v4(),
            fqdn: new.fqdn.to_lowercase(),
            team_id: new.team_id,
            git_url: new.git_url,
            http_auth_enabled: false,
            is_free: new.is_free,
            cf_dev_mode: false,
            edits: BTreeMap::new(),
            restores: Vec::new(),
            created_at: clock::now(),
            has_stage: false,
            busy: None,
        }
    }

    /// Whether this is the site of that name.
    pub(crate) fn is_named(&self, fqdn: &str) -> bool {
        self.fqdn == fqdn || self.fqdn == fqdn.to_lowercase()
    }

    /// Keeps the site busy for a while. A while too long for the clock is for ever.
    pub(crate) fn keep_busy(&mut self, status: Status, time: Duration) {
        self.busy = Some((status, Instant::now().checked_add(time)));
    }

    /// What the site is doing now.
    pub(crate) fn status(&self) -> Status {
        match self.busy {
            Some((status, until)) if until.is_none_or(|until| Instant::now() < until) => status,
            _ => Status::Idle,
        }
    }

    /// Fails while the site cannot be changed.
    pub(crate) fn require_idle(&self) -> Result<(), Reply> {
        let status = self.status();
        if status == Status::Idle {
            return Ok(());
        }
        let text = format!("Site is currently busy ({}). Please wait.", status.display());
        Err(Reply::detail(400, &text))
    }

    /// The site's stage, as its own route shows it.
    pub(crate) fn stage(&self) -> Option<Value> {
        let view = json!({
            "id": sample_id(0x57a6, 1),
            "git_branch": null,
            "fqdn": self.stage_fqdn(),
            "created_at": clock::text(self.created_at),
        });
        self.has_stage.then_some(view)
    }

    /// The earliest moment the site can be put back to.
    pub(crate) fn min_restore_point(&self) -> Time {
        let month_ago = clock::minutes_before(clock::now(), 30 * 24 * 60);
        self.created_at.max(month_ago)
    }

    /// The site as the API shows it.
    pub(super) fn view(&self, team: Value) -> Value {
        let status = self.status();
        let now = clock::now();
        json!({
            "id": self.id,
            "user_id": user::owner_id(),
            "fqdn": self.fqdn,
            "active": true,
            "status": status.name(),
            "status_display": status.display(),
            "team_id": self.team_id,
            "team": team,
            "code_server_password": format!("secret-code-{}", self.id.simple()),
            "code_server_enabled": false,
            "current_cycle_visits": 120,
            "current_storage": 512,
            "max_restore_point": clock::text(now),
            "min_restore_point": clock::text(self.min_restore_point().min(now)),
            "tracked_tables": ["wp_options", "wp_posts"],
            "untracked_tables": ["wp_actionscheduler_logs"],
            "is_free": self.is_free,
            "db_prefix": "wp_",
            "dkim_key": null,
            "git_url": self.git_url,
            "site_stage": self.inner_stage(),
            "http_auth_password": format!("secret-http-{}", self.id.simple()),
            "favicon_url": format!("https://{}/favicon.ico", self.fqdn),
            "http_auth_enabled": self.http_auth_enabled,
            "is_sleeping": false,
            "tenant_id": "tenant-1",
            "created_at": clock::text(self.created_at),
            "properties": { "cf_dev_mode_enabled": self.cf_dev_mode },
            "is_testing": false,
            "is_ns_root": false,
            "domain_option": "external",
            "git_last_sync_hash": null,
            "created_by": user::owner(),
        })
    }

    /// The site's stage, as it is shown inside the site: with more to it than by itself.
    fn inner_stage(&self) -> Option<Value> {
        let view = json!({
            "id": sample_id(0x57a6, 1),
            "http_auth_enabled": false,
            "subdomain": "stage",
            "domain": self.fqdn,
            "tld": "com",
            "fqdn": self.stage_fqdn(),
            "pod_name": null,
            "site_live_id": self.id,
            "created_by_id": user::owner_id(),
            "created_at": clock::text(self.created_at),
            "git_branch": null,
            "git_last_sync_hash": null,
            "git_last_synced_at": null,
        });
        self.has_stage.then_some(view)
    }

    fn stage_fqdn(&self) -> String {
        format!("stage.{}", self.fqdn)
    }
}

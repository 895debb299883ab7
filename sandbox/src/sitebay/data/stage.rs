//! Stages: a second copy of a site to try things on.

use serde_json::{Value, json};
use uuid::Uuid;

use super::place::Place;
use super::user;
use crate::engine::clock::{self, Time};

/// A site's stage.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Its id.
    pub(crate) id: Uuid,
    /// The first part of its name.
    pub(crate) subdomain: String,
    /// The branch it follows.
    pub(crate) branch: Option<String>,
    /// When it was made.
    pub(crate) created_at: Time,
    /// Its content.
    pub(crate) place: Place,
}

impl Stage {
    /// Its name, given its site's.
    pub(crate) fn fqdn(&self, site: &str) -> String {
        format!("{}.{site}", self.subdomain)
    }

    /// The stage as its own route shows it.
    pub(crate) fn view(&self, site: &str) -> Value {
        json!({
            "id": self.id,
            "git_branch": self.branch,
            "fqdn": self.fqdn(site),
            "created_at": clock::text(self.created_at),
        })
    }

    /// The stage as it is shown inside its site: with more to it than by itself.
    pub(crate) fn inner_view(&self, site: &str, site_id: Uuid) -> Value {
        json!({
            "id": self.id,
            "http_auth_enabled": false,
            "subdomain": self.subdomain,
            "domain": site,
            "tld": site.rsplit('.').next(),
            "fqdn": self.fqdn(site),
            "pod_name": null,
            "site_live_id": site_id,
            "created_by_id": user::owner_id(),
            "created_at": clock::text(self.created_at),
            "git_branch": self.branch,
            "git_last_sync_hash": null,
            "git_last_synced_at": null,
        })
    }
}

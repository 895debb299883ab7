//! Tokens: of Storage, and the access tokens of OAuth, which act for an administrator.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::keboola::data::Project;
use crate::keboola::place::Stack;
use crate::keboola::time;

/// A token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) id: u64,
    pub(crate) project: u64,
    /// What is sent.
    pub(crate) text: String,
    /// Whether it is sent as a bearer.
    pub(crate) is_bearer: bool,
    pub(crate) description: String,
    pub(crate) created: Time,
    pub(crate) refreshed: Time,
    pub(crate) expires: Option<Time>,
    pub(crate) is_disabled: bool,
    /// The administrator it belongs to; only master tokens have one.
    pub(crate) admin: Option<Admin>,
    pub(crate) can_manage_buckets: bool,
    pub(crate) can_manage_tokens: bool,
    pub(crate) can_read_all_file_uploads: bool,
    pub(crate) can_purge_trash: bool,
    /// By bucket, `read`, `write` or `manage`.
    pub(crate) bucket_permissions: BTreeMap<String, String>,
    pub(crate) component_access: Vec<String>,
    /// The id and the description of the token that made it.
    pub(crate) creator: Option<(u64, String)>,
}

/// The administrator of a master token.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) role: Option<&'static str>,
}

impl Token {
    /// Its id and description, for the things it makes.
    pub(crate) fn named(&self) -> (u64, String) {
        (self.id, self.description.clone())
    }

    /// Whether its time is over.
    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether its role may change anything.
    pub(crate) fn may_write(&self) -> bool {
        self.admin.as_ref().is_none_or(|admin| admin.role != Some("readonly"))
    }

    /// Whether it reaches every bucket and component of its project.
    pub(crate) fn reaches_all(&self) -> bool {
        self.admin.is_some() || self.can_manage_buckets
    }

    /// Whether it may read a bucket.
    pub(crate) fn may_read(&self, bucket: &str) -> bool {
        self.reaches_all() || self.bucket_permissions.contains_key(bucket)
    }

    /// Whether it may change a bucket.
    pub(crate) fn may_change(&self, bucket: &str) -> bool {
        let permission = self.bucket_permissions.get(bucket).map(String::as_str);
        self.reaches_all() || permission.is_some_and(|permission| permission != "read")
    }

    /// Whether it may use a component and its configurations.
    pub(crate) fn may_use(&self, component: &str) -> bool {
        self.reaches_all() || self.component_access.iter().any(|known| known == component)
    }

    /// As lists show it: without what is sent.
    pub(crate) fn view(&self, now: Time) -> Value {
        let mut view = json!({
            "id": self.id.to_string(),
            "created": time::text(self.created),
            "refreshed": time::text(self.refreshed),
            "description": self.description,
            "uri": format!("/v2/storage/tokens/{}", self.id),
            "isMasterToken": self.admin.is_some(),
            "canManageBuckets": self.can_manage_buckets,
            "canManageTokens": self.can_manage_tokens,
            "canReadAllFileUploads": self.can_read_all_file_uploads,
            "canPurgeTrash": self.can_purge_trash,
            "canManageProtectedDefaultBranch": false,
            "canCreateJobs": true,
            "expires": time::text_if(self.expires),
            "isExpired": self.is_expired(now),
            "isDisabled": self.is_disabled,
            "isBYODB": false,
            "dailyCapacity": 0,
            "bucketPermissions": self.bucket_permissions,
            "componentAccess": self.component_access,
        });
        if let Some((id, description)) = &self.creator {
            view.set("creatorToken", json!({ "id": id, "description": description }));
        }
        view
    }

    /// As `tokens/verify` shows it: with itself, its administrator and its project.
    pub(crate) fn verified(&self, project: &Project, stack: &Stack, now: Time) -> Value {
        let mut view = self.view(now);
        view.set("token", self.text.as_str());
        if self.reaches_all() {
            let buckets = project.buckets.iter().map(|bucket| (bucket.id.clone(), json!("manage")));
            view.set("bucketPermissions", buckets.collect::<Value>());
        }
        if let Some(admin) = &self.admin {
            view.set("admin", admin.view());
        }
        view.set("organization", json!({ "id": project.organization.to_string() }));
        view.set("owner", project.owner(stack));
        view
    }
}

impl Admin {
    fn view(&self) -> Value {
        let mut view = json!({
            "id": self.id,
            "name": self.name,
            "features": [],
            "isOrganizationMember": true,
            "isActivated": true,
        });
        if let Some(role) = self.role {
            view.set("role", role);
        }
        view
    }
}

//! The edge in front of a site: further names, external paths, the cache.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::status::Pending;
use crate::engine::clock::{self, Time};

/// A further name of a site.
#[derive(Debug)]
pub(crate) struct Hostname {
    /// Its id.
    pub(crate) id: Uuid,
    /// The name, in lower case.
    pub(crate) name: String,
    /// Whether the name is found to be the owner's.
    pub(crate) checked: Pending,
    /// When it was added.
    pub(crate) created_at: Time,
}

impl Hostname {
    /// The name as the API shows it.
    pub(crate) fn view(&self, site: &str) -> Value {
        let done = self.checked.is_done();
        let record = json!({ "type": "CNAME", "name": self.name, "value": site });
        json!({
            "id": self.id,
            "hostname": self.name,
            "status": if done { "active" } else { "pending" },
            "ssl_status": if done { "active" } else { "pending_validation" },
            "ownership_verification": (!done).then_some(record),
            "created_at": clock::text(self.created_at),
        })
    }
}

/// A path of a site that another server answers.
#[derive(Debug)]
pub(crate) struct External {
    /// Its id.
    pub(crate) id: Uuid,
    /// The other server.
    pub(crate) name: String,
    /// The path.
    pub(crate) path: String,
    /// When it was added.
    pub(crate) created_at: Time,
}

impl External {
    /// The path as the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "external_name": self.name,
            "path": self.path,
            "created_at": clock::text(self.created_at),
        })
    }
}

/// The settings that can be switched, in the contract's words.
pub(crate) const SWITCHES: [&str; 9] = [
    "dev_mode",
    "always_online",
    "hotlink_protection",
    "rocket_loader",
    "bot_fight_mode",
    "email_obfuscation",
    "minify_html",
    "minify_css",
    "minify_js",
];

/// The cache and what goes with it.
#[derive(Debug, Default)]
pub(crate) struct Cloudflare {
    on: BTreeSet<&'static str>,
    /// Whether logins are limited.
    pub(crate) guards_login: bool,
    /// When everything was last thrown out of the cache.
    pub(crate) purged_at: Option<Time>,
}

impl Cloudflare {
    /// Whether a setting is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.on.contains(name)
    }

    /// Switches a setting.
    pub(crate) fn switch(&mut self, name: &'static str, on: bool) {
        if on {
            self.on.insert(name);
        } else {
            self.on.remove(name);
        }
    }

    /// The settings as the API shows them.
    pub(crate) fn view(&self) -> Value {
        SWITCHES.iter().map(|name| ((*name).to_owned(), Value::from(self.is_on(name)))).collect()
    }
}

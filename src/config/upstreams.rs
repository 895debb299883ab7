//! The upstreams that `UPSTREAMS` names.

use std::{collections::BTreeSet, rc::Rc};

use super::{Config, Lookup};
use crate::wiring::REGISTRY;
use gateway::{
    address::Surroundings,
    config::{Rules, Upstreams},
};
use mcp_auth::secret::Secret;

impl Config {
    /// Whether there is a door for an upstream of this name.
    pub fn has_door(&self, name: &str) -> bool {
        self.upstreams.get(name).is_some()
    }

    pub(super) fn read_upstreams(&mut self, setting: Option<&str>, lookup: Lookup<'_>) {
        if setting.is_none() {
            return;
        }
        let first = |name: &'static str| name.split('_').next().unwrap_or(name);
        let reserved: BTreeSet<&str> = REGISTRY.all().map(|tool| first(tool.name)).collect();
        let reserved: Vec<&str> = reserved.into_iter().collect();
        let secret = |name: &str| {
            let value = lookup(name).map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty()).map(Secret::new)
        };
        let rules = Rules {
            reserved: &reserved,
            surroundings: Surroundings { own_origins: &[], development: self.is_development() },
            secret: &secret,
        };
        let upstreams = Upstreams::read(setting, &rules);
        // The others work: callers are not refused because of one of them.
        self.warnings.extend(upstreams.errors.iter().map(ToString::to_string));
        self.upstreams = Rc::new(upstreams);
    }
}

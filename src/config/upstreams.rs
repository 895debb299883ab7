//! The upstreams that `UPSTREAMS` names.

use std::{collections::BTreeSet, rc::Rc};

use super::{
    Config, Get, Lookup,
    settings::{self, Setting},
};
use crate::wiring::REGISTRY;
use gateway::{
    address::Surroundings,
    config::{Rules, Upstream, Upstreams},
    connect::link,
};
use mcp_auth::{oauth::offer::Offer, secret::Secret};
use mcp_client::era::Era;
use mcp_server::registry::WORDS;

impl Config {
    /// Whether there is a door for an upstream of this name.
    pub fn has_door(&self, name: &str) -> bool {
        self.upstreams.get(name).is_some()
    }

    /// Whether an upstream or a toolset has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        infrastructure::is_scope(scope)
            || self.upstreams.iter().any(|upstream| upstream.scope == scope)
    }

    /// The doors and scopes of upstreams that a person can grant.
    pub fn offer(&self) -> Offer {
        let upstreams = self.upstreams.iter();
        Offer::new(upstreams.map(|upstream| (upstream.name.as_str(), upstream.scope.as_str())))
    }

    /// Whether an upstream is called as the person who calls, with a key that they connect on a page of this server.
    pub fn has_personal_upstreams(&self) -> bool {
        self.upstreams.iter().any(|upstream| upstream.credential.is_personal())
    }

    /// The upstream to which people connect a key or an account at this path.
    pub fn connects(&self, path: &str) -> Option<&Upstream> {
        let (upstream, _) = link::upstream_of(path)?;
        let upstream = self.upstreams.get(upstream)?;
        upstream.credential.is_personal().then_some(upstream)
    }

    pub(super) fn read_upstreams(&mut self, get: Get<'_>, lookup: Lookup<'_>) {
        let (setting, keboola) = (get(&settings::UPSTREAMS), self.keboola(get));
        if setting.is_none() && keboola.is_none() {
            return;
        }
        let reserved = reserved();
        let secret = |name: &str| {
            let value = lookup(name).map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty()).map(Secret::new)
        };
        let rules = Rules {
            reserved: &reserved,
            surroundings: Surroundings { own_origins: &[], development: self.is_development() },
            secret: &secret,
        };
        let mut upstreams = Upstreams::read(setting.as_deref(), &rules);
        if let Some(owner) = keboola {
            self.give_keboola(owner, &mut upstreams, &rules);
        }
        // The others work: callers are not refused because of one of them.
        self.warnings.extend(upstreams.errors.iter().map(ToString::to_string));
        let of = if setting.is_some() { &settings::UPSTREAMS } else { &settings::KEBOOLA };
        self.warn_of_lost_sessions(of, &upstreams);
        self.warn_of_lost_keys(of, &upstreams);
        self.upstreams = Rc::new(upstreams);
    }

    /// People's keys are stored under `CREDENTIAL_KEY`, or not at all.
    fn warn_of_lost_keys(&mut self, of: &Setting, upstreams: &Upstreams) {
        let is_personal = |upstream: &&Upstream| upstream.credential.is_personal();
        let names: Vec<String> =
            upstreams.iter().filter(is_personal).map(|one| format!("`{}`", one.name)).collect();
        if self.credential_keys.is_none() && !names.is_empty() {
            self.warnings.push(format!(
                "{}: CREDENTIAL_KEY is not set, so that people cannot connect a key of theirs to {}",
                of.name,
                names.join(", ")
            ));
        }
    }

    /// Sessions with upstreams are stored under `CREDENTIAL_KEY`, or not at all.
    fn warn_of_lost_sessions(&mut self, of: &Setting, upstreams: &Upstreams) {
        let has_sessions = |upstream: &&Upstream| {
            upstream.era != Some(Era::Stateless) && !upstream.is_answered_here
        };
        let names: Vec<String> = upstreams
            .iter()
            .filter(has_sessions)
            .map(|upstream| format!("`{}`", upstream.name))
            .collect();
        if self.credential_keys.is_none() && !names.is_empty() {
            self.warnings.push(format!(
                "{}: CREDENTIAL_KEY is not set, so that sessions with {} are lost whenever an object leaves \
                 memory. Set CREDENTIAL_KEY, or `era` to `stateless` where an upstream has no sessions",
                of.name,
                names.join(", ")
            ));
        }
    }
}

/// The first words of the names of this server's own tools.
pub(super) fn reserved() -> Vec<&'static str> {
    let first = |name: &'static str| name.split('_').next().unwrap_or(name);
    let reserved: BTreeSet<&str> = REGISTRY.all().map(|tool| first(tool.name)).collect();
    reserved.into_iter().chain(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(credential_key: bool, upstreams: &str) -> Vec<String> {
        let lookup = |name: &str| match name {
            "UPSTREAMS" => Some(upstreams.to_owned()),
            "CREDENTIAL_KEY" => credential_key.then(|| "c".repeat(64)),
            _ => None,
        };
        let warnings = Config::read(&lookup).warnings;
        warnings.into_iter().filter(|text| text.starts_with("UPSTREAMS")).collect()
    }

    #[test]
    fn upstreams_with_sessions_need_a_key_to_keep_them() {
        let found = r#"{"tickets":{"url":"https://t.example.com/mcp"}}"#;
        let [warning] = &warnings(false, found)[..] else { panic!("no warning") };
        assert!(warning.contains("`tickets`") && warning.contains("CREDENTIAL_KEY"));
        assert!(warnings(true, found).is_empty());
        let stateless = r#"{"tickets":{"url":"https://t.example.com/mcp","era":"stateless"}}"#;
        assert!(warnings(false, stateless).is_empty());
    }

    #[test]
    fn keys_of_persons_need_a_key_to_keep_them() {
        let personal = r#"{"tickets":{"url":"https://t.example.com/mcp","era":"stateless","auth":{"kind":"subject"}}}"#;
        let [warning] = &warnings(false, personal)[..] else { panic!("no warning") };
        assert!(warning.contains("people cannot connect") && warning.contains("`tickets`"));
        assert!(warnings(true, personal).is_empty());
    }
}

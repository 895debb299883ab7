//! The tools and upstreams that a caller has: the operator's choice, and that of a session.

use mcp_server::upstream_selection::Selection;

use super::{Config, Lookup, settings};
use crate::wiring::REGISTRY;

/// What a warning of a wrong `MCP_TOOLSETS` begins with.
const TOOLSETS_WARNING: &str = "MCP_TOOLSETS: ";

impl Config {
    /// The choice that a session's id carries.
    pub fn claimed(&self, claim: &str) -> Selection {
        if claim.is_empty() {
            return self.choice.clone();
        }
        let mut selection = Selection::from_claim(claim);
        selection.tools.legacy = self.choice.tools.legacy;
        selection
    }

    /// Reads the choice of the operator again, where it may name upstreams that were not known before.
    pub(super) fn read_toolsets_again(&mut self, lookup: Lookup<'_>) {
        let setting = lookup(settings::MCP_TOOLSETS.name).unwrap_or_default();
        if setting.trim().is_empty() {
            return;
        }
        let legacy = self.choice.tools.legacy;
        self.warnings.retain(|warning| !warning.starts_with(TOOLSETS_WARNING));
        self.read_toolsets(setting.trim());
        self.choice.tools.legacy = legacy;
    }

    /// After the upstreams, which are toolsets too.
    pub(super) fn read_toolsets(&mut self, setting: &str) {
        let upstreams = self.upstreams.clone();
        let names: Vec<&str> = upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        match REGISTRY.choose_among(setting, &names) {
            Ok(choice) => self.choice = choice,
            Err(unknown) => {
                let usual = settings::MCP_TOOLSETS.default;
                self.warnings.push(format!("{TOOLSETS_WARNING}{unknown}; using `{usual}`"));
            }
        }
    }
}

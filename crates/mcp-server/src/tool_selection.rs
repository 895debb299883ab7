//! Which tools a caller wants to see: groups of toolsets, and whether only those that read.
//!
//! Invariant: a selection is a few bits, so that a session's id carries it. Without a selection, it is the
//! default set.

use mcp_auth::scope::Scopes;

use crate::toolset::{Effect, Tool, Visibility};

/// The default set: it has tools of many groups, and a bit of its own.
pub(crate) const DEFAULT: u32 = 1 << 31;
/// The tool that finds others, which may then be called or enabled.
pub(crate) const DYNAMIC: u32 = 1 << 30;
/// Everything but the tool that finds others.
pub(crate) const ALL: u32 = !DYNAMIC;

/// A choice of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolSelection {
    /// One bit for each group in the registry's order, and those of the default set and of the finder. 0: none of this
    /// server's own tools.
    pub sets: u32,
    /// Only tools that read; others are refused even by name.
    pub read_only: bool,
    /// Also operations that the service retired.
    pub legacy: bool,
}

impl Default for ToolSelection {
    fn default() -> Self {
        Self { sets: DEFAULT, read_only: false, legacy: false }
    }
}

impl ToolSelection {
    /// The same with more groups, as [`Registry::bits`](crate::registry::Registry::bits) names them.
    #[must_use]
    pub fn with(self, sets: u32) -> Self {
        Self { sets: self.sets | sets, ..self }
    }

    /// Whether this server's own tools were chosen at all. A choice of upstreams alone leaves them out.
    pub fn has_own(&self) -> bool {
        self.sets != 0
    }

    /// Whether the tool that finds others is offered.
    pub fn is_dynamic(&self) -> bool {
        self.sets & DYNAMIC != 0
    }

    /// The text that a session's id carries.
    pub fn to_claim(self) -> String {
        let end = if self.read_only { "-ro" } else { "" };
        format!("{:x}{end}", self.sets)
    }

    /// Reads it back. What cannot be read is no choice.
    pub fn from_claim(claim: &str) -> Self {
        let (sets, read_only) = match claim.strip_suffix("-ro") {
            Some(sets) => (sets, true),
            None => (claim, false),
        };
        let sets = u32::from_str_radix(sets, 16).unwrap_or(DEFAULT);
        Self { sets, read_only, legacy: false }
    }

    /// Whether a tool would be offered if its group were chosen.
    pub fn may_offer(&self, tool: &Tool) -> bool {
        (self.legacy || tool.visibility != Visibility::Retired) && self.allows(tool.effect)
    }

    /// The same, limited to tools that these scopes allow.
    #[must_use]
    pub fn within(self, scopes: Scopes) -> Self {
        Self { read_only: self.read_only || !scopes.has(Scopes::WRITE), ..self }
    }

    /// Whether a tool of this effect may be called.
    pub fn allows(&self, effect: Effect) -> bool {
        !self.read_only || effect == Effect::Read
    }
}

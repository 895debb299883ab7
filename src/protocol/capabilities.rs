//! What a client says it can do, as far as this server acts on it.
//!
//! Source: MCP `basic/lifecycle` "Capability Negotiation".

use serde_json::Value;

/// A set of client capabilities, kept as bits in the session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientCapabilities(u16);

impl ClientCapabilities {
    /// `elicitation`, form mode.
    pub const ELICITATION_FORM: Self = Self(1);
    /// `elicitation`, URL mode.
    pub const ELICITATION_URL: Self = Self(1 << 1);
    /// `sampling`.
    pub const SAMPLING: Self = Self(1 << 2);
    /// `sampling.tools`.
    pub const SAMPLING_TOOLS: Self = Self(1 << 3);
    /// `roots`.
    pub const ROOTS: Self = Self(1 << 4);

    /// Whether all of `other` are here.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits, for the session id.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// A set from its bits.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Reads `params.capabilities` of `initialize`. An empty `elicitation` means the form mode.
    pub fn from_declared(declared: &Value) -> Self {
        let mut set = Self::default();
        let mut add = |path: &[&str], capability: Self| {
            let mut at = Some(declared);
            for part in path {
                at = at.and_then(|value| value.get(part)).filter(|value| !value.is_null());
            }
            if at.is_some() {
                set = set.with(capability);
            }
        };
        add(&["elicitation", "form"], Self::ELICITATION_FORM);
        add(&["elicitation", "url"], Self::ELICITATION_URL);
        add(&["sampling"], Self::SAMPLING);
        add(&["sampling", "tools"], Self::SAMPLING_TOOLS);
        add(&["roots"], Self::ROOTS);
        if declared.get("elicitation").and_then(Value::as_object).is_some_and(|e| e.is_empty()) {
            set = set.with(Self::ELICITATION_FORM);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_elicitation_means_the_form_mode() {
        let set = ClientCapabilities::from_declared(&json!({"elicitation": {}}));
        assert!(set.has(ClientCapabilities::ELICITATION_FORM));
        assert!(!set.has(ClientCapabilities::ELICITATION_URL));
    }

    #[test]
    fn modes_are_kept_apart() {
        let declared =
            json!({"elicitation": {"url": {}}, "sampling": {"tools": {}}, "roots": null});
        let set = ClientCapabilities::from_declared(&declared);
        assert!(!set.has(ClientCapabilities::ELICITATION_FORM));
        assert!(set.has(ClientCapabilities::ELICITATION_URL));
        assert!(set.has(ClientCapabilities::SAMPLING_TOOLS));
        assert!(!set.has(ClientCapabilities::ROOTS));
    }
}

//! The client capabilities that this server uses.
//!
//! Invariant: one table says where each capability is declared; reading, writing and naming them
//! follow it. Source: MCP `basic/lifecycle` "Capability Negotiation" (sessions), `basic/index`
//! "_meta" and the schema's `ClientCapabilities` (2026-07-28).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// The extension for durable tasks (SEP-2663).
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// How the whole declaration is called in errors.
const WHOLE: &str = "clientCapabilities";

/// A set of client capabilities, kept as bits in the session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientCapabilities(u16);

/// Every capability, and the path of its declaration.
const DECLARED: [(ClientCapabilities, &[&str]); 7] = [
    (ClientCapabilities::ELICITATION_FORM, &["elicitation", "form"]),
    (ClientCapabilities::ELICITATION_URL, &["elicitation", "url"]),
    (ClientCapabilities::SAMPLING, &["sampling"]),
    (ClientCapabilities::SAMPLING_TOOLS, &["sampling", "tools"]),
    (ClientCapabilities::SAMPLING_CONTEXT, &["sampling", "context"]),
    (ClientCapabilities::ROOTS, &["roots"]),
    (ClientCapabilities::TASKS, &["extensions", TASKS_EXTENSION]),
];

/// Where a declaration has the wrong type: it must be an object, or not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` must be an object")]
pub struct NotAnObject(pub String);

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
    /// `sampling.context`.
    pub const SAMPLING_CONTEXT: Self = Self(1 << 5);
    /// The extension [`TASKS_EXTENSION`].
    pub const TASKS: Self = Self(1 << 6);

    /// Whether all of `other` are here.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set difference.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is here.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits, for the session id.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// A set from its bits.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Reads `params.capabilities` of `initialize`, where any value but `null` counts. An empty
    /// `elicitation` means the form mode.
    pub fn from_declared(declared: &Value) -> Self {
        Self::read(declared, |_| true).unwrap_or_default()
    }

    /// Reads the capabilities of a stateless request, in which every declaration is an object.
    ///
    /// # Errors
    /// When one of them, or the whole, is something else. `null` is as good as absent.
    pub fn checked(declared: &Value) -> Result<Self, NotAnObject> {
        if !declared.is_object() {
            return Err(NotAnObject(WHOLE.into()));
        }
        Self::read(declared, Value::is_object)
    }

    fn read(declared: &Value, fits: fn(&Value) -> bool) -> Result<Self, NotAnObject> {
        let mut set = Self::default();
        for (capability, path) in DECLARED {
            if at(declared, path, fits)?.is_some() {
                set = set.with(capability);
            }
        }
        if at(declared, &["elicitation"], fits)?
            .and_then(Value::as_object)
            .is_some_and(Map::is_empty)
        {
            set = set.with(Self::ELICITATION_FORM);
        }
        Ok(set)
    }

    /// The set as a client declares it: `{"sampling":{"tools":{}}}`.
    pub fn declaration(self) -> Value {
        let mut whole = Value::Object(Map::new());
        for path in self.paths() {
            let mut at = Some(&mut whole);
            for part in path {
                at = at
                    .and_then(Value::as_object_mut)
                    .map(|object| object.entry(*part).or_insert_with(|| Value::Object(Map::new())));
            }
        }
        whole
    }

    fn paths(self) -> impl Iterator<Item = &'static [&'static str]> {
        DECLARED.into_iter().filter(move |(one, _)| self.has(*one)).map(|(_, path)| path)
    }
}

/// The capabilities by name: `sampling.tools, roots`.
impl fmt::Display for ClientCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.paths().map(|path| path.join(".")).collect();
        f.write_str(&names.join(", "))
    }
}

/// The value at a path, if there is one; each on the way that is not `null` must fit.
fn at<'v>(
    whole: &'v Value,
    path: &[&str],
    fits: fn(&Value) -> bool,
) -> Result<Option<&'v Value>, NotAnObject> {
    let mut at = whole;
    let mut gone = vec![WHOLE];
    for part in path {
        gone.push(*part);
        match at.get(part) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) if fits(value) => at = value,
            Some(_) => return Err(NotAnObject(gone.join("."))),
        }
    }
    Ok(Some(at))
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
        assert!(!set.has(ClientCapabilities::SAMPLING_CONTEXT));
        assert!(!set.has(ClientCapabilities::ROOTS));
    }

    #[test]
    fn an_extension_is_a_capability() {
        let declared = json!({"extensions": {"io.modelcontextprotocol/tasks": {}, "x/y": {}}});
        assert_eq!(ClientCapabilities::checked(&declared), Ok(ClientCapabilities::TASKS));
    }

    #[test]
    fn sessions_take_what_a_stateless_request_may_not_say() {
        let declared = json!({"sampling": true, "elicitation": {"form": 1}});
        let set = ClientCapabilities::from_declared(&declared);
        let both = ClientCapabilities::SAMPLING.with(ClientCapabilities::ELICITATION_FORM);
        assert_eq!(set, both);
    }

    #[test]
    fn a_declaration_of_the_wrong_type_is_named() {
        for (declared, named) in [
            (json!([]), "clientCapabilities"),
            (json!(null), "clientCapabilities"),
            (json!({"sampling": true}), "clientCapabilities.sampling"),
            (json!({"sampling": {"tools": 1}}), "clientCapabilities.sampling.tools"),
            (json!({"elicitation": "form"}), "clientCapabilities.elicitation"),
            (json!({"roots": []}), "clientCapabilities.roots"),
            (json!({"extensions": []}), "clientCapabilities.extensions"),
        ] {
            let error = ClientCapabilities::checked(&declared).unwrap_err();
            assert_eq!(error, NotAnObject(named.into()), "{declared}");
        }
        let absent = json!({"sampling": null, "elicitation": {"form": null, "url": {}}});
        assert_eq!(ClientCapabilities::checked(&absent), Ok(ClientCapabilities::ELICITATION_URL));
    }

    #[test]
    fn a_set_is_declared_and_named_as_clients_do() {
        let set = ClientCapabilities::SAMPLING_TOOLS
            .with(ClientCapabilities::TASKS)
            .with(ClientCapabilities::ELICITATION_FORM);
        let declared = json!({
            "elicitation": {"form": {}},
            "sampling": {"tools": {}},
            "extensions": {"io.modelcontextprotocol/tasks": {}},
        });
        assert_eq!(set.declaration(), declared);
        assert_eq!(
            set.to_string(),
            "elicitation.form, sampling.tools, extensions.io.modelcontextprotocol/tasks"
        );
        assert_eq!(ClientCapabilities::SAMPLING.declaration(), json!({"sampling": {}}));
    }

    #[test]
    fn what_is_missing_is_what_is_left() {
        let needed = ClientCapabilities::SAMPLING.with(ClientCapabilities::ROOTS);
        let missing = needed.without(ClientCapabilities::SAMPLING);
        assert_eq!(missing, ClientCapabilities::ROOTS);
        assert!(needed.without(needed).is_empty());
    }
}

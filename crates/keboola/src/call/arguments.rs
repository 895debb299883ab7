//! A call, as its tool sees it: checked arguments, and what surrounds them.

use std::{collections::HashSet, ops::Deref};

use catalogue::arguments::Arguments;
use mcp_server::context::Context;
use serde_json::Value;

use super::{ending::ShortCircuit, state::State};
use crate::{api::Unconfirmed, operations::Operation, service::KeboolaService};

/// What is said of a change whose answer was lost.
pub(crate) const POSSIBLE: &str = "The change MAY have happened.";

/// A call, as its tool sees it.
pub(crate) struct Call<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) operation: &'static Operation,
    arguments: &'a Arguments,
    state: &'a State<'a>,
}

impl<'a> Deref for Call<'a> {
    type Target = State<'a>;

    fn deref(&self) -> &State<'a> {
        self.state
    }
}

impl<'a> Call<'a> {
    /// The call as the executor has it.
    pub(crate) fn of(call: &'a catalogue::Call<'_, KeboolaService>) -> Self {
        Self {
            ctx: call.ctx,
            operation: call.operation,
            arguments: &call.arguments,
            state: &call.state,
        }
    }

    /// An argument.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.arguments.get(name)
    }

    /// A text argument.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A text argument that the schema requires.
    pub(crate) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A number argument.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    /// Whether a flag is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// A list of texts, each once.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let mut seen = HashSet::new();
        let texts = self.get(name).and_then(Value::as_array).into_iter().flatten();
        let texts = texts.filter_map(Value::as_str).filter(|text| seen.insert(*text));
        texts.map(str::to_owned).collect()
    }

    /// The failure of a change: whether it may have happened, and how to find out.
    pub(crate) fn unchanged(&self, error: &Unconfirmed) -> ShortCircuit {
        ShortCircuit::Failed(error.told("Nothing was changed.", POSSIBLE, self.look_up()))
    }

    /// The same where the answer was lost for this reason.
    pub(crate) fn in_doubt(&self, why: &str) -> String {
        format!("{why} {POSSIBLE} {}", self.look_up())
    }

    /// How to find out whether the change of this tool happened.
    pub(crate) fn look_up(&self) -> &'static str {
        self.operation.check.unwrap_or_default()
    }
}

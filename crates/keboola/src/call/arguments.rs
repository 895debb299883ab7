//! A call, as its tool sees it: checked arguments, and what surrounds them.

use std::{collections::HashSet, ops::Deref};

use catalogue::arguments::Arguments;
use mcp_server::context::Context;
use serde_json::Value;

use super::{
    ending::{ShortCircuit, sentence},
    state::State,
};
use crate::{api::ApiError, operations::Operation, service::KeboolaService};

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
    pub(crate) fn unchanged(&self, error: &ApiError) -> ShortCircuit {
        let why = sentence(error);
        ShortCircuit::Failed(match error.leaves_doubt() {
            true => self.in_doubt(&why),
            false => format!("Nothing was changed. {why}"),
        })
    }

    /// The same where the answer was lost for this reason.
    pub(crate) fn in_doubt(&self, why: &str) -> String {
        let check = self.operation.check.unwrap_or_default();
        format!("{why} The change MAY have happened. {check}")
    }
}

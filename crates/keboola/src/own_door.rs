//! The toolset as the door of Keboola alone has it: its names, and the texts that name tools, without `keboola_`.
//!
//! Invariant: what comes from Keboola stays as it came. Definitions, refusals and the instructions for models are texts of
//! this crate; anything else in a result is not.

use std::{borrow::Cow, sync::LazyLock};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_protocol::content::{CallToolResult, ContentBlock};
use mcp_server::{
    context::Context,
    toolset::{Arguments, CallResult, Tool, Toolset},
};
use serde_json::Value;

use crate::{Keboola, operations::OPERATIONS};

/// What names begin with at the common door.
const PREFIX: &str = "keboola_";
/// The field of a result that has instructions for models.
const INSTRUCTIONS: &str = "llm_instruction";

/// The toolset at its own door.
pub struct OwnDoor {
    keboola: &'static Keboola,
}

impl OwnDoor {
    /// The own door of a toolset.
    pub const fn new(keboola: &'static Keboola) -> Self {
        Self { keboola }
    }

    /// A tool as the common door has it.
    fn common(&self, tool: &Tool) -> Option<&'static Tool> {
        self.keboola.find(&format!("{PREFIX}{}", tool.name))
    }

    async fn called(&self, ctx: &Context, tool: &Tool, arguments: Arguments<'_>) -> CallResult {
        let Some(common) = self.common(tool) else {
            return Ok(CallToolResult::error("There is no such tool."));
        };
        Ok(shown(self.keboola.call(ctx, common, arguments).await?))
    }
}

impl Toolset for OwnDoor {
    fn tools(&self) -> &[Tool] {
        static DEFINITIONS: LazyLock<Vec<Cow<'static, str>>> = LazyLock::new(|| {
            OPERATIONS.iter().map(|operation| unprefixed(operation.definition)).collect()
        });
        static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
            let all = OPERATIONS.iter().zip(DEFINITIONS.iter());
            let tools = all.map(|(operation, definition)| Tool {
                name: own_name(operation.name),
                definition,
                ..operation.tool()
            });
            tools.collect()
        });
        &TOOLS
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
        arguments: Arguments<'a>,
    ) -> LocalBoxFuture<'a, CallResult> {
        self.called(ctx, tool, arguments).boxed_local()
    }

    fn takes_back(&self, tool: &Tool) -> bool {
        self.common(tool).is_some_and(|common| self.keboola.takes_back(common))
    }

    fn take_back<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
    ) -> LocalBoxFuture<'a, Result<String, String>> {
        match self.common(tool) {
            Some(common) => self.keboola.take_back(ctx, common),
            None => ready(Ok(String::new())).boxed_local(),
        }
    }

    fn target(&self, arguments: Arguments<'_>) -> Option<String> {
        self.keboola.target(arguments)
    }
}

/// The name of a tool here.
fn own_name(name: &'static str) -> &'static str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// A result with the names of tools as they are here.
fn shown(mut result: CallToolResult) -> CallToolResult {
    let instructions = match &mut result.structured_content {
        Some(Value::Object(data)) => data.get_mut(INSTRUCTIONS),
        _ => None,
    };
    if !result.is_error && instructions.is_none() {
        return result;
    }
    if let Some(Value::String(text)) = instructions {
        *text = unprefixed(text).into_owned();
    }
    for block in &mut result.content {
        if let ContentBlock::Text { text } = block {
            *text = unprefixed(text).into_owned();
        }
    }
    result
}

/// A text in which tools have the names that they have here.
fn unprefixed(text: &str) -> Cow<'_, str> {
    if !text.contains(PREFIX) {
        return Cow::Borrowed(text);
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(PREFIX) {
        shown.push_str(before);
        let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
        let (name, beyond) = after.split_at(end);
        if shown.ends_with(is_part) || !is_tool(name) {
            shown.push_str(PREFIX);
        }
        shown.push_str(name);
        rest = beyond;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

fn is_tool(name: &str) -> bool {
    OPERATIONS.iter().any(|operation| own_name(operation.name) == name)
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::testing::{Connected, FakeKeboola};

    static KEBOOLA: Keboola = Keboola::new(&Connected);
    static DOOR: OwnDoor = OwnDoor::new(&KEBOOLA);

    fn called(fake: &std::rc::Rc<FakeKeboola>, tool: &str, arguments: Value) -> CallToolResult {
        let arguments = to_raw_value(&arguments).unwrap();
        let tool = DOOR.find(tool).unwrap();
        pollster::block_on(DOOR.call(&fake.context(), tool, Some(&arguments))).unwrap()
    }

    #[test]
    fn definitions_name_tools_as_they_are_here() {
        assert_eq!(DOOR.tools().len(), KEBOOLA.tools().len());
        for (own, common) in DOOR.tools().iter().zip(KEBOOLA.tools()) {
            assert_eq!(format!("keboola_{}", own.name), common.name);
            let definition: Value = serde_json::from_str(own.definition).unwrap();
            assert_eq!(definition["name"], own.name);
            for tool in KEBOOLA.tools() {
                assert!(!own.definition.contains(tool.name), "{}", own.definition);
            }
            assert_eq!((own.effect, own.task_policy), (common.effect, common.task_policy));
        }
    }

    #[test]
    fn only_whole_names_of_tools_lose_their_beginning() {
        for (text, expected) in [
            ("keboola_search, then keboola_get_tables.", "search, then get_tables."),
            ("keboola_base_type keboola_searches", "keboola_base_type keboola_searches"),
            ("xkeboola_search my_keboola_search", "xkeboola_search my_keboola_search"),
            ("keboola_keboola_search", "keboola_keboola_search"),
            ("keboola_", "keboola_"),
            ("naïve→keboola_search→é", "naïve→search→é"),
        ] {
            assert_eq!(unprefixed(text), expected);
        }
    }

    #[test]
    fn a_refusal_names_tools_as_they_are_here() {
        let fake = FakeKeboola::new();
        let refused = called(&fake, "get_buckets", json!({ "branch_id": "77" })).to_json();
        assert!(refused.contains("branch 77") || refused.contains("list_branches"), "{refused}");
        assert!(!refused.contains("keboola_"), "{refused}");
        let wrong = called(&fake, "get_buckets", json!({ "nothing": 1 })).to_json();
        assert!(wrong.contains("The arguments of get_buckets are not valid"), "{wrong}");
    }

    #[test]
    fn what_keboola_says_stays_as_it_came() {
        let fake = FakeKeboola::new();
        let description = "see keboola_search";
        fake.on(
            "Get connection /v2/storage/branch/default/buckets",
            200,
            json!([{ "id": "in.c-a", "name": "a", "stage": "in", "description": description }]),
        );
        let listed = called(&fake, "get_buckets", json!({}));
        assert!(!listed.is_error, "{}", listed.to_json());
        assert!(listed.to_json().contains(description), "{}", listed.to_json());
    }
}

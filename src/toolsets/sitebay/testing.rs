//! Runs tools in unit tests.

use std::rc::Rc;

use serde_json::{Value, value::to_raw_value};

use crate::{
    protocol::content::{Content, ToolResult},
    server::context::Context,
    sitebay::fake::Fake,
};

/// A result as tests look at it.
pub(crate) struct Seen {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) data: Value,
}

/// Calls a tool on the fake machine.
pub(crate) fn run(fake: &Rc<Fake>, tool: &str, arguments: Value) -> Seen {
    run_in(&fake.context(), tool, arguments)
}

/// Calls a tool in a context.
pub(crate) fn run_in(ctx: &Context, tool: &str, arguments: Value) -> Seen {
    let raw = to_raw_value(&arguments).unwrap();
    let result = pollster::block_on(super::call(ctx, tool, Some(&raw))).unwrap();
    let ToolResult {
        content,
        structured_content,
        is_error,
    } = result;
    let text = match content.as_slice() {
        [Content::Text { text }] => text.clone(),
        other => panic!("not one text: {other:?}"),
    };
    assert_eq!(is_error, structured_content.is_none(), "{text}");
    Seen {
        is_error,
        text,
        data: structured_content.unwrap_or_default(),
    }
}

//! Runs tools in unit tests.

use std::{env, fs, path::PathBuf, rc::Rc};

use serde_json::{Value, value::to_raw_value};

use super::operations;
use crate::Sitebay;
use mcp_protocol::content::{CallToolResult, ContentBlock};
use mcp_server::registry::Registry;
use mcp_server::{context::Context, testing::FakePlatform};

/// A registry of this toolset alone.
pub(crate) static REGISTRY: Registry = Registry::new(&[&Sitebay]);

/// A result as tests look at it.
pub(crate) struct Seen {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) data: Value,
    /// The picture that came with it, in base64.
    pub(crate) image: Option<String>,
    /// Where there is more.
    pub(crate) link: Option<String>,
}

/// Calls a tool on the fake machine, with the consent that it needs unless `confirm` is given.
pub(crate) fn run(fake: &Rc<FakePlatform>, tool: &str, mut arguments: Value) -> Seen {
    let consent = operations::find(tool).is_some_and(|operation| operation.consent.is_some());
    if let (true, Some(given)) = (consent, arguments.as_object_mut()) {
        given.entry("confirm").or_insert(Value::Bool(true));
    }
    run_in(&fake.context(), tool, arguments)
}

/// Calls a tool in a context.
pub(crate) fn run_in(ctx: &Context, tool: &str, arguments: Value) -> Seen {
    let raw = to_raw_value(&arguments).unwrap();
    let result = pollster::block_on(super::call(ctx, tool, Some(&raw))).unwrap();
    let CallToolResult { content, structured_content, structured_text: _, is_error } = result;
    let (text, image, link) = match content.as_slice() {
        [ContentBlock::Text { text }] => (text.clone(), None, None),
        [ContentBlock::Text { text }, ContentBlock::Image { data, .. }] => {
            (text.clone(), Some(data.clone()), None)
        }
        [ContentBlock::Text { text }, ContentBlock::ResourceLink { uri, .. }] => {
            (text.clone(), None, Some(uri.clone()))
        }
        other => panic!("not one text: {other:?}"),
    };
    assert_eq!(is_error, structured_content.is_none(), "{text}");
    if let Some(data) = &structured_content {
        assert_fits(&output_schema(tool), data, tool);
    }
    Seen { is_error, text, data: structured_content.unwrap_or_default(), image, link }
}

fn output_schema(tool: &str) -> Value {
    definition(tool)["outputSchema"].clone()
}

/// A tool's definition.
pub(crate) fn definition(tool: &str) -> Value {
    serde_json::from_str(operations::find(tool).unwrap().definition).unwrap()
}

/// A file of the shared facts, for a test that needs it. Where there is no copy it counts as skipped.
pub(crate) fn fact_or_skip(test: &str, file: &str) -> Option<Value> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/facts");
    let folder = env::var_os("SHARED_FACTS").map_or(default, PathBuf::from);
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        test_support::skips::skip(test, &format!("there is no {file} (SHARED_FACTS)"));
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// The checks that clients make of structured content, for the keywords of our schemas.
fn assert_fits(schema: &Value, value: &Value, at: &str) {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    assert!(types.iter().any(|name| is_of(name, value)), "{at}: {value} is not {types:?}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at}: {name} is missing");
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            assert_fits(inner, value, &format!("{at}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        assert_fits(&schema["items"], item, &format!("{at}[]"));
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

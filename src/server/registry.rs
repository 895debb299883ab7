//! The tools and resources that this server has, over all toolsets.
//!
//! Invariant: a list's text is put together once per isolate; answering it is a copy.

use std::sync::OnceLock;

use serde_json::value::RawValue;

use crate::{protocol::content::ToolResult, server::context::Context, toolsets::sitebay};

#[cfg(feature = "fixtures")]
use crate::toolsets::fixtures;

/// The result of `tools/list`.
pub fn tools_list() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!(r#"{{"tools":[{}]}}"#, definitions()))
}

/// The result of `resources/list`.
pub fn resources_list() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!(r#"{{"resources":[{}]}}"#, sitebay::RESOURCES_JSON))
}

/// The result of `resources/templates/list`.
pub fn resource_templates_list() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        format!(r#"{{"resourceTemplates":[{}]}}"#, sitebay::RESOURCE_TEMPLATES_JSON)
    })
}

/// Runs a tool. None: there is no tool of this name.
pub async fn call(ctx: &Context, name: &str, arguments: Option<&RawValue>) -> Option<ToolResult> {
    #[cfg(feature = "fixtures")]
    if let Some(result) = fixtures::call(ctx, name, arguments).await {
        return Some(result);
    }
    sitebay::call(ctx, name, arguments).await
}

#[cfg(feature = "fixtures")]
fn definitions() -> String {
    format!("{},{}", fixtures::TOOLS_JSON, sitebay::TOOLS_JSON)
}

#[cfg(not(feature = "fixtures"))]
fn definitions() -> &'static str {
    sitebay::TOOLS_JSON
}

//! Placeholder.
use serde_json::value::RawValue;
use crate::{protocol::content::ToolResult, server::context::Context};
pub static TOOLS_JSON: &str = r#"{"name":"sitebay_list_sites","inputSchema":{"type":"object"}}"#;
pub static RESOURCES_JSON: &str = "";
pub static RESOURCE_TEMPLATES_JSON: &str = "";
pub async fn call(_: &Context, _: &str, _: Option<&RawValue>) -> Option<ToolResult> { None }
pub enum ResourceError { NotFound, Failed(String) }
pub struct ResourceText { pub mime_type: &'static str, pub text: String }
pub async fn read(_: &Context, _: &str) -> Result<ResourceText, ResourceError> { Err(ResourceError::NotFound) }

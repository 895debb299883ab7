//! What a tool answers with: content blocks and the result around them.
//!
//! Shapes: MCP 2025-11-25, `server/tools` "Tool Result". A failure of the tool is a result with
//! `isError: true`, so that the model can read it and act; only failures of the protocol are
//! JSON-RPC errors.

use serde::Serialize;
use serde_json::Value;

/// One block of content in a tool's result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Text for the model and the person.
    Text {
        /// The text itself.
        text: String,
    },
    /// An image, base64 encoded.
    #[serde(rename_all = "camelCase")]
    Image {
        /// The bytes in base64 (RFC 4648 §4).
        data: String,
        /// Its media type, such as `image/png`.
        mime_type: String,
    },
}

/// The result of a `tools/call`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// What the model reads.
    pub content: Vec<Content>,
    /// The same as data that fits the tool's `outputSchema`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// Whether the tool failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

impl ToolResult {
    /// A result that is a text and nothing else.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            content: vec![Content::Text { text: text.into() }],
            structured_content: None,
            is_error: false,
        }
    }

    /// A result with data and a short text that says the same to a reader.
    pub fn structured(data: Value, text: impl Into<String>) -> Self {
        Self { structured_content: Some(data), ..Self::text(text) }
    }

    /// A failure of the tool, told to the model: what was wrong, what was expected, what to do.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }
}

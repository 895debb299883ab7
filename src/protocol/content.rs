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
    /// Sound, base64 encoded.
    #[serde(rename_all = "camelCase")]
    Audio {
        /// The bytes in base64 (RFC 4648 §4).
        data: String,
        /// Its media type, such as `audio/wav`.
        mime_type: String,
    },
    /// A resource with its contents.
    Resource {
        /// The contents.
        resource: Contents,
    },
    /// A resource to read when it is wanted.
    #[serde(rename_all = "camelCase")]
    ResourceLink {
        /// Where it is.
        uri: String,
        /// What it is called.
        name: String,
        /// Its media type.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
}

/// The contents of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// Where it is.
    pub uri: String,
    /// Its media type.
    pub mime_type: String,
    /// The text, or the bytes in base64.
    #[serde(flatten)]
    pub body: ContentsBody,
}

/// What a resource holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentsBody {
    /// Text.
    Text(String),
    /// Bytes in base64 (RFC 4648 §4).
    Blob(String),
}

impl Contents {
    /// A resource that is text.
    pub fn text(uri: &str, mime_type: &str, text: impl Into<String>) -> Self {
        let body = ContentsBody::Text(text.into());
        Self { uri: uri.to_owned(), mime_type: mime_type.to_owned(), body }
    }
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

/// Who says a message of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// The result of a `prompts/get`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptResult {
    /// What the prompt is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its messages.
    pub messages: Vec<PromptMessage>,
}

impl PromptResult {
    /// A prompt of messages that the person says.
    pub fn of_user(contents: impl IntoIterator<Item = Content>) -> Self {
        let messages = contents.into_iter();
        let messages = messages.map(|content| PromptMessage { role: Role::User, content });
        Self { description: None, messages: messages.collect() }
    }
}

impl Content {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
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

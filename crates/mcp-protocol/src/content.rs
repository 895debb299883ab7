//! The results of tools, resources and prompts: content blocks and their containers.
//!
//! Shapes: MCP 2025-11-25, `server/tools` "Tool Result". A failure of the tool is a result with
//! `isError: true`, so that the model can read it and act; only failures of the protocol are
//! JSON-RPC errors.

use serde_json::Value;

use crate::object::{Object, array};

/// One block of content in a tool's result.
#[derive(Debug, Clone, PartialEq)]
pub enum ContentBlock {
    /// Text for the model and the person.
    Text {
        /// The text itself.
        text: String,
    },
    /// An image, base64 encoded.
    Image {
        /// The bytes in base64 (RFC 4648 §4).
        data: String,
        /// Its media type, such as `image/png`.
        mime_type: String,
    },
    /// Sound, base64 encoded.
    Audio {
        /// The bytes in base64 (RFC 4648 §4).
        data: String,
        /// Its media type, such as `audio/wav`.
        mime_type: String,
    },
    /// A resource with its contents.
    Resource {
        /// The contents.
        resource: ResourceContents,
    },
    /// A resource to read when it is wanted.
    ResourceLink {
        /// Where it is.
        uri: String,
        /// Its name.
        name: String,
        /// Its media type.
        mime_type: Option<String>,
    },
}

/// The contents of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceContents {
    /// Where it is.
    pub uri: String,
    /// Its media type.
    pub mime_type: String,
    /// The text, or the bytes in base64.
    pub body: ResourceBody,
}

/// The body of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceBody {
    /// Text.
    Text(String),
    /// Bytes in base64 (RFC 4648 §4).
    Blob(String),
}

impl ResourceContents {
    /// Its text.
    pub fn to_json(&self) -> String {
        let begun = Object::new().text("uri", &self.uri).text("mimeType", &self.mime_type);
        match &self.body {
            ResourceBody::Text(text) => begun.text("text", text).end(),
            ResourceBody::Blob(bytes) => begun.text("blob", bytes).end(),
        }
    }

    /// The result of a `resources/read`.
    pub fn to_result(&self) -> String {
        Object::new().raw("contents", &array(&[self.to_json()])).end()
    }

    /// A resource that is text.
    pub fn text(uri: &str, mime_type: &str, text: impl Into<String>) -> Self {
        let body = ResourceBody::Text(text.into());
        Self { uri: uri.to_owned(), mime_type: mime_type.to_owned(), body }
    }
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptMessage {
    /// The author.
    pub role: Role,
    /// The content.
    pub content: ContentBlock,
}

/// The author of a prompt message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// The result of a `prompts/get`.
#[derive(Debug, Clone, PartialEq)]
pub struct GetPromptResult {
    /// The purpose of the prompt.
    pub description: Option<String>,
    /// Its messages.
    pub messages: Vec<PromptMessage>,
}

impl GetPromptResult {
    /// Its text.
    pub fn to_json(&self) -> String {
        let message = |message: &PromptMessage| {
            let role = match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            Object::new().text("role", role).raw("content", &message.content.to_json()).end()
        };
        let messages: Vec<String> = self.messages.iter().map(message).collect();
        let begun = Object::new().text_if("description", self.description.as_deref());
        begun.raw("messages", &array(&messages)).end()
    }

    /// A prompt of messages that the person says.
    pub fn of_user(contents: impl IntoIterator<Item = ContentBlock>) -> Self {
        let messages = contents.into_iter();
        let messages = messages.map(|content| PromptMessage { role: Role::User, content });
        Self { description: None, messages: messages.collect() }
    }
}

impl ContentBlock {
    /// Its text.
    pub fn to_json(&self) -> String {
        let begun = |kind: &str| Object::new().text("type", kind);
        match self {
            Self::Text { text } => begun("text").text("text", text),
            Self::Image { data, mime_type } => {
                begun("image").text("data", data).text("mimeType", mime_type)
            }
            Self::Audio { data, mime_type } => {
                begun("audio").text("data", data).text("mimeType", mime_type)
            }
            Self::Resource { resource } => begun("resource").raw("resource", &resource.to_json()),
            Self::ResourceLink { uri, name, mime_type } => begun("resource_link")
                .text("uri", uri)
                .text("name", name)
                .text_if("mimeType", mime_type.as_deref()),
        }
        .end()
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// The result of a `tools/call`.
#[derive(Debug, Clone, PartialEq)]
pub struct CallToolResult {
    /// The content blocks for the model.
    pub content: Vec<ContentBlock>,
    /// The same as data that fits the tool's `outputSchema`.
    pub structured_content: Option<Value>,
    /// The same as the text of a JSON object, where parts of it are another server's and stay as they came. It counts
    /// before `structured_content`.
    pub structured_text: Option<String>,
    /// Whether the tool failed.
    pub is_error: bool,
}

impl CallToolResult {
    /// Its text.
    pub fn to_json(&self) -> String {
        let content: Vec<String> = self.content.iter().map(ContentBlock::to_json).collect();
        let mut result = Object::new().raw("content", &array(&content));
        match (&self.structured_text, &self.structured_content) {
            (Some(text), _) => result = result.raw("structuredContent", text),
            (None, Some(data)) => result = result.raw("structuredContent", &data.to_string()),
            (None, None) => {}
        }
        if self.is_error {
            result = result.flag("isError", true);
        }
        result.end()
    }

    /// A result that is a text and nothing else.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            content: vec![ContentBlock::Text { text: text.into() }],
            structured_content: None,
            structured_text: None,
            is_error: false,
        }
    }

    /// A result with data and a short text that says the same to a reader.
    pub fn structured(data: Value, text: impl Into<String>) -> Self {
        Self { structured_content: Some(data), ..Self::text(text) }
    }

    /// A failure of the tool, for the model: the error, the expected input, the next step.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }
}

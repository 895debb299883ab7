//! What is wrong with a setting.

use std::fmt;

use serde_json::value::RawValue;

use crate::text;

/// Characters of a value that a message repeats.
const MAX_SHOWN: usize = 64;
/// Characters of a name in a path.
const MAX_NAME: usize = 32;

/// A field that cannot be used: which, what was expected, and what came. It repeats no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The field's path, such as `UPSTREAMS.tickets.era`.
    pub field: String,
    /// What it must be.
    pub expected: String,
    /// What it is, where that may be shown.
    pub got: Option<String>,
}

impl ConfigError {
    pub(super) fn new(field: &str, expected: impl Into<String>, got: Option<String>) -> Self {
        Self { field: field.to_owned(), expected: expected.into(), got }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.field, self.expected)?;
        match &self.got {
            Some(got) => write!(f, "; got {got}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The path of a field below another.
pub(super) fn below(at: &str, name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(plain) {
        format!("{at}.{name}")
    } else {
        format!("{at}.{}", shown_text(name, MAX_NAME))
    }
}

/// A value as a message shows it.
pub(super) fn shown(raw: &RawValue) -> String {
    match raw.get().as_bytes().first() {
        Some(b'{' | b'[') => kind_of(raw).to_owned(),
        Some(b'"') => shown_text(&mcp_protocol::raw::string(raw).unwrap_or_default(), MAX_SHOWN),
        _ => text::cut(raw.get(), MAX_SHOWN),
    }
}

/// The same of a value that may be secret.
pub(super) fn kind_of(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// A text in quotation marks.
pub(super) fn shown_text(plain: &str, most: usize) -> String {
    format!("\"{}\"", text::quote(plain, most))
}

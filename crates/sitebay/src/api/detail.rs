//! The service's own explanation of an error: FastAPI's `{"detail": …}`, or the body as text.
//!
//! Invariant: the `input` of a validation error is never kept, it may be a password.

use std::fmt;

use catalogue::render::cut;
use serde_json::Value;

/// Most characters of foreign text that are shown.
const EXCERPT: usize = 200;
/// Most characters of the service's own explanation that are shown.
const EXPLANATION: usize = 2_000;

/// The explanation in an error's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// None, or an empty one.
    None,
    /// A text.
    Text(String),
    /// One entry per field: where, and what is wrong (status 422).
    Fields(Vec<(String, String)>),
}

impl Detail {
    /// Reads an error's body.
    pub fn of_json(body: &Value) -> Self {
        let Value::Object(map) = body else {
            return Self::of_value(body);
        };
        let known = ["detail", "message", "error", "errors"];
        match known.iter().find_map(|key| map.get(*key)) {
            Some(value) => Self::of_value(value),
            None => Self::text(&body.to_string(), EXCERPT),
        }
    }

    /// Reads an error's body that is not JSON.
    pub fn of_text(body: &str) -> Self {
        Self::text(&excerpt(body), EXCERPT)
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::String(text) => Self::text(text, EXPLANATION),
            Value::Array(entries) => Self::of_entries(entries),
            Value::Object(map) => match map.get("message").or_else(|| map.get("msg")) {
                Some(Value::String(text)) => Self::text(text, EXPLANATION),
                _ => Self::text(&value.to_string(), EXPLANATION),
            },
            other => Self::text(&other.to_string(), EXPLANATION),
        }
    }

    fn of_entries(entries: &[Value]) -> Self {
        let fields: Vec<_> = entries.iter().filter_map(field).collect();
        if fields.is_empty() || fields.len() < entries.len() {
            let texts: Vec<_> = entries.iter().map(without_input).collect();
            return Self::text(&texts.join("; "), EXPLANATION);
        }
        Self::Fields(fields)
    }

    fn text(text: &str, most: usize) -> Self {
        let text = cut(text.trim(), most);
        if text.is_empty() { Self::None } else { Self::Text(text) }
    }

    /// Whether it is this text and nothing else.
    pub fn is(&self, expected: &str) -> bool {
        matches!(self, Self::Text(text) if text == expected)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no explanation was given"),
            Self::Text(text) => f.write_str(text),
            Self::Fields(fields) => {
                let lines: Vec<_> = fields.iter().map(|(at, msg)| format!("{at}: {msg}")).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

/// `{loc: ["body", "team_id"], msg: "Field required"}` as `("body.team_id", "Field required")`.
fn field(entry: &Value) -> Option<(String, String)> {
    let message = cut(entry.get("msg")?.as_str()?, EXPLANATION);
    let parts = entry.get("loc")?.as_array()?.iter().map(|part| match part {
        Value::String(name) => name.clone(),
        other => other.to_string(),
    });
    Some((parts.collect::<Vec<_>>().join("."), message))
}

fn without_input(entry: &Value) -> String {
    let mut entry = entry.clone();
    if let Some(map) = entry.as_object_mut() {
        map.remove("input");
        map.remove("ctx");
    }
    entry.as_str().map_or_else(|| entry.to_string(), str::to_owned)
}

/// The beginning of a text, or of a page without its tags, scripts and styles.
pub(crate) fn excerpt(body: &str) -> String {
    let page = body.trim_start().starts_with('<');
    let text = if page { without_tags(body) } else { body.to_owned() };
    let words: Vec<&str> = text.split_whitespace().collect();
    cut(&words.join(" "), EXCERPT)
}

fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = after_tag(tag);
    }
    text.push_str(rest);
    text
}

/// The text after a tag; after a script, a style or a comment, the text behind its end.
fn after_tag(tag: &str) -> &str {
    let starts = |name: &str| tag.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name));
    let end = match () {
        () if starts("script") => "</script>",
        () if starts("style") => "</style>",
        () if starts("!--") => "-->",
        () => ">",
    };
    match tag.to_ascii_lowercase().find(end) {
        Some(at) => tag.get(at.saturating_add(end.len())..).unwrap_or_default(),
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> String {
        match serde_json::from_str(body) {
            Ok(json) => Detail::of_json(&json).to_string(),
            Err(_) => Detail::of_text(body).to_string(),
        }
    }

    #[test]
    fn a_validation_error_is_one_line_per_field_without_its_input() {
        let text = read(
            r#"{"detail":[
            {"loc":["body","team_id"],"msg":"Field required","type":"missing","input":"hunter2"},
            {"loc":["body","sites",0],"msg":"Too short","type":"x"}]}"#,
        );
        assert_eq!(text, "body.team_id: Field required\nbody.sites.0: Too short");
        let odd = read(r#"{"detail":[{"msg":"no loc","input":"hunter2"}]}"#);
        assert!(!odd.contains("hunter2"), "{odd}");
    }

    #[test]
    fn every_other_body_becomes_a_text() {
        for (body, text) in [
            (r#"{"detail":"Site is busy"}"#, "Site is busy"),
            (r#"{"message":"No"}"#, "No"),
            (r#"{"detail":{"msg":"Inner"}}"#, "Inner"),
            (r#""plain""#, "plain"),
            ("", "no explanation was given"),
            (r#"{"detail":null}"#, "no explanation was given"),
            (
                "<html><style>p{}</style><h1>502</h1>Bad <b>Gateway</b><script>x()</script>",
                "502 Bad Gateway",
            ),
        ] {
            assert_eq!(read(body), text, "{body}");
        }
    }

    #[test]
    fn foreign_text_is_cut_at_a_character() {
        let long = excerpt(&"é".repeat(500));
        assert_eq!(long.chars().count(), EXCERPT + 1);
        assert!(long.ends_with('…'));
        assert_eq!(excerpt("<!-- never closed"), "");
        assert_eq!(excerpt("{\"broken\": "), "{\"broken\":");
    }
}

//! Descriptions and titles of upstreams, which models and people read.
//!
//! Invariant: control characters other than line ends and tabs, characters that turn or hide text, and what is longer than
//! 8 KiB are taken out of `description` and `title`, at every level of a definition. Every other byte stays.

use std::borrow::Cow;

use mcp_protocol::{
    bytes::cut_text,
    fields::entries,
    raw::{self, elements},
    splice::Splice,
};
use serde_json::{Error, value::RawValue};

use crate::text::is_hidden;

/// Bytes that a description may have.
pub const MAX_DESCRIPTION: usize = 8 << 10;
/// Fields of a schema that hold an object whose keys are names that the upstream chose, and no fields.
const OF_NAMES: [&str; 6] =
    ["properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"];
/// The mark of a text that was cut.
const CUT: &str = "\u{2026}";

/// Whether descriptions of an upstream are cleaned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Descriptions {
    /// They are.
    #[default]
    Clean,
    /// They are passed on as the upstream sent them.
    Raw,
}

impl Descriptions {
    /// The words for them in the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("clean", Self::Clean), ("raw", Self::Raw)];

    /// The word for it in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Raw => "raw",
        }
    }
}

/// A definition with clean descriptions. It must not be deeper than the caller's stack allows.
///
/// # Errors
/// Where an object in it cannot be read.
pub fn clean(definition: &str) -> Result<Cow<'_, str>, Error> {
    if is_surely_clean(definition) {
        return Ok(Cow::Borrowed(definition));
    }
    let mut splice = Splice::new(definition);
    walk(&mut splice, definition)?;
    Ok(splice.end())
}

/// Whether there is nothing to take out, as a look at the characters tells.
fn is_surely_clean(definition: &str) -> bool {
    let odd = |c: char| (c.is_control() && !c.is_ascii_whitespace()) || is_hidden(c);
    definition.len() <= MAX_DESCRIPTION
        && !["\\u", "\\b", "\\f"].iter().any(|escape| definition.contains(escape))
        && !definition.contains(odd)
}

fn walk(splice: &mut Splice<'_>, object: &str) -> Result<(), Error> {
    for (name, value) in entries(object)? {
        match name.as_str() {
            name if is_read(name, value) => clean_text(splice, value),
            // These are values of arguments, and no one's description.
            "default" | "const" | "enum" | "examples" | "_meta" => {}
            name if OF_NAMES.contains(&name) && value.get().starts_with('{') => {
                walk_named(splice, value.get())?;
            }
            _ => step(splice, value)?,
        }
    }
    Ok(())
}

/// The same for an object whose keys are names: a property may be called `default`.
fn walk_named(splice: &mut Splice<'_>, object: &str) -> Result<(), Error> {
    for (name, value) in entries(object)? {
        match is_read(&name, value) {
            true => clean_text(splice, value),
            false => step(splice, value)?,
        }
    }
    Ok(())
}

fn is_read(name: &str, value: &RawValue) -> bool {
    matches!(name, "description" | "title") && value.get().starts_with('"')
}

fn step(splice: &mut Splice<'_>, value: &RawValue) -> Result<(), Error> {
    match value.get().as_bytes().first() {
        Some(b'{') => walk(splice, value.get()),
        Some(b'[') => {
            elements(value.get())?.into_iter().try_for_each(|element| step(splice, element))
        }
        _ => Ok(()),
    }
}

fn clean_text(splice: &mut Splice<'_>, value: &RawValue) {
    let Some(text) = raw::text(value) else {
        return;
    };
    let keep = |c: &char| !is_hidden(*c) && (!c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    let mut kept: String = text.chars().filter(keep).collect();
    if kept.len() > MAX_DESCRIPTION {
        let most = MAX_DESCRIPTION.saturating_sub(CUT.len());
        kept = [cut_text(&kept, most), CUT].concat();
    }
    if kept != text {
        splice.replace_text(value, &kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_control_characters_are_taken_out_at_every_level() {
        let sent = "{\"name\":\"a\",\"description\" : \"a\\u001b[1mb\u{202e}c\\n\\td\\u202e\",\"title\":\"\\b\u{e0041}x\u{85}\", \
                    \"n\":1e400,\"inputSchema\":{\"properties\":{\"description\":{\"title\":\"y\u{2066}\"},\
                    \"z\":{\"anyOf\":[{\"description\":\"\\f\"}],\"default\":{\"title\":\"\u{202e}\"},\"enum\":[{\"title\":\"\\b\"}]}}}}";
        let clean_one = "{\"name\":\"a\",\"description\" : \"a[1mbc\\n\\td\",\"title\":\"x\", \
                    \"n\":1e400,\"inputSchema\":{\"properties\":{\"description\":{\"title\":\"y\"},\
                    \"z\":{\"anyOf\":[{\"description\":\"\"}],\"default\":{\"title\":\"\u{202e}\"},\"enum\":[{\"title\":\"\\b\"}]}}}}";
        assert_eq!(clean(sent).unwrap(), clean_one);
        assert!(matches!(clean(clean_one).unwrap(), Cow::Owned(_) | Cow::Borrowed(_)));
        assert_eq!(clean(clean_one).unwrap(), clean_one);
    }

    #[test]
    fn a_property_is_no_hiding_place_whatever_its_name() {
        let hides = r#"{"title":"\u202e","properties":{"enum":{"description":"\b"}},"default":{"title":"\b"}}"#;
        let clean_one =
            r#"{"title":"","properties":{"enum":{"description":""}},"default":{"title":"\b"}}"#;
        for of_names in OF_NAMES {
            for name in ["default", "const", "enum", "examples", "_meta", "description", "title"] {
                let schema = |inner: &str| {
                    format!(r#"{{"inputSchema":{{"{of_names}":{{"{name}":{inner},"n":true}}}}}}"#)
                };
                assert_eq!(clean(&schema(hides)).unwrap(), schema(clean_one), "{of_names} {name}");
            }
        }
        // A property may have such a name, too.
        let nested = |inner: &str| format!(r#"{{"properties":{{"properties":{inner}}}}}"#);
        assert_eq!(clean(&nested(hides)).unwrap(), nested(clean_one));
        let text = |text: &str| format!(r#"{{"properties":{{"title":"{text}","x":"\b"}}}}"#);
        assert_eq!(clean(&text(r"\b")).unwrap(), text(""));
        assert_eq!(clean(r#"{"properties":["\b"]}"#).unwrap(), r#"{"properties":["\b"]}"#);
    }

    #[test]
    fn a_long_description_is_cut_at_a_character() {
        let sent = format!(r#"{{"description":"{}"}}"#, "\u{fc}".repeat(5_000));
        let [description] = mcp_protocol::fields::fields(&sent, ["description"]).unwrap();
        assert!(description.is_some());
        let cleaned = clean(&sent).unwrap().into_owned();
        let [description] = mcp_protocol::fields::fields(&cleaned, ["description"]).unwrap();
        let text = raw::string(description.unwrap()).unwrap();
        assert!(text.len() <= MAX_DESCRIPTION && text.len() > MAX_DESCRIPTION - 4);
        assert!(text.ends_with("\u{fc}\u{2026}"));
        let fits = format!(r#"{{"description":"{}","x":1}}"#, "x".repeat(MAX_DESCRIPTION));
        assert_eq!(clean(&fits).unwrap(), fits);
    }

    #[test]
    fn what_is_clean_is_not_touched() {
        for text in [
            "{\"description\":\"M\u{fc}ller \\\"x\\\" \\n \u{200f}\u{5d0}\u{200e} \u{1f600}\"}",
            "{\"description\":\"\\u00fc\",\"title\":null,\"x\":\"\u{202e}\"}",
            "{\"description\":[\"\u{202e}\"]}",
        ] {
            assert_eq!(clean(text).unwrap(), text);
        }
        assert!(clean("{\"\\ud800\":{\"description\":\"\u{202e}\"}}").is_err());
    }
}

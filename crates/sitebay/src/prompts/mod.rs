//! The prompts: what people often want of their sites, as a task for the model.
//!
//! Invariant: a prompt is its definition in `prompts.json` and its text in a file of its name; what stands
//! in braces there is an argument.

use serde_json::{Map, Value};

use mcp_protocol::content::{ContentBlock, GetPromptResult};
use mcp_server::registry::PromptError;

/// The definitions, separated by commas, without brackets around them.
static PROMPTS_JSON: &str = include_str!("prompts.json");
/// The same as a toolset lists it.
pub(super) static LISTED: &[&str] = &[PROMPTS_JSON];

/// Characters that an argument may have.
const MAX_ARGUMENT: usize = 2_000;

/// A prompt: its arguments, whether each is required, and its text.
struct Prompt {
    name: &'static str,
    arguments: &'static [(&'static str, bool)],
    text: &'static str,
}

static PROMPTS: [Prompt; 5] = [
    Prompt {
        name: "manage-site",
        arguments: &[("fqdn", true)],
        text: include_str!("manage-site.md"),
    },
    Prompt {
        name: "setup-new-site",
        arguments: &[("fqdn", true), ("purpose", false)],
        text: include_str!("setup-new-site.md"),
    },
    Prompt {
        name: "diagnose-site",
        arguments: &[("fqdn", true), ("symptom", false)],
        text: include_str!("diagnose-site.md"),
    },
    Prompt {
        name: "safe-update",
        arguments: &[("fqdn", true), ("change", true)],
        text: include_str!("safe-update.md"),
    },
    Prompt {
        name: "launch-checklist",
        arguments: &[("fqdn", true), ("domain", false)],
        text: include_str!("launch-checklist.md"),
    },
];

/// Whether there is a prompt of this name, and an argument of it.
pub(super) fn has_argument(prompt: &str, argument: &str) -> Option<bool> {
    let prompt = PROMPTS.iter().find(|known| known.name == prompt)?;
    Some(prompt.arguments.iter().any(|(name, _)| *name == argument))
}

/// Makes a prompt.
pub(crate) fn prompt(
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<GetPromptResult, PromptError> {
    let prompt = PROMPTS.iter().find(|known| known.name == name).ok_or(PromptError::NotFound)?;
    prompt.fill(arguments)
}

impl Prompt {
    fn fill(&self, arguments: &Map<String, Value>) -> Result<GetPromptResult, PromptError> {
        if let Some(unknown) = arguments.keys().find(|name| !self.takes(name)) {
            return Err(PromptError::Arguments(format!("`{unknown}`: there is no such argument")));
        }
        let mut text = self.text.to_owned();
        for (name, required) in self.arguments {
            let value = match arguments.get(*name) {
                Some(Value::String(value)) if value.chars().count() > MAX_ARGUMENT => {
                    let why = format!("`{name}`: expected at most {MAX_ARGUMENT} characters");
                    return Err(PromptError::Arguments(why));
                }
                Some(Value::String(value)) if !value.trim().is_empty() => value.trim(),
                Some(Value::String(_) | Value::Null) | None if !required => "not said: ask",
                _ => return Err(PromptError::Arguments(format!("`{name}`: expected a text"))),
            };
            text = text.replace(&format!("{{{name}}}"), value);
        }
        Ok(GetPromptResult::of_user([ContentBlock::text(text.trim_end())]))
    }

    fn takes(&self, argument: &str) -> bool {
        self.arguments.iter().any(|(name, _)| *name == argument)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operations;

    fn made(name: &str, arguments: Value) -> Result<String, PromptError> {
        let result = prompt(name, arguments.as_object().unwrap())?;
        match &result.messages[0].content {
            ContentBlock::Text { text } => Ok(text.clone()),
            other => panic!("not a text: {other:?}"),
        }
    }

    #[test]
    fn definitions_and_texts_name_the_same_arguments() {
        let defined: Vec<Value> = serde_json::from_str(&format!("[{PROMPTS_JSON}]")).unwrap();
        assert_eq!(defined.len(), PROMPTS.len());
        for (defined, prompt) in defined.iter().zip(&PROMPTS) {
            assert_eq!(defined["name"], prompt.name);
            let arguments: Vec<(&str, bool)> = defined["arguments"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| (one["name"].as_str().unwrap(), one["required"] == true))
                .collect();
            assert_eq!(arguments, prompt.arguments);
            for (name, _) in prompt.arguments {
                assert!(prompt.text.contains(&format!("{{{name}}}")), "{}: {name}", prompt.name);
            }
            assert_eq!(prompt.text.matches('{').count(), prompt.arguments.len(), "{}", prompt.name);
        }
    }

    #[test]
    fn arguments_stand_in_the_text() {
        let arguments = json!({ "fqdn": "www.example.org", "change": "{fqdn} gets a new theme" });
        let text = made("safe-update", arguments).unwrap();
        assert!(text.contains("site www.example.org on"), "{text}");
        let text = made("diagnose-site", json!({ "fqdn": "www.example.org" })).unwrap();
        assert!(text.contains("not said: ask"), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (arguments, what) in [
            (json!({}), "`fqdn`"),
            (json!({ "fqdn": " " }), "`fqdn`"),
            (json!({ "fqdn": 1 }), "`fqdn`"),
            (json!({ "fqdn": "x".repeat(2_001) }), "2000"),
            (json!({ "fqdn": "a.org", "site": "b" }), "`site`"),
        ] {
            let Err(PromptError::Arguments(why)) = made("manage-site", arguments) else {
                panic!("should be refused")
            };
            assert!(why.contains(what), "{why}");
        }
        assert!(matches!(prompt("no-such-prompt", &Map::new()), Err(PromptError::NotFound)));
    }

    #[test]
    fn every_tool_that_a_text_names_is_there() {
        for prompt in &PROMPTS {
            for word in prompt.text.split(|c: char| !c.is_alphanumeric() && c != '_') {
                let known = || operations::find(word).is_some();
                assert!(!word.starts_with("sitebay_") || known(), "{}: {word}", prompt.name);
            }
        }
    }
}

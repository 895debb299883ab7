//! The common form of texts that differ in ids, numbers and tokens alone.

use serde_json::Value;

/// The form of a text: JSON by its fields, everything else by its words.
pub(super) fn form(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => form_of(&value),
        _ => words(text),
    }
}

fn form_of(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            // Texts for people may change.
            let shown = |name: &str, value| match name {
                "error_description" => "#".to_owned(),
                _ => form_of(value),
            };
            let mut forms: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}:{}", shown(name, value)))
                .collect();
            forms.sort();
            format!("{{{}}}", forms.join(","))
        }
        Value::Array(all) => {
            let mut forms: Vec<String> = all.iter().map(form_of).collect();
            forms.dedup();
            format!("[{}]", forms.join(","))
        }
        Value::String(text) => form(text),
        Value::Number(_) => "#".to_owned(),
        other => other.to_string(),
    }
}

/// A text with a mark in the place of each word that has a digit or is as long as an id.
pub(super) fn words(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut out = String::new();
    for part in text.split_inclusive(|c| !is_word(c)) {
        let word = part.trim_end_matches(|c| !is_word(c));
        let is_id = word.len() >= 16 || word.chars().any(|c| c.is_ascii_digit());
        out.push_str(if is_id { "#" } else { word });
        out.push_str(&part[word.len()..]);
    }
    out
}

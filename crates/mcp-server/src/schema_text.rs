//! Describes a schema in words, and finds the known name closest to an unknown one.

use serde_json::Value;

use super::arguments::{Bounds, Schema, Type};

/// A description of the valid values, to follow "expected".
pub(super) fn words(schema: &Schema) -> String {
    if let Some(text) = schema.text {
        return text.expected();
    }
    if !schema.choices.is_empty() {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let choices: Vec<String> = schema.choices.iter().map(plain).collect();
        return format!("one of {}", choices.join(", "));
    }
    let types: Vec<String> = schema.types.iter().map(|of| of_type(schema, *of)).collect();
    if types.is_empty() { "another value".to_owned() } else { types.join(" or ") }
}

fn of_type(schema: &Schema, of: Type) -> String {
    match of {
        Type::Null => "null".to_owned(),
        Type::Boolean => "true or false".to_owned(),
        Type::Integer => format!("an integer{}", range(schema)),
        Type::Number => format!("a number{}", range(schema)),
        Type::String => {
            let begins = schema.begins.as_ref().map(|text| format!(" that starts with {text}"));
            format!(
                "a string{}{}",
                begins.unwrap_or_default(),
                lengths(schema.lengths.least, schema.lengths.most)
            )
        }
        Type::Array => format!("an array{}{}", items(schema), counts(schema.counts)),
        Type::Object => "a JSON object".to_owned(),
    }
}

fn items(schema: &Schema) -> String {
    let Some(of) = &schema.items else {
        return String::new();
    };
    match of.types.as_slice() {
        [Type::Object] if !of.properties.is_empty() => {
            let names: Vec<&str> = of.properties.iter().map(|(name, _)| name.as_str()).collect();
            format!(" of objects with {}", names.join(" and "))
        }
        [Type::Object] => " of objects".to_owned(),
        [Type::String] => " of strings".to_owned(),
        [Type::Integer] => " of integers".to_owned(),
        [Type::Number] => " of numbers".to_owned(),
        _ => String::new(),
    }
}

fn counts(bounds: Bounds) -> String {
    match (bounds.least, bounds.most) {
        (None, None) => String::new(),
        (Some(1), None) => " that is not empty".to_owned(),
        (Some(least), None) => format!(" with at least {least} items"),
        (None, Some(most)) => format!(" with at most {most} items"),
        (Some(least), Some(most)) => format!(" with {least} to {most} items"),
    }
}

/// The lengths that a text may have, in words.
pub fn lengths(least: Option<usize>, most: Option<usize>) -> String {
    match (least, most) {
        (None, None) => String::new(),
        (Some(1), None) => " that is not empty".to_owned(),
        (Some(least), None) => format!(" of at least {least} characters"),
        (None, Some(most)) => format!(" of at most {most} characters"),
        (Some(least), Some(most)) => format!(" of {least} to {most} characters"),
    }
}

fn range(schema: &Schema) -> String {
    match (schema.minimum, schema.maximum) {
        (None, None) => String::new(),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
    }
}

/// The known name with the fewest changes, if that is at most half of it.
pub(super) fn nearest<'a>(known: &[&'a str], name: &str) -> Option<&'a str> {
    let each = known.iter().map(|known| (distance(known, name), *known));
    let (changes, near) = each.min_by_key(|(changes, _)| *changes)?;
    (changes.saturating_mul(2) <= near.len()).then_some(near)
}

/// Levenshtein distance, row by row, of names cut to a sane length.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, left) in a.chars().take(64).enumerate() {
        let mut diagonal = at;
        let mut before = at.saturating_add(1);
        let mut next = vec![before];
        for (right, above) in b.iter().zip(row.iter().skip(1)) {
            let change = diagonal.saturating_add(usize::from(left != *right));
            before = change.min(above.saturating_add(1)).min(before.saturating_add(1));
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

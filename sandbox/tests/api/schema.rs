//! As much of JSON Schema as the contract uses.

use serde_json::Value;
use uuid::Uuid;

/// Gathers where `value` departs from `schema`; `root` is the document references point into.
pub(crate) fn check(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let pointer = target.strip_prefix('#').unwrap();
        let target = root.pointer(pointer).unwrap();
        return check(root, target, value, at, out);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = |choice: &Value| {
            let mut errors = Vec::new();
            check(root, choice, value, at, &mut errors);
            errors.is_empty()
        };
        if !choices.iter().any(fits) {
            out.push(format!("{at}: {value} fits none of its types"));
        }
        return;
    }
    let right = match schema["type"].as_str() {
        None => true,
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("the contract uses the type {other}"),
    };
    if !right {
        out.push(format!("{at}: {value} is no {}", schema["type"]));
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        out.push(format!("{at}: {value} is none of the words allowed"));
    }
    check_text(schema, value, at, out);
    check_number(schema, value, at, out);
    if let Some(entries) = value.as_array() {
        for (index, entry) in entries.iter().enumerate() {
            check(root, &schema["items"], entry, &format!("{at}[{index}]"), out);
        }
    }
    check_object(root, schema, value, at, out);
}

fn check_text(schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let (Some(text), Some(format)) = (value.as_str(), schema["format"].as_str()) else {
        return;
    };
    let right = match format {
        "uuid" => Uuid::parse_str(text).is_ok(),
        "uuid4" => Uuid::parse_str(text).is_ok_and(|id| id.get_version_num() == 4),
        "date-time" => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        "email" => text.contains('@'),
        "uri" => text.starts_with("https://"),
        other => panic!("the contract uses the format {other}"),
    };
    if !right {
        out.push(format!("{at}: {text} is no {format}"));
    }
}

fn check_number(schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        out.push(format!("{at}: {number} is less than {least}"));
    }
    if let (Some(most), Some(number)) = (schema["maximum"].as_f64(), value.as_f64())
        && number > most
    {
        out.push(format!("{at}: {number} is more than {most}"));
    }
}

fn check_object(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let Some(fields) = value.as_object() else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if !fields.contains_key(name) {
            out.push(format!("{at}: {name} is missing"));
        }
    }
    let Some(known) = schema["properties"].as_object() else {
        let others = &schema["additionalProperties"];
        if others.is_object() {
            for (name, field) in fields {
                check(root, others, field, &format!("{at}.{name}"), out);
            }
        }
        return;
    };
    // The sandbox promises every field, those the contract leaves open included, and no others.
    for name in known.keys().filter(|name| !fields.contains_key(*name)) {
        out.push(format!("{at}: {name} is left out"));
    }
    for (name, field) in fields {
        match known.get(name) {
            Some(schema) => check(root, schema, field, &format!("{at}.{name}"), out),
            None => out.push(format!("{at}: {name} is not in the contract")),
        }
    }
}

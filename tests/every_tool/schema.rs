//! The output schemas of tools, as far as they go: what fits, and values that do or do not.

use serde_json::{Value, json};

/// Whether a tool shows a list.
pub fn lists(output: &Value) -> bool {
    output["properties"]["truncated"].is_object()
}

/// The fields of the record that a tool shows, or of each in its list.
pub fn record(output: &Value) -> &Value {
    let (properties, lists) = (&output["properties"], lists(output));
    let mut values = properties.as_object().unwrap().iter();
    let items =
        values.find(|(name, of)| lists && name.as_str() != "warnings" && of["items"].is_object());
    items.map_or(properties, |(_, of)| &of["items"]["properties"])
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A value that fits.
pub fn right(schema: &Value) -> Value {
    match types(schema).first() {
        Some(&"string") => json!("a b"),
        Some(&"boolean") => json!(true),
        Some(&("integer" | "number")) => json!(7),
        Some(&"array") => json!(["a"]),
        _ => json!({}),
    }
}

/// A value that does not.
pub fn wrong(schema: &Value) -> Value {
    match types(schema).first() {
        Some(&"string") => json!(7),
        Some(&"boolean") => json!("yes"),
        Some(&("integer" | "number")) => json!([1]),
        Some(&"array") => json!({ "a": 1 }),
        _ => json!([[]]),
    }
}

/// Checks what clients check before they accept structured content.
#[track_caller]
pub fn assert_fits(schema: &Value, value: &Value, at: &str) {
    let types = types(schema);
    assert!(types.is_empty() || types.iter().any(|name| is_of(name, value)), "{at}: {value}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at}: {name} is missing");
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            assert_fits(inner, value, &format!("{at}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        assert_fits(&schema["items"], item, &format!("{at}[]"));
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

//! Checking what a person filled in against the schema of the form.
//!
//! Invariant: what passes has the declared fields and no others, each of the declared type. The
//! schema is the flat subset that forms have; `format` is for the client's input fields and is not
//! checked. Source: MCP `client/elicitation` "Requested Schema"; the schema's
//! `PrimitiveSchemaDefinition`.
//!
//! This is our own code because a form is such a small subset of JSON Schema: the crate `jsonschema` would add
//! 625 KB (gzip) to a bundle of 546 KiB.

use serde_json::{Map, Value};
use thiserror::Error;

/// An invalid value in an elicitation form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{field}` {problem}")]
pub struct FormError {
    /// The field.
    pub field: String,
    /// The problem, in words.
    pub problem: String,
}

/// The declared fields of `content`, checked. What is `null` counts as left out.
///
/// # Errors
/// When a required field is missing, or a field is not what the schema says.
pub fn validate(
    schema: &Value,
    content: &Map<String, Value>,
) -> Result<Map<String, Value>, FormError> {
    let given = |name: &str| content.get(name).filter(|value| !value.is_null());
    let fault = |field: &str, problem: String| FormError { field: field.to_owned(), problem };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        given(name).ok_or_else(|| fault(name, "is required".into()))?;
    }
    let mut fields = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    for (name, schema) in properties {
        if let Some(value) = given(name) {
            check(schema, value).map_err(|problem| fault(name, problem))?;
            fields.insert(name.clone(), value.clone());
        }
    }
    Ok(fields)
}

fn check(schema: &Value, value: &Value) -> Result<(), String> {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => string(schema, value),
        Some("number") => number(schema, value),
        Some("integer") if !is_whole(value) => Err("must be an integer".into()),
        Some("integer") => number(schema, value),
        Some("boolean") if !value.is_boolean() => Err("must be true or false".into()),
        Some("array") => choices(schema, value),
        _ => Ok(()),
    }
}

/// JSON does not tell 1 from 1.0.
fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn string(schema: &Value, value: &Value) -> Result<(), String> {
    let text = value.as_str().ok_or("must be a string")?;
    if let Some(options) = options(schema, "oneOf") {
        return one_of(&options, text);
    }
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    within(schema, "minLength", "maxLength", length, "characters")
}

fn number(schema: &Value, value: &Value) -> Result<(), String> {
    let number = value.as_f64().ok_or("must be a number")?;
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    match (limit("minimum"), limit("maximum")) {
        (Some(least), _) if number < least => Err(format!("must be at least {least}")),
        (_, Some(most)) if number > most => Err(format!("must be at most {most}")),
        _ => Ok(()),
    }
}

fn choices(schema: &Value, value: &Value) -> Result<(), String> {
    let chosen = value.as_array().ok_or("must be an array of strings")?;
    let options = schema.get("items").and_then(|items| options(items, "anyOf"));
    for one in chosen {
        let text = one.as_str().ok_or("must be an array of strings")?;
        options.as_ref().map_or(Ok(()), |options| one_of(options, text))?;
    }
    let count = u64::try_from(chosen.len()).unwrap_or(u64::MAX);
    within(schema, "minItems", "maxItems", count, "choices")
}

fn within(schema: &Value, min: &str, max: &str, count: u64, of: &str) -> Result<(), String> {
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
    match (limit(min), limit(max)) {
        (Some(least), _) if count < least => Err(format!("must have at least {least} {of}")),
        (_, Some(most)) if count > most => Err(format!("must have at most {most} {of}")),
        _ => Ok(()),
    }
}

/// The values to choose from: `enum`, or the `const` of each titled one. None: any.
fn options<'s>(schema: &'s Value, titled: &str) -> Option<Vec<&'s str>> {
    let listed = schema.get("enum").and_then(Value::as_array);
    if let Some(values) = listed {
        return Some(values.iter().filter_map(Value::as_str).collect());
    }
    let titled = schema.get(titled)?.as_array()?;
    Some(titled.iter().filter_map(|option| option.get("const")?.as_str()).collect())
}

fn one_of(options: &[&str], text: &str) -> Result<(), String> {
    if options.contains(&text) {
        return Ok(());
    }
    Err(format!("must be one of {}", options.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Examples;

    /// A form with one field, and what is wrong with a value of it.
    fn fault(field: &Value, value: &Value) -> Option<String> {
        let schema = json!({ "type": "object", "properties": { "f": field } });
        let content = Map::from_iter([("f".to_owned(), value.clone())]);
        validate(&schema, &content).err().map(|fault| fault.to_string())
    }

    #[test]
    fn values_of_the_declared_types_pass() {
        for (field, value) in [
            (json!({ "type": "string", "minLength": 2, "maxLength": 2 }), json!("äö")),
            (json!({ "type": "number", "minimum": 1, "maximum": 2 }), json!(1.5)),
            (json!({ "type": "number" }), json!(3)),
            (json!({ "type": "integer" }), json!(3)),
            (json!({ "type": "integer" }), json!(3.0)),
            (json!({ "type": "boolean" }), json!(false)),
            (json!({ "type": "string", "enum": ["a", "b"] }), json!("b")),
            (json!({ "type": "string", "enum": ["a"], "enumNames": ["A"] }), json!("a")),
            (json!({ "type": "string", "oneOf": [{ "const": "a", "title": "A" }] }), json!("a")),
            (json!({ "type": "array", "items": { "enum": ["a", "b"] } }), json!(["a", "b"])),
            (json!({ "type": "array", "items": { "anyOf": [{ "const": "a" }] } }), json!(["a"])),
            (json!({ "type": "array", "maxItems": 0, "items": { "enum": [] } }), json!([])),
            (json!({ "type": "string", "format": "email" }), json!("not checked")),
            (json!({}), json!({})),
        ] {
            assert_eq!(fault(&field, &value), None, "{field} {value}");
        }
    }

    #[test]
    fn every_other_value_is_a_fault_that_names_the_field() {
        for (field, value) in [
            (json!({ "type": "string" }), json!(1)),
            (json!({ "type": "string", "minLength": 3 }), json!("äö")),
            (json!({ "type": "string", "maxLength": 1 }), json!("äö")),
            (json!({ "type": "string", "enum": ["a"] }), json!("A")),
            (json!({ "type": "string", "oneOf": [{ "const": "a", "title": "A" }] }), json!("A")),
            (json!({ "type": "number" }), json!("1")),
            (json!({ "type": "number", "minimum": 2 }), json!(1)),
            (json!({ "type": "number", "maximum": 2 }), json!(3)),
            (json!({ "type": "integer" }), json!(1.5)),
            (json!({ "type": "integer" }), json!("1")),
            (json!({ "type": "integer", "minimum": 2 }), json!(1)),
            (json!({ "type": "boolean" }), json!("true")),
            (json!({ "type": "boolean" }), json!(0)),
            (json!({ "type": "array", "items": { "enum": ["a"] } }), json!("a")),
            (json!({ "type": "array", "items": { "enum": ["a"] } }), json!(["b"])),
            (json!({ "type": "array", "items": { "enum": ["a"] } }), json!([1])),
            (json!({ "type": "array", "items": { "anyOf": [{ "const": "a" }] } }), json!(["b"])),
            (json!({ "type": "array", "minItems": 1, "items": {} }), json!([])),
            (json!({ "type": "array", "maxItems": 1, "items": {} }), json!(["a", "b"])),
        ] {
            let said = fault(&field, &value).unwrap_or_else(|| panic!("{field} {value}"));
            assert!(said.starts_with("`f` must "), "{said}");
        }
    }

    #[test]
    fn a_required_field_must_be_there_and_not_null() {
        let schema = json!({ "properties": { "a": { "type": "string" } }, "required": ["a"] });
        for content in [json!({}), json!({ "a": null }), json!({ "b": "x" })] {
            let fault = validate(&schema, content.as_object().unwrap()).unwrap_err();
            assert_eq!(fault.to_string(), "`a` is required", "{content}");
        }
    }

    #[test]
    fn what_is_not_declared_or_null_is_left_out() {
        let schema =
            json!({ "properties": { "a": { "type": "string" }, "b": { "type": "string" } } });
        let content = json!({ "a": "x", "b": null, "evil": 1 });
        let fields = validate(&schema, content.as_object().unwrap()).unwrap();
        assert_eq!(Value::Object(fields), json!({ "a": "x" }));
    }

    #[test]
    fn the_defaults_in_the_specification_pass_their_own_schemas() {
        let Some(examples) =
            Examples::or_skip("the defaults in the specification pass their own schemas")
        else {
            return;
        };
        for of in [
            "StringSchema",
            "NumberSchema",
            "BooleanSchema",
            "UntitledSingleSelectEnumSchema",
            "TitledSingleSelectEnumSchema",
            "UntitledMultiSelectEnumSchema",
            "TitledMultiSelectEnumSchema",
        ] {
            for (file, schema) in examples.of(of) {
                assert_eq!(fault(&schema, &schema["default"]), None, "{of}/{file}");
            }
        }
    }
}

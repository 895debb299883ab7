//! Makes what a service sent fit the output schema that the tool promised.
//!
//! Invariant: after this every known field has its type or is null, so that clients which
//! validate `structuredContent` never fail; what was set to null is in the warnings.

use serde_json::{Map, Value};

use crate::{
    operation::{Field, FieldKind, Shape},
    redact::PLACEHOLDER,
};
use mcp_server::arguments::type_name;

/// More warnings than this tell nothing new.
pub const MAX_WARNINGS: usize = 20;

/// The items of a list that are objects, each fitting its shape.
pub fn records(
    shape: &Shape,
    items: Vec<Value>,
    name: &str,
    warnings: &mut Vec<String>,
) -> Vec<Map<String, Value>> {
    let mut records = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        match item {
            Value::Object(mut record) => {
                conform(shape, &mut record, &format!("{name}[{at}]."), warnings);
                records.push(record);
            }
            other => warn(warnings, || {
                format!("{name}[{at}] is {}, not an object; it was left out", type_name(&other))
            }),
        }
    }
    records
}

/// Sets to null what does not have its type. `path` is empty or ends with a dot.
pub fn conform(
    shape: &Shape,
    record: &mut Map<String, Value>,
    path: &str,
    warnings: &mut Vec<String>,
) {
    // The name is this server's own; something else of the service's under it would break the schema.
    record.remove("warnings");
    for field in shape.fields {
        let Some(value) = record.get_mut(field.name) else {
            continue;
        };
        let known = match (field.kind, &mut *value) {
            (FieldKind::One(inner), Value::Object(map)) => {
                conform(inner, map, &format!("{path}{}.", field.name), warnings);
                true
            }
            (FieldKind::Many(inner), Value::Array(items)) => {
                let name = format!("{path}{}", field.name);
                let given = std::mem::take(items);
                items.extend(records(inner, given, &name, warnings).into_iter().map(Value::Object));
                true
            }
            _ => fits(field, value),
        };
        if !known {
            warn(warnings, || {
                let (name, got) = (field.name, type_name(value));
                format!("{path}{name} is {got}, not {}; it is null here", expected(field))
            });
            *value = Value::Null;
        }
    }
}

/// Hides the secret fields of a record, before anything else looks at it.
pub fn hide(shape: &Shape, record: &mut Map<String, Value>, reveal: bool) {
    for field in shape.fields {
        let Some(value) = record.get_mut(field.name) else {
            continue;
        };
        if field.secret && !reveal && !value.is_null() {
            *value = Value::from(PLACEHOLDER);
        } else {
            hide_within(field.kind, value, reveal);
        }
    }
}

fn hide_within(kind: FieldKind, value: &mut Value, reveal: bool) {
    match (kind, value) {
        (FieldKind::One(inner), Value::Object(map)) => hide(inner, map, reveal),
        (FieldKind::Many(inner), Value::Array(items)) => {
            items.iter_mut().filter_map(Value::as_object_mut).for_each(|map| {
                hide(inner, map, reveal);
            });
        }
        _ => {}
    }
}

fn warn(warnings: &mut Vec<String>, text: impl FnOnce() -> String) {
    match warnings.len() {
        MAX_WARNINGS => warnings.push("and more of the kind".into()),
        0..MAX_WARNINGS => warnings.push(text()),
        _ => {}
    }
}

fn fits(field: &Field, value: &Value) -> bool {
    match field.kind {
        FieldKind::Any => true,
        _ if value.is_null() => true,
        FieldKind::Text => value.is_string(),
        FieldKind::Flag => value.is_boolean(),
        FieldKind::Integer => is_integer(value),
        FieldKind::Number => value.is_number(),
        FieldKind::Texts => {
            value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
        }
        FieldKind::Objects => {
            value.as_array().is_some_and(|items| items.iter().all(Value::is_object))
        }
        FieldKind::Object | FieldKind::One(_) => value.is_object(),
        FieldKind::Many(_) => value.is_array(),
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn expected(field: &Field) -> &'static str {
    match field.kind {
        FieldKind::Any => "anything",
        FieldKind::Text => "a string",
        FieldKind::Flag => "a boolean",
        FieldKind::Integer => "an integer",
        FieldKind::Number => "a number",
        FieldKind::Texts => "an array of strings",
        FieldKind::Object | FieldKind::One(_) => "an object",
        FieldKind::Objects | FieldKind::Many(_) => "an array of objects",
    }
}

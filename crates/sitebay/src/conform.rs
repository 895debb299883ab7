//! Makes what SiteBay sent fit the output schema that the tool promised.
//!
//! Invariant: after this every known field has its type or is null, so that clients which
//! validate `structuredContent` never fail; what was set to null is in the warnings.

use serde_json::{Map, Value};

use super::catalogue::{Field, FieldKind, Shape};
use crate::api::PLACEHOLDER;
use mcp_server::arguments::type_name;

/// More warnings than this tell nothing new.
const MAX_WARNINGS: usize = 20;

/// The items of a list that are objects, each fitting its shape.
pub(crate) fn records(
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
pub(crate) fn conform(
    shape: &Shape,
    record: &mut Map<String, Value>,
    path: &str,
    warnings: &mut Vec<String>,
) {
    // The name is this server's own; something else of SiteBay's under it would break the schema.
    record.remove("warnings");
    for field in shape.fields {
        let Some(value) = record.get_mut(field.name) else {
            continue;
        };
        if let (FieldKind::One(inner), Value::Object(map)) = (field.kind, &mut *value) {
            conform(inner, map, &format!("{path}{}.", field.name), warnings);
        } else if !fits(field, value) {
            warn(warnings, || {
                let (name, got) = (field.name, type_name(value));
                format!("{path}{name} is {got}, not {}; it is null here", expected(field))
            });
            *value = Value::Null;
        }
    }
}

/// Hides the secret fields of a record, before anything else looks at it.
pub(crate) fn hide(shape: &Shape, record: &mut Map<String, Value>, reveal: bool) {
    for field in shape.fields {
        let Some(value) = record.get_mut(field.name) else {
            continue;
        };
        if field.secret && !reveal && !value.is_null() {
            *value = Value::from(PLACEHOLDER);
        } else if let (FieldKind::One(inner), Value::Object(map)) = (field.kind, value) {
            hide(inner, map, reveal);
        }
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
        FieldKind::Object | FieldKind::One(_) => value.is_object(),
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
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue;

    fn site() -> &'static Shape {
        catalogue::find("sitebay_get_site").unwrap().output
    }

    #[test]
    fn a_field_of_another_type_becomes_null_and_is_told() {
        let mut record = json!({"fqdn": "a.org", "active": "yes", "current_storage": 1.5,
            "tracked_tables": ["a", 1], "site_stage": {"fqdn": 7}, "team": [], "new": {"x": 1},
            "git_url": null, "current_cycle_visits": 3.0, "warnings": 1});
        let mut warnings = Vec::new();
        conform(site(), record.as_object_mut().unwrap(), "", &mut warnings);
        assert_eq!(
            record,
            json!({"fqdn": "a.org", "active": null, "current_storage": null,
                "tracked_tables": null, "site_stage": {"fqdn": null}, "team": null,
                "new": {"x": 1}, "git_url": null, "current_cycle_visits": 3.0})
        );
        assert!(warnings.contains(&"active is a string, not a boolean; it is null here".into()));
        assert!(warnings.iter().any(|line| line.starts_with("site_stage.fqdn is a number")));
        assert_eq!(warnings.len(), 5);
    }

    #[test]
    fn secret_fields_are_hidden_unless_asked_for() {
        let cookie = catalogue::find("sitebay_browser_admin_cookie").unwrap().output;
        let given = json!({"name": "n", "value": {"odd": "secret"}, "domain": null});
        for (reveal, shown) in [(false, json!("[redacted]")), (true, given["value"].clone())] {
            let mut record = given.clone();
            hide(cookie, record.as_object_mut().unwrap(), reveal);
            assert_eq!(record, json!({"name": "n", "value": shown, "domain": null}));
        }
    }

    #[test]
    fn what_is_no_object_is_left_out_of_a_list_and_warnings_end() {
        let mut warnings = Vec::new();
        let items = (0..50).map(|_| json!("page")).chain([json!({"fqdn": "a.org"})]).collect();
        let records = records(site(), items, "sites", &mut warnings);
        assert_eq!(records.len(), 1);
        assert_eq!(warnings.len(), MAX_WARNINGS + 1);
        assert_eq!(warnings[0], "sites[0] is a string, not an object; it was left out");
    }
}

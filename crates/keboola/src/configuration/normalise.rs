//! Empty objects, which Storage returns as `[]`.
//!
//! Keboola keeps configurations as arrays of PHP, in which an empty object and an empty array are the same. Only
//! what is known to be an object becomes one again; inside of parameters nobody can know.

use serde_json::{Map, Value};

/// The members of a configuration that are objects.
const OBJECTS: [&str; 5] = ["parameters", "storage", "processors", "runtime", "authorization"];

/// Makes `{}` of an empty array, and of nothing.
pub fn to_object(value: &mut Value) {
    if value.is_null() || value.as_array().is_some_and(Vec::is_empty) {
        *value = Value::Object(Map::new());
    }
}

/// The value as an object; empty for an empty array. None for anything else.
pub fn into_object(mut value: Value) -> Option<Map<String, Value>> {
    to_object(&mut value);
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Puts a configuration in order: the value of `configuration` in an answer of Storage.
pub fn configuration(configuration: &mut Value) {
    to_object(configuration);
    for name in OBJECTS {
        if let Some(member) = configuration.get_mut(name) {
            to_object(member);
        }
    }
    for direction in ["input", "output"] {
        if let Some(mapping) =
            configuration.get_mut("storage").and_then(|all| all.get_mut(direction))
        {
            to_object(mapping);
        }
    }
}

/// Puts an answer of Storage in order: a configuration with its rows, or one row.
pub fn answer(answer: &mut Value) {
    for name in ["configuration", "state"] {
        match answer.get_mut(name) {
            Some(member) if name == "configuration" => configuration(member),
            Some(member) => to_object(member),
            None => {}
        }
    }
    if let Some(Value::Array(rows)) = answer.get_mut("rows") {
        rows.iter_mut().for_each(self::answer);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_arrays_become_objects_where_objects_are_meant() {
        let mut given = json!({
            "id": "1",
            "configuration": { "parameters": [], "storage": { "input": [], "output": { "tables": [] } }, "processors": [] },
            "state": [],
            "rowsSortOrder": [],
            "rows": [{ "id": "2", "configuration": [], "state": [] }],
        });
        answer(&mut given);
        let expected = json!({
            "id": "1",
            "configuration": { "parameters": {}, "storage": { "input": {}, "output": { "tables": [] } }, "processors": {} },
            "state": {},
            "rowsSortOrder": [],
            "rows": [{ "id": "2", "configuration": {}, "state": {} }],
        });
        assert_eq!(given, expected);
    }

    #[test]
    fn other_values_stay() {
        let full = json!({ "configuration": { "parameters": { "list": [] }, "storage": [1] } });
        let mut given = full.clone();
        answer(&mut given);
        assert_eq!(given, full);
        assert_eq!(into_object(json!([1])), None);
        assert_eq!(into_object(json!(null)), Some(Map::new()));
    }
}

//! Values that do not fit a parameter, from what its schema says.

use serde_json::{Value, json};

/// Calls of a tool, each with one thing wrong in its arguments and the name of that.
pub fn calls(schema: &Value, right: &Value) -> Vec<(String, Value)> {
    let mut calls = Vec::new();
    let with = |name: &str, value: Value| {
        let mut arguments = right.clone();
        arguments[name] = value;
        (name.to_owned(), arguments)
    };
    for (name, of) in schema["properties"].as_object().expect("properties") {
        calls.extend(values(of).into_iter().map(|value| with(name, value)));
        calls.push(with(&format!("{name}_"), json!("a")));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let mut less = right.clone();
        less.as_object_mut().unwrap().remove(name.as_str().unwrap());
        calls.push((name.as_str().unwrap().to_owned(), less));
    }
    calls.push(with("nothing_of_the_kind", json!(1)));
    calls
}

/// Values that do not fit; none for a parameter that takes any.
fn values(schema: &Value) -> Vec<Value> {
    match schema["type"].as_str().unwrap_or_default() {
        "string" => texts(schema),
        "integer" => numbers(schema),
        "boolean" => vec![json!("true"), json!("yes"), json!(1), json!(0), json!([])],
        "array" => lists(schema),
        "object" => vec![json!("{}"), json!(7), json!(true), json!([{}])],
        _ => Vec::new(),
    }
}

fn texts(schema: &Value) -> Vec<Value> {
    let mut wrong = vec![json!(7), json!(true), json!(["a"]), json!({ "a": "b" })];
    if let Some(most) = schema["maxLength"].as_u64() {
        wrong.push(json!("a".repeat(usize::try_from(most).unwrap() + 1)));
    }
    if schema["minLength"].as_u64().is_some() {
        wrong.push(json!(""));
    }
    if schema["enum"].is_array() {
        wrong.push(json!("nothing of the kind"));
    }
    wrong
}

fn numbers(schema: &Value) -> Vec<Value> {
    let mut wrong = vec![json!("5"), json!(1.5), json!(true), json!([1])];
    if let Some(least) = schema["minimum"].as_i64() {
        wrong.push(json!(least - 1));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        wrong.extend([json!(most + 1), json!(i64::MAX)]);
    }
    wrong
}

fn lists(schema: &Value) -> Vec<Value> {
    let mut wrong = vec![json!("a"), json!({}), json!(7)];
    if schema["minItems"].as_u64().is_some() {
        wrong.push(json!([]));
    }
    let item = &schema["items"];
    if item["type"] == "string" {
        wrong.extend([json!([7]), json!([null]), json!([["a"]])]);
        if let (Some(most), Value::Null) = (schema["maxItems"].as_u64(), &item["enum"]) {
            wrong.push((0..=most).map(|number| number.to_string()).collect());
        }
    }
    if item["properties"].is_object() {
        wrong.extend([json!(["a"]), json!([{ "nothing_of_the_kind": 1 }])]);
    }
    wrong
}

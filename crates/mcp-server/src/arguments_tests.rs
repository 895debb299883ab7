use serde_json::{json, value::to_raw_value};

use super::*;

fn problems(schema: Value, arguments: Value) -> Vec<String> {
    let raw = to_raw_value(&arguments).unwrap();
    Schema::read(&schema).check(Some(&raw)).err().map(Problems::lines).unwrap_or_default()
}

/// The one line about a parameter `p` with this schema.
fn line(schema: Value, value: Value) -> String {
    let mut lines = problems(json!({ "properties": { "p": schema } }), json!({ "p": value }));
    assert!(lines.len() < 2, "{lines:?}");
    lines.pop().unwrap_or_default()
}

#[test]
fn a_wrong_value_is_named_with_what_was_expected_and_what_came() {
    let least = json!({ "type": "integer", "minimum": 1 });
    let range = json!({ "type": "number", "minimum": 0, "maximum": 1.5 });
    let texts = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    let path = json!({ "type": "string", "pattern": "^/" });
    for (schema, value, told) in [
        (&least, json!("two"), "an integer of at least 1; got the string \"two\""),
        (&least, json!(0), "an integer of at least 1; got the number 0"),
        (&least, json!(1.5), "an integer of at least 1; got the number 1.5"),
        (&least, json!(true), "an integer of at least 1; got true"),
        (&range, json!("1"), "a number from 0 to 1.5; got the string \"1\""),
        (&range, json!(2), "a number from 0 to 1.5; got the number 2"),
        (&json!({ "type": "boolean" }), json!("true"), "true or false; got the string \"true\""),
        (
            &texts,
            json!("[\"a\"]"),
            "an array of strings that is not empty; got the string \"[\\\"a\\\"]\"",
        ),
        (&texts, json!([]), "an array of strings that is not empty; got the array []"),
        (&json!({ "type": "object" }), json!([1]), "a JSON object; got the array [1]"),
        (&json!({ "type": "string" }), json!({ "a": 1 }), "a string; got the object {\"a\":1}"),
        (&json!({ "type": ["string", "null"] }), json!(1), "a string or null; got the number 1"),
        (&json!({ "enum": ["a", 7] }), json!("b"), "one of a, 7; got the string \"b\""),
        (&json!({ "const": "a" }), json!(1), "one of a; got the number 1"),
        (
            &json!({ "type": "string", "maxLength": 2 }),
            json!("abc"),
            "a string of at most 2 characters; got the string \"abc\"",
        ),
        (&path, json!("a"), "a string that starts with /; got the string \"a\""),
    ] {
        assert_eq!(line(schema.clone(), value), format!("- p: expected {told}"));
    }
    assert_eq!(line(texts, json!(["a", 7])), "- p[1]: expected a string; got the number 7");
}

#[test]
fn a_right_value_passes_and_a_whole_number_is_an_integer() {
    for (schema, value) in [
        (json!({ "type": "integer", "maximum": 3 }), json!(3.0)),
        (json!({ "type": "integer" }), json!(u64::MAX)),
        (json!({ "type": "number" }), json!(3)),
        (json!({ "type": "string", "maxLength": 2 }), json!("üü")),
        (json!({ "enum": ["a", 7] }), json!(7)),
        (json!({ "type": ["string", "null"] }), Value::Null),
        (json!({}), json!([{}])),
    ] {
        assert_eq!(line(schema, value), "");
    }
    let integer = json!({ "properties": { "p": { "type": "integer" } } });
    let raw = to_raw_value(&json!({ "p": 3.0, "more": 1 })).unwrap();
    let checked = Schema::read(&integer).check(Some(&raw)).unwrap();
    assert_eq!(Value::Object(checked), json!({ "p": 3, "more": 1 }));
    assert_eq!(
        line(json!({ "type": "integer" }), json!(1e300)),
        "- p: expected an integer; got the number 1e+300"
    );
}

#[test]
fn what_is_missing_and_what_is_unknown_is_named_too() {
    let schema = json!({ "required": ["size"], "additionalProperties": false,
        "properties": { "size": { "type": "integer" }, "page": { "type": "integer", "default": 1 } } });
    let found = problems(schema.clone(), json!({ "siez": 1, "page": null }));
    assert_eq!(
        found,
        [
            "- siez: there is no such parameter; did you mean size?",
            "- size: required: expected an integer",
        ]
    );
    let checked = Schema::read(&schema).check(Some(&to_raw_value(&json!({ "size": 1 })).unwrap()));
    assert_eq!(Value::Object(checked.unwrap()), json!({ "size": 1, "page": 1 }));
    assert_eq!(Schema::read(&schema).check(None).unwrap_err().lines().len(), 1);
}

#[test]
fn a_value_is_cut_and_so_is_the_number_of_problems() {
    let long = line(json!({ "type": "integer" }), json!("\u{fc}".repeat(10_000)));
    assert!(long.ends_with("\u{fc}…\"") && long.chars().count() < 150, "{long}");
    let deep = line(json!({ "type": "integer" }), json!([vec![1; 10_000]]));
    assert!(deep.chars().count() < 150, "{deep}");
    let many = Map::from_iter((0..100).map(|n| (format!("p{n}"), json!(1))));
    let closed = json!({ "properties": {}, "additionalProperties": false });
    let found = Schema::read(&closed).check(Some(&to_raw_value(&many).unwrap())).unwrap_err();
    let text = found.into_result("a_tool").to_json();
    assert!(text.contains("The arguments of a_tool are not valid; nothing was done."), "{text}");
    assert!(text.contains("- and 80 more") && text.matches("\\n- ").count() == 21, "{text}");
}

#[test]
fn a_secret_is_never_repeated() {
    let schema = json!({ "type": "string", "maxLength": 3, "writeOnly": true });
    for (value, came) in [(json!("hunter2"), "a string"), (json!(1234), "a number")] {
        let told = format!("- p: expected a string of at most 3 characters; got {came}");
        assert_eq!(line(schema.clone(), value), told);
    }
    let whole = json!({ "properties": { "p": schema } });
    assert_eq!(
        problems(whole, json!("hunter2")),
        ["- arguments: expected a JSON object; got a string"]
    );
}

#[test]
fn of_a_body_full_of_wrong_items_a_few_are_told_and_the_rest_is_counted() {
    let schema = Schema::read(&json!({
        "type": "object",
        "properties": { "keys": { "type": "array", "items": { "type": "string" } } },
        "additionalProperties": false,
    }));
    let text = json!({ "keys": vec![0; 100_000] }).to_string();
    let raw = serde_json::value::RawValue::from_string(text).unwrap();
    let problems = schema.check(Some(&raw)).unwrap_err();
    let text = problems.into_result("t").to_json();
    assert!(text.contains("- and 99980 more"), "{text}");
    assert!(text.len() < 4_000, "{}", text.len());
}

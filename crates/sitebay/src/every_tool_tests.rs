//! Every tool, called with arguments made from its own schema: method, path, query and body.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use url::Url;

use super::{
    operations::{Kind, OPERATIONS, Operation, OwnKind, Parameter},
    testing::{definition, run},
};
use catalogue::Place;
use mcp_server::testing::{FakePlatform, json};

const BLOCKS: &str = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE";

/// A value that a schema allows. What schemas cannot say is known by the field's name.
fn sample(name: &str, schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|choices| choices.first()) {
        return first.clone();
    }
    match (schema["type"].as_str().unwrap(), schema["format"].as_str()) {
        ("boolean", _) => json!(true),
        ("integer", _) => json!(schema["minimum"].as_i64().unwrap_or(1).saturating_add(1)),
        ("object", _) => json!({"a": [1]}),
        ("array", _) if schema["items"]["type"] == "string" => json!(["x/y", "z"]),
        ("array", _) => json!([arguments(&schema["items"])]),
        (_, Some("uuid")) => json!("6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f"),
        (_, Some("email")) => json!("j@example.org"),
        (_, Some("date-time")) => json!("2026-11-20T08:00:00+01:00"),
        (_, Some("date")) => json!("2026-11-20"),
        _ => text(name, schema),
    }
}

fn text(name: &str, schema: &Value) -> Value {
    let text = match name {
        "fqdn" | "new_fqdn" | "hostname" | "external_name" => "www.example.org",
        "file_path" => "wp-content/a b/c.php",
        "query_params_json" => "{\"a\":\"ü\"}",
        name if name.ends_with("search_replace_blocks") => BLOCKS,
        _ if schema["pattern"] == "^/" => "/a b?c=d",
        _ => "ü/? &=#",
    };
    let most =
        schema["maxLength"].as_u64().map_or(usize::MAX, |most| usize::try_from(most).unwrap());
    json!(text.chars().take(most).collect::<String>())
}

fn arguments(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().unwrap().iter();
    properties.map(|(name, schema)| (name.clone(), sample(name, schema))).collect()
}

/// The value as it is sent: unchanged, except for file paths.
fn sent(operation: &Operation, parameter: &Parameter, value: &Value) -> Value {
    let below = |text: &Value| json!(text.as_str().unwrap().trim_start_matches("wp-content/"));
    match parameter.kind {
        Kind::Own(OwnKind::ContentPath) => below(value),
        Kind::Objects if operation.toolset == "files" => {
            let mut edits = value.clone();
            edits[0]["file_path"] = below(&edits[0]["file_path"]);
            edits
        }
        _ => value.clone(),
    }
}

fn here<'a>(
    operation: &'static Operation,
    arguments: &'a Value,
    place: Place,
) -> impl Iterator<Item = (&'static str, Value)> + 'a {
    let parameters = operation.parameters.iter().filter(move |p| p.place == place);
    parameters.map(|p| (p.api, sent(operation, p, &arguments[p.name])))
}

fn written(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(written).collect(),
        other => vec![other.to_string()],
    }
}

#[test]
fn every_tool_sends_what_its_schema_allows_to_where_the_catalogue_says() {
    for operation in OPERATIONS {
        let arguments = arguments(&definition(operation.name)["inputSchema"]);
        let one = json!({"url": "https://pay.test", "screenshot": "iVBORw0KGgo="});
        let answer = if operation.list.is_some() { json!([one]) } else { one };
        let fake = FakePlatform::new([json(200, answer)]);
        let result = run(&fake, operation.name, arguments.clone());
        assert!(!result.is_error, "{}: {}", operation.name, result.text);
        let requests = fake.requests();
        let [request] = requests.as_slice() else { panic!("{}: not one request", operation.name) };
        assert_eq!(request.method, operation.method, "{}", operation.name);
        let url = Url::parse(&request.url).unwrap();
        assert_eq!(path_of(&url), path(operation, &arguments), "{}", operation.name);
        assert_eq!(query_of(&url), query(operation, &arguments), "{}", operation.name);
        let body: Map<_, _> =
            here(operation, &arguments, Place::Body).map(|(n, v)| (n.to_owned(), v)).collect();
        let expected = if body.is_empty() { Value::Null } else { Value::Object(body) };
        let mut got = fake.body(0);
        if operation.name == "sitebay_site_edit_file" {
            got["file_path"] = json!("wp-content/a b/c.php");
        }
        assert_eq!(got, expected, "{}", operation.name);
    }
}

/// Decoded part by part, so that a slash inside of a part is not one between parts.
fn path_of(url: &Url) -> Vec<String> {
    let parts = url.path().trim_start_matches("/f/api/v1/").split('/');
    parts
        .map(|part| percent_encoding::percent_decode_str(part).decode_utf8().unwrap().into())
        .collect()
}

fn path(operation: &'static Operation, arguments: &Value) -> Vec<String> {
    let values: BTreeMap<_, _> = here(operation, arguments, Place::Path).collect();
    let parts = operation.path.trim_start_matches('/').split('/');
    let value = |part: &str| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        written(&values[name]).pop()
    };
    parts.map(|part| value(part).unwrap_or_else(|| part.to_owned())).collect()
}

fn query_of(url: &Url) -> Vec<(String, String)> {
    let mut query: Vec<_> = url.query_pairs().into_owned().collect();
    query.sort();
    query
}

fn query(operation: &'static Operation, arguments: &Value) -> Vec<(String, String)> {
    let values = here(operation, arguments, Place::Query);
    let pairs = values.flat_map(|(name, value)| {
        written(&value).into_iter().map(move |text| (name.to_owned(), text))
    });
    let mut query: Vec<_> = pairs.collect();
    query.sort();
    query
}

#[test]
fn every_tool_refuses_what_it_does_not_know_before_anything_is_sent() {
    for operation in OPERATIONS {
        let fake = FakePlatform::new([]);
        let mut arguments = arguments(&definition(operation.name)["inputSchema"]);
        arguments["nothing_of_the_kind"] = json!(1);
        let result = run(&fake, operation.name, arguments);
        assert!(result.is_error && result.text.contains("nothing_of_the_kind"), "{}", result.text);
        assert!(fake.requests().is_empty(), "{}", operation.name);
    }
}

#[test]
fn every_tool_survives_every_answer() {
    let odd =
        [json!(null), json!(7), json!("<html>"), json!([1, {"id": {}}]), json!({"results": 1})];
    for operation in OPERATIONS {
        let arguments = arguments(&definition(operation.name)["inputSchema"]);
        for answer in &odd {
            let fake = FakePlatform::new([json(200, answer.clone())]);
            let result = run(&fake, operation.name, arguments.clone());
            assert!(!result.text.is_empty(), "{}: {answer}", operation.name);
            assert_eq!(fake.requests().len(), 1, "{}: {answer}", operation.name);
        }
    }
}

#[test]
fn every_parameter_refuses_what_is_not_of_its_type_before_anything_is_sent() {
    for operation in OPERATIONS {
        let good = arguments(&definition(operation.name)["inputSchema"]);
        for parameter in operation.parameters {
            let fake = FakePlatform::new([]);
            let mut arguments = good.clone();
            arguments[parameter.name] = match good[parameter.name] {
                Value::Array(_) => json!("not a list"),
                _ => json!([["not one value"]]),
            };
            let result = run(&fake, operation.name, arguments);
            let told = format!("- {}: expected ", parameter.name);
            assert!(result.is_error && result.text.contains(&told), "{}", result.text);
            assert!(fake.requests().is_empty(), "{} {}", operation.name, parameter.name);
        }
        for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
            let fake = FakePlatform::new([]);
            let mut arguments = good.clone();
            arguments.as_object_mut().unwrap().remove(parameter.name);
            let result = run(&fake, operation.name, arguments);
            let told = format!("- {}: required: expected ", parameter.name);
            assert!(result.is_error && result.text.contains(&told), "{}", result.text);
            assert!(fake.requests().is_empty(), "{} {}", operation.name, parameter.name);
        }
    }
}

//! Resources, prompts, completions, and the pages of lists.

use serde_json::{Value, json};

use super::peer::Failure;

/// The resources' definitions. Unknown fields and odd numbers must pass a gateway as they are.
const RESOURCES: [&str; 3] = [
    r#"{"uri":"file:///notes/größe.txt","name":"notes","title":"Notes","mimeType":"text/plain","x-vendor":{"big":12345678901234567890}}"#,
    r#"{"uri":"demo://picture?size=1&kind=a%2Fb","name":"picture","mimeType":"image/png","size":68}"#,
    r#"{"uri":"urn:demo:1","name":"plain"}"#,
];

const TEMPLATES: [&str; 1] =
    [r#"{"uriTemplate":"demo://item/{id}","name":"item","mimeType":"application/json"}"#];

const PROMPTS: [&str; 2] = [
    r#"{"name":"greet","title":"Greet","description":"Greets a person.","arguments":[{"name":"name","required":true}]}"#,
    r#"{"name":"plain","description":"Without arguments."}"#,
];

const NAMES: [&str; 3] = ["Ada", "Alan", "Grace"];

/// The answer to a method of resources, prompts or completion.
pub(super) fn answer(page_size: usize, method: &str, params: &Value) -> Result<String, Failure> {
    match method {
        "resources/list" => page("resources", &RESOURCES, page_size, params),
        "resources/templates/list" => page("resourceTemplates", &TEMPLATES, page_size, params),
        "resources/read" => read(params["uri"].as_str().unwrap_or_default()),
        "prompts/list" => page("prompts", &PROMPTS, page_size, params),
        "prompts/get" => prompt(params),
        "completion/complete" => complete(params),
        _ => Err(Failure::error(-32601, format!("there is no method {method}"))),
    }
}

/// A page of a list, whose entries are text. A cursor is opaque to clients, and no plain number.
pub(super) fn page(
    field: &str,
    entries: &[impl AsRef<str>],
    size: usize,
    params: &Value,
) -> Result<String, Failure> {
    let start = match &params["cursor"] {
        Value::Null => 0,
        cursor => place(cursor.as_str().unwrap_or_default(), entries.len(), size)?,
    };
    let end = (start + size).min(entries.len());
    let shown: Vec<&str> = entries[start..end].iter().map(AsRef::as_ref).collect();
    let next =
        if end < entries.len() { format!(r#","nextCursor":"p+{end}/=""#) } else { String::new() };
    Ok(format!(r#"{{"{field}":[{}]{next}}}"#, shown.join(",")))
}

fn place(cursor: &str, length: usize, size: usize) -> Result<usize, Failure> {
    let number = cursor.strip_prefix("p+").and_then(|rest| rest.strip_suffix("/="));
    let place = number.and_then(|number| number.parse::<usize>().ok());
    place
        .filter(|place| *place < length && place.is_multiple_of(size))
        .ok_or_else(|| Failure::error(-32602, "this cursor is not ours"))
}

/// Whether there is a resource of this URI.
pub(super) fn has_resource(uri: &str) -> bool {
    read(uri).is_ok()
}

fn read(uri: &str) -> Result<String, Failure> {
    let contents = match uri {
        "file:///notes/größe.txt" => {
            json!({ "uri": uri, "mimeType": "text/plain", "text": "grüße 🌍" })
        }
        "demo://picture?size=1&kind=a%2Fb" => {
            json!({ "uri": uri, "mimeType": "image/png", "blob": "iVBORw0KGgo=" })
        }
        "urn:demo:1" => json!({ "uri": uri, "text": "one" }),
        _ => {
            let id = uri.strip_prefix("demo://item/").filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| Failure::Error {
                code: -32602,
                message: "there is no such resource".to_owned(),
                data: json!({ "uri": uri }),
            })?;
            json!({ "uri": uri, "mimeType": "application/json", "text": format!("{{\"id\":\"{id}\"}}") })
        }
    };
    Ok(json!({ "contents": [contents] }).to_string())
}

fn prompt(params: &Value) -> Result<String, Failure> {
    let name = params["arguments"]["name"].as_str();
    let messages = match (params["name"].as_str().unwrap_or_default(), name) {
        ("greet", Some(name)) => json!([
            { "role": "user", "content": { "type": "text", "text": format!("Greet {name}.") } },
            { "role": "user", "content": { "type": "resource", "resource": { "uri": "urn:demo:1", "text": "one" } } },
        ]),
        ("greet", None) => return Err(Failure::error(-32602, "the argument name is missing")),
        ("plain", _) => {
            json!([{ "role": "user", "content": { "type": "text", "text": "Hello." } }])
        }
        _ => return Err(Failure::error(-32602, "there is no such prompt")),
    };
    Ok(json!({ "messages": messages }).to_string())
}

fn complete(params: &Value) -> Result<String, Failure> {
    let reference = &params["ref"];
    let argument = params["argument"]["name"].as_str().unwrap_or_default();
    let values = match (reference["type"].as_str().unwrap_or_default(), argument) {
        ("ref/prompt", "name") if reference["name"] == "greet" => NAMES.to_vec(),
        ("ref/resource", "id") if reference["uri"] == "demo://item/{id}" => vec!["1", "12", "2"],
        _ => return Err(Failure::error(-32602, "there is nothing to complete there")),
    };
    let start = params["argument"]["value"].as_str().unwrap_or_default();
    let values: Vec<&str> = values.into_iter().filter(|value| value.starts_with(start)).collect();
    Ok(json!({ "completion": { "total": values.len(), "hasMore": false, "values": values } })
        .to_string())
}

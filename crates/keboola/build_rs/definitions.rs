//! Tool definitions as MCP sends them: JSON Schema 2020-12 for input and output, annotations.

use serde_json::{Map, Value, json};

use super::model::{Catalogue, Effect, Field, Kind, Parameter, Shape, Tool};

/// The definition of a tool.
pub(crate) fn definition(catalogue: &Catalogue, tool: &Tool) -> Value {
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": one_line(&tool.description),
        "inputSchema": input(&tool.parameters),
        "outputSchema": output(catalogue, tool),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.effect == Effect::Read,
            "destructiveHint": tool.effect == Effect::Destructive,
            "idempotentHint": tool.idempotent,
            "openWorldHint": true,
        },
    })
}

/// Descriptions are wrapped in the catalogue's files, not on the wire.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn input(parameters: &[Parameter]) -> Value {
    let properties: Map<String, Value> =
        parameters.iter().map(|p| (p.name.clone(), parameter(p))).collect();
    let required: Vec<&str> =
        parameters.iter().filter(|p| p.required).map(|p| p.name.as_str()).collect();
    let mut schema = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties)),
    ]);
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    schema.insert("additionalProperties".into(), json!(false));
    Value::Object(schema)
}

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = base(parameter);
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            schema.insert(key.to_owned(), value);
        }
    };
    set("description", Some(json!(one_line(&parameter.description))));
    set("minimum", parameter.minimum.map(|bound| json!(bound)));
    set("maximum", parameter.maximum.map(|bound| json!(bound)));
    let is_array = matches!(parameter.kind, Kind::Texts | Kind::Objects);
    let (least, most) =
        if is_array { ("minItems", "maxItems") } else { ("minLength", "maxLength") };
    set(least, parameter.min_length.map(|bound| json!(bound)));
    set(most, parameter.max_length.map(|bound| json!(bound)));
    set("default", parameter.default.clone());
    Value::Object(schema)
}

/// The type, and the values that it takes.
fn base(parameter: &Parameter) -> Map<String, Value> {
    let choices = (!parameter.choices.is_empty()).then(|| json!(parameter.choices));
    let mut text = json!({"type": "string"});
    if let (Some(choices), Some(text)) = (choices, text.as_object_mut()) {
        text.insert("enum".into(), choices);
    }
    let value = match parameter.kind {
        Kind::Text => text,
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Texts => json!({"type": "array", "items": text}),
        Kind::Objects if parameter.items.is_empty() => {
            json!({"type": "array", "items": {"type": "object"}})
        }
        Kind::Objects => json!({"type": "array", "items": input(&parameter.items)}),
        Kind::Object => json!({"type": "object"}),
        Kind::Any => json!({}),
    };
    value.as_object().cloned().unwrap_or_default()
}

fn output(catalogue: &Catalogue, tool: &Tool) -> Value {
    let inner = catalogue.shape(&tool.output).map_or(json!({}), |shape| object(catalogue, shape));
    if !tool.wrapped {
        return inner;
    }
    json!({
        "type": "object",
        "properties": { "result": inner },
        "required": ["result"],
        "x-fastmcp-wrap-result": true,
    })
}

fn object(catalogue: &Catalogue, shape: &Shape) -> Value {
    let properties: Map<String, Value> =
        shape.fields.iter().map(|f| (f.name.clone(), field(catalogue, f))).collect();
    let required: Vec<&str> =
        shape.fields.iter().filter(|f| f.guaranteed).map(|f| f.name.as_str()).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn field(catalogue: &Catalogue, field: &Field) -> Value {
    let mut schema = match field.kind.strip_suffix("[]") {
        Some(item) => json!({"type": "array", "items": kind(catalogue, item)}),
        None => kind(catalogue, &field.kind),
    };
    let Some(map) = schema.as_object_mut() else { return schema };
    if let (false, Some(of)) = (field.guaranteed, map.get("type").cloned()) {
        map.insert("type".into(), json!([of, "null"]));
    }
    if let Some(text) = &field.description {
        map.insert("description".into(), json!(one_line(text)));
    }
    schema
}

fn kind(catalogue: &Catalogue, name: &str) -> Value {
    match name {
        "text" => json!({"type": "string"}),
        "flag" => json!({"type": "boolean"}),
        "integer" => json!({"type": "integer"}),
        "number" => json!({"type": "number"}),
        "texts" => json!({"type": "array", "items": {"type": "string"}}),
        "object" => json!({"type": "object"}),
        "objects" => json!({"type": "array", "items": {"type": "object"}}),
        "any" => json!({}),
        name => catalogue.shape(name).map_or(json!({}), |shape| object(catalogue, shape)),
    }
}

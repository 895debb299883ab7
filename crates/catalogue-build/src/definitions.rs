//! Tool definitions as MCP sends them: JSON Schema 2020-12 for input and output, annotations.

use serde_json::{Map, Value, json};

use crate::{
    Settings,
    model::{Catalogue, Effect, Field, Kind, Parameter, Shape, Tool},
};

/// The definition of every tool, in catalogue order.
pub(crate) fn render(settings: &Settings, catalogue: &Catalogue) -> Vec<String> {
    let tools = catalogue.tools();
    tools.map(|(_, tool)| definition(settings, catalogue, tool).to_string()).collect()
}

/// Names what a tool may show that is secret.
const SENSITIVE: &str = "org.sitebay/sensitive";

fn definition(settings: &Settings, catalogue: &Catalogue, tool: &Tool) -> Value {
    let mut definition = json!({
        "name": tool.name,
        "title": tool.title,
        "description": one_line(&tool.description),
        "inputSchema": input(&tool.parameters),
        "outputSchema": output(settings, catalogue, tool),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.effect == Effect::Read,
            "destructiveHint": tool.effect == Effect::Destructive,
            "idempotentHint": tool.idempotent,
            "openWorldHint": tool.open_world,
        },
    });
    if let (Some(what), Some(fields)) = (&tool.reveal, definition.as_object_mut()) {
        fields.insert("_meta".to_owned(), json!({ SENSITIVE: what }));
    }
    definition
}

/// Descriptions are wrapped in the catalogue's files, not on the wire.
pub(crate) fn one_line(text: &str) -> String {
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
    let mut schema = base(&parameter.kind);
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            schema.insert(key.to_owned(), value);
        }
    };
    set("description", Some(json!(one_line(&parameter.description))));
    let choices = (!parameter.choices.is_empty()).then(|| json!(parameter.choices));
    let of_items = parameter.kind == Kind::Texts && choices.is_some();
    set("enum", choices.clone().filter(|_| !of_items));
    set("minimum", parameter.minimum.map(|bound| json!(bound)));
    set("maximum", parameter.maximum.map(|bound| json!(bound)));
    let (least, most) = match parameter.kind.is_array() {
        true => ("minItems", "maxItems"),
        false => ("minLength", "maxLength"),
    };
    set(least, parameter.min_length.map(|bound| json!(bound)));
    set(most, parameter.max_length.map(|bound| json!(bound)));
    set("items", of_items.then(|| json!({"type": "string", "enum": choices})));
    set(
        "items",
        (parameter.kind == Kind::Objects).then(|| match parameter.items.is_empty() {
            true => json!({"type": "object"}),
            false => input(&parameter.items),
        }),
    );
    set("default", parameter.default.clone());
    if parameter.kind == Kind::Fqdn && parameter.empty.is_none() {
        set("minLength", Some(json!(1)));
        set("maxLength", Some(json!(253)));
    }
    Value::Object(schema)
}

/// The type, and the format where an empty string has no meaning of its own.
fn base(kind: &Kind) -> Map<String, Value> {
    let value = match kind {
        Kind::Text | Kind::Fqdn | Kind::JsonObject | Kind::Own(_) => json!({"type": "string"}),
        Kind::Uuid => json!({"type": "string", "format": "uuid"}),
        Kind::Email => json!({"type": "string", "format": "email"}),
        Kind::DateTime => json!({"type": "string", "format": "date-time"}),
        Kind::Date => json!({"type": "string", "format": "date"}),
        Kind::UrlPath => json!({"type": "string", "pattern": "^/"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Values => {
            let value = ["string", "number", "boolean", "null"];
            json!({"type": "array", "items": {"type": value}})
        }
        Kind::Objects => json!({"type": "array"}),
        Kind::Object => json!({"type": "object"}),
        Kind::Any => json!({}),
    };
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn output(settings: &Settings, catalogue: &Catalogue, tool: &Tool) -> Value {
    let Some(shape) = catalogue.shape(&tool.output) else {
        return json!({"type": "object"});
    };
    let (mut properties, mut required) = match &tool.list {
        Some(name) => list(settings, catalogue, shape, name),
        None => (fields(catalogue, shape), guaranteed(shape)),
    };
    if tool.wrapped {
        let inner = object(properties, required);
        properties = Map::from_iter([("result".to_owned(), inner)]);
        required = vec![json!("result")];
    }
    properties.insert(
        "warnings".into(),
        json!({"type": "array", "items": {"type": "string"},
               "description": format!("Parts of {}'s answer that were not as expected.", settings.service)}),
    );
    let mut schema = object(properties, required);
    if let (true, Some(schema)) = (tool.wrapped, schema.as_object_mut()) {
        schema.insert("x-fastmcp-wrap-result".into(), json!(true));
    }
    schema
}

fn object(properties: Map<String, Value>, required: Vec<Value>) -> Value {
    let mut schema = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties)),
    ]);
    if !required.is_empty() {
        schema.insert("required".into(), Value::Array(required));
    }
    Value::Object(schema)
}

fn list(
    settings: &Settings,
    catalogue: &Catalogue,
    shape: &Shape,
    name: &str,
) -> (Map<String, Value>, Vec<Value>) {
    let total = format!("How many {} says there are.", settings.service);
    let items = json!({"type": "object", "properties": fields(catalogue, shape)});
    let properties = Map::from_iter([
        (
            "count".to_owned(),
            json!({"type": "integer", "description": "How many are listed here."}),
        ),
        (
            "truncated".to_owned(),
            json!({"type": "boolean", "description": "Whether there are more than are listed."}),
        ),
        ("total".to_owned(), json!({"type": ["integer", "null"], "description": total})),
        (name.to_owned(), json!({"type": "array", "items": items})),
    ]);
    (properties, vec![json!("count"), json!("truncated"), json!(name)])
}

fn guaranteed(shape: &Shape) -> Vec<Value> {
    shape.fields.iter().filter(|field| field.guaranteed).map(|field| json!(field.name)).collect()
}

fn fields(catalogue: &Catalogue, shape: &Shape) -> Map<String, Value> {
    shape.fields.iter().map(|field| (field.name.clone(), field_schema(catalogue, field))).collect()
}

fn field_schema(catalogue: &Catalogue, field: &Field) -> Value {
    let mut schema = Map::new();
    match json_type(&field.kind) {
        Some(name) if field.guaranteed => schema.insert("type".into(), json!(name)),
        Some(name) => schema.insert("type".into(), json!([name, "null"])),
        None => None,
    };
    if field.kind == "texts" {
        schema.insert("items".into(), json!({"type": "string"}));
    }
    match (catalogue.shape_of(field), field.items()) {
        (Some(shape), None) => {
            schema.insert("properties".into(), Value::Object(fields(catalogue, shape)));
            let required = guaranteed(shape);
            if !required.is_empty() {
                schema.insert("required".into(), Value::Array(required));
            }
        }
        (Some(shape), Some(_)) => {
            schema.insert("items".into(), object(fields(catalogue, shape), guaranteed(shape)));
        }
        (None, _) => {}
    }
    if field.kind == "objects" {
        schema.insert("items".into(), json!({"type": "object"}));
    }
    if let Some(description) = &field.description {
        schema.insert("description".into(), json!(one_line(description)));
    }
    Value::Object(schema)
}

fn json_type(kind: &str) -> Option<&'static str> {
    match kind {
        "any" => None,
        "text" => Some("string"),
        "flag" => Some("boolean"),
        "integer" => Some("integer"),
        "number" => Some("number"),
        "texts" | "objects" => Some("array"),
        kind if kind.ends_with("[]") => Some("array"),
        _ => Some("object"),
    }
}

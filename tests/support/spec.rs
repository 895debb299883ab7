//! The schema of a version of MCP, and whether a message is within it.

use std::{cell::RefCell, collections::HashMap, fs, path::Path, rc::Rc};

use jsonschema::Validator;
use serde_json::{Value, json};

/// Fields whose contents are JSON Schemas, or of a form of their own.
const OPEN: [&str; 7] = [
    "_meta",
    "inputSchema",
    "outputSchema",
    "structuredContent",
    "data",
    "experimental",
    "extensions",
];

/// The published schema of one version.
pub struct Spec {
    version: &'static str,
    /// `definitions` or `$defs`.
    under: &'static str,
    schema: Value,
    /// Those that were made, by their schemas.
    validators: RefCell<HashMap<String, Rc<Validator>>>,
}

impl Spec {
    pub fn of(version: &'static str) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schema/{version}.json"));
        let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let under = if schema["$defs"].is_object() { "$defs" } else { "definitions" };
        Self { version, under, schema, validators: RefCell::default() }
    }

    /// Checks the whole of a message that the server sent: `method` is what was asked, where it is an
    /// answer.
    #[track_caller]
    pub fn accepts(&self, method: &str, message: &Value) {
        let (name, value) = match (&message["method"], &message["error"], &message["result"]) {
            (Value::String(own), ..) => (self.message(own), message),
            (_, Value::Object(_), _) => (self.error(), message),
            (.., result) => (self.result(method, result), result),
        };
        // Older schemas leave what every message has to another definition.
        let mut value = value.clone();
        if self.schema[self.under][&name]["properties"]["jsonrpc"].is_null() {
            for of_every_message in ["jsonrpc", "id"] {
                value.as_object_mut().unwrap().remove(of_every_message);
            }
        }
        let problems = self.problems(&name, &value);
        let shown: String = message.to_string().chars().take(2_000).collect();
        assert!(problems.is_empty(), "{} {method} {name}: {problems:#?}\n{shown}", self.version);
    }

    /// The definition of a notification or of a request of the server.
    fn message(&self, method: &str) -> String {
        let defined = self.schema[self.under].as_object().unwrap().iter();
        let of = |definition: &Value| definition["properties"]["method"]["const"] == method;
        let mut names = defined.filter(|(_, definition)| of(definition)).map(|(name, _)| name);
        names.next().unwrap_or_else(|| panic!("{} has no {method}", self.version)).clone()
    }

    fn error(&self) -> String {
        let names = ["JSONRPCErrorResponse", "JSONRPCError"];
        let known = |name: &&str| self.schema[self.under][name].is_object();
        names.into_iter().find(known).unwrap().to_owned()
    }

    /// The definition of a result.
    fn result(&self, method: &str, result: &Value) -> String {
        if result["resultType"] == "input_required" {
            return "InputRequiredResult".to_owned();
        }
        match method {
            "initialize" => "InitializeResult",
            "server/discover" => "DiscoverResult",
            "tools/list" => "ListToolsResult",
            "tools/call" => "CallToolResult",
            "resources/list" => "ListResourcesResult",
            "resources/templates/list" => "ListResourceTemplatesResult",
            "resources/read" => "ReadResourceResult",
            "prompts/list" => "ListPromptsResult",
            "prompts/get" => "GetPromptResult",
            "completion/complete" => "CompleteResult",
            "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => {
                "EmptyResult"
            }
            other => panic!("no result of {other}"),
        }
        .to_owned()
    }

    /// The problems of a value: violations of its definition, and unknown fields.
    pub fn problems(&self, definition: &str, value: &Value) -> Vec<String> {
        let reference = json!({ "$ref": format!("#/{}/{definition}", self.under) });
        let validator = self.validator(&reference);
        let mut problems: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if problems.is_empty() {
            self.unknown(&reference, value, "", &mut problems);
        }
        problems
    }

    fn validator(&self, schema: &Value) -> Rc<Validator> {
        let name = schema.to_string();
        let known = self.validators.borrow().get(&name).cloned();
        known.unwrap_or_else(|| {
            let made = Rc::new(self.compiled(schema));
            self.validators.borrow_mut().insert(name, made.clone());
            made
        })
    }

    fn compiled(&self, schema: &Value) -> Validator {
        let mut whole = schema.clone();
        whole["$schema"] = self.schema["$schema"].clone();
        whole[self.under] = self.schema[self.under].clone();
        jsonschema::validator_for(&whole).unwrap()
    }

    /// Collects the fields that a definition does not know: schemas allow them, a version that lacks
    /// them does not have them.
    fn unknown(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let schema = self.resolved(schema);
        let alternatives: Vec<&Value> = ["anyOf", "oneOf"]
            .iter()
            .filter_map(|name| schema[name].as_array())
            .flatten()
            .collect();
        if !alternatives.is_empty() {
            let fitting = alternatives.iter().filter(|one| self.validator(one).is_valid(value));
            let each = fitting.map(|one| {
                let mut of_one = Vec::new();
                self.unknown(one, value, at, &mut of_one);
                of_one
            });
            found.extend(each.min_by_key(Vec::len).unwrap_or_default());
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.unknown(part, value, at, found);
        }
        match value {
            Value::Array(items) => items.iter().enumerate().for_each(|(nth, item)| {
                self.unknown(&schema["items"], item, &format!("{at}[{nth}]"), found)
            }),
            Value::Object(fields) => {
                for (name, inner) in
                    fields.iter().filter(|(name, _)| !OPEN.contains(&name.as_str()))
                {
                    let at = format!("{at}.{name}");
                    match (&schema["properties"][name], &schema["additionalProperties"]) {
                        (known @ Value::Object(_), _) => self.unknown(known, inner, &at, found),
                        (_, more @ Value::Object(_)) => self.unknown(more, inner, &at, found),
                        (_, Value::Bool(true)) => {}
                        _ if schema["properties"].is_object() => {
                            found.push(format!("{at} is unknown"))
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => {
                let pointer = path.strip_prefix('#').unwrap();
                self.resolved(self.schema.pointer(pointer).expect("a definition"))
            }
            None => schema,
        }
    }
}

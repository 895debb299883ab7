//! The schema of each version as data, and the filter that adapts results to it.
//!
//! Invariant: an answer carries no field, kind of content or capability that the schema of its
//! session's version lacks, and what is left out of a tool's result is said as text where it can be.
//! An answer of a version that lacks nothing is not read again. Source: the schemas of all versions;
//! `tests/vocabulary.rs` checks every answer against its version's own.

use std::{borrow::Cow, cell::RefCell};

use serde_json::{Map, Value, json};

use crate::{
    capabilities::ClientCapabilities,
    raw,
    version::Version::{
        self, V2024_11_05 as FIRST, V2025_03_26 as MARCH, V2025_06_18 as JUNE,
        V2025_11_25 as NOVEMBER,
    },
};

/// The fields of one definition of the schema.
type Definition = &'static [Field];

/// A field that this server writes.
struct Field {
    name: &'static str,
    /// The version that brought it.
    since: Version,
    holds: Holds,
}

/// The kind of value in a field.
enum Holds {
    /// A value whose form is the same in every version, or not the schema's.
    Plain,
    /// An object.
    One(Definition),
    /// An array of objects.
    Many(Definition),
    /// A block of content.
    Block,
    /// An array of such blocks.
    Blocks,
}

const fn field(name: &'static str, since: Version) -> Field {
    Field { name, since, holds: Holds::Plain }
}

const fn one(name: &'static str, since: Version, of: Definition) -> Field {
    Field { name, since, holds: Holds::One(of) }
}

const fn many(name: &'static str, of: Definition) -> Field {
    Field { name, since: FIRST, holds: Holds::Many(of) }
}

/// The results of the methods that sessions have.
const RESULTS: &[(&str, Definition)] = &[
    ("initialize", INITIALIZE),
    ("tools/list", &[META, NEXT, many("tools", TOOL)]),
    ("tools/call", CALLED),
    ("resources/list", &[META, NEXT, many("resources", RESOURCE)]),
    ("resources/templates/list", &[META, NEXT, many("resourceTemplates", RESOURCE)]),
    ("resources/read", &[META, many("contents", CONTENTS)]),
    ("prompts/list", &[META, NEXT, many("prompts", PROMPT)]),
    ("prompts/get", &[META, field("description", FIRST), many("messages", MESSAGE)]),
    ("completion/complete", &[META, field("completion", FIRST)]),
];

/// `_meta` of a result.
const META: Field = field("_meta", FIRST);
/// `_meta` of a part of a result.
const INNER_META: Field = field("_meta", JUNE);
const NEXT: Field = field("nextCursor", FIRST);

const INITIALIZE: Definition = &[
    META,
    field("protocolVersion", FIRST),
    field("instructions", FIRST),
    one("serverInfo", FIRST, IMPLEMENTATION),
    one("capabilities", FIRST, CAPABILITIES),
];

const IMPLEMENTATION: Definition = &[
    field("name", FIRST),
    field("version", FIRST),
    field("title", JUNE),
    field("description", NOVEMBER),
    field("icons", NOVEMBER),
    field("websiteUrl", NOVEMBER),
];

const CAPABILITIES: Definition = &[
    field("experimental", FIRST),
    field("logging", FIRST),
    field("prompts", FIRST),
    field("resources", FIRST),
    field("tools", FIRST),
    field("completions", MARCH),
];

const TOOL: Definition = &[
    field("name", FIRST),
    field("description", FIRST),
    field("inputSchema", FIRST),
    field("annotations", MARCH),
    field("title", JUNE),
    field("outputSchema", JUNE),
    INNER_META,
    field("icons", NOVEMBER),
    field("execution", NOVEMBER),
];

/// A resource or a template of resources.
const RESOURCE: Definition = &[
    field("uri", FIRST),
    field("uriTemplate", FIRST),
    field("name", FIRST),
    field("description", FIRST),
    field("mimeType", FIRST),
    field("size", FIRST),
    one("annotations", FIRST, ANNOTATIONS),
    field("title", JUNE),
    INNER_META,
    field("icons", NOVEMBER),
];

const ANNOTATIONS: Definition =
    &[field("audience", FIRST), field("priority", FIRST), field("lastModified", JUNE)];

const CONTENTS: Definition = &[
    field("uri", FIRST),
    field("mimeType", FIRST),
    field("text", FIRST),
    field("blob", FIRST),
    INNER_META,
];

const PROMPT: Definition = &[
    field("name", FIRST),
    field("description", FIRST),
    many(
        "arguments",
        &[
            field("name", FIRST),
            field("description", FIRST),
            field("required", FIRST),
            field("title", JUNE),
        ],
    ),
    field("title", JUNE),
    INNER_META,
    field("icons", NOVEMBER),
];

const MESSAGE: Definition =
    &[field("role", FIRST), Field { name: "content", since: FIRST, holds: Holds::Block }];

const CALLED: Definition = &[
    META,
    Field { name: "content", since: FIRST, holds: Holds::Blocks },
    field("isError", FIRST),
    field(STRUCTURED, JUNE),
];

const STRUCTURED: &str = "structuredContent";

/// The kinds of content.
const KINDS: &[(&str, Version)] = &[
    ("text", FIRST),
    ("image", FIRST),
    ("resource", FIRST),
    ("audio", MARCH),
    ("resource_link", JUNE),
];

/// A block of content of any kind.
const BLOCK: Definition = &[
    field("type", FIRST),
    field("text", FIRST),
    field("data", FIRST),
    field("mimeType", FIRST),
    one("resource", FIRST, CONTENTS),
    one("annotations", FIRST, ANNOTATIONS),
    field("uri", JUNE),
    field("name", JUNE),
    field("title", JUNE),
    field("description", JUNE),
    field("size", JUNE),
    INNER_META,
    field("icons", NOVEMBER),
];

/// The version in which each client capability was introduced.
const ASKED: [(ClientCapabilities, Version); 6] = [
    (ClientCapabilities::SAMPLING, FIRST),
    (ClientCapabilities::ROOTS, FIRST),
    (ClientCapabilities::SAMPLING_CONTEXT, FIRST),
    (ClientCapabilities::ELICITATION_FORM, JUNE),
    (ClientCapabilities::ELICITATION_URL, NOVEMBER),
    (ClientCapabilities::SAMPLING_TOOLS, NOVEMBER),
];

/// Bytes of data that a result says as text where its version has no `structuredContent`.
const MAX_SAID: usize = 64 * 1024;

/// The result of a method as a version says it. `result` is the text of one that lacks nothing.
pub fn adapt_result<'a>(version: Version, method: &str, result: &'a str) -> Cow<'a, str> {
    let known = RESULTS.iter().find(|(name, _)| *name == method);
    let Some((name, definition)) = known.filter(|(_, fields)| newest(fields) > version) else {
        return Cow::Borrowed(result);
    };
    let limit = || match raw::value(result) {
        Ok(Value::Object(map)) => limited(version, definition, map).to_string(),
        _ => result.to_owned(),
    };
    let is_list = name.ends_with("/list");
    Cow::Owned(if is_list { cached(version, result, limit) } else { limit() })
}

/// The declared capabilities that exist in this version.
pub fn askable_capabilities(version: Version, declared: ClientCapabilities) -> ClientCapabilities {
    let lacks = ASKED.iter().filter(|(_, since)| *since > version);
    lacks.fold(declared, |left, (capability, _)| left.without(*capability))
}

/// The parameters of a question as a version says them.
pub fn adapt_params(version: Version, mut params: Value) -> Value {
    if version < NOVEMBER
        && let Some(schema) = params.get_mut("requestedSchema").and_then(Value::as_object_mut)
    {
        simplify(schema);
    }
    params
}

/// The newest version that brought anything of a definition.
fn newest(definition: Definition) -> Version {
    let of = |field: &Field| match &field.holds {
        Holds::Plain => field.since,
        Holds::One(inner) | Holds::Many(inner) => field.since.max(newest(inner)),
        // The icons of links are not written by this server.
        Holds::Block | Holds::Blocks => field.since.max(JUNE),
    };
    definition.iter().map(of).max().unwrap_or(FIRST)
}

fn limited(version: Version, definition: Definition, mut map: Map<String, Value>) -> Value {
    let data = map.get(STRUCTURED).filter(|_| version < JUNE).map(Value::to_string);
    limit(version, definition, &mut map);
    if let (Some(data), Some(Value::Array(blocks))) = (data, map.get_mut("content")) {
        let is_there = |block: &Value| block.get("text").and_then(Value::as_str) == Some(&data);
        if !blocks.iter().any(is_there) {
            blocks.push(text(said(data)));
        }
    }
    Value::Object(map)
}

/// The data of a result as a text, or why it is not there.
fn said(data: String) -> String {
    if data.len() <= MAX_SAID {
        return data;
    }
    format!(
        "The data of this result ({} bytes) needs MCP {} or later. Ask for less: a filter, a smaller \
         range, fewer items.",
        data.len(),
        JUNE.as_str()
    )
}

fn limit(version: Version, definition: Definition, map: &mut Map<String, Value>) {
    map.retain(|name, value| {
        let Some(field) = definition.iter().find(|field| field.name == name) else {
            return false;
        };
        match (&field.holds, value) {
            (Holds::One(inner), Value::Object(map)) => limit(version, inner, map),
            (Holds::Many(inner), Value::Array(items)) => {
                for map in items.iter_mut().filter_map(Value::as_object_mut) {
                    limit(version, inner, map);
                }
            }
            (Holds::Block, value) => limit_block(version, value),
            (Holds::Blocks, Value::Array(blocks)) => {
                blocks.iter_mut().for_each(|block| limit_block(version, block));
            }
            _ => {}
        }
        field.since <= version
    });
}

/// A block that the version lacks becomes a text.
fn limit_block(version: Version, block: &mut Value) {
    let of = |name: &str| block.get(name).and_then(Value::as_str);
    let kind = of("type").unwrap_or_default();
    let since = KINDS.iter().find(|(known, _)| *known == kind).map(|(_, since)| *since);
    if since.is_some_and(|since| since <= version) {
        if let Some(map) = block.as_object_mut() {
            limit(version, BLOCK, map);
        }
        return;
    }
    let media = of("mimeType").map(|media| format!(" ({media})")).unwrap_or_default();
    *block = text(match (of("name"), of("uri"), since) {
        (Some(name), Some(uri), _) => format!("{name}{media}: read the resource {uri}"),
        (.., Some(since)) => {
            format!("Content of the kind {kind}{media} needs MCP {} or later.", since.as_str())
        }
        _ => format!("Content of the kind {kind}{media} is not part of MCP."),
    });
}

fn text(text: String) -> Value {
    json!({ "type": "text", "text": text })
}

/// A form without what 2025-11-25 brought (SEP-1034, SEP-1330): defaults of other fields than
/// booleans, titles of choices in `oneOf`, and lists of choices.
fn simplify(schema: &mut Map<String, Value>) {
    let Some(Value::Object(fields)) = schema.get_mut("properties") else {
        return;
    };
    fields.retain(|_, field| field.get("type") != Some(&json!("array")));
    for field in fields.values_mut().filter_map(Value::as_object_mut) {
        if field.get("type") != Some(&json!("boolean")) {
            field.remove("default");
        }
        if let Some(Value::Array(choices)) = field.remove("oneOf") {
            let each = |name: &str| -> Value {
                choices.iter().filter_map(|choice| choice.get(name)).cloned().collect()
            };
            field.insert("enum".to_owned(), each("const"));
            field.insert("enumNames".to_owned(), each("title"));
        }
    }
    let names: Vec<String> = fields.keys().cloned().collect();
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| names.iter().any(|known| name.as_str() == Some(known)));
    }
}

/// Lists that an isolate keeps as older versions say them.
const MAX_KEPT: usize = 8;

/// A version, a text, and the same as the version says it.
type CachedResult = (Version, String, String);

thread_local! {
    static KEPT: RefCell<Vec<CachedResult>> = const { RefCell::new(Vec::new()) };
}

/// A cached conversion of the same text: lists are requested repeatedly.
fn cached(version: Version, result: &str, make: impl FnOnce() -> String) -> String {
    let find = |kept: &Vec<CachedResult>| {
        let same = |(of, from, _): &&CachedResult| *of == version && from == result;
        kept.iter().find(same).map(|(.., made)| made.clone())
    };
    if let Some(made) = KEPT.with_borrow(find) {
        return made;
    }
    let made = make();
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push((version, result.to_owned(), made.clone()));
    });
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_in(version: Version, method: &str, result: &Value) -> Value {
        raw::value(&adapt_result(version, method, &result.to_string())).unwrap()
    }

    #[test]
    fn a_version_that_lacks_nothing_gets_the_text_as_it_is() {
        for (method, definition) in RESULTS {
            assert!(newest(definition) <= NOVEMBER, "{method}");
            for version in [NOVEMBER, Version::V2026_07_28] {
                let text = " {\"not\": \"read\" } ";
                assert!(
                    matches!(adapt_result(version, method, text), Cow::Borrowed(same) if same == text)
                );
            }
        }
        assert!(matches!(adapt_result(FIRST, "ping", "{}"), Cow::Borrowed("{}")));
    }

    #[test]
    fn fields_and_kinds_begin_with_their_version() {
        let called = json!({ "content": [
            { "type": "text", "text": "t", "_meta": {} },
            { "type": "audio", "data": "d", "mimeType": "audio/wav" },
            { "type": "resource_link", "uri": "a://b", "name": "n", "mimeType": "text/plain" },
            { "type": "hologram" },
        ], "structuredContent": { "a": 1 } });
        let text = |text: &str| json!({ "type": "text", "text": text });
        let link = text("n (text/plain): read the resource a://b");
        let (odd, data) =
            (text("Content of the kind hologram is not part of MCP."), text(r#"{"a":1}"#));
        let sound = text("Content of the kind audio (audio/wav) needs MCP 2025-03-26 or later.");
        assert_eq!(
            said_in(FIRST, "tools/call", &called),
            json!({ "content": [text("t"), sound, link, odd, data] })
        );
        assert_eq!(
            said_in(MARCH, "tools/call", &called),
            json!({ "content": [text("t"), called["content"][1], link, odd, data] })
        );
        assert_eq!(said_in(JUNE, "tools/call", &called), called);
        let message = json!({ "messages": [{ "role": "user", "content": called["content"][2] }] });
        assert_eq!(said_in(MARCH, "prompts/get", &message)["messages"][0]["content"], link);
    }

    #[test]
    fn data_that_is_too_large_for_a_text_or_there_already_is_not_added() {
        let data = json!({ "a": "x".repeat(MAX_SAID) });
        let said = |text: Value, data: &Value| {
            let called =
                json!({ "content": [{ "type": "text", "text": text }], "structuredContent": data });
            said_in(MARCH, "tools/call", &called)["content"].as_array().unwrap().clone()
        };
        let large = said(json!("t"), &data);
        assert!(large[1]["text"].as_str().unwrap().contains("(65544 bytes) needs MCP 2025-06-18"));
        assert_eq!(said(json!(r#"{"a":1}"#), &json!({ "a": 1 })).len(), 1);
    }

    #[test]
    fn lists_are_limited_item_by_item_and_kept() {
        let list = json!({ "tools": [{ "name": "a", "title": "A", "inputSchema": { "title": "stays" },
            "outputSchema": {}, "annotations": {}, "unheard": 1 }], "nextCursor": "c" });
        let of = |version| said_in(version, "tools/list", &list)["tools"][0].clone();
        for _ in 0..2 {
            assert_eq!(of(FIRST), json!({ "name": "a", "inputSchema": { "title": "stays" } }));
            assert_eq!(of(MARCH)["annotations"], json!({}));
            assert_eq!(said_in(FIRST, "tools/list", &list)["nextCursor"], "c");
        }
    }

    #[test]
    fn a_client_is_asked_only_what_its_version_has() {
        let all = ASKED.iter().fold(ClientCapabilities::TASKS, |set, (one, _)| set.with(*one));
        let first = askable_capabilities(FIRST, all);
        assert!(first.has(ClientCapabilities::SAMPLING.with(ClientCapabilities::TASKS)));
        assert!(!first.has(ClientCapabilities::ELICITATION_FORM));
        assert!(askable_capabilities(JUNE, all).has(ClientCapabilities::ELICITATION_FORM));
        assert!(!askable_capabilities(JUNE, all).has(ClientCapabilities::ELICITATION_URL));
        assert_eq!(askable_capabilities(NOVEMBER, all), all);
    }

    #[test]
    fn a_form_of_an_older_version_has_plain_fields() {
        let form = json!({ "message": "m", "requestedSchema": { "required": ["one", "many"], "properties": {
            "one": { "type": "string", "oneOf": [{ "const": "a", "title": "A" }] },
            "many": { "type": "array", "items": {} },
            "age": { "type": "integer", "default": 30 },
            "sure": { "type": "boolean", "default": true },
        } } });
        assert_eq!(
            adapt_params(JUNE, form.clone())["requestedSchema"],
            json!({ "required": ["one"], "properties": {
                "one": { "type": "string", "enum": ["a"], "enumNames": ["A"] },
                "age": { "type": "integer" },
                "sure": { "type": "boolean", "default": true },
            } })
        );
        assert_eq!(adapt_params(NOVEMBER, form.clone()), form);
    }
}

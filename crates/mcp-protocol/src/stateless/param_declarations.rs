//! `x-mcp-header`: the marks in a tool's `inputSchema` that say which arguments headers repeat.
//!
//! Invariant: the marks are the only description of a tool's headers; one that breaks the rules
//! is a fault of the definition, as clients drop a tool that has such. Source: MCP 2026-07-28
//! `basic/transports/streamable-http` "Schema Extension" (SEP-2243).

use serde_json::{Map, Value};
use thiserror::Error;

const MARK: &str = "x-mcp-header";

/// The type of a marked argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum ParamKind {
    String,
    Integer,
    Boolean,
}

/// One argument that a header repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamHeader {
    /// The header's full name: `Mcp-Param-Region`.
    pub header: String,
    /// Where the argument is: the names of properties, from the outside in.
    pub path: Vec<String>,
    /// Its type.
    pub kind: ParamKind,
}

/// Why the marks of a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParamHeaderError {
    /// A mark is no token.
    #[error("`{0}`: x-mcp-header must be a token of RFC 9110")]
    NotToken(String),
    /// Two marks are equal when case is ignored.
    #[error("`{0}`: another argument has the same x-mcp-header")]
    Twice(String),
    /// The marked argument is no string, integer or boolean.
    #[error("`{0}`: only a string, an integer or a boolean can be repeated in a header")]
    Type(String),
    /// A mark stands where no chain of `properties` leads.
    #[error("`{0}`: x-mcp-header stands outside of `properties`")]
    Unreachable(String),
}

impl ParamHeader {
    /// The headers that an `inputSchema` asks for.
    ///
    /// # Errors
    /// When a mark breaks the rules.
    pub fn all_in(schema: &Value) -> Result<Vec<Self>, ParamHeaderError> {
        let mut found = Vec::new();
        collect(schema, &mut Vec::new(), &mut found)?;
        Ok(found)
    }

    fn new(
        mark: &Value,
        schema: &Map<String, Value>,
        path: &[String],
    ) -> Result<Self, ParamHeaderError> {
        let name = mark.as_str().filter(|name| is_token(name));
        let name = name.ok_or_else(|| ParamHeaderError::NotToken(path.join(".")))?;
        let kind = match schema.get("type").and_then(Value::as_str) {
            Some("string") => ParamKind::String,
            Some("integer") => ParamKind::Integer,
            Some("boolean") => ParamKind::Boolean,
            _ => return Err(ParamHeaderError::Type(path.join("."))),
        };
        Ok(Self { header: format!("Mcp-Param-{name}"), path: path.to_vec(), kind })
    }
}

fn collect(
    schema: &Value,
    path: &mut Vec<String>,
    found: &mut Vec<ParamHeader>,
) -> Result<(), ParamHeaderError> {
    let Some(schema) = schema.as_object() else {
        return Ok(());
    };
    if let Some(mark) = schema.get(MARK) {
        found.push(marked(mark, schema, path, found)?);
    }
    for (keyword, below) in schema {
        match (keyword.as_str(), below.as_object()) {
            ("properties", Some(properties)) => descend(properties, path, found)?,
            _ if has_mark(below) => {
                return Err(ParamHeaderError::Unreachable(
                    [path.join("."), keyword.clone()].join("/"),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn marked(
    mark: &Value,
    schema: &Map<String, Value>,
    path: &[String],
    found: &[ParamHeader],
) -> Result<ParamHeader, ParamHeaderError> {
    if path.is_empty() {
        return Err(ParamHeaderError::Unreachable("/".into()));
    }
    let one = ParamHeader::new(mark, schema, path)?;
    if found.iter().any(|other| other.header.eq_ignore_ascii_case(&one.header)) {
        return Err(ParamHeaderError::Twice(path.join(".")));
    }
    Ok(one)
}

fn descend(
    properties: &Map<String, Value>,
    path: &mut Vec<String>,
    found: &mut Vec<ParamHeader>,
) -> Result<(), ParamHeaderError> {
    for (name, schema) in properties {
        path.push(name.clone());
        collect(schema, path, found)?;
        path.pop();
    }
    Ok(())
}

/// Whether there is a mark anywhere in what no chain of `properties` leads to.
fn has_mark(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.contains_key(MARK) || object.values().any(has_mark),
        Value::Array(values) => values.iter().any(has_mark),
        _ => false,
    }
}

/// RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(tchar)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marks(properties: Value) -> Result<Vec<ParamHeader>, ParamHeaderError> {
        ParamHeader::all_in(&json!({ "type": "object", "properties": properties }))
    }

    #[test]
    fn marks_are_found_at_any_depth_of_properties() {
        let found = marks(json!({
            "query": { "type": "string" },
            "region": { "type": "string", "x-mcp-header": "Region" },
            "where": { "type": "object", "properties": {
                "page": { "type": "integer", "x-mcp-header": "Page" },
                "x-mcp-header": { "type": "boolean", "x-mcp-header": "Odd-Name" },
            } },
        }));
        let shown: Vec<String> = found
            .unwrap()
            .iter()
            .map(|one| format!("{} {} {:?}", one.header, one.path.join("."), one.kind))
            .collect();
        assert_eq!(shown.len(), 3);
        for expected in [
            "Mcp-Param-Region region String",
            "Mcp-Param-Page where.page Integer",
            "Mcp-Param-Odd-Name where.x-mcp-header Boolean",
        ] {
            assert!(shown.iter().any(|one| one == expected), "{shown:?}");
        }
    }

    #[test]
    fn a_mark_that_is_no_token_is_a_fault() {
        for mark in [json!(""), json!("a b"), json!("a\r\nb"), json!("ü"), json!("a:b"), json!(7)]
        {
            let faulty = marks(json!({ "a": { "type": "string", "x-mcp-header": mark } }));
            assert_eq!(faulty, Err(ParamHeaderError::NotToken("a".into())), "{mark}");
        }
    }

    #[test]
    fn two_marks_that_differ_in_case_only_are_a_fault() {
        let faulty = marks(json!({
            "a": { "type": "string", "x-mcp-header": "Region" },
            "b": { "type": "string", "x-mcp-header": "REGION" },
        }));
        assert!(matches!(faulty, Err(ParamHeaderError::Twice(_))));
    }

    #[test]
    fn only_strings_integers_and_booleans_may_be_marked() {
        for kind in [json!("number"), json!("object"), json!("array"), json!(["string", "null"])] {
            let faulty = marks(json!({ "a": { "type": kind, "x-mcp-header": "A" } }));
            assert_eq!(faulty, Err(ParamHeaderError::Type("a".into())), "{kind}");
        }
        let untyped = marks(json!({ "a": { "x-mcp-header": "A" } }));
        assert_eq!(untyped, Err(ParamHeaderError::Type("a".into())));
    }

    #[test]
    fn a_mark_outside_of_properties_is_a_fault() {
        let marked = json!({ "type": "string", "x-mcp-header": "A" });
        for schema in [
            json!({ "type": "string", "x-mcp-header": "A" }),
            json!({ "properties": { "a": { "type": "array", "items": marked } } }),
            json!({ "anyOf": [{ "properties": { "a": marked } }] }),
            json!({ "if": { "properties": { "a": marked } } }),
            json!({ "$defs": { "a": marked } }),
            json!({ "additionalProperties": marked }),
        ] {
            let faulty = ParamHeader::all_in(&schema);
            assert!(matches!(faulty, Err(ParamHeaderError::Unreachable(_))), "{schema}");
        }
    }
}

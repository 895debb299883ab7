//! Which definitions of an upstream can be listed at all.
//!
//! Invariant: a definition that would make a client refuse the whole list, or that no client could use, is left out with a
//! reason, and the others are listed. Bounds hold for what is kept: names, sizes, levels.

use std::{borrow::Cow, collections::BTreeSet};

use mcp_protocol::{
    fields::{entries, fields},
    list_kind::ListKind,
    raw,
    stateless::param_declarations::{ParamHeader, ParamHeaderError},
};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    description::{Descriptions, clean},
    text,
};

/// Characters that the name of a tool or a prompt may have (MCP `server/tools` "Tool Names").
const MAX_NAME: usize = 128;
/// Bytes that a URI or a template may have.
const MAX_URI: usize = 8 << 10;
/// Bytes that a schema may have.
const MAX_SCHEMA: usize = 1 << 20;
/// Bytes that a definition may have.
const MAX_DEFINITION: usize = 2 << 20;
/// Levels of objects and arrays in a definition.
const MAX_DEPTH: usize = 64;
/// Characters of a name that a reason repeats.
const MAX_SHOWN: usize = 64;
/// Headers that an argument must not be taken for, as proxies and logs do (RFC 9110 §7.6.1, §11).
const RESERVED_HEADERS: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "proxy-authorization",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a definition is left out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// It is no JSON object that can be read.
    #[error("it is no object that can be read")]
    Unreadable,
    /// It is too large.
    #[error("it has more than {MAX_DEFINITION} bytes")]
    TooLarge,
    /// It has too many levels.
    #[error("it has more than {MAX_DEPTH} levels")]
    TooDeep,
    /// A field is there twice.
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    /// A field is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field has another type.
    #[error("`{0}` must be {1}")]
    Type(&'static str, &'static str),
    /// A name is empty, too long, or cannot be used.
    #[error("a name must have 1 to {MAX_NAME} visible characters, and not be `__proto__`")]
    Name,
    /// A URI is empty or too long.
    #[error("a URI must have 1 to {MAX_URI} bytes without control characters")]
    Uri,
    /// A schema is too large.
    #[error("`{0}` has more than {MAX_SCHEMA} bytes")]
    SchemaTooLarge(&'static str),
    /// `inputSchema` is none of an object.
    #[error("`inputSchema.type` must be \"object\"")]
    NoObjectSchema,
    /// A mark for a header breaks the rules.
    #[error("{0}")]
    ParamHeader(#[from] ParamHeaderError),
    /// A mark names a header that must not be used.
    #[error("x-mcp-header must not name a header of connections or credentials")]
    ReservedHeader,
    /// Another definition has the same name or URI.
    #[error("another one has the same `{0}`")]
    Repeated(&'static str),
}

/// A definition that can be listed.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// The name, or the URI, that it has at its upstream.
    pub key: String,
    /// Its text, with clean descriptions.
    pub text: Cow<'a, str>,
    /// The arguments that headers repeat.
    pub headers: Vec<ParamHeader>,
}

/// A definition that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name or URI, as far as it can be shown; empty where it has none.
    pub key: String,
    /// The reason, which repeats at most names of arguments.
    pub fault: Fault,
}

impl LeftOut {
    /// One whose name or URI is that of another.
    pub(crate) fn repeated(key: &str, kind: ListKind) -> Self {
        Self { key: text::quote(key, MAX_SHOWN), fault: Fault::Repeated(kind.key()) }
    }

    /// The reason as a text of at most 200 characters without control characters.
    pub fn reason(&self) -> String {
        text::quote(&self.fault.to_string(), 200)
    }
}

/// A list, as far as it can be passed on.
#[derive(Debug, Clone, Default)]
pub struct Checked<'a> {
    /// What can be listed, in the order of the upstream.
    pub items: Vec<Item<'a>>,
    /// What cannot.
    pub left_out: Vec<LeftOut>,
}

/// Checks the items of a list. Of two with one name or URI, the first is kept.
pub fn check_all<'a>(
    kind: ListKind,
    items: impl IntoIterator<Item = &'a RawValue>,
    descriptions: Descriptions,
) -> Checked<'a> {
    let mut checked = Checked::default();
    let mut seen = BTreeSet::new();
    for item in items {
        let found = check(kind, item.get(), descriptions).and_then(|found| {
            let is_first = seen.insert(found.key.clone());
            if is_first { Ok(found) } else { Err(Fault::Repeated(kind.key())) }
        });
        match found {
            Ok(found) => checked.items.push(found),
            Err(fault) => {
                checked.left_out.push(LeftOut { key: shown_key(kind, item.get()), fault })
            }
        }
    }
    checked
}

/// Checks one definition.
///
/// # Errors
/// Why it cannot be listed.
pub fn check(
    kind: ListKind,
    definition: &str,
    descriptions: Descriptions,
) -> Result<Item<'_>, Fault> {
    if definition.len() > MAX_DEFINITION {
        return Err(Fault::TooLarge);
    }
    if depth(definition) > MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    check_fields(kind, definition)?;
    let key = key_of(kind, definition)?;
    let headers = match kind {
        ListKind::Tools => check_schemas(definition)?,
        ListKind::Prompts => check_arguments(definition)?,
        ListKind::Resources | ListKind::ResourceTemplates => Vec::new(),
    };
    let text = match descriptions {
        Descriptions::Clean => clean(definition).map_err(|_| Fault::Unreadable)?,
        Descriptions::Raw => Cow::Borrowed(definition),
    };
    Ok(Item { key, text, headers })
}

/// The form of a field that every client reads: its name, whether it must be there, and the first byte of its value.
type Shape = (&'static str, bool, u8);

const fn shapes(kind: ListKind) -> &'static [Shape] {
    match kind {
        ListKind::Tools => &[
            ("name", true, b'"'),
            ("title", false, b'"'),
            ("description", false, b'"'),
            ("inputSchema", true, b'{'),
            ("outputSchema", false, b'{'),
            ("annotations", false, b'{'),
            ("icons", false, b'['),
            ("_meta", false, b'{'),
        ],
        ListKind::Prompts => &[
            ("name", true, b'"'),
            ("title", false, b'"'),
            ("description", false, b'"'),
            ("arguments", false, b'['),
            ("icons", false, b'['),
            ("_meta", false, b'{'),
        ],
        ListKind::Resources | ListKind::ResourceTemplates => &[
            ("uri", true, b'"'),
            ("uriTemplate", true, b'"'),
            ("name", true, b'"'),
            ("title", false, b'"'),
            ("description", false, b'"'),
            ("mimeType", false, b'"'),
            ("annotations", false, b'{'),
            ("icons", false, b'['),
            ("_meta", false, b'{'),
        ],
    }
}

fn check_fields(kind: ListKind, definition: &str) -> Result<(), Fault> {
    let found = entries(definition).map_err(|_| Fault::Unreadable)?;
    // A resource has no template, and a template no URI of its own.
    let foreign = match kind {
        ListKind::Resources => Some("uriTemplate"),
        ListKind::ResourceTemplates => Some("uri"),
        ListKind::Tools | ListKind::Prompts => None,
    };
    let own = shapes(kind).iter().filter(|(name, ..)| Some(*name) != foreign);
    for (name, required, first) in own {
        let mut values = found.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) if *required => return Err(Fault::Missing(name)),
            (Some(_), Some(_)) => return Err(Fault::Twice(name)),
            (Some(value), None) if value.get().as_bytes().first() != Some(first) => {
                return Err(Fault::Type(name, type_name(*first)));
            }
            _ => {}
        }
    }
    Ok(())
}

const fn type_name(first: u8) -> &'static str {
    match first {
        b'{' => "an object",
        b'[' => "an array",
        _ => "a text",
    }
}

fn key_of(kind: ListKind, definition: &str) -> Result<String, Fault> {
    let [key] = fields(definition, [kind.key()]).map_err(|_| Fault::Twice(kind.key()))?;
    let key = key.and_then(raw::string).ok_or(Fault::Missing(kind.key()))?;
    let is_plain = key.chars().all(text::is_plain);
    match kind {
        ListKind::Tools | ListKind::Prompts => {
            let fits = (1..=MAX_NAME).contains(&key.chars().count());
            if fits && is_plain && key != "__proto__" { Ok(key) } else { Err(Fault::Name) }
        }
        ListKind::Resources | ListKind::ResourceTemplates => {
            if (1..=MAX_URI).contains(&key.len()) && is_plain { Ok(key) } else { Err(Fault::Uri) }
        }
    }
}

fn check_schemas(definition: &str) -> Result<Vec<ParamHeader>, Fault> {
    let names = ["inputSchema", "outputSchema"];
    let schemas = fields(definition, names).map_err(|_| Fault::Unreadable)?;
    for (name, schema) in names.into_iter().zip(schemas) {
        if schema.is_some_and(|schema| schema.get().len() > MAX_SCHEMA) {
            return Err(Fault::SchemaTooLarge(name));
        }
    }
    let [input, _] = schemas;
    let input = input.ok_or(Fault::Missing("inputSchema"))?.get();
    let [kind] = fields(input, ["type"]).map_err(|_| Fault::Unreadable)?;
    if kind.and_then(raw::text).as_deref() != Some("object") {
        return Err(Fault::NoObjectSchema);
    }
    headers_of(input)
}

/// The arguments of a prompt must have names; headers repeat none of them.
fn check_arguments(definition: &str) -> Result<Vec<ParamHeader>, Fault> {
    let [arguments] = fields(definition, ["arguments"]).map_err(|_| Fault::Unreadable)?;
    let elements = arguments.map(|arguments| raw::elements(arguments.get())).transpose();
    let has_name = |argument: &&RawValue| {
        let name = fields(argument.get(), ["name"]).ok().and_then(|[name]| name);
        name.is_some_and(|name| name.get().starts_with('"'))
    };
    match elements.map_err(|_| Fault::Unreadable)?.unwrap_or_default().iter().all(has_name) {
        true => Ok(Vec::new()),
        false => Err(Fault::Type("arguments", "an array of objects with a `name`")),
    }
}

/// The arguments that headers repeat.
fn headers_of(schema: &str) -> Result<Vec<ParamHeader>, Fault> {
    // The name of the mark may be written with escapes.
    if !schema.contains("x-mcp-header") && !schema.contains("\\u") {
        return Ok(Vec::new());
    }
    let schema = raw::value(schema).map_err(|_| Fault::Unreadable)?;
    let headers = ParamHeader::all_in(&schema)?;
    let is_reserved = |one: &ParamHeader| {
        let lower = one.header.to_ascii_lowercase();
        RESERVED_HEADERS.contains(&lower.trim_start_matches("mcp-param-"))
    };
    if headers.iter().any(is_reserved) {
        return Err(Fault::ReservedHeader);
    }
    Ok(headers)
}

/// The levels of objects and arrays.
pub(crate) fn depth(json: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth = depth.saturating_add(1);
                most = most.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn shown_key(kind: ListKind, definition: &str) -> String {
    let key = fields(definition, [kind.key()]).ok().and_then(|[key]| key).and_then(raw::string);
    text::quote(&key.unwrap_or_default(), MAX_SHOWN)
}

//! The arguments of a call, checked by the tool's own `inputSchema`.
//!
//! Invariant: every tool refuses what its schema does not allow, in the same words: the parameter,
//! what was expected, and the value that came. A value of a secret parameter is never repeated. The
//! keywords that are read are `KEYWORDS`; a tool checks the rest itself. Source: JSON Schema
//! 2020-12, "Validation".

use serde_json::{Map, Value, value::RawValue};

use crate::schema_text;
use mcp_protocol::{content::CallToolResult, object::quoted, raw};

/// The keywords of JSON Schema that are checked here.
#[cfg(any(test, feature = "testing"))]
pub const KEYWORDS: [&str; 15] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
    "default",
];

/// Characters of a wrong value or name that are repeated to the caller.
const SHOWN: usize = 80;
/// Problems reported for one call.
const MAX_PROBLEMS: usize = 20;

/// The format of a string parameter beyond its schema.
pub trait TextFormat: Sync {
    /// A description of the accepted values.
    fn expected(&self) -> String;

    /// Reads one.
    fn read(&self, text: &str) -> ParsedText;
}

/// The result of reading a string parameter.
#[derive(Debug, PartialEq)]
pub enum ParsedText {
    /// A value, in its normal form.
    Fits(Value),
    /// As good as no value.
    Nothing,
    /// No value; this was expected.
    Unfit(String),
}

/// The schema of a value.
#[derive(Default)]
pub struct Schema {
    /// Names of JSON types; all where there are none.
    pub(super) types: Vec<Type>,
    pub(super) properties: Vec<(String, Self)>,
    required: Vec<String>,
    /// No other properties than these.
    closed: bool,
    pub(super) items: Option<Box<Self>>,
    /// The values that are allowed; all where there are none.
    pub(super) choices: Vec<Value>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    /// Characters of a text.
    pub(super) lengths: Bounds,
    /// Items of an array.
    pub(super) counts: Bounds,
    /// How a text begins: of `pattern` only `^` and plain characters are read.
    pub(super) begins: Option<String>,
    default: Option<Value>,
    secret: bool,
    pub(super) text: Option<&'static dyn TextFormat>,
}

/// The least and the most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) least: Option<usize>,
    pub(super) most: Option<usize>,
}

impl Bounds {
    fn has(self, count: usize) -> bool {
        self.least.is_none_or(|least| count >= least) && self.most.is_none_or(|most| count <= most)
    }
}

/// A type of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => integer(value).is_some(),
            Self::Number => value.is_number(),
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// A whole number in its normal form: `3.0` is an integer to JSON Schema.
fn integer(value: &Value) -> Option<Value> {
    if value.is_i64() || value.is_u64() {
        return Some(value.clone());
    }
    let number = value.as_f64()?;
    let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    exact.then_some(Value::from(number as i64))
}

/// The problems in a call's arguments, one line each. Lines beyond `MAX_PROBLEMS` are counted, but not
/// made: a call may have as many wrong items as fit into its body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems {
    lines: Vec<String>,
    more: usize,
}

impl Problems {
    /// One problem with a parameter.
    pub fn one(name: &str, problem: &str) -> Self {
        Self { lines: vec![format!("- {name}: {problem}")], more: 0 }
    }

    fn add(&mut self, line: impl FnOnce() -> String) {
        match self.lines.len() < MAX_PROBLEMS {
            true => self.lines.push(line()),
            false => self.more = self.more.saturating_add(1),
        }
    }

    /// The answer to the call of a tool.
    pub fn into_result(self, tool: &str) -> CallToolResult {
        let Self { mut lines, more } = self;
        if more > 0 {
            lines.push(format!("- and {more} more"));
        }
        let lines = lines.join("\n");
        CallToolResult::error(format!(
            "The arguments of {tool} are not valid; nothing was done.\n{lines}"
        ))
    }

    /// The lines.
    #[cfg(any(test, feature = "testing"))]
    pub fn lines(self) -> Vec<String> {
        self.lines
    }
}

impl Schema {
    /// Reads a schema; what it does not understand allows everything.
    pub fn read(schema: &Value) -> Self {
        let count = |name: &str| {
            schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
        };
        let names = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
        let types = match schema.get("type") {
            Some(Value::String(name)) => Type::parse(name).into_iter().collect(),
            _ => names("type").filter_map(|name| Type::parse(name.as_str()?)).collect(),
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flatten();
        let pattern = schema.get("pattern").and_then(Value::as_str);
        let plain = |text: &&str| text.chars().all(|c| c.is_alphanumeric() || c == '/' || c == '_');
        Self {
            types,
            properties: properties.map(|(name, of)| (name.clone(), Self::read(of))).collect(),
            required: names("required")
                .filter_map(|name| Some(name.as_str()?.to_owned()))
                .collect(),
            closed: schema.get("additionalProperties") == Some(&Value::Bool(false)),
            items: schema.get("items").map(|items| Box::new(Self::read(items))),
            choices: names("enum").chain(schema.get("const")).cloned().collect(),
            minimum: schema.get("minimum").and_then(Value::as_f64),
            maximum: schema.get("maximum").and_then(Value::as_f64),
            lengths: Bounds { least: count("minLength"), most: count("maxLength") },
            counts: Bounds { least: count("minItems"), most: count("maxItems") },
            begins: pattern.and_then(|p| p.strip_prefix('^')).filter(plain).map(str::to_owned),
            default: schema.get("default").cloned(),
            secret: schema.get("writeOnly") == Some(&Value::Bool(true)),
            text: None,
        }
    }

    /// The input schema in a tool's definition.
    pub fn of_definition(definition: &str) -> Self {
        let definition = raw::value(definition).unwrap_or_default();
        definition.get("inputSchema").map(Self::read).unwrap_or_default()
    }

    /// The schema of a property, to say more of it.
    pub fn property(&mut self, name: &str) -> Option<&mut Self> {
        self.properties.iter_mut().find(|(known, _)| known == name).map(|(_, of)| of)
    }

    /// The schema of an array's items, to say more of it.
    pub fn item(&mut self) -> Option<&mut Self> {
        self.items.as_deref_mut()
    }

    /// Texts are read by these rules, and no longer by the schema's own.
    pub fn read_texts_by(&mut self, text: &'static dyn TextFormat) {
        self.text = Some(text);
    }

    /// Its value must not be repeated.
    pub fn keep_secret(&mut self) {
        self.secret = true;
    }

    /// Checks what a client sent: the arguments in their normal form, with defaults.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn check(&self, raw: Option<&RawValue>) -> Result<Map<String, Value>, Problems> {
        let given = match raw.map(|raw| raw::value(raw.get())) {
            None | Some(Ok(Value::Null)) => Map::new(),
            Some(Ok(Value::Object(map))) => map,
            Some(Ok(other)) => {
                let secret = self.properties.iter().any(|(_, property)| property.secret);
                let came = shown(&other, secret);
                let problem = format!("expected a JSON object; got {came}");
                return Err(Problems::one("arguments", &problem));
            }
            Some(Err(_)) => {
                return Err(Problems::one("arguments", "expected a JSON object"));
            }
        };
        let mut problems = Problems::default();
        let checked = self.object(given, "", &mut problems);
        if problems.lines.is_empty() { Ok(checked) } else { Err(problems) }
    }

    /// The properties of an object in their normal form. `at` is empty or ends with a dot.
    fn object(
        &self,
        mut given: Map<String, Value>,
        at: &str,
        problems: &mut Problems,
    ) -> Map<String, Value> {
        if self.closed {
            for name in given.keys().filter(|name| !self.knows(name)) {
                problems.add(|| self.unknown(name, at));
            }
        }
        let mut checked = Map::new();
        for (name, property) in &self.properties {
            let (path, required) = (format!("{at}{name}"), self.required.contains(name));
            if let Some(value) = property.value_of(given.remove(name), required, &path, problems) {
                checked.insert(name.clone(), value);
            }
        }
        if !self.closed {
            checked.extend(given);
        }
        checked
    }

    fn value_of(
        &self,
        given: Option<Value>,
        required: bool,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Value> {
        let is_null = |value: &Value| value.is_null() && !required && !self.takes(value);
        let found = given.filter(|value| !is_null(value));
        match found.map(|value| self.value(value, path, problems)) {
            Some(Checked::Value(value)) => Some(value),
            Some(Checked::Wrong) => None,
            None | Some(Checked::Nothing) if required => {
                problems.add(|| {
                    let expected = schema_text::words(self);
                    format!("- {path}: required: expected {expected}")
                });
                None
            }
            None | Some(Checked::Nothing) => self.default.clone().filter(|default| {
                let nothing =
                    |text| self.text.map(|rules| rules.read(text)) == Some(ParsedText::Nothing);
                !default.as_str().is_some_and(nothing)
            }),
        }
    }

    fn value(&self, value: Value, path: &str, problems: &mut Problems) -> Checked {
        let mut refuse = |expected: &dyn Fn() -> String, value: &Value| {
            problems.add(|| {
                let came = shown(value, self.secret);
                format!("- {path}: expected {}; got {came}", expected())
            });
            Checked::Wrong
        };
        if let (Value::String(text), Some(rules)) = (&value, self.text) {
            return match rules.read(text) {
                ParsedText::Fits(value) => Checked::Value(value),
                ParsedText::Nothing => Checked::Nothing,
                ParsedText::Unfit(expected) => refuse(&|| expected.to_string(), &value),
            };
        }
        if !self.takes(&value) {
            return refuse(&|| schema_text::words(self), &value);
        }
        Checked::Value(match value {
            Value::Object(map) => Value::Object(self.object(map, &format!("{path}."), problems)),
            Value::Array(items) => match &self.items {
                Some(of) => {
                    let each = |(at, item)| match of.value(item, &format!("{path}[{at}]"), problems)
                    {
                        Checked::Value(value) => value,
                        Checked::Wrong | Checked::Nothing => Value::Null,
                    };
                    items.into_iter().enumerate().map(each).collect()
                }
                None => Value::Array(items),
            },
            Value::Number(_) if self.types.contains(&Type::Integer) => {
                integer(&value).unwrap_or(value)
            }
            other => other,
        })
    }

    /// Whether a value itself fits, without its items and properties.
    fn takes(&self, value: &Value) -> bool {
        let of_type = self.types.is_empty() || self.types.iter().any(|of| of.takes(value));
        let chosen = self.choices.is_empty() || self.choices.contains(value);
        of_type
            && chosen
            && match value {
                Value::String(text) => {
                    let begins = self.begins.as_ref().is_none_or(|begins| text.starts_with(begins));
                    begins && self.lengths.has(text.chars().count())
                }
                Value::Array(items) => self.counts.has(items.len()),
                Value::Number(number) => number.as_f64().is_none_or(|number| {
                    self.minimum.is_none_or(|least| number >= least)
                        && self.maximum.is_none_or(|most| number <= most)
                }),
                _ => true,
            }
    }

    fn knows(&self, name: &str) -> bool {
        self.properties.iter().any(|(known, _)| known == name)
    }

    fn unknown(&self, name: &str, at: &str) -> String {
        let shown = cut(name);
        let known: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        match schema_text::nearest(&known, name) {
            Some(near) => {
                format!("- {at}{shown}: there is no such parameter; did you mean {near}?")
            }
            None if known.is_empty() => format!("- {at}{shown}: this tool takes no parameters"),
            None => {
                let known = known.join(", ");
                format!("- {at}{shown}: there is no such parameter; there are {known}")
            }
        }
    }
}

/// The outcome of checking a value.
enum Checked {
    Value(Value),
    /// It is as good as none.
    Nothing,
    /// It is invalid; the problem was recorded.
    Wrong,
}

/// A value as it came, cut; of a secret one only its type.
fn shown(value: &Value, secret: bool) -> String {
    match value {
        _ if secret => type_name(value).to_owned(),
        Value::String(text) => format!("the string {}", quoted(&cut(text))),
        Value::Number(number) => format!("the number {number}"),
        Value::Array(_) => format!("the array {}", cut(&value.to_string())),
        Value::Object(_) => format!("the object {}", cut(&value.to_string())),
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// At most so many characters, with `…` where something is missing.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The JSON type of a value, with its article.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;

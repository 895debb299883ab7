//! The catalogue as it is written in TOML. Unknown keys are refused.

use serde::Deserialize;
use serde_json::Value;

/// One file: a toolset with its tools and the shapes of their answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Toolset {
    pub(crate) toolset: String,
    /// Place of the toolset in the list of tools.
    pub(crate) order: u32,
    #[serde(default)]
    pub(crate) tool: Vec<Tool>,
    #[serde(default)]
    pub(crate) shape: Vec<Shape>,
}

/// One operation of the API, offered as a tool.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) method: Method,
    /// Path below the API's prefix; `{name}` stands for a path parameter.
    pub(crate) path: String,
    pub(crate) effect: Effect,
    pub(crate) idempotent: bool,
    /// The Rust module that runs it; absent: the generic executor alone.
    pub(crate) behaviour: Option<String>,
    /// The shape of the answer.
    pub(crate) output: String,
    /// The answer is a list, shown under this name.
    pub(crate) list: Option<String>,
    /// First line of the text of a success; `{name}` stands for an argument.
    pub(crate) says: Option<String>,
    /// How to find out whether a change happened when its answer was lost.
    pub(crate) check: Option<String>,
    /// SiteBay retired the route: what to use instead.
    pub(crate) retired: Option<String>,
    /// Sends an `Idempotency-Key`, so that a lost answer can be asked for again.
    #[serde(default)]
    pub(crate) keyed: bool,
    #[serde(default)]
    pub(crate) parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    Read,
    Write,
    Destructive,
}

/// One argument of a tool.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    #[serde(rename = "in")]
    pub(crate) place: Place,
    /// The API's name, where it differs.
    pub(crate) api: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) minimum: Option<i64>,
    pub(crate) maximum: Option<i64>,
    pub(crate) min_length: Option<u32>,
    pub(crate) max_length: Option<u32>,
    #[serde(default, rename = "enum")]
    pub(crate) choices: Vec<String>,
    /// What an empty string means, if it means something of its own.
    pub(crate) empty: Option<Empty>,
    /// The value must appear in no answer and no error.
    #[serde(default)]
    pub(crate) secret: bool,
    pub(crate) description: String,
}

/// Where an argument goes. `local` ones are the tool's own and are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Path,
    Query,
    Body,
    Local,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Text,
    Fqdn,
    Uuid,
    Email,
    DateTime,
    UrlPath,
    JsonObject,
    Flag,
    Integer,
    Texts,
    Object,
}

impl Kind {
    /// Whether values are JSON strings.
    pub(crate) fn is_text(self) -> bool {
        !matches!(self, Self::Flag | Self::Integer | Self::Texts | Self::Object)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Empty {
    /// As if the argument were not there.
    Absent,
    /// Sent as `null`.
    Null,
}

/// What an answer looks like. Every field may be null or missing unless it is guaranteed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    pub(crate) name: String,
    /// The field that names one of these.
    pub(crate) heading: Option<String>,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// text, flag, integer, number, texts, object, any, or the name of a shape.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The tool itself makes sure that the field is there.
    #[serde(default)]
    pub(crate) guaranteed: bool,
    /// Shown in the text under this label.
    pub(crate) label: Option<String>,
    pub(crate) description: Option<String>,
}

/// All toolsets, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    pub(crate) toolsets: Vec<Toolset>,
}

impl Catalogue {
    /// All tools with the name of their toolset.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (&str, &Tool)> {
        self.toolsets
            .iter()
            .flat_map(|set| set.tool.iter().map(|tool| (set.toolset.as_str(), tool)))
    }

    /// All shapes.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.toolsets.iter().flat_map(|set| &set.shape)
    }

    /// The shape of that name.
    pub(crate) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes().find(|shape| shape.name == name)
    }
}

/// The names between braces in a path or a sentence.
pub(crate) fn placeholders(text: &str) -> Vec<&str> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

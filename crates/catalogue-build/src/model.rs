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
    /// Parameters that tools of any file name in `with`.
    #[serde(default)]
    pub(crate) shared: Vec<Parameter>,
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
    /// Absent, as `path`, where its behaviour makes requests of its own.
    pub(crate) method: Option<Method>,
    /// Path below the API's prefix; `{name}` stands for a path parameter.
    pub(crate) path: Option<String>,
    /// Where the request goes, if the service has several hosts.
    pub(crate) host: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) idempotent: bool,
    /// It may reach things outside of the service; false where all that it touches is the service's.
    #[serde(default = "yes")]
    pub(crate) open_world: bool,
    /// The Rust module that runs it; absent: the generic executor alone.
    pub(crate) behaviour: Option<String>,
    /// The shape of the answer.
    pub(crate) output: String,
    /// The answer stands under `result`, as FastMCP wraps answers.
    #[serde(default)]
    pub(crate) wrapped: bool,
    /// The answer is a list, shown under this name.
    pub(crate) list: Option<String>,
    /// First line of the text of a success; `{name}` stands for an argument.
    pub(crate) says: Option<String>,
    /// How to find out whether a change happened when its answer was lost.
    pub(crate) check: Option<String>,
    /// The service retired the route: what to use instead.
    pub(crate) retired: Option<String>,
    /// Sends an `Idempotency-Key`, so that a lost answer can be asked for again.
    #[serde(default)]
    pub(crate) keyed: bool,
    /// A post that only reads, so that it may be sent again.
    #[serde(default)]
    pub(crate) safe: bool,
    /// Known to clients of earlier servers: listed first, always in the default set.
    #[serde(default)]
    pub(crate) original: bool,
    /// In the default set.
    #[serde(default)]
    pub(crate) default: bool,
    /// Retired and not an original: listed only where the operator wants retired routes.
    #[serde(default)]
    pub(crate) hidden: bool,
    /// The service works on after its answer, so that the call becomes a task.
    #[serde(default)]
    pub(crate) long: bool,
    /// The losses that the consent form names; `{name}` stands for a required argument. Adds the
    /// parameter `confirm`.
    pub(crate) consent: Option<String>,
    /// The person is offered a checkpoint before.
    #[serde(default)]
    pub(crate) checkpoint: bool,
    /// The secret that is shown on demand. Adds the parameter `reveal`.
    pub(crate) reveal: Option<String>,
    /// The list can be asked for one page at a time. Adds the parameters `page` and `size`.
    #[serde(default)]
    pub(crate) paged: bool,
    /// The same operation in other generations of the API.
    #[serde(default)]
    pub(crate) alternatives: Vec<Alternative>,
    #[serde(default)]
    pub(crate) parameters: Vec<Parameter>,
    /// Names of `shared` parameters, which follow its own.
    #[serde(default)]
    pub(crate) with: Vec<String>,
}

/// What a switch is where nothing is said.
const fn yes() -> bool {
    true
}

/// The form that an operation had in another generation of the API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alternative {
    /// When the API had it, such as `2026-03`.
    pub(crate) generation: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Parameters that had another place or name; the others stay.
    #[serde(default)]
    pub(crate) moved: Vec<Moved>,
}

/// Where a parameter goes in an [`Alternative`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moved {
    pub(crate) name: String,
    #[serde(rename = "in")]
    pub(crate) place: Place,
    pub(crate) api: String,
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
    /// The body where nothing is said, as in the items of arrays.
    #[serde(rename = "in", default)]
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
    /// The meaning of an empty string, if it has one of its own.
    pub(crate) empty: Option<Empty>,
    /// The value must appear in no answer and no error.
    #[serde(default)]
    pub(crate) secret: bool,
    /// The fields of the objects in an array of objects; none: any object.
    #[serde(default)]
    pub(crate) items: Vec<Self>,
    pub(crate) description: String,
}

/// Where an argument goes. `local` ones are the tool's own and are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Path,
    Query,
    #[default]
    Body,
    Local,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum Kind {
    Text,
    Fqdn,
    Uuid,
    Email,
    DateTime,
    Date,
    UrlPath,
    JsonObject,
    Flag,
    Integer,
    Texts,
    Values,
    Objects,
    Object,
    Any,
    /// A kind of text that only this catalogue has.
    Own(String),
}

impl From<String> for Kind {
    fn from(name: String) -> Self {
        match name.as_str() {
            "text" => Self::Text,
            "fqdn" => Self::Fqdn,
            "uuid" => Self::Uuid,
            "email" => Self::Email,
            "date_time" => Self::DateTime,
            "date" => Self::Date,
            "url_path" => Self::UrlPath,
            "json_object" => Self::JsonObject,
            "flag" => Self::Flag,
            "integer" => Self::Integer,
            "texts" => Self::Texts,
            "values" => Self::Values,
            "objects" => Self::Objects,
            "object" => Self::Object,
            "any" => Self::Any,
            _ => Self::Own(name),
        }
    }
}

impl Kind {
    /// Whether values are JSON strings.
    pub(crate) fn is_text(&self) -> bool {
        !matches!(self, Self::Flag | Self::Integer | Self::Object | Self::Any) && !self.is_array()
    }

    /// Whether values are arrays; their lengths are numbers of items.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Self::Texts | Self::Values | Self::Objects)
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

/// The shape of a response. Every field may be null or missing unless it is guaranteed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    pub(crate) name: String,
    /// The field that names one of these.
    pub(crate) heading: Option<String>,
    /// The form of the response is not known: the whole response becomes the one field.
    #[serde(default)]
    pub(crate) free: bool,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// text, flag, integer, number, texts, object, objects, any, the name of a shape, or that name and `[]` for
    /// a list of such objects.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The tool itself makes sure that the field is there.
    #[serde(default)]
    pub(crate) guaranteed: bool,
    /// Hidden unless the caller asks to see it (`reveal`).
    #[serde(default)]
    pub(crate) secret: bool,
    /// Shown in the text under this label.
    pub(crate) label: Option<String>,
    pub(crate) description: Option<String>,
}

/// A catalogue: all its toolsets, in order.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub(crate) toolsets: Vec<Toolset>,
}

impl Tool {
    /// Whether its behaviour makes all requests, so that the tool has none of its own.
    pub(crate) fn has_no_request(&self) -> bool {
        self.method.is_none() && self.path.is_none()
    }
}

impl Field {
    /// The name of the shape of its items, where it is a list of objects.
    pub(crate) fn items(&self) -> Option<&str> {
        self.kind.strip_suffix("[]")
    }
}

impl Catalogue {
    /// All tools with the name of their toolset: the originals, then the others.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (&str, &Tool)> {
        let all = || {
            self.toolsets
                .iter()
                .flat_map(|set| set.tool.iter().map(|tool| (set.toolset.as_str(), tool)))
        };
        all().filter(|(_, tool)| tool.original).chain(all().filter(|(_, tool)| !tool.original))
    }

    /// All shared parameters.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Parameter> {
        self.toolsets.iter().flat_map(|set| &set.shared)
    }

    /// All shapes.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.toolsets.iter().flat_map(|set| &set.shape)
    }

    /// The shape of a field, or of its items.
    pub(crate) fn shape_of(&self, field: &Field) -> Option<&Shape> {
        self.shape(field.items().unwrap_or(&field.kind))
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

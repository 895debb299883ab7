//! The table of operations that the executor runs. Its rows come from `catalogue/*.toml`.
//!
//! Invariant: every row was checked by `build.rs`, which also explains each key
//! (`build_rs/model.rs`).

use mcp_platform::Method;
use mcp_server::toolset::Effect;

include!(concat!(env!("OUT_DIR"), "/sitebay_table.rs"));

/// The operation of that name.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// One operation of the API, offered as a tool.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) toolset: &'static str,
    pub(crate) method: Method,
    /// Path below the API's prefix; `{name}` stands for a path parameter.
    pub(crate) path: &'static str,
    pub(crate) effect: Effect,
    pub(crate) behaviour: Behaviour,
    pub(crate) output: &'static Shape,
    /// The answer is a list, shown under this name.
    pub(crate) list: Option<&'static str>,
    /// First line of the text of a success.
    pub(crate) says: Option<&'static str>,
    /// How to find out whether a change happened when its answer was lost.
    pub(crate) check: Option<&'static str>,
    /// SiteBay retired the route: what to use instead.
    pub(crate) retired: Option<&'static str>,
    /// Sends an `Idempotency-Key`.
    pub(crate) keyed: bool,
    /// Listed by default.
    pub(crate) default: bool,
    /// Retired: offered only where the operator wants retired routes.
    pub(crate) hidden: bool,
    /// SiteBay works on after its answer.
    pub(crate) long: bool,
    /// The losses that the consent form names.
    pub(crate) consent: Option<&'static str>,
    /// The person is offered a checkpoint before.
    pub(crate) checkpoint: bool,
    /// The same in other generations of the API.
    pub(crate) alternatives: &'static [Alternative],
    pub(crate) parameters: &'static [Parameter],
    /// The tool as MCP lists it, as JSON.
    pub(crate) definition: &'static str,
}

/// The form that an operation had in another generation of the API.
#[derive(Debug)]
pub(crate) struct Alternative {
    /// When the API had it, such as `2026-03`.
    #[cfg_attr(not(test), expect(dead_code, reason = "for those who read the catalogue"))]
    pub(crate) generation: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// Parameters that had another place or name.
    pub(crate) moved: &'static [Moved],
}

/// Where a parameter goes in an [`Alternative`].
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) api: &'static str,
}

/// The file under `tools/` that runs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// None: the generic executor.
    Plain,
    Update,
    DeleteSite,
    Shell,
    EditFile,
    Proxy,
    ListCommits,
    Restore,
    Checkout,
    Screenshot,
    Logs,
}

/// One argument of a tool, beyond what its definition's `inputSchema` says.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// The API's name for it.
    pub(crate) api: &'static str,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: Option<usize>,
    /// Allowed values in small letters; all if empty.
    pub(crate) choices: &'static [&'static str],
    pub(crate) empty: Empty,
    pub(crate) secret: bool,
    /// The fields of the objects in an array of objects.
    pub(crate) items: &'static [Self],
}

/// Where an argument goes. Local ones are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Body,
    Local,
}

/// The kind of values that an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A host name.
    Fqdn,
    Uuid,
    Email,
    /// RFC 3339.
    DateTime,
    /// `YYYY-MM-DD`.
    Date,
    /// A path that starts with `/`.
    UrlPath,
    /// A path below wp-content; empty for wp-content itself, where that is allowed.
    ContentPath,
    /// Search and replace blocks.
    Blocks,
    /// A JSON object, written as text.
    JsonObject,
    Flag,
    Integer,
    Texts,
    /// An array of objects with the fields of `items`.
    Objects,
    Object,
}

/// The meaning of an empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// An empty string.
    Itself,
    /// As if the argument were not there.
    Absent,
    /// Sent as `null`.
    Null,
}

/// The shape of a response.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The name of one item, with `_` between words.
    pub(crate) name: &'static str,
    /// The field that names one of these.
    pub(crate) heading: Option<&'static str>,
    /// The whole response becomes the one field.
    pub(crate) free: bool,
    pub(crate) fields: &'static [Field],
}

/// One field of an answer.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    /// Shown in the text under this label.
    pub(crate) label: Option<&'static str>,
    /// Hidden unless the caller asks to see it.
    pub(crate) secret: bool,
}

/// The type of a field. Null always fits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldKind {
    Text,
    Flag,
    Integer,
    Number,
    Texts,
    Object,
    Any,
    One(&'static Shape),
}

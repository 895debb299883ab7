//! The table of operations that the executor runs. Its rows come from `catalogue/*.toml`.
//!
//! Invariant: every row was checked by `build.rs`, which also explains each key
//! (`build_rs/model.rs`).

use crate::server::platform::Method;

include!(concat!(env!("OUT_DIR"), "/sitebay_table.rs"));

/// The operation of that name.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// One operation of the API, offered as a tool.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "for a choice of toolsets"))]
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
    pub(crate) parameters: &'static [Parameter],
}

/// What an operation does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
    Destructive,
}

/// The file under `tools/` that runs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// None: the generic executor.
    Plain,
    UpdateSite,
    DeleteSite,
    Shell,
    EditFile,
    Proxy,
    ListCommits,
    Restore,
    Checkout,
}

/// One argument of a tool.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// The API's name for it.
    pub(crate) api: &'static str,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// The default as JSON.
    pub(crate) default: Option<&'static str>,
    pub(crate) minimum: Option<i64>,
    pub(crate) maximum: Option<i64>,
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: Option<usize>,
    /// Allowed values in small letters; all if empty.
    pub(crate) choices: &'static [&'static str],
    pub(crate) empty: Empty,
    pub(crate) secret: bool,
}

/// Where an argument goes. Local ones are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Body,
    Local,
}

/// What values an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A host name.
    Fqdn,
    Uuid,
    Email,
    /// RFC 3339.
    DateTime,
    /// A path that starts with `/`.
    UrlPath,
    /// A JSON object, written as text.
    JsonObject,
    Flag,
    Integer,
    Texts,
    Object,
}

/// What an empty string means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// An empty string.
    Itself,
    /// As if the argument were not there.
    Absent,
    /// Sent as `null`.
    Null,
}

/// What an answer looks like.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What one of these is called, with `_` between words.
    pub(crate) name: &'static str,
    /// The field that names one of these.
    pub(crate) heading: Option<&'static str>,
    pub(crate) fields: &'static [Field],
}

/// One field of an answer.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    /// Shown in the text under this label.
    pub(crate) label: Option<&'static str>,
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

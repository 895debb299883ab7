//! The types of the table that the build step makes of a catalogue.
//!
//! Invariant: every row was checked by the crate `catalogue-build`, whose `model` explains each key.

use std::{fmt, sync::OnceLock};

use mcp_platform::Method;
use mcp_server::{
    arguments::Schema,
    tasks::TaskPolicy,
    toolset::{Effect, Tool, Visibility},
};

use crate::service::Service;

/// The operation of that name.
pub fn find<S: Service>(name: &str) -> Option<&'static Operation<S>> {
    S::operations().iter().find(|operation| operation.name == name)
}

/// The groups by which a catalogue's tools can be chosen, in its order.
pub fn groups<S: Service>() -> Vec<&'static str> {
    let mut names = Vec::new();
    for operation in S::operations() {
        if !names.contains(&operation.toolset) {
            names.push(operation.toolset);
        }
    }
    names
}

/// One operation of the API, offered as a tool.
#[derive(Debug)]
pub struct Operation<S: Service> {
    /// The tool's name.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The group by which it is chosen.
    pub toolset: &'static str,
    /// The method.
    pub method: Method,
    /// Path below the API's prefix; `{name}` stands for a path parameter. Empty: its behaviour makes
    /// requests of its own.
    pub path: &'static str,
    /// Where the request goes, if the service has several hosts.
    pub host: Option<&'static str>,
    /// What it does to the world.
    pub effect: Effect,
    /// The file that runs it.
    pub behaviour: S::Behaviour,
    /// The shape of the answer, or of the items of a list.
    pub output: &'static Shape,
    /// The answer stands under `result`.
    pub wrapped: bool,
    /// The answer is a list, shown under this name.
    pub list: Option<&'static str>,
    /// First line of the text of a success.
    pub says: Option<&'static str>,
    /// How to find out whether a change happened when its answer was lost.
    pub check: Option<&'static str>,
    /// The service retired the route: what to use instead.
    pub retired: Option<&'static str>,
    /// Sends an `Idempotency-Key`.
    pub keyed: bool,
    /// Listed by default.
    pub default: bool,
    /// Retired: offered only where the operator wants retired routes.
    pub hidden: bool,
    /// The service works on after its answer.
    pub long: bool,
    /// The losses that the consent form names.
    pub consent: Option<&'static str>,
    /// The person is offered a checkpoint before.
    pub checkpoint: bool,
    /// The same in other generations of the API.
    pub alternatives: &'static [Alternative],
    /// Its arguments.
    pub parameters: &'static [Parameter<S::Kind>],
    /// The tool as MCP lists it, as JSON.
    pub definition: &'static str,
    /// Its input schema.
    pub schema: &'static SchemaCell,
}

impl<S: Service> Operation<S> {
    /// The operation as a tool.
    pub fn tool(&self) -> Tool {
        Tool {
            name: self.name,
            group: self.toolset,
            effect: self.effect,
            visibility: match (self.hidden, self.default) {
                (true, _) => Visibility::Retired,
                (false, true) => Visibility::Default,
                (false, false) => Visibility::Chosen,
            },
            task_policy: if self.long { TaskPolicy::AtBegin } else { TaskPolicy::Never },
            definition: self.definition,
        }
    }
}

/// The input schema of an operation, read when it is first needed.
#[derive(Default)]
pub struct SchemaCell(pub(crate) OnceLock<Schema>);

impl SchemaCell {
    /// One that was not read.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }
}

impl fmt::Debug for SchemaCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SchemaCell")
    }
}

/// The form that an operation had in another generation of the API.
#[derive(Debug)]
pub struct Alternative {
    /// When the API had it, such as `2026-03`.
    pub generation: &'static str,
    /// The method.
    pub method: Method,
    /// The path below the API's prefix.
    pub path: &'static str,
    /// Parameters that had another place or name.
    pub moved: &'static [Moved],
}

/// Where a parameter goes in an [`Alternative`].
#[derive(Debug)]
pub struct Moved {
    /// The parameter.
    pub name: &'static str,
    /// Where it goes.
    pub place: Place,
    /// The API's name for it.
    pub api: &'static str,
}

/// One argument of a tool, beyond what its definition's `inputSchema` says.
#[derive(Debug)]
pub struct Parameter<K: 'static> {
    /// Its name.
    pub name: &'static str,
    /// The API's name for it.
    pub api: &'static str,
    /// Where it goes.
    pub place: Place,
    /// The kind of its values.
    pub kind: Kind<K>,
    /// Whether every call gives it.
    pub required: bool,
    /// The least number of characters or items.
    pub min_length: Option<usize>,
    /// The most.
    pub max_length: Option<usize>,
    /// Allowed values in small letters; all if empty.
    pub choices: &'static [&'static str],
    /// The meaning of an empty string.
    pub empty: Empty,
    /// The value must appear in no answer and no error.
    pub secret: bool,
    /// The fields of the objects in an array of objects.
    pub items: &'static [Self],
}

/// Where an argument goes. Local ones are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Part of the path.
    Path,
    /// The query.
    Query,
    /// A field of the body.
    Body,
    /// Nowhere: it is for the tool itself.
    Local,
}

/// The kind of values that an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<K> {
    /// Any text, or one of the choices.
    Text,
    /// A host name.
    Fqdn,
    /// A UUID.
    Uuid,
    /// An e-mail address.
    Email,
    /// RFC 3339.
    DateTime,
    /// `YYYY-MM-DD`.
    Date,
    /// A path that starts with `/`.
    UrlPath,
    /// A JSON object, written as text.
    JsonObject,
    /// True or false.
    Flag,
    /// A whole number.
    Integer,
    /// An array of strings.
    Texts,
    /// An array of strings, numbers, booleans and nulls.
    Values,
    /// An array of objects with the fields of `items`, or of any objects.
    Objects,
    /// Any object.
    Object,
    /// Anything.
    Any,
    /// A kind of text that only this catalogue has.
    Own(K),
}

/// The meaning of an empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// An empty string.
    Itself,
    /// As if the argument were not there.
    Absent,
    /// Sent as `null`.
    Null,
}

/// The shape of a response.
#[derive(Debug)]
pub struct Shape {
    /// The name of one item, with `_` between words.
    pub name: &'static str,
    /// The field that names one of these.
    pub heading: Option<&'static str>,
    /// The whole response becomes the one field.
    pub free: bool,
    /// The fields that are known.
    pub fields: &'static [Field],
}

/// One field of an answer.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldKind,
    /// Shown in the text under this label.
    pub label: Option<&'static str>,
    /// Hidden unless the caller asks to see it.
    pub secret: bool,
}

/// The type of a field. Null always fits.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// An array of strings.
    Texts,
    /// Any object.
    Object,
    /// An array of any objects.
    Objects,
    /// Anything.
    Any,
    /// An object of this shape.
    One(&'static Shape),
    /// An array of objects of this shape.
    Many(&'static Shape),
}

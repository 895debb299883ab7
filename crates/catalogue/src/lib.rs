//! Runs operations that are written as data: arguments, placing, consent, redaction, rendering.
//!
//! A catalogue is a folder of TOML. The crate `catalogue-build` renders it into a table of
//! [`Operation`]s; this crate runs them. Everything that one service has for itself (its client, its errors,
//! its tools with behaviour) is behind [`Service`], whose calls are resolved at compile time.
//!
//! # A toolset of its own
//!
//! `tests/shelf` is a whole one: a read, a change with consent, and a tool with behaviour.
//!
//! 1. Write the operations, in the form that `catalogue-build/src/model.rs` explains: `catalogue/*.toml`.
//!    A tool whose behaviour makes all its requests has `behaviour` and neither `method` nor `path`.
//! 2. Declare the facts that are not in the files, in a constant `SETTINGS` of `catalogue_build::Settings`, and render
//!    the table in `build.rs`, with `catalogue-build` (feature `ordered`) as a build-dependency:
//!    `catalogue_build::write(&SETTINGS, "catalogue", "NAME_table.rs")`.
//! 3. Include the table where its names are in scope: the types of this crate, `Method`, `Effect`, and two of
//!    your own: `type Operation = catalogue::Operation<Name>` and an enum `Behaviour` with a variant for each
//!    behaviour, and `Plain` if some operation has none. Kinds of text that only this catalogue has are an enum `OwnKind`; without
//!    them `type Kind = NoKind`.
//! 4. Implement [`Service`]. `open` finds what every call needs (its `State`); `run` matches the behaviour: `Plain` is
//!    [`Call::plain`], another one the `run` of a file of its own. `answer` sends a request: [`Placed`] has
//!    its path, query and body; `ctx.begin()` comes before a change; [`redact()`] goes over each answer. `losses`
//!    returns what the person is shown before they agree, such as a difference that it computes.
//! 5. Implement `mcp_server::toolset::Toolset`: `tools` are the [`Operation::tool`]s, `groups` is
//!    [`groups`], and `call` is [`run`] with the operation that [`find`] found, then `result_store::fit`.
//!
//! A behaviour reads `call.arguments`, `call.state` and `call.ctx`, and returns
//! [`Call::shown`] (data that are made to fit the shape), [`Call::free`], or [`call::finished`] with a text of its own.

pub mod arguments;
pub mod call;
pub mod conform;
mod consent;
pub mod fqdn;
mod kinds;
mod operation;
mod place;
pub mod redact;
pub mod render;
pub mod retry;
mod service;

pub use call::{Call, CallOutcome, Listing, ShortCircuit, run};
pub use kinds::{NoKind, OwnKind};
pub use operation::{
    Alternative, Empty, Field, FieldKind, Kind, Moved, Operation, Parameter, Place, SchemaCell,
    Shape, find, groups,
};
pub use place::{Form, Placed, encode_part};
pub use redact::{SecretKeys, redact};
pub use service::{ResultText, Service};

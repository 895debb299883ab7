//! Runs operations that are written as data.

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

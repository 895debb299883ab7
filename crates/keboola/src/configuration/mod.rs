//! The rules for Keboola's configurations, queries and ids, without I/O.
//!
//! A write goes one way: [`assemble`] builds the configuration, [`updates`] or [`transformation`] change it,
//! [`diff`] shows the change to the person, [`secrets`] turns it into a [`secrets::Sealed`] configuration, and
//! [`size`] checks that Storage takes it. Reading goes through [`normalise`] and [`secrets::redact`].

pub mod assemble;
pub mod csv;
pub mod diff;
pub mod ids;
pub mod normalise;
pub mod parameter_path;
pub(crate) mod printable;
pub mod reading_sql;
pub mod secrets;
pub mod size;
pub mod transformation;
pub mod updates;
pub mod variables;

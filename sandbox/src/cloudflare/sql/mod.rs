//! Real SQL: D1's on SQLite with D1's own refusals, and Analytics Engine's as a translation.

mod authorizer;
mod database;
mod dump;
mod failure;
mod points;
mod run;
mod translate;
mod weighted;

pub(crate) use database::{Ran, Statement, Store};
pub(crate) use failure::SqlFailure;
pub(crate) use points::Points;

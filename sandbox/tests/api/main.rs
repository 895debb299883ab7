//! The sandbox over loopback HTTP: every promise it makes, as a client sees it.

mod access;
mod client;
mod contract;
mod control;
mod creation;
mod faults;
mod files;
mod generations;
mod lists;
mod operations;
mod program;
mod proxies;
mod restores;
mod schema;
mod settings;
mod shell;
mod validation;

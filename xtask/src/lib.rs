//! The project's verbs as a library: what builds the Worker, and what runs it for tests,
//! benchmarks and people.

pub mod account;
pub mod beside;
pub mod bindings;
pub mod bundle;
pub mod capnp;
pub mod clock;
pub mod conformance;
pub mod exec;
pub mod faults;
pub mod fuzz;
pub mod libtest;
pub mod operations;
pub mod paths;
pub mod ports;
pub mod server;
pub mod setup;
pub use test_support::skips;
pub mod verbs;

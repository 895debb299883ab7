//! The stand-in for bindings behind plain `workerd`: what the calls of a Worker give.

mod analytics;
mod assets;
mod client;
mod d1;
mod faults;
mod kv;
mod program;
mod r2;
mod r2_conditions;
mod raw;

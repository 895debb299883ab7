//! Other MCP servers behind the same door.

pub mod frames;
pub mod park;
pub mod place;
pub mod questions;

//! The wires: one file for each way in which messages reach the server.

pub mod audit;
pub mod endpoint;
pub mod forward;
pub mod grants;
pub mod held;
pub mod hub;
pub mod issuer;
pub mod media;
pub mod named_keys;
pub mod quota;
pub mod rollout;
pub mod sessions;
pub mod sse;
pub mod stateless;
pub mod streamable;
pub mod tasks;
pub mod token_check;
pub mod visit;
pub mod waiting;
pub mod watchdog;
mod whole;

//! The Durable Objects: thin shells over state machines that the host can test. [`session`], [`task`], [`hub`], [`quota`],
//! [`grant`], [`key`] and [`stage`] have one class each; the other files are parts of them.

mod class;
pub mod connections;
pub mod grant;
pub mod hub;
pub mod key;
pub mod quota;
pub mod resume;
pub mod rows;
pub mod session;
pub mod sessions;
pub mod stage;
pub mod stored_results;
pub mod task;
pub mod task_context;
pub mod upstream;
mod upstream_pins;
pub mod upstream_sessions;
pub mod watching;

mod session_store;

//! The Durable Objects: thin shells over state machines that the host can test.

pub mod call;
pub mod channel;
pub mod grant_agent;
pub mod hub;
pub mod hub_agent;
pub mod keeping;
pub mod key_agent;
pub mod quota_agent;
pub mod resume;
pub mod rows;
pub mod session;
pub mod session_agent;
pub mod sessions;
pub mod socket;
pub mod task;
pub mod task_agent;
pub mod task_context;
pub mod watching;

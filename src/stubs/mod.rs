//! The Worker's side of Durable Objects, of D1, KV and the audit, and of the services that a caller's token is checked
//! with. Every call has a deadline. Session objects are called through [`session`], the others through the file of
//! their name.

pub mod audit;
pub mod connect;
pub mod grants;
pub mod hub;
pub mod issuer;
pub mod keys;
pub mod named_keys;
pub mod pins;
pub mod quota;
pub mod rollout;
pub mod session;
pub mod stages;
pub mod stored_upstreams;
pub mod tasks;
pub mod token_check;
pub mod upstream;

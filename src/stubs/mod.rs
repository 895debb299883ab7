//! stubs

pub mod audit;
pub mod forward;
pub mod grants;
pub mod hub;
pub mod issuer;
pub mod keys;
pub mod named_keys;
pub mod quota;
pub mod rollout;
pub mod tasks;
pub mod token_check;

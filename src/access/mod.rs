//! Who may come in, and what the rest of the server learns of them.

pub mod accepted;
pub mod address;
pub mod admission;
pub mod attempts;
pub mod credentials;
pub mod jwt;
pub mod keys;
pub mod named_key;
pub mod not_before;
pub mod oauth;
pub mod principal;
pub mod quota;
pub mod rollout;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod starts;

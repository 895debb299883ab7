//! Who may come in, and what the rest of the server learns of them.

pub mod admission;
pub mod credentials;
pub mod jwt;
pub mod keys;
pub mod not_before;
pub mod oauth;
pub mod principal;
pub mod scope;
pub mod seal;
pub mod secret;

//! Who may come in, and what the rest of the server learns of them.

pub mod principal;
pub mod secret;

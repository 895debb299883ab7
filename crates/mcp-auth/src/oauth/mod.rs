//! The OAuth 2.1 authorization server without its I/O: who the clients are, what they may ask for,
//! the codes and tokens, and the grants that these stand for.
//!
//! Invariant: client ids, codes and tokens are claims that this server signed, so that forged ones
//! reach no object. Only a grant is stored, and what is stored opens nothing without one of its
//! tokens.

pub mod authorization;
pub mod client;
pub mod client_metadata_document;
pub mod error;
pub mod form;
pub mod grant;
pub mod grant_ref;
pub mod grant_request;
pub mod known_documents;
pub mod known_grants;
pub mod known_provider;
pub mod offer;
pub mod oidc;
pub mod redirect;
pub mod resource;
pub mod ticket;
pub mod token;

use sha2::{Digest as _, Sha256};

use crate::scope::Scopes;

/// The scopes that a person can grant. The admin scope is the operator's to give, not a SiteBay customer's.
pub const OFFERED: Scopes = Scopes::WRITE;

/// SHA-256 of something.
pub type Hash = [u8; 32];

/// Hashes a text or a secret.
pub fn hash(of: impl AsRef<[u8]>) -> Hash {
    Sha256::digest(of).into()
}

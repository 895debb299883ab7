//! JSON Web Tokens (RFC 7519) of issuers that the operator trusts.
//!
//! Invariant: what a token says of itself decides nothing. Its algorithm says which keys are looked
//! at, and a key is only ever used with its own algorithm: a shared secret with HS256, a public key
//! with what its type prescribes (RFC 8725 §3.1, §3.2). There is no `none`.
//!
//! This is our own code because WebCrypto, which the runtime has, verifies the signatures: `jsonwebtoken` would bring
//! its own cryptography (270 KB gzip, `jwt-compact` 54 KB) to a server that only verifies.

mod claims;
mod issuer_keys;
mod policy;
mod token;
mod verified_tokens;

pub use claims::{Claims, LEEWAY};
pub use issuer_keys::{IssuerKey, IssuerKeys, KeyLookup};
pub use policy::JwtPolicy;
pub use token::{Algorithm, JwtError, MAX_TOKEN, Token, looks_like};
pub use verified_tokens::VerifiedTokens;

//! Authentication and authorization: callers, keys, signed ids, OAuth, limits and refusals.

pub mod accepted_tokens;
pub mod address;
pub mod authentication;
pub mod credential;
pub mod credentials;
pub mod device_certificate;
pub mod failed_attempts;
pub mod identity;
pub mod jwt;
pub mod key_request;
pub mod keys;
pub mod named_key;
pub mod not_before;
pub mod oauth;
pub mod principal;
pub mod quota;
pub mod quota_request;
pub mod rollout;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod start_limit;
pub mod subject;
pub mod upstream_scopes;

pub mod mrtr;
pub mod refusal;
#[cfg(test)]
mod refusal_tests;
pub mod refused_request;
pub mod request_state;
#[cfg(test)]
mod request_state_tests;
pub mod session_id;
pub mod task_id;
pub mod upstream_task_id;

pub mod origin;

//! `/health`: whether the server is up, which one it is, and what its operator should know.

use serde_json::json;
use worker::{Response, Result};

use crate::{
    access::admission::Door,
    edge::{
        answer::{self, Caller},
        config::Config,
    },
    protocol::initialize::{SERVER_NAME, SERVER_VERSION},
};

/// The answer: 200 while requests are served, 503 where configuration refuses them all.
///
/// # Errors
/// Only where the runtime fails.
pub fn answer(config: &Config) -> Result<Response> {
    let refuses = config.broken.is_some() || config.door == Door::Closed;
    let body = json!({
        "status": if refuses { "misconfigured" } else { "ok" },
        "service": SERVER_NAME,
        "environment": config.environment,
        "timestamp": String::from(js_sys::Date::new_0().to_iso_string()),
        "version": SERVER_VERSION,
        "warnings": config.warnings,
    });
    let status = if refuses { 503 } else { 200 };
    answer::json(status, body.to_string().into_bytes(), &Caller::default())
}

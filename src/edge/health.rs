//! `/health`: whether the server is up, which one it is, and what its operator should know.

use worker::Result;

use crate::{
    edge::{
        answer::{self, Caller},
        config::Config,
    },
    protocol::{
        initialize::{SERVER_NAME, SERVER_VERSION},
        object::Object,
    },
    runtime::http::Response,
};

/// The answer: 200 while requests are served, 503 where configuration refuses them all.
/// `percentage`: of the subjects that are let in; None: no store says so.
///
/// # Errors
/// Only where the runtime fails.
#[inline(never)]
pub fn answer(config: &Config, percentage: Option<u8>) -> Result<Response> {
    let refuses = config.refuses_everybody();
    let or_null = |number: Option<u32>| number.map_or("null".to_owned(), |n| n.to_string());
    let rollout = Object::new()
        .raw("percentage", &or_null(percentage.map(u32::from)))
        .flag("on", percentage.is_some())
        .end();
    let body = Object::new()
        .text("status", if refuses { "misconfigured" } else { "ok" })
        .text("service", SERVER_NAME)
        .text("environment", &config.environment)
        .text("timestamp", &String::from(js_sys::Date::new_0().to_iso_string()))
        .text("version", SERVER_VERSION)
        .raw("rateLimit", &or_null(config.rate_limit))
        .raw("rollout", &rollout)
        .flag("namedKeys", config.door.named_keys)
        .flag("audit", config.door.named_keys)
        .flag("metrics", config.analytics)
        .texts("errors", config.errors.iter().map(String::as_str))
        .texts("warnings", config.warnings.iter().map(String::as_str))
        .end();
    let status = if refuses { 503 } else { 200 };
    answer::json(status, body.as_bytes(), &Caller::default())
}

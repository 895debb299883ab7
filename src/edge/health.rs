//! `/health`: whether the server is up and which one it is. `/admin/health`: what its operator should
//! know besides.
//!
//! Invariant: the public answer says nothing of how the server is configured that would help somebody
//! who has no key.

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

/// The public answer: 200 while requests are served, 503 where configuration refuses them all.
/// `percentage`: of the subjects that are let in; None: no store says so.
///
/// # Errors
/// Only where the runtime fails.
#[inline(never)]
pub fn answer(config: &Config, percentage: Option<u8>) -> Result<Response> {
    let body = public(config, percentage).end();
    let status = if config.refuses_everybody() { 503 } else { 200 };
    answer::json(status, body.as_bytes(), &Caller::public())
}

/// The JSON text for somebody with the admin scope.
pub fn report(config: &Config, percentage: Option<u8>) -> String {
    public(config, percentage)
        .raw("rateLimit", &or_null(config.rate_limit))
        .flag("namedKeys", config.door.named_keys)
        .flag("audit", config.door.named_keys)
        .flag("metrics", config.analytics)
        .texts("errors", config.errors.iter().map(String::as_str))
        .texts("warnings", config.warnings.iter().map(String::as_str))
        .end()
}

fn public(config: &Config, percentage: Option<u8>) -> Object {
    let rollout = Object::new()
        .raw("percentage", &or_null(percentage.map(u32::from)))
        .flag("on", percentage.is_some())
        .end();
    Object::new()
        .text("status", if config.refuses_everybody() { "misconfigured" } else { "ok" })
        .text("service", SERVER_NAME)
        .text("environment", &config.environment)
        .text("timestamp", &String::from(js_sys::Date::new_0().to_iso_string()))
        .text("version", SERVER_VERSION)
        .raw("rollout", &rollout)
}

fn or_null(number: Option<u32>) -> String {
    number.map_or_else(|| "null".to_owned(), |number| number.to_string())
}

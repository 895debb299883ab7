//! A stateful MCP agent on Cloudflare Workers that manages WordPress sites on SiteBay.
//!
//! The rooms, from the door inwards: [`edge`], [`access`], [`transport`], [`agents`], [`server`],
//! [`toolsets`], [`sitebay`]; [`telemetry`] says what happened, [`admin`] is for operators, [`protocol`] knows MCP and nothing else, [`runtime`] knows Workers.

// In the tests text is for those who develop; what leaves is written for its readers.
#![cfg_attr(not(test), warn(clippy::use_debug))]

pub mod access;
pub mod admin;
pub mod agents;
pub mod edge;
pub mod protocol;
pub mod runtime;
pub mod server;
pub mod sitebay;
#[cfg(test)]
mod stored_fixtures;
pub mod telemetry;
pub mod toolsets;
pub mod transport;

use futures_util::FutureExt as _;
use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, worker_sys};

use crate::runtime::{http, object};

/// Called by the runtime for each request.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
    let context = worker::Context::new(context);
    let answered = async move {
        let answered = edge::routes::handle(http::Request::from(request), env, context).await;
        answered.or_else(|error| {
            log::error!("a request failed: {error}");
            http::empty(500)
        })
    };
    object::answer(answered.boxed_local())
}

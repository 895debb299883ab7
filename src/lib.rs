//! A stateful MCP agent on Cloudflare Workers that manages WordPress sites on SiteBay.
//!
//! What touches Workers is here; everything else is in crates that do not see the `worker` crate.

// In the tests text is for those who develop; what leaves is written for its readers.
#![cfg_attr(not(test), warn(clippy::use_debug))]

pub mod admin;
pub mod admission;
pub mod answer;
pub mod asked;
pub mod body;
pub mod challenge;
pub mod config;
pub mod discovery;
pub mod error;
pub mod health;
pub mod objects;
pub mod pages;
pub mod platform;
pub mod routes;
pub mod state;
pub mod stubs;
pub mod transports;
pub mod wiring;

use futures_util::FutureExt as _;
use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, worker_sys};

use crate::platform::{http, object};

/// Called by the runtime for each request.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
    let context = worker::Context::new(context);
    let answered = async move {
        let answered = routes::handle(http::Request::from(request), env, context).await;
        answered.or_else(|error| {
            log::error!("a request failed: {error}");
            http::empty(500)
        })
    };
    object::answer(answered.boxed_local())
}

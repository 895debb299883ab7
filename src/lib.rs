//! A stateful MCP agent on Cloudflare Workers that manages WordPress sites on SiteBay.
//!
//! A request goes from `fetch` to [`routes`], which has its caller admitted ([`admission`]) and hands it to a wire
//! ([`transports`]). A request of a session is answered in the session's Durable Object ([`objects::session`]), a request
//! of 2026-07-28 in the Worker ([`transports::stateless`]). Both call `mcp_server::dispatch::dispatch`, where methods such
//! as `tools/call` are carried out with the toolsets of [`wiring`].
//!
//! This crate is the code that uses the Workers runtime. Everything else is in crates that do not see the `worker` crate.

// In the tests text is for those who develop; what leaves is written for its readers.
#![cfg_attr(not(test), warn(clippy::use_debug))]

pub mod admin;
pub mod admission;
pub mod backend;
pub mod body;
pub mod challenge;
pub mod config;
pub mod discovery;
pub mod error;
pub mod health;
pub mod objects;
pub mod pages;
pub mod platform;
pub mod response;
pub mod routes;
pub mod scheduled;
pub mod state;
pub mod stubs;
pub mod transports;
pub mod wiring;

use futures_util::FutureExt as _;
use worker::{Context, Env, Result, ScheduleContext, ScheduledEvent};
use worker_macros::event;

use crate::platform::http::{self, Request, Response};

/// Two-level segregated fit: allocating and releasing take constant time (`docs/INTERNALS.md`).
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

/// Answers a request to the Worker.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    match routes::handle(request, env, context).boxed_local().await {
        Ok(response) => Ok(response),
        Err(error) => {
            log::error!("a request failed: {error}");
            http::empty(500)
        }
    }
}

/// Does what a cron is for.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    self::scheduled::run(&env).boxed_local().await;
}

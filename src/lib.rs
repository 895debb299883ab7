//! A stateful MCP agent on Cloudflare Workers that manages WordPress sites on SiteBay.
//!
//! The rooms, from the door inwards: [`edge`], [`access`], [`transport`], [`agents`], [`server`],
//! [`toolsets`], [`sitebay`]; [`telemetry`] says what happened, [`admin`] is for operators, [`protocol`] knows MCP and nothing else, [`runtime`] knows Workers.

pub mod access;
pub mod admin;
pub mod agents;
pub mod edge;
pub mod protocol;
pub mod runtime;
pub mod server;
pub mod sitebay;
pub mod telemetry;
pub mod toolsets;
pub mod transport;

use edge::answer::Answered;
use worker::{Context, Env, Request, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Answered> {
    edge::routes::handle(request, env, context).await
}

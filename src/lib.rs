//! A stateful MCP agent on Cloudflare Workers that manages WordPress sites on SiteBay.

pub mod access;
pub mod protocol;
pub mod server;
pub mod sitebay;
pub mod toolsets;

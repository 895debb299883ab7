//! `/register`: RFC 7591. Nothing is stored, so anybody may.

use super::{
    Server,
    reply::{self, EndpointResult},
};
use crate::platform::{
    clock::now_s,
    http::{Request, Response},
    random,
};
use mcp_auth::oauth::client;

/// Answers a registration.
pub(super) async fn register(server: &Server<'_>, request: Request) -> EndpointResult<Response> {
    let text = reply::text(request).await?;
    let random = random::bytes().map_err(worker::Error::from)?;
    let answer = client::register(&text, (&server.keys, &server.offer), &random, now_s())?;
    Ok(reply::json(201, &answer)?)
}

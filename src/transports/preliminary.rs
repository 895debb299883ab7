//! What a stateless request must know of the servers behind its door before it is carried out.

use mcp_protocol::stateless::{discover, error::StatelessError, method::Method, param_headers};
use mcp_server::{context::Context, outcome::Outcome, params::OwnedParams};

use crate::{
    error::AppResult as Answered,
    platform::http::Request,
    transports::{
        endpoint::AdmittedRequest,
        stateless::{self, EnvelopeTrace, RequestHeaders},
    },
};

/// What this server says of itself, or the one upstream behind the door.
pub(super) async fn discovered(
    endpoint: &AdmittedRequest<'_>,
    http: &Request,
    envelope: &EnvelopeTrace,
) -> Answered<String> {
    let about = endpoint.about(http, envelope.capabilities, &envelope.client).await?;
    Ok(match about {
        Some(about) => about.discovered(),
        None => discover::result(&stateless::capabilities(endpoint.config)),
    })
}

/// Checks the headers that repeat arguments of another server's tool. Returns how the request ends where
/// that server does not say which tools it has: it is not asked again.
pub(super) async fn check_param_headers(
    ctx: &Context,
    http: &Request,
    method: Method,
    params: &OwnedParams,
) -> Result<Option<Outcome>, StatelessError> {
    let (Method::ToolsCall, Some(name), Some(remote)) = (method, &params.name, &ctx.remote) else {
        return Ok(None);
    };
    // Those of this server's own tools were checked with the rest.
    if ctx.registry.find(name).is_some() {
        return Ok(None);
    }
    let declared = match remote.tool(ctx, name).await {
        Ok(tool) => tool.map(|tool| tool.param_headers).unwrap_or_default(),
        Err(outcome) => return Ok(Some(outcome)),
    };
    param_headers::check(&RequestHeaders(http), &declared, params.arguments.as_deref())?;
    Ok(None)
}

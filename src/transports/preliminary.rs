//! What a stateless request must know of the servers behind its door before it is carried out.

use mcp_protocol::stateless::{discover, error::StatelessError, method::Method, param_headers};
use mcp_server::{outcome::Outcome, upstream_selection::Selection};

use crate::{
    error::AppResult as Answered,
    platform::http::Request,
    transports::{
        endpoint::AdmittedRequest,
        stateless::{self, EnvelopeTrace, RequestHeaders, ValidatedRequest},
    },
    wiring::registry,
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
    endpoint: &AdmittedRequest<'_>,
    http: &Request,
    opened: &ValidatedRequest,
    choice: &Selection,
) -> Answered<Result<Option<Outcome>, StatelessError>> {
    let params = &opened.params;
    let (Method::ToolsCall, Some(name), Some(_)) = (opened.method, &params.name, &params.whole)
    else {
        return Ok(Ok(None));
    };
    // Those of this server's own tools were checked with the rest.
    if registry(&endpoint.door).find(name).is_some() {
        return Ok(Ok(None));
    }
    let front = (opened.declared(), &opened.envelope.client);
    let declared = match endpoint.param_headers(http, front, (name, choice)).await? {
        Ok(declared) => declared,
        Err(outcome) => return Ok(Ok(Some(outcome))),
    };
    let arguments = params.arguments.as_deref();
    let checked = param_headers::check(&RequestHeaders(http), &declared, arguments);
    Ok(checked.map(|()| None).map_err(Into::into))
}

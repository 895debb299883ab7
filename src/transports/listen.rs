//! `subscriptions/listen` (MCP 2026-07-28): a stream that the Worker holds and the hub feeds.

use mcp_protocol::{
    event,
    jsonrpc::RequestId,
    stateless::listen::{Subscription, SubscriptionFilter},
};
use mcp_server::hub::Listener;

use crate::{
    error::AppResult,
    platform::http::Response,
    response,
    transports::{endpoint::AdmittedRequest, sse_stream::open_stream},
    wiring::REGISTRY,
};

/// Opens the stream.
///
/// # Errors
/// Where SiteBay does not accept the caller's token, or the hub does not answer.
pub(super) async fn listen(
    endpoint: &AdmittedRequest<'_>,
    id: &RequestId,
    filter: &SubscriptionFilter,
) -> AppResult<Response> {
    if let Some(check) = endpoint.token_check() {
        check.run().await?;
    }
    let listener = Listener { id: id.as_json().to_owned(), filter: filter.clone() };
    let watches = filter.resource_subscriptions.iter().any(|uri| REGISTRY.is_watchable(uri));
    let token = endpoint.own_token();
    let looks = (watches && endpoint.config.may_watch(&endpoint.principal))
        .then_some((&endpoint.principal, token.as_ref()));
    let socket = endpoint.hub().listen(&listener, looks).await?;
    let first = Subscription(id.clone()).acknowledged(filter);
    endpoint.record.hold_open();
    // The hub itself ends it with the subject's sessions.
    let lease = endpoint.lease_until(endpoint.expires());
    Ok(response::stream(
        open_stream(socket, lease, event::message(None, &first))?,
        endpoint.caller,
    )?)
}

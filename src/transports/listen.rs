//! `subscriptions/listen` (MCP 2026-07-28): a stream that the Worker holds and the hub feeds.

use mcp_protocol::{
    event,
    jsonrpc::RequestId,
    stateless::listen::{Filter, Subscription},
};
use mcp_server::hub::Listener;

use crate::{
    answer,
    error::Outcome,
    platform::http::Response,
    transports::{endpoint::Endpoint, held::hold},
    wiring::REGISTRY,
};

/// Opens the stream.
///
/// # Errors
/// Where SiteBay does not accept the caller's token, or the hub does not answer.
pub(super) async fn listen(
    endpoint: &Endpoint<'_>,
    id: &RequestId,
    filter: &Filter,
) -> Outcome<Response> {
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
    endpoint.record.holds();
    // The hub itself ends it with the subject's sessions.
    let lease = endpoint.lease_until(endpoint.expires());
    Ok(answer::stream(hold(socket, lease, event::message(None, &first))?, endpoint.caller)?)
}

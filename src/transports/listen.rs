//! `subscriptions/listen` (MCP 2026-07-28): a stream that the Worker holds, and the hub and the upstreams behind the door
//! feed.

use futures_util::StreamExt as _;

use mcp_protocol::{
    capabilities::ClientCapabilities,
    event,
    implementation::Implementation,
    jsonrpc::RequestId,
    stateless::listen::{Change, Subscription, SubscriptionFilter},
};
use mcp_server::{hub, notifier::ChangeEvent};

use crate::{
    error::AppResult,
    platform::{disconnect::Disconnect, http::Request, http::Response},
    response,
    transports::{
        behind,
        endpoint::AdmittedRequest,
        sse_stream::{Beside, open_stream},
    },
    wiring::REGISTRY,
};

/// Opens the stream.
///
/// # Errors
/// Where SiteBay does not accept the caller's token, or the hub does not answer.
pub(super) async fn listen(
    endpoint: &AdmittedRequest<'_>,
    http: &Request,
    id: &RequestId,
    (filter, client): (&SubscriptionFilter, (ClientCapabilities, &Implementation)),
) -> AppResult<Response> {
    if let Some(check) = endpoint.token_check() {
        check.run().await?;
    }
    let (own, listening) = behind::of_filter(endpoint, http, client, filter)?;
    let listener = hub::Listener { id: id.as_json().to_owned(), filter: own.clone() };
    let watches = own.resource_subscriptions.iter().any(|uri| REGISTRY.is_watchable(uri));
    let token = endpoint.own_token();
    let looks = (watches && endpoint.config.may_watch(&endpoint.principal))
        .then_some((&endpoint.principal, token.as_ref()));
    let socket = endpoint.hub().listen(&listener, looks).await?;
    let subscription = Subscription(id.clone());
    let (agreed, beside) = match listening {
        None => (own, Beside::default()),
        Some(mut listening) => {
            listening.agree().await;
            let agreed = listening.agreed(&own);
            let departure = Disconnect::of(http.inner());
            let news = listening.news(agreed.clone()).take_until(departure.wait());
            let subscription = subscription.clone();
            let messages = news.filter_map(move |news| {
                let message = notification(&subscription, &news.change);
                std::future::ready(message)
            });
            (agreed, Beside { messages: messages.boxed_local(), ..Beside::default() })
        }
    };
    let first = subscription.acknowledged(&agreed);
    endpoint.record.hold_open();
    // The hub itself ends it with the subject's sessions.
    let lease = endpoint.lease_until(endpoint.expires());
    Ok(response::stream(
        open_stream(socket, lease, event::message(None, &first), beside)?,
        endpoint.caller,
    )?)
}

fn notification(subscription: &Subscription, change: &ChangeEvent) -> Option<Vec<u8>> {
    let change = match change {
        ChangeEvent::ToolsChanged => Change::Tools,
        ChangeEvent::PromptsChanged => Change::Prompts,
        ChangeEvent::ResourcesChanged => Change::Resources,
        ChangeEvent::ResourceUpdated(uri) => Change::Resource { uri },
        ChangeEvent::Task(..) => return None,
    };
    Some(subscription.notification(&change))
}

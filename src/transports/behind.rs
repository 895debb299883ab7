//! What the upstreams behind a door say outside of calls, on the streams of this server.
//!
//! Invariant: the Worker that holds a client's stream holds the streams of the upstreams, from the opening of the client's
//! stream to its end. An object holds none, and sleeps.

use std::rc::Rc;

use futures_util::StreamExt as _;
use worker::WebSocket;

use crate::{
    error::AppResult,
    platform::{disconnect::Disconnect, http::Request, socket},
    transports::{endpoint::AdmittedRequest, sse_stream::Beside},
};
use gateway::{
    door::Door,
    listen::{Listener, Listening, News, Watcher, outdated::Outdated},
};
use mcp_auth::session_id::Claims;
use mcp_platform::record::Record as _;
use mcp_protocol::{
    capabilities::ClientCapabilities, implementation::Implementation,
    stateless::listen::SubscriptionFilter,
};
use mcp_server::{
    context::Context,
    session::{Watching, announcement},
    upstream_selection::Selection,
};

/// Divides the filter of a listener without a session: what concerns this server itself, and the streams of upstreams for the
/// rest. None: no upstream is concerned.
///
/// # Errors
/// 508 where the request was here before.
pub(super) fn of_filter(
    endpoint: &AdmittedRequest<'_>,
    http: &Request,
    (capabilities, client): (ClientCapabilities, &Implementation),
    filter: &SubscriptionFilter,
) -> AppResult<(SubscriptionFilter, Option<Listening>)> {
    let choice = endpoint.choice(http)?.unwrap_or_else(|| endpoint.config.choice.clone());
    let Some(door) = endpoint.upstreams(http, &choice)? else {
        return Ok((filter.clone(), None));
    };
    let ctx = chosen(endpoint.preliminary(capabilities, client), choice);
    let (own, parts) = door.parts(&ctx, filter);
    if parts.is_empty() {
        return Ok((own, None));
    }
    let listener = Listener { door, ctx, finish: endpoint.wait_until() };
    Ok((own, Some(Listening::new(listener, parts).0)))
}

/// The upstreams' part of the stream of a session.
pub(super) struct Behind(Option<OfSession>);

struct OfSession {
    listening: Listening,
    watcher: Watcher,
    door: Rc<Door>,
    ctx: Context,
    departure: Disconnect,
}

/// The upstreams' part of the stream of a session, which hears of all lists.
///
/// # Errors
/// 508 where the request was here before.
pub(super) fn of_session(
    endpoint: &AdmittedRequest<'_>,
    http: &Request,
    claims: &Claims,
) -> AppResult<Behind> {
    let choice = endpoint.config.claimed(claims.choice());
    let Some(door) = endpoint.upstreams(http, &choice)? else {
        return Ok(Behind(None));
    };
    let client =
        Implementation { name: claims.client_name.clone(), version: claims.client_version.clone() };
    let ctx = chosen(endpoint.preliminary(claims.capabilities, &client), choice);
    let (_, parts) = door.parts(&ctx, &wishes(Vec::new()));
    if parts.is_empty() {
        return Ok(Behind(None));
    }
    let finish = endpoint.wait_until();
    let listener = Listener { door: door.clone(), ctx: ctx.clone(), finish };
    let (listening, watcher) = Listening::new(listener, parts);
    let departure = Disconnect::of(http.inner());
    Ok(Behind(Some(OfSession { listening, watcher, door, ctx, departure })))
}

/// The context of a caller who chose these tools and upstreams.
fn chosen(ctx: Context, choice: Selection) -> Context {
    Context { choice: choice.tools, upstreams: choice.upstreams, ..ctx }
}

/// What a session wants to hear: of all lists, and of these resources.
fn wishes(mut uris: Vec<String>) -> SubscriptionFilter {
    uris.sort_unstable();
    uris.dedup();
    SubscriptionFilter {
        tools_list_changed: true,
        prompts_list_changed: true,
        resources_list_changed: true,
        resource_subscriptions: uris,
        task_ids: Vec::new(),
    }
}

impl Behind {
    /// What comes on the stream beside the messages of the object at the other end of this socket.
    pub(super) fn beside(self, object: &WebSocket) -> Beside {
        let Some(OfSession { listening, watcher, door, ctx, departure }) = self.0 else {
            return Beside::default();
        };
        let object = object.clone();
        let news = listening.all_news().take_until(departure.wait());
        let messages = news.filter_map(move |news| {
            forget_list(&object, &news);
            std::future::ready(announcement(&news.change))
        });
        let takes = move |text: &str| {
            let Some(watching) = Watching::read(text) else {
                return false;
            };
            let (_, parts) = door.parts(&ctx, &wishes(watching.uris));
            watcher.watch(&parts);
            true
        };
        Beside { messages: messages.boxed_local(), takes: Box::new(takes) }
    }
}

/// Tells the object, which may be in another isolate, that the list which it knows is old.
fn forget_list(object: &WebSocket, news: &News) {
    if let Some(outdated) = Outdated::of(news) {
        socket::send(object, &outdated.to_json());
    }
}

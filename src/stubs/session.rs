//! Calls of a session's object, under a deadline: the Worker passes a client's request on with its body unread, and the
//! subject's hub sends news and the end of all sessions. The other side is `objects::session`.

use std::borrow::Cow;

use worker::{Env, Headers, Result};

use crate::{
    error::AppResult,
    platform::{
        http::{HeaderLines, Request, Response},
        object_stub::{CallError, ObjectStub},
        request,
    },
    stubs::upstream::{FORWARD_HEADER, GATEWAYS_HEADER},
};
use mcp_auth::{
    authentication::OWN_TOKEN_HEADER,
    keys::Keyring,
    refusal::Refusal,
    seal::{SEAL_HEADER, Sealed, hub_seal},
};
use mcp_platform::record::Record as _;
use mcp_protocol::media;
use mcp_server::{
    notifier::ChangeEvent,
    telemetry::{record::RequestRecord, trace::Trace},
};

const SESSION_AGENT: &str = "SESSION_AGENT";

const NEWS: &str = "/news";
const END: &str = "/end";

/// What goes along with a request besides its own headers.
#[derive(Clone, Copy)]
pub struct Along<'a> {
    /// The SiteBay token in the place of the client's own.
    pub own_token: Option<&'a str>,
    /// The gateways that the request passed.
    pub gateways: Option<&'a str>,
    /// Its headers that upstreams want.
    pub forwarded: Option<&'a str>,
    /// This server as the client reaches it, where a person may be led to a page of it.
    pub origin: Option<&'a str>,
}

/// The header that names this server as the client reaches it.
pub const ORIGIN_HEADER: &str = "x-internal-origin";

/// Passes a client's request on to its session's object, with its body unread, under the path that
/// objects know. Of its headers only those go along that the object reads.
///
/// # Errors
/// Where the object does not answer.
pub async fn pass_on(
    env: &Env,
    keys: &Keyring,
    sealed: &Sealed,
    along: Along<'_>,
    request: &Request,
    path: &str,
) -> AppResult<Response> {
    let mut lines = HeaderLines::default();
    lines.push(SEAL_HEADER, Some(&sealed.seal(keys)))?;
    for name in PASSED {
        lines.push(name, request.header(name).as_deref())?;
    }
    // Only where it can matter: no other request went through a gateway.
    lines.push(GATEWAYS_HEADER, along.gateways)?;
    lines.push(FORWARD_HEADER, along.forwarded)?;
    lines.push(ORIGIN_HEADER, along.origin)?;
    // Only where there is a trace: it is asked for by itself.
    if request.header(PARENT).is_some() {
        lines.push(STATE, request.header(STATE).as_deref())?;
    }
    if sealed.principal.own_credential {
        let token = along.own_token.map(Cow::Borrowed).or_else(|| request.header(OWN_TOKEN_HEADER));
        lines.push(OWN_TOKEN_HEADER, token.as_deref())?;
    }
    let streams = media::accepts_stream(request.header("accept").as_deref());
    let takes = if streams { "" } else { TAKES_JSON_ALONE };
    let url = format!("https://object{path}{takes}");
    let stub = stub(env, &sealed.claims.object())?;
    Ok(check_answer(stub.pass_on(request, &url, lines.as_str()).await)?)
}

/// Asks the object for the feed of a session's long-lived stream: its own (`stream`), or the one that
/// carries everything (`sse`).
///
/// # Errors
/// Where the object does not answer.
pub async fn open_feed(
    env: &Env,
    keys: &Keyring,
    sealed: &Sealed,
    kind: &str,
) -> AppResult<worker::Response> {
    let headers = Headers::new();
    headers.set(SEAL_HEADER, &sealed.seal(keys))?;
    let request = request::upgrade(&format!("https://object/{kind}"), &headers)?;
    Ok(check_answer(stub(env, &sealed.claims.object())?.open(&request).await)?)
}

/// The headers of a client's request that a session's object reads, besides its seal and the token.
pub const PASSED: [&str; 4] = ["origin", "content-length", "last-event-id", PARENT];

/// Behind the address of a request whose client takes its answer as JSON and no event stream, so that the
/// call cannot ask it anything.
pub const TAKES_JSON_ALONE: &str = "?takes=json";

/// Where a request says which trace it belongs to.
const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// A command of a hub to a session's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionCommand {
    /// To tell its sessions of the news.
    News(ChangeEvent),
    /// To end its sessions that were issued at this time or before, in seconds since 1970.
    End(u32),
}

impl SessionCommand {
    /// The path that says so. The seal of an order is good for its path.
    pub fn path(&self) -> &'static str {
        match self {
            Self::News(_) => NEWS,
            Self::End(_) => END,
        }
    }

    /// The JSON text of the rest.
    pub fn body(&self) -> String {
        match self {
            Self::News(news) => news.to_json(),
            Self::End(not_before) => not_before.to_string(),
        }
    }

    /// Reads an order.
    pub fn read(path: &str, body: &str) -> Option<Self> {
        match path {
            NEWS => ChangeEvent::from_json(body).map(Self::News),
            END => body.parse().ok().map(Self::End),
            _ => None,
        }
    }
}

/// Gives an order to an object: the status of its answer.
pub async fn send_command(
    env: &Env,
    keys: &Keyring,
    order: &SessionCommand,
    object: &str,
) -> Result<u16> {
    let headers = Headers::new();
    headers.set(SEAL_HEADER, &hub_seal(order.path(), object, keys))?;
    let url = format!("https://object{}", order.path());
    let request = request::request("POST", &url, &headers, Some(&order.body()))?;
    Ok(check_answer(stub(env, object)?.text(&request).await).map_or(500, |(status, _)| status))
}

/// Finds out from the headers which trace a request belongs to.
pub fn traced(record: &RequestRecord, request: &Request) {
    if let Some(parent) = request.header(PARENT) {
        record.set_trace(Trace::read(&parent, request.header_text(STATE)));
    }
}

fn stub(env: &Env, object: &str) -> Result<ObjectStub> {
    ObjectStub::named(env, SESSION_AGENT, object)
}

fn check_answer<T>(answered: std::result::Result<T, CallError>) -> std::result::Result<T, Refusal> {
    answered.map_err(|error| match error {
        CallError::TimedOut(deadline) => Refusal::TimedOut(deadline.as_secs()),
        CallError::Failed(error) => {
            log::error!("session object failed: {error}");
            failure(&error.to_string())
        }
    })
}

/// The refusal for an error of the runtime.
fn failure(error: &str) -> Refusal {
    if error.contains("overloaded") { Refusal::Overloaded } else { Refusal::Failed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::lines_of_0_1_0;

    #[test]
    fn orders_of_hubs_are_read_as_they_were_written() {
        let orders =
            [SessionCommand::News(ChangeEvent::ToolsChanged), SessionCommand::End(1_799_999_000)];
        let paths = orders.each_ref().map(|order| order.path().to_owned());
        let bodies = [r#"{"list":"tools"}"#, "1799999000"];
        let paths = lines_of_0_1_0("messages-hub-to-session", &paths);
        for ((path, order), body) in paths.iter().zip(orders).zip(bodies) {
            assert_eq!(order.body(), body);
            assert_eq!(SessionCommand::read(path, body), Some(order));
            assert_eq!(SessionCommand::read(path, "{}"), None);
        }
        assert_eq!(SessionCommand::read("/other", "1"), None);
    }
}

#[cfg(test)]
mod fixtures {
    use mcp_auth::{authentication::OWN_TOKEN_HEADER, seal::SEAL_HEADER};
    use mcp_server::hub::{LISTENER_HEADER, PRINCIPAL_HEADER};
    use test_support::stored::lines_of_0_1_0;

    use super::PASSED;

    #[test]
    fn headers_to_objects_have_the_names_that_they_had() {
        let names = [SEAL_HEADER, LISTENER_HEADER, PRINCIPAL_HEADER, OWN_TOKEN_HEADER];
        let names = [names, PASSED].concat().into_iter().map(str::to_owned);
        let names: Vec<String> = names.collect();
        assert_eq!(lines_of_0_1_0("headers-to-objects", &names), names);
    }
}

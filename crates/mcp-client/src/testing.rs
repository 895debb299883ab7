//! Test support: an upstream that plays a script in virtual time.

use std::{rc::Rc, time::Duration};

use mcp_auth::secret::Secret;
use mcp_platform::testing::{ScriptedStream, VirtualPlatform};
use mcp_protocol::version::Version;

use crate::{
    connection::Connection,
    endpoint::Endpoint,
    error::UpstreamError,
    exchange::Exchange,
    message::Incoming,
    request::{Declaration, Request},
    session::SessionId,
    upstream::Upstream,
};

pub(crate) const URL: &str = "https://up.example/mcp";

/// Seconds.
pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The machine of a script.
pub(crate) fn machine(script: impl IntoIterator<Item = ScriptedStream>) -> Rc<VirtualPlatform> {
    VirtualPlatform::new(script)
}

/// The upstream on a machine.
pub(crate) fn upstream(platform: &Rc<VirtualPlatform>) -> Upstream {
    let mut endpoint = Endpoint::new(URL);
    endpoint.credential = vec![("Authorization".into(), Secret::new("Bearer up"))];
    Upstream::new(platform.clone(), endpoint)
}

pub(crate) fn declaration() -> Declaration {
    Declaration {
        client_info: r#"{"name":"gateway","version":"1"}"#.into(),
        capabilities: r#"{"roots":{}}"#.into(),
    }
}

/// A connection in this version, with a session where the version has them.
pub(crate) fn connection(platform: &Rc<VirtualPlatform>, version: Version) -> Connection {
    let session = SessionId::parse("s-1");
    Connection::new(upstream(platform), declaration(), version, session, 7)
}

/// A call of a tool that wants progress.
pub(crate) fn call() -> Request<'static> {
    Request { progress: true, ..Request::new("tools/call", Some(r#"{"name":"t","arguments":{}}"#)) }
}

/// Everything that comes of an exchange, one line each.
pub(crate) async fn all(mut exchange: Exchange) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(incoming) = exchange.next().await {
        lines.push(match incoming {
            Ok(incoming) => line(&incoming),
            Err(error) => format!("{error:?}"),
        });
    }
    lines
}

pub(crate) fn line(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Progress { progress, .. } => format!("progress {progress}"),
        Incoming::Log { params } => format!("log {params}"),
        Incoming::Notification { method, .. } => method.clone(),
        Incoming::Request { id, method, .. } => format!("{method} {}", id.as_json()),
        Incoming::Answer(answer) => match answer.clone().into_result() {
            Ok(result) => format!("result {result}"),
            Err(error) => format!("{error}"),
        },
    }
}

/// What comes of one call on a session of 2025-11-25.
pub(crate) fn called(script: impl IntoIterator<Item = ScriptedStream>) -> Vec<String> {
    let platform = machine(script);
    platform.run(all(connection(&platform, Version::V2025_11_25).request(call())))
}

/// The error of one call in this version.
pub(crate) fn error_in(
    version: Version,
    script: impl IntoIterator<Item = ScriptedStream>,
) -> UpstreamError {
    let platform = machine(script);
    let exchange = connection(&platform, version).request(call());
    platform.run(exchange.result()).expect_err("an error")
}

/// The error of one call on a session of 2025-11-25.
pub(crate) fn error(script: impl IntoIterator<Item = ScriptedStream>) -> UpstreamError {
    error_in(Version::V2025_11_25, script)
}

/// An event with a message.
pub(crate) fn event(json: &str) -> String {
    format!("event: message\ndata: {json}\n\n")
}

/// An answer to the first request.
pub(crate) fn answer(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"result":{result}}}"#)
}

/// Progress of the first request.
pub(crate) fn progress_text(value: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":7,"progress":{value}}}}}"#
    )
}

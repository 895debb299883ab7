//! Whatever an upstream answers, a call ends with one answer or one error, which do not depend on the chunks.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use mcp_client::{
    connection::Connection,
    endpoint::Endpoint,
    message::Incoming,
    request::{Declaration, Request},
    session::SessionId,
    upstream::Upstream,
};
use mcp_platform::testing::{ScriptedStream, VirtualPlatform};
use mcp_protocol::version::Version;

fuzz_target!(|data: &[u8]| {
    let [kind, size, body @ ..] = data else {
        return;
    };
    let version = if kind & 1 == 0 { Version::V2025_11_25 } else { Version::V2026_07_28 };
    let media = if kind & 2 == 0 { "text/event-stream" } else { "application/json" };
    let status = if kind & 4 == 0 { 200 } else { 400 };
    let whole = ended(version, status, media, body, body.len());
    assert_eq!(whole.iter().filter(|line| line.starts_with("end ")).count(), 1, "{whole:?}");
    assert!(whole.last().unwrap().starts_with("end "), "{whole:?}");
    assert_eq!(ended(version, status, media, body, usize::from(*size)), whole);
});

/// What comes of a call: everything but progress, of which only the latest counts.
fn ended(version: Version, status: u16, media: &str, body: &[u8], size: usize) -> Vec<String> {
    let answer = ScriptedStream::status(status).header("Content-Type", media);
    let answer = body.chunks(size.max(1)).fold(answer, ScriptedStream::chunk);
    let platform = VirtualPlatform::new([answer]);
    let connection = connection(&platform, version);
    let request = Request { progress: true, ..Request::new("tools/call", None) };
    let mut exchange = connection.request(request);
    let mut lines = Vec::new();
    platform.run(async {
        while let Some(incoming) = exchange.next().await {
            match incoming {
                Ok(Incoming::Progress { .. }) => {}
                Ok(Incoming::Answer(answer)) => lines.push(format!("end {answer:?}")),
                Ok(other) => lines.push(format!("{other:?}")),
                Err(error) => lines.push(format!("end {error:?}")),
            }
        }
    });
    lines
}

fn connection(platform: &Rc<VirtualPlatform>, version: Version) -> Connection {
    let upstream = Upstream::new(platform.clone(), Endpoint::new("https://up.example/mcp"));
    let declaration = Declaration { client_info: "{}".into(), capabilities: "{}".into() };
    Connection::new(upstream, declaration, version, SessionId::parse("s-1"), 1)
}

//! HTTP with SSE of 2024-11-05: one stream for everything that the server sends.

use std::io;

use serde_json::json;

use super::{
    super::{Out, Reply, Request},
    session::Sessions,
};

/// A session whose stream is open.
struct Open<'a> {
    sessions: &'a Sessions,
    id: String,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.sessions.remove(&self.id);
    }
}

pub(super) async fn answer(
    sessions: &Sessions,
    request: &Request,
    out: Out<'_>,
) -> io::Result<bool> {
    match (request.method.as_str(), request.path()) {
        ("GET", "/sse") => stream(sessions, out).await,
        ("POST", "/messages") => post(sessions, request, out).await,
        _ => out.reply(Reply::status(405)).await,
    }
}

async fn stream(sessions: &Sessions, mut out: Out<'_>) -> io::Result<bool> {
    // The capabilities are not known yet: `initialize` comes over the other endpoint.
    let (id, _) = sessions.open(&json!({ "protocolVersion": "2024-11-05" }));
    let open = Open { sessions, id };
    out.stream(&[]).await?;
    let written: String = form_urlencoded::byte_serialize(open.id.as_bytes()).collect();
    out.write(&format!("event: endpoint\ndata: /messages?sessionId={written}\n\n")).await?;
    let mut place = 0;
    loop {
        let line = sessions.find(&open.id).map(|session| session.first_line());
        let Some(event) = (match line {
            Some(line) => line.event(place, false).await,
            None => None,
        }) else {
            return out.end().await;
        };
        out.write(&event).await?;
        place += 1;
    }
}

async fn post(sessions: &Sessions, request: &Request, out: Out<'_>) -> io::Result<bool> {
    let mut query = form_urlencoded::parse(request.query().as_bytes());
    let Some((_, id)) = query.find(|(name, _)| name == "sessionId") else {
        return out.reply(Reply::status(400)).await;
    };
    let Some(session) = sessions.find(&id) else {
        return out.reply(Reply::status(404)).await;
    };
    let message = request.json();
    if message["jsonrpc"] != "2.0" {
        return out.reply(Reply::status(400)).await;
    }
    let line = session.first_line();
    if message["method"] == "initialize" {
        session.declare(&message["params"]);
        line.push(request.response(&session.hello()));
    } else if message["id"].is_null() || message["method"].is_null() {
        session.take(&message);
    } else if !session.begin(message, line) {
        return out.reply(Reply::status(400).body("a request of this id is running")).await;
    }
    out.reply(Reply::status(202).body("Accepted")).await
}

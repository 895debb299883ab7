//! Who a client is by its id: what it said when it registered, or what its document says.

use std::{cell::RefCell, time::Duration};

use super::Server;
use crate::{
    access::oauth::{
        client::Client,
        document::{self, MAX_DOCUMENT},
        fault::{Code, Fault},
    },
    agents::rows::now_s,
    runtime::machine::Machine,
    server::platform::{Method, OutboundRequest, Platform as _},
};

/// How long a document may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long one is good, in seconds.
const FRESH: u64 = 300;
/// Documents that one isolate remembers.
const MAX_KNOWN: usize = 100;

/// What an isolate knows: id, client, when it was read.
type Known = Vec<(String, Client, u64)>;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// What a client says of itself.
///
/// # Errors
/// Where nobody knows it, or its document is not to be had.
pub(super) async fn find(server: &Server<'_>, id: &str) -> Result<Client, Fault> {
    if !document::is_address(id) {
        let unknown = "the client is not registered here, or not any more: it must register again";
        let client = Client::verify(id, &server.keys);
        return client.ok_or(Fault::new(Code::InvalidClient, unknown));
    }
    if let Some(known) = KNOWN.with_borrow(|known| fresh(known, id)) {
        return Ok(known);
    }
    document::check_address(id, server.config.is_development())?;
    let client = document::read(id, &fetch(id).await?)?;
    KNOWN.with_borrow_mut(|known| note(known, id, client.clone()));
    Ok(client)
}

fn fresh(known: &Known, id: &str) -> Option<Client> {
    let (_, client, read) = known.iter().find(|(known, ..)| known == id)?;
    (now_s().abs_diff(*read) < FRESH).then(|| client.clone())
}

fn note(known: &mut Known, id: &str, client: Client) {
    known.retain(|(known, ..)| known != id);
    if known.len() >= MAX_KNOWN {
        known.remove(0);
    }
    known.push((id.to_owned(), client, now_s()));
}

async fn fetch(id: &str) -> Result<String, Fault> {
    let request = OutboundRequest {
        method: Method::Get,
        url: id.to_owned(),
        headers: vec![("Accept", "application/json".to_owned())],
        body: None,
        timeout: TIMEOUT,
        at_most: MAX_DOCUMENT,
    };
    let none = Fault::new(
        Code::InvalidClient,
        "the client's document cannot be had: it must come as JSON with status 200, in 5 s, in 5 KiB",
    );
    let answer = Machine.fetch(request).await.map_err(|_| none)?;
    let is_json = answer.content_type.is_some_and(|kind| kind.contains("json"));
    let text = String::from_utf8(answer.body).ok().filter(|_| answer.status == 200 && is_json);
    text.ok_or(none)
}

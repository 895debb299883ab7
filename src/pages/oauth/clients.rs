//! Finds a client by its id: from its registration, or its metadata document.

use std::{cell::RefCell, time::Duration};

use super::{Server, outbound_limit};
use crate::platform::{clock::now_s, workers::WorkersPlatform};
use mcp_auth::oauth::{
    client::Client,
    client_metadata_document::{self, MAX_DOCUMENT},
    error::{ErrorCode, OAuthError},
    known_documents::KnownDocuments,
};
use mcp_platform::{Method, OutboundRequest, Platform as _};

/// How long a document may take.
const TIMEOUT: Duration = Duration::from_secs(5);

thread_local! {
    static KNOWN: RefCell<KnownDocuments> = RefCell::default();
}

/// Finds the client of an id. Anybody can name any address as a client id, so that the fetches which one
/// address causes are limited, and their failures are kept for a while too.
///
/// # Errors
/// Where the id is not registered, or its document cannot be had or read; `temporarily_unavailable`
/// where too many documents were fetched for this address.
pub(super) async fn find(server: &Server<'_>, id: &str) -> Result<Client, OAuthError> {
    if !client_metadata_document::is_address(id) {
        let unknown = "the client is not registered here, or its registration is not valid any \
                       more: register again";
        let client = Client::verify(id, &server.keys);
        return client.ok_or(OAuthError::new(ErrorCode::InvalidClient, unknown));
    }
    client_metadata_document::check_address(id, server.config.is_development())?;
    if let Some(known) = KNOWN.with_borrow(|known| known.get(id, now_s())) {
        return known;
    }
    if outbound_limit::begin(server).is_none() {
        let why = "Too many apps were looked up from your network. Try again in a minute.";
        return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, why));
    }
    let client = fetch(id).await.and_then(|text| client_metadata_document::read(id, &text));
    KNOWN.with_borrow_mut(|known| known.note(id, client.clone(), now_s()));
    client
}

async fn fetch(id: &str) -> Result<String, OAuthError> {
    let request = OutboundRequest {
        method: Method::Get,
        url: id.to_owned(),
        headers: vec![("Accept", "application/json".to_owned())],
        body: None,
        timeout: TIMEOUT,
        at_most: MAX_DOCUMENT,
    };
    let none = OAuthError::new(
        ErrorCode::InvalidClient,
        "the client's document cannot be fetched: expected JSON of at most 5 KiB, with status \
         200, within 5 s",
    );
    let answer = WorkersPlatform.fetch(request).await.map_err(|_| none)?;
    let is_json = answer.content_type.is_some_and(|kind| kind.contains("json"));
    let text = String::from_utf8(answer.body).ok().filter(|_| answer.status == 200 && is_json);
    text.ok_or(none)
}

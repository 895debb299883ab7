//! `/register`: RFC 7591. Nothing is stored, so anybody may.

use super::{
    Server,
    reply::{self, Outcome},
};
use crate::{
    access::oauth::client,
    agents::rows::now_s,
    runtime::{
        http::{Request, Response},
        random,
    },
};

/// Answers a registration.
pub(super) async fn register(server: &Server<'_>, request: Request) -> Outcome<Response> {
    let text = reply::text(request).await?;
    let random = random::bytes().map_err(worker::Error::from)?;
    let answer = client::register(&text, &server.keys, &random, now_s())?;
    Ok(reply::json(201, &answer)?)
}

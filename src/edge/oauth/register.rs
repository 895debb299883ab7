//! `/register`: RFC 7591. Nothing is stored, so anybody may.

use worker::{Request, Response};

use super::{
    Server,
    reply::{self, Outcome},
};
use crate::{access::oauth::client, agents::rows::now_s};

/// Answers a registration.
pub(super) async fn register(server: &Server<'_>, request: Request) -> Outcome<Response> {
    let answer = client::register(&reply::text(request).await?, &server.keys, now_s())?;
    Ok(reply::json(201, &answer)?)
}

//! `/register`: RFC 7591. Nothing is stored, so anybody may.

use uuid::Uuid;

use super::{
    Server,
    reply::{self, Outcome},
};
use crate::runtime::http::{Request, Response};
use crate::{access::oauth::client, agents::rows::now_s};

/// Answers a registration.
pub(super) async fn register(server: &Server<'_>, request: Request) -> Outcome<Response> {
    let (text, random) = (reply::text(request).await?, Uuid::new_v4());
    let answer = client::register(&text, &server.keys, random.as_bytes(), now_s())?;
    Ok(reply::json(201, &answer)?)
}

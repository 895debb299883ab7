//! A token that a stack made for a person who signed in there: checked, and kept as one that was entered.
//!
//! Invariant: a token that is not kept is deleted at its stack, except where it cannot be found out whether it is kept.

use std::rc::Rc;

use worker::Result;

use super::{
    Server,
    connect::{Stored, is_connected, not_good, store},
    connect_page,
    entered_key::EnteredKey,
    reply,
};
use crate::platform::{http::Response, workers::WorkersPlatform};
use gateway::{
    config::{Stack, Upstream},
    connect::{
        link::Link,
        sign_in::{self, NotMade},
        stored::Visit,
    },
};
use mcp_auth::secret::Secret;
use mcp_platform::SharedPlatform;

/// Has a stack make a token for the person.
pub(super) async fn connect_made(
    server: &Server<'_>,
    (upstream, stack): (&Upstream, &Stack),
    (link, visit): (&Link, Visit),
    access: &Secret,
) -> Result<Response> {
    let platform: SharedPlatform = Rc::new(WorkersPlatform);
    let name = &upstream.name;
    let not_connected =
        |why: &str| reply::page(422, &connect_page::not_connected(upstream, why), "'none'");
    let made = match sign_in::make_token(stack, access, &platform).await {
        Ok(made) => made,
        Err(NotMade { status, why }) => {
            let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            log::warn!("no token was made for a person who signed in for `{name}` ({status})");
            return not_connected(&format!("You are signed in, but {why}."));
        }
    };
    let token = EnteredKey::of_stack(made.token.clone(), stack);
    let response = match token.check(server, upstream, (link.subject, &link.caller)).await {
        Err(fault) => not_connected(&fault.why),
        Ok(checked) => match store(server, upstream, link, visit, &checked).await {
            Stored::Kept => return is_connected(server, upstream, link, &checked),
            Stored::Refused(fault) => not_good(fault),
            Stored::NotKept(error) => Err(error),
            Stored::Unclear(error) => {
                log::warn!(
                    "a token that was made for `{name}` may not be kept, and ends by itself"
                );
                return Err(error);
            }
        },
    };
    if !sign_in::discard(stack, &made, access, &platform).await {
        log::warn!("a token that was made for `{name}` is not kept, and ends by itself");
    }
    response
}

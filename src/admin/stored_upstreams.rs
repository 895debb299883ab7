//! Upstreams that administrators add, change and remove. They are kept in the database.
//!
//! Invariant: what is stored was checked as the settings of the variable are, and against the address of this server besides.
//! What the variable names cannot be changed here.

use super::{AdminReply, said, upstreams};
use crate::{
    error::AppResult,
    platform::http::Request,
    state,
    stubs::{
        pins::PinObjects,
        stored_upstreams::{self, NotStored},
    },
    transports::endpoint::AdmittedRequest,
};
use gateway::{
    config::{ConfigError, MAX_UPSTREAMS},
    pin_store::{PinStore as _, PinsRequest},
};
use mcp_auth::origin::own;
use mcp_protocol::object::Object;

/// Bytes that the settings of one upstream may have.
const MAX_SETTINGS: usize = 64 << 10;

/// Stores an upstream of this name with the settings in the body, in the place of one that is stored.
pub(super) async fn put(
    endpoint: &AdmittedRequest<'_>,
    request: &Request,
    name: &str,
    body: &str,
) -> AppResult<AdminReply> {
    let env = endpoint.env;
    let known = stored_upstreams::require(env).await?;
    if known.upstreams.is_claimed(name) {
        return Ok(claimed());
    }
    if body.len() > MAX_SETTINGS {
        return Ok((413, Some(said("the settings of an upstream have at most 64 KiB"))));
    }
    let own_origins: Vec<String> = own(request.url()).map(str::to_owned).into_iter().collect();
    let settings = state::settings(env);
    let lookup = |name: &str| state::variable(env, name);
    if let Err(faults) = settings.read_stored((name, body), &own_origins, &lookup) {
        return Ok((400, Some(wrong(&faults))));
    }
    let others = known.upstreams.iter().filter(|upstream| upstream.name != name).count();
    if others >= MAX_UPSTREAMS {
        return Ok(full());
    }
    match stored_upstreams::put(env, name, body, &endpoint.principal.client).await? {
        Ok(()) => Ok(upstreams::one(endpoint, request, name).await),
        Err(NotStored::Full) => Ok(full()),
        Err(NotStored::NoTable) => {
            let why = "the database has no table of upstreams: run `npx wrangler d1 migrations apply MCP_DB --remote`";
            Ok((501, Some(said(why))))
        }
    }
}

/// Removes a stored upstream, and its pins.
pub(super) async fn remove(endpoint: &AdmittedRequest<'_>, name: &str) -> AppResult<AdminReply> {
    let env = endpoint.env;
    let is_claimed = stored_upstreams::require(env).await?.upstreams.is_claimed(name);
    if !stored_upstreams::remove(env, name).await? {
        return Ok(if is_claimed { claimed() } else { upstreams::unknown() });
    }
    // Those of a name that the variable has are not the stored one's.
    if !is_claimed
        && let Err(why) = PinObjects(env.clone()).ask(name, PinsRequest::ForgetPins).await
    {
        log::error!("the pins of `{name}`, which was removed, could not be forgotten: {why}");
    }
    Ok((204, None))
}

fn claimed() -> AdminReply {
    (409, Some(said("the variable UPSTREAMS has this name: change it there")))
}

fn full() -> AdminReply {
    (409, Some(said("there are 64 upstreams already, which is the most")))
}

/// All faults of the settings, and in one text.
fn wrong(faults: &[ConfigError]) -> String {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let all = faults.join("; ");
    Object::new().text("error", &all).texts("faults", faults.iter().map(String::as_str)).end()
}

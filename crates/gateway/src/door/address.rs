//! Where an upstream is, with what is sent to it, and the name under which its client calls.

use mcp_client::{
    endpoint::{Endpoint, Limits},
    headers::Trail,
    upstream::Upstream as Address,
};
use mcp_protocol::object::Object;
use mcp_server::context::Context;

use crate::{config::Upstream, connect::Connected, forwarded::Headers};

/// Bytes of one answer: an object holds a few of them at a time.
const MAX_ANSWER: usize = 8 << 20;

/// The address of an upstream, with the operator's credential.
pub fn address(
    upstream: &Upstream,
    trail: &Trail,
    platform: &mcp_platform::SharedPlatform,
) -> Address {
    address_for(upstream, None, trail, platform, Headers::new())
}

/// The same for a caller with these headers, and with the key of that person, where the upstream is called with one.
pub fn address_for(
    upstream: &Upstream,
    person: Option<&Connected>,
    trail: &Trail,
    platform: &mcp_platform::SharedPlatform,
    forwarded: Headers,
) -> Address {
    let key = person.map(|person| (&person.key, person.stack.as_deref()));
    let (url, credential) = upstream.called_with(key);
    let identity = person.filter(|_| upstream.credential.is_personal());
    let endpoint = Endpoint {
        credential,
        identity: identity.map(|person| person.revision.to_string()),
        forwarded,
        timeouts: upstream.timeouts,
        limits: Limits { answer: MAX_ANSWER, ..Limits::default() },
        trail: Some(trail.clone()),
        refusal: upstream.refusal(),
        ..Endpoint::new(url)
    };
    Address::new(platform.clone(), endpoint)
}

/// `clientInfo` for upstreams: the program in front, through this server.
pub(super) fn client_info(ctx: &Context) -> String {
    let name = match ctx.client.name.as_str() {
        "" => "sitebay-mcp",
        name => name,
    };
    let version = match ctx.client.version.as_str() {
        "" => mcp_protocol::initialize::SERVER_VERSION,
        version => version,
    };
    Object::new().text("name", name).text("version", version).end()
}

//! The headers of a request on its way to the backend, and of an answer on its way back.
//!
//! Invariant: a header that belongs to one connection (RFC 9110 §7.6.1), or to this server alone, ends here, in both
//! directions. What this server says of a request is written last, so that no header of the client stands in its place.

use crate::{
    config::backend::Backend,
    platform::http::{HeaderChanges, ReceivedHeaders},
    response::EXPOSED,
};
use mcp_auth::{authentication::OWN_TOKEN_HEADER, origin::own};

/// Headers of one connection. Those of framing are the runtime's.
const OF_CONNECTION: [&str; 10] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers by which a proxy says who its client is. A client says nothing of itself.
const OF_PROXIES: [&str; 3] = ["forwarded", "x-real-ip", "true-client-ip"];

/// Credentials for this server that have no other meaning.
const OWN_CREDENTIALS: [&str; 2] = ["x-mcp-secret", OWN_TOKEN_HEADER];

/// Credentials for whatever stands in front of this server: Cloudflare Access.
const OF_ACCESS: [&str; 4] = [
    "cf-access-client-id",
    "cf-access-client-secret",
    "cf-access-jwt-assertion",
    "cf-access-token",
];

/// Headers by which some servers take a request for one with another method.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Cookies for this server's pages, and that of Cloudflare Access.
const OWN_COOKIES: [&str; 5] =
    ["__Host-mcp-form", "__Host-mcp-account", "mcp-form", "mcp-account", "CF_Authorization"];

/// What a request may do behind, as far as this server judged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// A browser asks for a page's sake, without credentials, and gets none of this server's.
    Preflight,
    /// What its method says, and nothing more: its caller may only read.
    AsItsMethodSays,
    /// Anything.
    All,
}

/// Decides whether a text is a credential for this server.
pub(super) struct OwnCredentials<'a> {
    /// A value of `Authorization`.
    pub(super) authorization: &'a dyn Fn(&str) -> bool,
    /// A token by itself.
    pub(super) token: &'a dyn Fn(&str) -> bool,
    /// A URL without those in its query.
    pub(super) cleaned: &'a dyn Fn(&str) -> String,
}

/// What changes in the headers of a request with this method that was sent to `url`.
pub(super) fn to_backend(
    received: &ReceivedHeaders,
    (method, url): (&str, &str),
    backend: &Backend,
    own_credentials: &OwnCredentials<'_>,
    permission: Permission,
) -> HeaderChanges {
    let mut changes = HeaderChanges::default();
    let is_upgrade = is_websocket(method, received);
    for name in named_by_connection(received, is_upgrade) {
        changes.remove(&name);
    }
    for (name, value) in received.iter() {
        let ends_here = match name {
            // The runtime speaks the protocol of sockets anew, and knows by these that it should.
            "connection" | "upgrade" if is_upgrade => false,
            "authorization" => !backend.forwards_auth || (own_credentials.authorization)(value),
            "x-api-key" => !backend.forwards_auth || (own_credentials.token)(value),
            name if OF_ACCESS.contains(&name) => !backend.forwards_auth,
            // It would reach the backend as another request than the one that was judged.
            name if is_override(name) => permission != Permission::All,
            name => is_of_one_hop(name) || OWN_CREDENTIALS.contains(&name) || is_of_proxies(name),
        };
        if ends_here {
            changes.remove(name);
        }
        match name {
            "cookie" => without_own_cookies(value, &mut changes),
            "referer" => {
                let cleaned = (own_credentials.cleaned)(value);
                if cleaned != value {
                    changes.set(name, &cleaned);
                }
            }
            _ => {}
        }
    }
    say_who_asks(received, url, backend, &mut changes);
    if let Some((name, value)) = &backend.auth {
        match permission {
            Permission::Preflight => changes.remove(name),
            _ => changes.set(name, value.expose()),
        }
    }
    changes
}

/// Says from whom and for which address the request is, and through whom it came.
fn say_who_asks(
    received: &ReceivedHeaders,
    url: &str,
    backend: &Backend,
    changes: &mut HeaderChanges,
) {
    let value = |wanted: &str| received.iter().find(|(name, _)| *name == wanted).map(|(_, v)| v);
    // On Cloudflare every request has it, and no client can write it.
    if let Some(address) = value("cf-connecting-ip") {
        changes.set("x-forwarded-for", address);
    }
    if let Some((scheme, host)) = own(url).and_then(|origin| origin.split_once("://")) {
        changes.set("x-forwarded-proto", scheme);
        changes.set("x-forwarded-host", host);
    }
    let via = match value("via") {
        Some(before) if !before.is_empty() => format!("{before}, 1.1 {}", backend.via),
        _ => format!("1.1 {}", backend.via),
    };
    changes.set("via", &via);
}

/// Whether the request passed through this server before.
pub(super) fn went_in_a_circle(received: &ReceivedHeaders, backend: &Backend) -> bool {
    let mut vias = received.iter().filter(|(name, _)| *name == "via");
    vias.any(|(_, value)| value.split([',', ' ', '\t']).any(|part| part == backend.via))
}

/// Whether the client wants to open a WebSocket, which only a `GET` does (RFC 6455 §4.1). The runtime opens one with `GET`
/// whatever the method, so that the backend would answer another request than the one that was judged.
pub(super) fn is_websocket(method: &str, received: &ReceivedHeaders) -> bool {
    let asks = |(name, value): (&str, &str)| {
        name == "upgrade" && value.trim().eq_ignore_ascii_case("websocket")
    };
    method == "GET" && received.iter().any(asks)
}

/// Whether a browser asks if a page may send a request. It sends no credentials with that, and never an `Upgrade`.
pub(super) fn is_preflight(method: &str, received: &ReceivedHeaders) -> bool {
    let has = |wanted: &str| received.iter().any(|(name, _)| name == wanted);
    method == "OPTIONS" && has("origin") && has("access-control-request-method") && !has("upgrade")
}

/// What changes in the headers of an answer to a client that asked at `url`. `page`: the origin of the page that asked
/// an MCP endpoint, where this server answers for CORS.
pub(super) fn to_client(
    received: &ReceivedHeaders,
    url: &str,
    backend: &Backend,
    page: Option<&str>,
    is_mcp: bool,
) -> HeaderChanges {
    let mut changes = HeaderChanges::default();
    for name in named_by_connection(received, false) {
        changes.remove(&name);
    }
    for (name, value) in received.iter() {
        if is_of_one_hop(name) || (is_mcp && name.starts_with("access-control-")) {
            changes.remove(name);
        }
        if name == "location"
            && let Some(here) = location_here(value, url, backend)
        {
            changes.set(name, &here);
        }
    }
    if let Some(page) = page {
        changes.set("access-control-allow-origin", page);
        changes.set("access-control-expose-headers", EXPOSED);
        let vary = received.iter().find(|(name, _)| *name == "vary").map(|(_, value)| value);
        let vary = vary.map_or_else(|| "Origin".to_owned(), |vary| format!("{vary}, Origin"));
        changes.set("vary", &vary);
    }
    changes
}

/// A redirect to the backend's own address, as the client can follow it: to the same place behind this server.
fn location_here(location: &str, url: &str, backend: &Backend) -> Option<String> {
    let there = own(location).filter(|_| backend.is_at(location))?;
    Some(format!("{}{}", own(url)?, location.strip_prefix(there)?))
}

/// Whether the backend may take the request for one with another method.
pub(super) fn overrides_method(received: &ReceivedHeaders) -> bool {
    received.iter().any(|(name, _)| is_override(name))
}

fn is_override(name: &str) -> bool {
    // To a program behind a CGI or WSGI server both spellings are one name.
    name.starts_with('x') && OVERRIDES.contains(&&*name.replace('_', "-"))
}

/// The names that `Connection` lists, but for `Upgrade` where that is passed on.
fn named_by_connection(received: &ReceivedHeaders, is_upgrade: bool) -> Vec<String> {
    let lists = received.iter().filter(|(name, _)| *name == "connection");
    let names = lists.flat_map(|(_, list)| list.split(','));
    let names = names.map(|name| name.trim().to_ascii_lowercase());
    let stays = |name: &String| name.is_empty() || (is_upgrade && name == "upgrade");
    names.filter(|name| !stays(name)).collect()
}

fn is_of_one_hop(name: &str) -> bool {
    OF_CONNECTION.contains(&name) || name.starts_with("x-internal-")
}

fn is_of_proxies(name: &str) -> bool {
    OF_PROXIES.contains(&name) || name.starts_with("x-forwarded-")
}

fn without_own_cookies(header: &str, changes: &mut HeaderChanges) {
    let is_own = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default().trim();
        OWN_COOKIES.contains(&name)
    };
    if !header.split(';').any(|pair| is_own(&pair)) {
        return;
    }
    let kept: Vec<&str> = header.split(';').filter(|pair| !is_own(pair)).collect();
    match kept.is_empty() {
        true => changes.remove("cookie"),
        false => changes.set("cookie", kept.join(";").trim()),
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;

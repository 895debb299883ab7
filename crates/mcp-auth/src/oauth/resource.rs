//! The resources that tokens are for (RFC 8707, RFC 9728): the MCP endpoints of this server, under the
//! URL that each client uses, the server as a whole, and the doors of upstreams.
//!
//! Invariant: a resource is at this server's origin and at one of its endpoints. A slash at the end of
//! its path and its query belong to its name, because clients compare names as text; they make no
//! difference for what a token is good for. A token for a door is good there and nowhere else.

use super::{
    error::{ErrorCode, OAuthError},
    form::Form,
    offer::Offer,
};
use crate::origin::own;
use mcp_platform::url::Url;

/// Where the documents of resources are (RFC 9728 §3.1), before the path of the resource.
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Paths of the endpoints that clients know as a resource.
const ENDPOINTS: [&str; 3] = ["", "/mcp", "/sse"];
/// Bytes of a query that metadata repeat.
const MAX_QUERY: usize = 1_024;
/// Parts of the names of parameters whose values are not to be repeated. Some clients write their key
/// into the URL.
const SECRET: [&str; 6] = ["key", "token", "secret", "password", "session", "credential"];

/// The door that each `resource` names; an empty name is the common door, which one that names the server as a whole
/// means too. None: none is named. `origin` is this server's.
///
/// # Errors
/// Where one is another server's, and where they are at several doors of upstreams.
pub fn door_named(form: &Form, origin: &str, offer: &Offer) -> Result<Option<String>, OAuthError> {
    let target = |why| OAuthError::new(ErrorCode::InvalidTarget, why);
    let mut named: Option<String> = None;
    for resource in form.all("resource").filter(|resource| !resource.is_empty()) {
        let door = door_of(resource, origin).filter(|door| door.is_empty() || offer.has_door(door));
        let door = door.ok_or(target("`resource` does not name this server"))?;
        named = match named {
            None => Some(door),
            Some(before) if before == door => Some(door),
            // Who asks for the server as a whole gets that.
            Some(before) if before.is_empty() || door.is_empty() => Some(String::new()),
            Some(_) => return Err(target("`resource` names two doors: ask for one at a time")),
        };
    }
    Ok(named)
}

/// The door of the endpoint at a path, with or without a slash at its end; an empty name is the common door. None: there
/// is no endpoint.
pub fn door_at(path: &str) -> Option<&str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if ENDPOINTS.contains(&path) {
        return Some("");
    }
    let (door, rest) = behind_door(path)?;
    matches!(rest, "/mcp" | "/sse").then_some(door)
}

/// The name of a door and the path behind it: `/u/{name}/mcp` is `/mcp`.
fn behind_door(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/u/")?;
    let (door, rest) = rest.split_at_checked(rest.find('/')?)?;
    (!door.is_empty()).then_some((door, rest))
}

/// What stands for a door in tokens and grants, besides their own content: the server as a whole, or the door of one
/// upstream.
pub fn audience(origin: &str, door: &str) -> String {
    if door.is_empty() { origin.to_owned() } else { format!("{origin}/u/{door}") }
}

/// Whether a token whose audiences are these may be used at a door. One that names doors, and not this server itself, is
/// good at those alone: a door under another host name may be one of this deployment, and is never all of it.
pub fn opens<'a>(audiences: impl IntoIterator<Item = &'a str>, origin: &str, door: &str) -> bool {
    let (mut is_bound, mut is_here) = (false, false);
    for audience in audiences {
        let named = door_of(audience, origin);
        if named.as_deref() == Some("") {
            return true;
        }
        is_here |= named.as_deref() == Some(door);
        is_bound |= named.is_some() || is_below_doors(audience);
    }
    is_here || !is_bound
}

/// Whether an audience is a URL, of any server, below the place of doors.
fn is_below_doors(audience: &str) -> bool {
    let path = |text: &str| text.find('/').and_then(|at| text.get(at..)).map(str::to_owned);
    // A host name that is not ASCII is not read, and the path is behind it all the same.
    let unread = || audience.split_once("://").and_then(|(_, rest)| path(rest));
    let path = Url::parse(audience).map(|url| url.path).or_else(unread);
    path.is_some_and(|path| path.starts_with("/u/"))
}

/// The resource that a request is for: path and query of the MCP endpoint that its client is configured to
/// use. `path_and_query` is what was requested.
///
/// Messages of the 2024 wire are posted beside their stream, whose query they do not have; what else
/// needs a credential belongs to `/mcp`.
pub fn requested(path_and_query: &str, offer: &Offer) -> String {
    let (path, _) = split(path_and_query);
    let path = path.strip_suffix('/').unwrap_or(path);
    let behind = behind_door(path).filter(|(door, _)| offer.has_door(door));
    let (door, path) =
        behind.map_or((String::new(), path), |(door, rest)| (format!("/u/{door}"), rest));
    match path {
        "/mcp" | "/sse" => named(path_and_query),
        "/messages" | "/message" => format!("{door}/sse"),
        "/sse/messages" | "/sse/message" => format!("{door}/sse/"),
        _ => "/mcp".to_owned(),
    }
}

/// The resource whose name ends in this path and query. A query that cannot be repeated is left out:
/// one that is too long, that may hold a secret, or that no header can carry. The server as a whole has
/// none.
pub fn named(path_and_query: &str) -> String {
    let (path, query) = split(path_and_query);
    let is_whole = matches!(path, "" | "/");
    match query.filter(|query| !is_whole && is_repeatable(query)) {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// Path and query; a fragment is no part of a request.
fn split(path_and_query: &str) -> (&str, Option<&str>) {
    let text = path_and_query.split('#').next().unwrap_or_default();
    text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)))
}

fn is_repeatable(query: &str) -> bool {
    // RFC 9110 §5.6.4: what a quoted string holds as it is.
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    query.len() <= MAX_QUERY
        && query.bytes().all(is_plain)
        && !form_urlencoded::parse(query.as_bytes()).any(|(name, _)| names_secret(&name))
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "auth" || SECRET.iter().any(|part| name.contains(part))
}

/// The door that an address of this server names; its query and a trailing slash do not matter. An empty name is the
/// common door. None: it is no address of an endpoint here.
fn door_of(resource: &str, origin: &str) -> Option<String> {
    // RFC 8707 §2: a resource has no fragment.
    let url = Url::parse(resource).filter(|url| !url.href.contains('#'))?;
    // An origin is followed by a path or a query; anything else would extend the host or the port.
    let (path, _) = split(url.href.strip_prefix(origin)?);
    let path = Some(path).filter(|path| path.is_empty() || path.starts_with('/'))?;
    door_at(path).map(str::to_owned)
}

/// Where the document of the resource is that was requested at this URL, and its door.
pub fn document_of<'a>(url: &'a str, offer: &Offer) -> (String, &'a str) {
    let (origin, path_and_query) = parts(url);
    let requested = requested(path_and_query, offer);
    let (path, _) = split(path_and_query);
    let door = behind_door(path).map_or("", |(door, _)| door);
    let is_there = door_at(split(&requested).0) == Some(door);
    let door = if is_there { door } else { "" };
    (format!("{origin}{WELL_KNOWN}{requested}"), door)
}

/// The origin of a URL, and its path with query.
pub fn parts(url: &str) -> (&str, &str) {
    let origin = own(url).unwrap_or_default();
    (origin, url.strip_prefix(origin).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: &str = "https://mcp.example";

    fn offer() -> Offer {
        Offer::new([("tickets", "upstream:tickets"), ("wiki", "read")])
    }

    fn is_own(resource: &str, origin: &str) -> bool {
        door_of(resource, origin).is_some()
    }

    fn requested(path_and_query: &str) -> String {
        super::requested(path_and_query, &offer())
    }

    #[test]
    fn the_resource_is_the_server_or_one_of_its_endpoints() {
        for own in ["", "/", "/mcp", "/mcp/", "/sse", "/sse/", "/mcp?toolsets=dns", "/mcp/?a=b&c"] {
            assert!(is_own(&format!("https://Mcp.example{own}"), ORIGIN), "{own}");
        }
        for other in [
            "https://mcp.example.evil.example/mcp",
            "https://mcp.example:8443/mcp",
            "http://mcp.example/mcp",
            "https://mcp.example/other",
            "https://mcp.example/other?/mcp",
            "https://mcp.example/mcp//",
            "https://mcp.example/mcp#x",
            "https://mcp.example/mcp?x#y",
            "https://mcp.example@evil.example/mcp",
            "https://user@mcp.example/mcp",
            "https://evil.example/?https://mcp.example/mcp",
            "/mcp",
            "mcp",
        ] {
            assert!(!is_own(other, ORIGIN), "{other}");
        }
    }

    #[test]
    fn every_resource_that_is_named_counts() {
        let named = |query: &str| {
            door_named(&Form::parse(query), ORIGIN, &offer()).map_err(|fault| fault.code)
        };
        let (common, tickets) = (Some(String::new()), Some("tickets".to_owned()));
        let (mcp, door) = ("resource=https://mcp.example/mcp", "resource=https://mcp.example/u/");
        assert_eq!(named(""), Ok(None));
        assert_eq!(named("resource="), Ok(None));
        assert_eq!(named(mcp), Ok(common.clone()));
        assert_eq!(named(&format!("{door}tickets/mcp")), Ok(tickets.clone()));
        assert_eq!(named(&format!("{door}tickets/sse/&{door}tickets/mcp?x=1")), Ok(tickets));
        assert_eq!(named(&format!("{door}tickets/mcp&{mcp}")), Ok(common.clone()));
        assert_eq!(named(&format!("{mcp}&{door}tickets/mcp")), Ok(common));
        for wrong in [
            format!("{mcp}&resource=https://x.example"),
            format!("{door}tickets/mcp&{door}wiki/mcp"),
            format!("{door}none/mcp"),
            format!("{door}tickets"),
            format!("{door}tickets/"),
            format!("{door}tickets/mcp/x"),
            format!("{door}tickets//mcp"),
            format!("{door}/mcp"),
            format!("{door}Tickets/mcp"),
        ] {
            assert_eq!(named(&wrong), Err(ErrorCode::InvalidTarget), "{wrong}");
        }
    }

    #[test]
    fn a_token_for_a_door_opens_that_door_and_one_for_the_server_all() {
        let at = |path: &str| format!("{ORIGIN}{path}");
        let (main, one, other) = (at("/mcp"), at("/u/tickets/mcp"), at("/u/wiki/sse/?x=1"));
        let opens = |audiences: &[&str], door: &str| opens(audiences.iter().copied(), ORIGIN, door);
        for (audiences, doors) in [
            (&[][..], &["", "tickets", "wiki"][..]),
            (&["mcp", "account"], &["", "tickets", "wiki"]),
            (&[&*main], &["", "tickets", "wiki"]),
            (&[&*main, &one], &["", "tickets", "wiki"]),
            (&[ORIGIN], &["", "tickets", "wiki"]),
            (&[&*one], &["tickets"]),
            (&["account", &one], &["tickets"]),
            (&[&*one, &other], &["tickets", "wiki"]),
            (&["https://mcp.example/u/gone/mcp"], &[]),
            (&["https://other.example/mcp"], &["", "tickets", "wiki"]),
            (&["https://other.example/u/tickets/mcp"], &[]),
            (&["https://other.example/u/tickets/mcp", "account"], &[]),
            (&["https://other.example/u/tickets/mcp", &one], &["tickets"]),
            (&["https://other.example/u/tickets/mcp", &main], &["", "tickets", "wiki"]),
            (&["https://b\u{fc}cher.example/u/tickets/mcp"], &[]),
            (&["https://mcp.example/u/tickets"], &[]),
            (&["https://mcp.example/u/tickets/mcp#x"], &[]),
            (&["https://mcp.example:443/x/../u/tickets/mcp"], &["tickets"]),
            (&["https://mcp.example/user/tickets", "/u/tickets/mcp"], &["", "tickets", "wiki"]),
        ] {
            for door in ["", "tickets", "wiki"] {
                assert_eq!(opens(audiences, door), doors.contains(&door), "{audiences:?} {door}");
            }
        }
        assert_ne!(audience(ORIGIN, "tickets"), audience(ORIGIN, ""));
    }

    #[test]
    fn a_resource_at_a_door_is_that_doors() {
        for (path, resource) in [
            ("/u/tickets/mcp", "/u/tickets/mcp"),
            ("/u/tickets/sse/?x=1", "/u/tickets/sse/?x=1"),
            ("/u/tickets/mcp?auth=k", "/u/tickets/mcp"),
            ("/u/tickets/messages?sessionId=x", "/u/tickets/sse"),
            ("/u/tickets/sse/messages?sessionId=x", "/u/tickets/sse/"),
            ("/u/tickets/other", "/mcp"),
            ("/u/none/mcp", "/mcp"),
        ] {
            assert_eq!(requested(path), resource, "{path}");
        }
        let document = |path: &str| {
            let url = format!("{ORIGIN}{path}");
            let (place, door) = document_of(&url, &offer());
            (place.replace(&format!("{ORIGIN}{WELL_KNOWN}"), ""), door.to_owned())
        };
        assert_eq!(document("/u/tickets/mcp"), ("/u/tickets/mcp".into(), "tickets".into()));
        assert_eq!(document("/u/none/mcp"), ("/mcp".into(), String::new()));
        assert_eq!(document("/u/tickets/x"), ("/mcp".into(), String::new()));
        assert_eq!(document("/sse?x=1"), ("/sse?x=1".into(), String::new()));
    }

    #[test]
    fn a_resource_has_the_name_that_its_client_uses() {
        for same in
            ["/mcp", "/mcp/", "/mcp?toolsets=dns", "/mcp/?x=1&y", "/sse", "/sse/?x=%22", "/mcp?"]
        {
            assert_eq!(requested(same), same);
        }
        for (path, resource) in [
            ("/messages?sessionId=x", "/sse"),
            ("/message/", "/sse"),
            ("/sse/messages?sessionId=x", "/sse/"),
            ("/sessions", "/mcp"),
            ("/admin/keys?x=1", "/mcp"),
            ("/mcp?x=1#y", "/mcp?x=1"),
        ] {
            assert_eq!(requested(path), resource, "{path}");
        }
    }

    #[test]
    fn a_query_that_may_hold_a_secret_or_break_a_header_is_not_repeated() {
        for query in [
            "auth=k",
            "toolsets=dns&apiKey=k",
            "api_key=k",
            "ACCESS_TOKEN=t",
            "%61uth=k",
            "client%5Fsecret=s",
            "sessionId=s",
            "x=\"",
            "x=\\",
            "x=a b",
            "x=\r\nset-cookie:%20a",
            "x=ü",
            &"a".repeat(MAX_QUERY + 1),
        ] {
            assert_eq!(named(&format!("/mcp?{query}")), "/mcp", "{query}");
        }
        assert_eq!(named("/mcp?author=ada"), "/mcp?author=ada");
        assert_eq!(named("?x=1"), "", "the server as a whole has no query");
    }

    proptest! {
        #[test]
        fn every_name_that_is_given_is_taken_and_fits_a_header(
            path in prop::sample::select(vec!["/mcp", "/mcp/", "/sse", "/sse/"]), query in ".{0,40}",
        ) {
            let resource = requested(&format!("{path}?{query}"));
            prop_assert!(resource.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\'));
            prop_assert!(is_own(&format!("{ORIGIN}{resource}"), ORIGIN), "{}", resource);
        }
    }
}

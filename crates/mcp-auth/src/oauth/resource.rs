//! The resources that tokens are for (RFC 8707, RFC 9728): the MCP endpoints of this server, under the
//! URL that each client uses, and the server as a whole.
//!
//! Invariant: a resource is at this server's origin and at one of its endpoints. A slash at the end of
//! its path and its query belong to its name, because clients compare names as text; they make no
//! difference for what a token is good for.

use super::{
    error::{ErrorCode, OAuthError},
    form::Form,
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

/// Checks each `resource` that is named. `origin` is this server's.
///
/// # Errors
/// Where one is another server's.
pub fn check(form: &Form, origin: &str) -> Result<(), OAuthError> {
    match form.all("resource").all(|resource| resource.is_empty() || is_own(resource, origin)) {
        true => Ok(()),
        false => {
            Err(OAuthError::new(ErrorCode::InvalidTarget, "`resource` does not name this server"))
        }
    }
}

/// Whether a path is one of a resource, with or without a slash at its end.
pub fn is_endpoint(path: &str) -> bool {
    ENDPOINTS.contains(&path.strip_suffix('/').unwrap_or(path))
}

/// The resource that a request is for: path and query of the MCP endpoint that its client is configured to
/// use. `path_and_query` is what was requested.
///
/// Messages of the 2024 wire are posted beside their stream, whose query they do not have; what else
/// needs a credential belongs to `/mcp`.
pub fn requested(path_and_query: &str) -> String {
    let (path, _) = split(path_and_query);
    match path.strip_suffix('/').unwrap_or(path) {
        "/mcp" | "/sse" => named(path_and_query),
        "/messages" | "/message" => "/sse".to_owned(),
        "/sse/messages" | "/sse/message" => "/sse/".to_owned(),
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

/// Whether an address is this server's; its query and a trailing slash do not matter.
fn is_own(resource: &str, origin: &str) -> bool {
    // RFC 8707 §2: a resource has no fragment.
    let Some(url) = Url::parse(resource).filter(|url| !url.href.contains('#')) else {
        return false;
    };
    let after = url.href.strip_prefix(origin);
    // An origin is followed by a path or a query; anything else would extend the host or the port.
    after.is_some_and(|after| {
        let (path, _) = split(after);
        (path.is_empty() || path.starts_with('/')) && is_endpoint(path)
    })
}

/// Where the document of the resource is that was requested at this URL.
pub fn document_of(url: &str) -> String {
    let (origin, path_and_query) = parts(url);
    format!("{origin}{WELL_KNOWN}{}", requested(path_and_query))
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
        assert!(check(&Form::default(), ORIGIN).is_ok());
        let both = Form::parse("resource=https://mcp.example/mcp&resource=https://x.example");
        assert_eq!(check(&both, ORIGIN).unwrap_err().code, ErrorCode::InvalidTarget);
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

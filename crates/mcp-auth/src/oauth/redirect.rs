//! Where a person may be sent back to: RFC 9700 §2.1 and §4.1, RFC 8252 §7.
//!
//! Invariant: exactly an address that the client registered; only the port of one on the person's own
//! machine is free, because the client learns its port when it starts.

use mcp_platform::url::{self, Url};

/// Characters that an address may have.
const MAX_CHARS: usize = 1_024;
/// The names of the person's own machine.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];
/// Schemes that browsers execute themselves, or hand to programs that are not OAuth clients.
const FORBIDDEN: &[&str] = &[
    "about",
    "blob",
    "chrome",
    "content",
    "data",
    "edge",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "resource",
    "sms",
    "tel",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Whether a client may register this address.
pub fn is_allowed(uri: &str) -> bool {
    let visible =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>');
    if uri.len() > MAX_CHARS || !uri.bytes().all(visible) {
        return false;
    }
    match scheme(uri) {
        Some("https") => has_plain_host(uri),
        Some("http") => loopback(uri).is_some(),
        Some(other) => !FORBIDDEN.contains(&other),
        None => false,
    }
}

/// Whether a client that registered the one address may use the other.
pub fn matches(registered: &str, sent: &str) -> bool {
    registered == sent
        || match (loopback(registered), loopback(sent)) {
            (Some(registered), Some(sent)) => registered == sent,
            _ => false,
        }
}

/// Whether it is http to this machine.
pub fn is_loopback(uri: &str) -> bool {
    loopback(uri).is_some()
}

/// Where a person would go, as a page can show it: the host, or the program's scheme.
pub fn shown(uri: &str) -> String {
    match (scheme(uri), Url::parse(uri)) {
        (Some("http" | "https"), Some(url)) => url.host,
        (scheme, _) => format!("the app that opens {}: links", scheme.unwrap_or_default()),
    }
}

/// Whether it leads to a program on the person's own machine.
pub fn is_local(uri: &str) -> bool {
    scheme(uri) != Some("https")
}

/// The sources of `form-action` that let a form lead there, over redirects that a web site puts in
/// between (CSP3 §6.4.2).
pub fn form_action(uri: &str) -> String {
    match scheme(uri) {
        Some(scheme) if scheme != "https" => format!("'self' https: {scheme}:"),
        _ => "'self' https:".to_owned(),
    }
}

/// The address with parameters for the client.
pub fn with_parameters(uri: &str, parameters: &[(&str, Option<&str>)]) -> String {
    url::with_parameters(
        uri,
        parameters.iter().filter_map(|(name, value)| Some((*name, (*value)?))),
    )
}

/// The scheme in lower case; one in other letters is none here, so that nothing has two spellings.
fn scheme(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let letter = |byte: u8| byte.is_ascii_lowercase();
    let other = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    let mut bytes = scheme.bytes();
    let valid = bytes.next().is_some_and(letter) && bytes.all(|byte| letter(byte) || other(byte));
    (valid && !rest.is_empty()).then_some(scheme)
}

fn has_plain_host(uri: &str) -> bool {
    let authority = uri.strip_prefix("https://").map(|rest| split(rest).0);
    let plain = authority.is_some_and(|host| !host.is_empty() && !host.contains('@'));
    plain && Url::parse(uri).is_some_and(|url| !url.host.is_empty())
}

/// Host and what follows the port, of an address on the person's own machine.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let (authority, rest) = split(uri.strip_prefix("http://")?);
    let host = LOOPBACK.into_iter().find_map(|host| {
        let port = authority.strip_prefix(host)?;
        let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
        (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(host)
    })?;
    Some((host, rest))
}

/// Authority, and what comes after it.
fn split(rest: &str) -> (&str, &str) {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or((rest, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_sites_programs_and_the_own_machine_may_be_registered() {
        for uri in [
            "https://claude.ai/api/mcp/auth_callback",
            "https://x.example:8443/cb?a=b",
            "http://127.0.0.1:3335/oauth/callback",
            "http://localhost/cb",
            "http://[::1]:1",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "com.example.app:/cb",
            "vscode://x",
        ] {
            assert!(is_allowed(uri), "{uri}");
        }
    }

    #[test]
    fn what_runs_in_a_browser_or_goes_to_strangers_may_not() {
        for uri in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://x.example/cb",
            "http://localhost.evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://localhost:1\\@evil.example/",
            "https://user:password@x.example/",
            "https://x.example/cb#fragment",
            "https://",
            "https:/x.example",
            "//x.example/cb",
            "x.example",
            "urn:ietf:wg:oauth:2.0:oob",
            "https://x.example/ü",
            "https://x.example/a b",
            "cursor:",
            "",
        ] {
            assert!(!is_allowed(uri), "{uri}");
        }
        assert!(!is_allowed(&format!("https://x.example/{}", "a".repeat(1_024))));
    }

    #[test]
    fn an_address_matches_exactly() {
        let registered = "https://x.example/cb";
        assert!(matches(registered, registered));
        for sent in [
            "https://x.example/cb/",
            "https://x.example/cb?x=1",
            "https://x.example:443/cb",
            "https://x.example/CB",
            "https://x.example/cb/../other",
            "https://x.example.evil.example/cb",
            "http://x.example/cb",
        ] {
            assert!(!matches(registered, sent), "{sent}");
        }
    }

    #[test]
    fn the_port_on_the_own_machine_is_free_and_nothing_else() {
        let registered = "http://127.0.0.1/cb";
        for sent in ["http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", registered] {
            assert!(matches(registered, sent), "{sent}");
        }
        for sent in [
            "http://localhost:1/cb",
            "http://127.0.0.1:1/other",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1:x/cb",
            "http://127.0.0.1.evil.example/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!matches(registered, sent), "{sent}");
        }
        assert!(matches("http://localhost:3000", "http://localhost:4000"));
        assert!(!matches("cursor://a/cb", "cursor://b/cb"));
    }

    #[test]
    fn parameters_are_added_to_what_is_there() {
        let to = with_parameters("app://x?a=b", &[("code", Some("c&d")), ("state", None)]);
        assert_eq!(to, "app://x?a=b&code=c%26d");
    }

    #[test]
    fn a_page_shows_where_a_person_would_go() {
        assert_eq!(shown("https://claude.ai/cb"), "claude.ai");
        assert_eq!(shown("cursor://x/cb"), "the app that opens cursor: links");
        assert_eq!(form_action("https://claude.ai/cb"), "'self' https:");
        assert_eq!(form_action("cursor://x/cb"), "'self' https: cursor:");
    }
}

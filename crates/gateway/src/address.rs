//! The addresses that this server may send requests to on behalf of its callers.
//!
//! Invariant: an address that passes leads to the public web by a name, over TLS, and not back to this server.
//! An address of digits never passes, in no spelling, so that there is no list of private ranges to keep.
//! Names that resolve to private addresses cannot be reached from Workers.

use mcp_platform::{host_name, url::Url};
use thiserror::Error;

/// Characters that an address may have.
const MAX_CHARS: usize = 2_048;
/// The hosts of this machine, as a URL serialises them.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What is allowed besides the public web.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// The origins under which this server is reached, such as `https://mcp.example.com`.
    pub own_origins: &'a [String],
    /// Whether plain HTTP to this machine is allowed.
    pub development: bool,
}

/// Why an address is refused. No text holds a user name, a path or a query.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It is no absolute URL, or longer than 2,048 characters.
    #[error("a text that is no absolute URL of at most {MAX_CHARS} characters")]
    NotUrl,
    /// It is not https.
    #[error("the scheme {0}")]
    Scheme(String),
    /// It has a user name or a password.
    #[error("a URL with a user name or a password")]
    Userinfo,
    /// It has a fragment.
    #[error("a URL with a fragment")]
    Fragment,
    /// It is an address of digits, or a name that only some network knows.
    #[error("the host {0}, which is no name of the public web")]
    NotPublic(String),
    /// It leads back to this server.
    #[error("the host {0}, which is this server's own")]
    Own(String),
}

/// What every address must be, for messages about one that is not.
pub const EXPECTED: &str =
    "an https URL on a public host, without user name, password and fragment";

/// Reads an address and checks that requests may be sent there. A host that is not ASCII is taken in its
/// encoded form.
///
/// # Errors
/// Where it may not be called.
pub fn check(text: &str, surroundings: Surroundings<'_>) -> Result<Url, AddressError> {
    let url = parse(text)?;
    let (scheme, rest) = url.href.split_once("://").ok_or_else(|| scheme_of(&url))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(AddressError::Userinfo);
    }
    if url.href.contains('#') {
        return Err(AddressError::Fragment);
    }
    let on_this_machine = LOOPBACK.contains(&url.host.as_str());
    let local = surroundings.development && scheme == "http" && on_this_machine;
    if scheme != "https" && !local {
        return Err(scheme_of(&url));
    }
    if surroundings.own_origins.iter().any(|origin| leads_to(&url, origin)) {
        return Err(AddressError::Own(url.host));
    }
    if !local && !host_name::is_public(&url.host) {
        return Err(AddressError::NotPublic(url.host));
    }
    Ok(url)
}

fn scheme_of(url: &Url) -> AddressError {
    let scheme = url.href.split(':').next().unwrap_or_default();
    AddressError::Scheme(scheme.chars().take(16).collect())
}

fn parse(text: &str) -> Result<Url, AddressError> {
    if text.chars().count() > MAX_CHARS {
        return Err(AddressError::NotUrl);
    }
    let text = if text.is_ascii() { Some(text.to_owned()) } else { with_ascii_host(text) };
    text.and_then(|text| Url::parse(&text)).ok_or(AddressError::NotUrl)
}

/// The address with its host in its encoded form.
fn with_ascii_host(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (authority, String::new()),
    };
    let host = host_name::to_ascii(host)?;
    Some(format!("{scheme}://{host}{port}{path}"))
}

/// Whether an address leads to the server of an origin, such as the one that a request came to. On this machine several
/// servers share a host, and are told apart by their ports; elsewhere the host counts.
pub fn leads_to(url: &Url, origin: &str) -> bool {
    let Ok(own) = parse(origin) else {
        return false;
    };
    let is_here = |url: &Url| LOOPBACK.contains(&url.host.as_str());
    match (is_here(url), is_here(&own)) {
        (true, true) => port(&own.origin) == port(&url.origin),
        (false, false) => url.host.trim_end_matches('.') == own.host.trim_end_matches('.'),
        _ => false,
    }
}

/// The port of a serialised origin; empty where it is that of its scheme.
fn port(origin: &str) -> &str {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let after_address = host.rsplit(']').next().unwrap_or_default();
    after_address.rsplit_once(':').map_or("", |(_, port)| port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, development: bool) -> Result<String, AddressError> {
        let own_origins =
            ["https://mcp.own.example".to_owned(), "http://localhost:8787".to_owned()];
        let surroundings = Surroundings { own_origins: &own_origins, development };
        check(text, surroundings).map(|url| url.href)
    }

    #[test]
    fn the_public_web_may_be_called_by_name() {
        for (text, href) in [
            ("https://tickets.example/mcp", "https://tickets.example/mcp"),
            ("HTTPS://Tickets.Example:8443/a?b=c", "https://tickets.example:8443/a?b=c"),
            ("https://tickets.example", "https://tickets.example/"),
            ("https://m\u{fc}ller.example/\u{fc}", "https://xn--mller-kva.example/%C3%BC"),
            ("https://own.example/mcp", "https://own.example/mcp"),
        ] {
            assert_eq!(checked(text, false).as_deref(), Ok(href), "{text}");
        }
    }

    #[test]
    fn addresses_of_digits_are_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0x7f.1",
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "192.168.0.1",
            "172.16.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "8.8.8.8",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "[::]",
            "[::1]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2606:4700::1111]",
        ] {
            for development in [false, true] {
                let refused = checked(&format!("https://{host}/mcp"), development);
                assert!(matches!(refused, Err(AddressError::NotPublic(_))), "{host}: {refused:?}");
            }
        }
    }

    #[test]
    fn names_of_one_network_are_refused() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "x.localhost",
            "printer.local",
            "metadata.google.internal",
            "nas.home.arpa",
            "router",
            "tickets.example.",
            "%6cocalhost",
        ] {
            let surroundings = Surroundings { development: true, ..Surroundings::default() };
            let refused = check(&format!("https://{host}/mcp"), surroundings);
            assert!(matches!(refused, Err(AddressError::NotPublic(_))), "{host}: {refused:?}");
        }
    }

    #[test]
    fn the_server_itself_is_refused_in_every_spelling() {
        for text in [
            "https://mcp.own.example/mcp",
            "https://MCP.OWN.EXAMPLE",
            "https://mcp.own.example.",
            "https://mcp.own.example:8443/x",
            "https://%6dcp.own.example/",
        ] {
            assert!(matches!(checked(text, false), Err(AddressError::Own(_))), "{text}");
        }
        for text in ["http://localhost:8787/mcp", "http://127.0.0.1:8787", "http://2130706433:8787"]
        {
            assert!(matches!(checked(text, true), Err(AddressError::Own(_))), "{text}");
        }
        for (text, origin, same) in [
            ("http://[::1]/mcp", "http://localhost", true),
            ("http://[::1]:8787/mcp", "http://127.0.0.1:8787", true),
            ("http://127.0.0.1:8787", "http://[::1]", false),
            ("http://localhost/", "https://mcp.own.example", false),
            ("https://mcp.own.example/a", "https://mcp.own.example", true),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(leads_to(&url, origin), same, "{text} {origin}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_in_development() {
        for text in ["http://127.0.0.1:4000/mcp", "http://localhost", "http://[::1]:4000/"] {
            assert!(checked(text, true).is_ok(), "{text}");
            let refused = checked(text, false);
            assert_eq!(refused, Err(AddressError::Scheme("http".into())), "{text}");
        }
        for text in [
            "http://tickets.example/",
            "http://10.0.0.1/",
            "http://127.0.0.2/",
            "http://localhost.example/",
        ] {
            assert_eq!(checked(text, true), Err(AddressError::Scheme("http".into())), "{text}");
        }
    }

    #[test]
    fn a_url_with_more_than_host_and_path_is_refused_and_not_repeated() {
        for (text, error) in [
            ("https://user:hunter2@tickets.example/", AddressError::Userinfo),
            ("https://user@tickets.example/", AddressError::Userinfo),
            ("https://\u{fc}@tickets.example/", AddressError::NotUrl),
            ("https://tickets.example/#x", AddressError::Fragment),
            ("https://tickets.example/#", AddressError::Fragment),
            ("ftp://tickets.example/", AddressError::Scheme("ftp".into())),
            ("javascript:alert(1)", AddressError::Scheme("javascript".into())),
            ("wss://tickets.example/", AddressError::Scheme("wss".into())),
            ("tickets.example/mcp", AddressError::NotUrl),
            ("//tickets.example/mcp", AddressError::NotUrl),
            ("https://", AddressError::NotUrl),
            ("https://a b.example", AddressError::NotUrl),
            ("", AddressError::NotUrl),
        ] {
            assert_eq!(checked(text, false), Err(error.clone()), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
        let long = format!("https://tickets.example/{}", "x".repeat(3_000));
        assert_eq!(checked(&long, false), Err(AddressError::NotUrl));
    }
}

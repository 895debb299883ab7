//! The addresses to which secrets may be sent: those of settings, and those that an OpenID provider names.

use super::oauth::redirect;

/// Whether a connection to this address is encrypted: it is https. `loopback`: http to this
/// machine counts as well.
pub fn is_protected(url: &str, loopback: bool) -> bool {
    let host = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let is_https = host.is_some() && url.len() > 8;
    is_https || (loopback && redirect::is_loopback(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_protected_and_loopback_where_it_counts() {
        for url in ["https://x.example", "HTTPS://x.example/a?b"] {
            assert!(is_protected(url, false), "{url}");
        }
        for url in ["http://127.0.0.1:8/a", "http://localhost", "http://[::1]:7"] {
            assert!(is_protected(url, true) && !is_protected(url, false), "{url}");
        }
        for url in [
            "http://x.example",
            "http://localhost.evil.example",
            "http://localhost:80@evil.example",
            "http://127.0.0.1.evil.example:1/",
            "https://",
            "ftp://x.example",
            "//x.example",
            "",
        ] {
            assert!(!is_protected(url, true), "{url}");
        }
    }
}

//! Which pages may call: the check of `Origin` that keeps a foreign page from using a server that
//! its visitor can reach (DNS rebinding; MCP `basic/transports` "Security Warning").

use mcp_platform::url::Url;

/// The origins that `MCP_ALLOWED_ORIGINS` allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// All of them.
    Any,
    /// Those listed, and in development any of this machine, elsewhere the server's own.
    ///
    /// On Cloudflare a request has reached its host, so that the own origin can be read from it. A
    /// server on a user's machine is reached under any host name that a page invents.
    Listed {
        /// Origins as browsers send them: scheme, host, port.
        origins: Vec<String>,
        /// Whether this is development.
        loopback: bool,
    },
}

impl AllowedOrigins {
    /// Reads the setting: a list separated by commas or white space, or `*`.
    pub fn parse(setting: Option<&str>, development: bool) -> Self {
        let list = setting.unwrap_or_default();
        let separate = |c: char| c == ',' || c.is_whitespace();
        let origins: Vec<String> = list
            .split(separate)
            .filter(|origin| !origin.is_empty())
            .map(|origin| origin.trim_end_matches('/').to_ascii_lowercase())
            .collect();
        if origins.iter().any(|origin| origin == "*") {
            return Self::Any;
        }
        Self::Listed { origins, loopback: development }
    }

    /// Whether a page of `origin` may call the server that was asked for at `url`.
    pub fn allows(&self, origin: &str, url: &str) -> bool {
        let Self::Listed { origins, loopback } = self else {
            return true;
        };
        let origin = origin.to_ascii_lowercase();
        origins.contains(&origin)
            || match loopback {
                true => is_loopback(&origin),
                false => own(url).is_some_and(|own| own.eq_ignore_ascii_case(&origin)),
            }
    }
}

/// The origin of a serialised URL, as text.
pub fn own(url: &str) -> Option<&str> {
    let after_scheme = url.find("://")?.checked_add(3)?;
    let host = url.get(after_scheme..)?;
    let host_len = host.find(['/', '?', '#']).unwrap_or(host.len());
    url.get(..after_scheme.checked_add(host_len)?)
}

fn is_loopback(origin: &str) -> bool {
    let Some(Url { host, .. }) = Url::parse(origin) else {
        return false;
    };
    let is_ipv4 = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || (is_ipv4 && host.starts_with("127."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mcp.example.com/mcp?x=1";

    #[test]
    fn the_own_origin_is_allowed_and_a_foreign_one_is_not() {
        let allowed = AllowedOrigins::parse(None, false);
        assert!(allowed.allows("https://mcp.example.com", URL));
        assert!(!allowed.allows("http://mcp.example.com", URL));
        assert!(!allowed.allows("https://mcp.example.com.evil.example", URL));
        assert!(!allowed.allows("null", URL));
        assert!(!allowed.allows("http://localhost:3000", URL));
    }

    #[test]
    fn development_allows_loopback_on_any_port() {
        let allowed = AllowedOrigins::parse(None, true);
        for origin in ["http://localhost:5173", "http://127.0.0.1:1", "http://[::1]:80"] {
            assert!(allowed.allows(origin, URL), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "https://mcp.example.com",
            "null",
        ] {
            assert!(!allowed.allows(origin, URL), "{origin}");
        }
    }

    #[test]
    fn a_list_adds_and_a_star_opens() {
        let allowed = AllowedOrigins::parse(Some("https://a.example, https://b.example/"), false);
        assert!(allowed.allows("https://B.example", URL));
        assert!(!allowed.allows("https://c.example", URL));
        assert!(AllowedOrigins::parse(Some("*"), false).allows("null", URL));
    }
}

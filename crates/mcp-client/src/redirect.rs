//! The one redirect that is followed: 307 or 308 to another path of the same origin, with method and body.
//!
//! Invariant: a credential goes to no other origin, and a request never becomes a GET.

use mcp_platform::url::Url;

/// Whether a status is a redirect.
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 300..=303 | 305..=308)
}

/// Where to send the request again; None where the redirect must not be followed.
pub(crate) fn target(from: &str, status: u16, location: Option<&str>) -> Option<String> {
    if !matches!(status, 307 | 308) {
        return None;
    }
    let from = Url::parse(from)?;
    let to = from.join(location?)?;
    let allowed = to.origin == from.origin
        && to.href.starts_with("http")
        && to.href != from.href
        && !has_userinfo(&to);
    allowed.then_some(to.href)
}

/// Whether an address names a user. Its serialisation then has more than origin and path.
fn has_userinfo(url: &Url) -> bool {
    !url.href.starts_with(&url.origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "https://a.example/mcp?x=1";

    #[test]
    fn a_path_of_the_same_origin_is_followed() {
        for (location, to) in [
            ("/mcp/", "https://a.example/mcp/"),
            ("mcp/", "https://a.example/mcp/"),
            ("https://a.example/other?y=2", "https://a.example/other?y=2"),
            ("https://A.example:443/b/../c", "https://a.example/c"),
        ] {
            for status in [307, 308] {
                assert_eq!(target(FROM, status, Some(location)).as_deref(), Some(to), "{location}");
            }
        }
    }

    #[test]
    fn everything_else_is_not() {
        for location in [
            "http://a.example/mcp/",
            "https://b.example/mcp/",
            "//b.example/mcp/",
            "https://a.example:444/mcp/",
            "https://a.example.b.example/",
            "https://user@a.example/mcp/",
            "https://a.example@b.example/",
            "https://10.0.0.1/",
            "javascript:alert(1)",
            "data:text/plain,x",
            FROM,
            "http://",
        ] {
            assert_eq!(target(FROM, 307, Some(location)), None, "{location}");
        }
        assert_eq!(target(FROM, 307, None), None);
        for status in [300, 301, 302, 303, 305, 306] {
            assert!(is_redirect(status));
            assert_eq!(target(FROM, status, Some("/mcp/")), None, "{status}");
        }
        assert!(!is_redirect(304) && !is_redirect(200));
    }
}

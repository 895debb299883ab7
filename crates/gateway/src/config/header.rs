//! Names of HTTP headers that a configuration may use.

use mcp_auth::authentication::OWN_TOKEN_HEADER;

/// Headers that belong to one hop, to the message's form, or to this server's own protocol (RFC 9110 §7.6.1).
const OF_ONE_HOP: [&str; 22] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "last-event-id",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];
/// Beginnings of names with the same reason.
const OF_ONE_HOP_BEGINNINGS: [&str; 5] = ["mcp-", "x-mcp-", "x-forwarded-", "sec-", "cf-"];
/// Headers that carry credentials of a caller.
const OF_A_CALLER: [&str; 10] = [
    "api-key",
    "authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "x-access-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    OWN_TOKEN_HEADER,
];
/// Headers that say where a caller is, which proxies write.
const OF_AN_ADDRESS: [&str; 3] = ["true-client-ip", "x-client-ip", "x-real-ip"];
/// What this server's own headers to its objects begin with.
const INTERNAL: &str = "x-internal-";

/// Whether a header may carry the credential of an upstream.
pub(super) fn may_carry_credential(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    is_token(name) && !is_of_one_hop(&lower)
}

/// Whether a header of a caller may be passed on to an upstream.
pub(super) fn may_be_forwarded(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_refused = OF_A_CALLER.iter().chain(&OF_AN_ADDRESS).any(|refused| *refused == lower);
    is_token(name) && !is_of_one_hop(&lower) && !is_refused && !lower.starts_with(INTERNAL)
}

fn is_of_one_hop(lower: &str) -> bool {
    OF_ONE_HOP.contains(&lower)
        || OF_ONE_HOP_BEGINNINGS.iter().any(|beginning| lower.starts_with(beginning))
}

/// RFC 9110 §5.6.2, of at most 64 characters.
fn is_token(name: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(tchar)
}

/// Whether a text may be the value of a header: visible ASCII and spaces inside.
pub(crate) fn is_value(text: &str) -> bool {
    text.len() <= 8 << 10
        && text.trim() == text
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_of_one_hop_or_of_a_caller_s_credential_is_forwarded() {
        for name in ["X-Request-Id", "Accept-Language", "traceparent"] {
            assert!(may_be_forwarded(name), "{name}");
        }
        for name in [
            "",
            "a b",
            "x\r\ny",
            "Authorization",
            "COOKIE",
            "X-API-Key",
            "Host",
            "Mcp-Session-Id",
            "MCP-Protocol-Version",
            "Last-Event-ID",
            "Proxy-Authorization",
            "Set-Cookie",
            "X-SiteBay-Token",
            "X-MCP-Secret",
            "X-Mcp-Gateways",
            "X-Internal-Seal",
            "X-Real-IP",
            "Transfer-Encoding",
            "Content-Length",
            "Origin",
            "Connection",
            "X-Forwarded-For",
            "CF-Access-Client-Secret",
        ] {
            assert!(!may_be_forwarded(name), "{name}");
        }
        assert!(may_carry_credential("Authorization") && may_carry_credential("X-API-Key"));
        assert!(!may_carry_credential("Host") && !may_carry_credential("Mcp-Name"));
    }
}

//! Host names: their ASCII form (UTS #46), and which of them are names of the public web.
//!
//! The tables of UTS #46 are large, and the machine around the server has them: it installs its own
//! function once ([`install`]). Without one, only what needs no mapping beyond lower case is read.

use std::sync::OnceLock;

/// Gives the ASCII form of a name that is not ASCII; None where it is no host name.
type ToAscii = fn(&str) -> Option<String>;

static INSTALLED: OnceLock<ToAscii> = OnceLock::new();

/// Has names that are not ASCII read by this function. The first one that is installed stays.
pub fn install(to_ascii: ToAscii) {
    let _ = INSTALLED.set(to_ascii);
}

/// The ASCII form, or None where it is no host name.
pub fn to_ascii(name: &str) -> Option<String> {
    if name.is_ascii() {
        return Some(name.to_ascii_lowercase());
    }
    INSTALLED.get().map_or_else(|| without_tables(name), |to_ascii| to_ascii(name))
}

/// Names that lead to no public server (RFC 6761, RFC 6762 and its appendix G, RFC 8375, RFC 9476).
const NOWHERE: [&str; 15] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "alt",
    "test",
    "invalid",
    "onion",
    "localdomain",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "mail",
];

/// Whether a host, as a URL serialises it, is a name of the public web: no address of digits, however it
/// was written, and no name that only some network or machine knows. A dot at its end is refused too.
pub fn is_public(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let is_name =
        labels.last().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_alphabetic()));
    let under =
        |name: &&str| host == *name || host.strip_suffix(*name).is_some_and(|h| h.ends_with('.'));
    labels.len() > 1 && is_name && !NOWHERE.iter().any(under)
}

/// The most bytes of the end of a stack's hosts.
const MAX_STACK: usize = 200;
/// Services of a stack, whose hosts are no stacks.
const SERVICES: [&str; 2] = ["connection.", "mcp."];

/// Whether the hosts of a stack may end with this: a provider's domain or a name below it, in the form that URLs
/// have. A stack is a place with hosts of its own, of which each is `SERVICE.` and this end.
pub fn is_stack(end: &str, domain: &str) -> bool {
    let is_within =
        end == domain || end.strip_suffix(domain).is_some_and(|before| before.ends_with('.'));
    let is_label = |label: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain)
    };
    let is_service = SERVICES.iter().any(|service| end.starts_with(service));
    is_within && !is_service && end.len() <= MAX_STACK && end.split('.').all(is_label)
}

fn without_tables(name: &str) -> Option<String> {
    let label = |label: &str| {
        let lower = label.to_lowercase();
        match (lower.is_ascii(), lower.chars().all(|c| c.is_alphanumeric() || c == '-')) {
            (true, _) => Some(lower),
            (false, false) => None,
            (false, true) => idna::punycode::encode_str(&lower).map(|code| format!("xn--{code}")),
        }
    };
    let labels: Option<Vec<String>> = name.split('.').map(label).collect();
    labels.map(|labels| labels.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_and_encoded() {
        assert_eq!(to_ascii("Shop.Example").as_deref(), Some("shop.example"));
        assert_eq!(to_ascii("Müller.example").as_deref(), Some("xn--mller-kva.example"));
        assert_eq!(to_ascii("mül ler.example"), None);
    }

    #[test]
    fn a_stack_is_its_providers_domain_or_below_it_and_no_service() {
        let long =
            |bytes: usize| format!("{}.example.com", "a.".repeat(bytes).trim_end_matches('.'));
        for end in ["example.com", "eu.example.com", "a-1.b.example.com", &long(90)] {
            assert!(is_stack(end, "example.com"), "{end}");
        }
        for end in [
            "",
            ".",
            "com",
            "evilexample.com",
            "example.com.evil",
            ".example.com",
            "a..example.com",
            "A.example.com",
            "a_b.example.com",
            "connection.example.com",
            "mcp.eu.example.com",
            &format!("{}.example.com", "a".repeat(64)),
            &long(100),
        ] {
            assert!(!is_stack(end, "example.com"), "{end}");
        }
    }

    #[test]
    fn addresses_of_digits_and_names_of_one_network_are_not_public() {
        for host in ["mcp.example", "a.b.co.uk", "xn--mller-kva.example", "8ball.example"] {
            assert!(is_public(host), "{host}");
        }
        for host in [
            "",
            ".",
            "router",
            "localhost",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "nas.home.arpa",
            "box.lan",
            "mcp.example.",
            "127.0.0.1",
            "8.8.8.8",
            "[::1]",
            "[::ffff:7f00:1]",
        ] {
            assert!(!is_public(host), "{host}");
        }
    }
}

//! Host names as arguments.
//!
//! Invariant: what passes is a lower-case ASCII host name of at least two labels (RFC 1123 §2.1,
//! internationalised names as in UTS #46), so it is safe as a part of a path.

use mcp_platform::host_name::to_ascii;

/// The host name in its ASCII form, or None for anything that is more or less than a host name.
pub fn normalise(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let refused = |c: char| c.is_whitespace() || c.is_control() || "/\\%:@?#[]_".contains(c);
    if text.is_empty() || text.contains(refused) {
        return None;
    }
    to_ascii(text).filter(|name| is_host_name(name))
}

fn is_host_name(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let top_is_number = labels.last().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= 253 && labels.len() >= 2 && !top_is_number && labels.into_iter().all(is_label)
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_lowered_and_made_ascii() {
        for (given, name) in [
            ("www.example.org", "www.example.org"),
            ("WWW.Example.ORG", "www.example.org"),
            ("example.org.", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(normalise(given).as_deref(), Some(name), "{given}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let (label, name) = (format!("{}.org", "a".repeat(64)), format!("{}org", "a.".repeat(130)));
        for wrong in [
            "",
            " ",
            ".",
            "..",
            "localhost",
            "https://example.org",
            "example.org/",
            "../team",
            "example.org:443",
            "a..b",
            ".example.org",
            "-a.org",
            "a-.org",
            "ex ample.org",
            "1.2.3.4",
            "0x7f.1",
            "[::1]",
            "::1",
            "a%2fb.org",
            "user@example.org",
            "a_b.org",
            "exa!mple.org",
            "example.org..",
            "a\u{2024}.\u{2024}b",
            "example.123",
            &label,
            &name,
        ] {
            assert_eq!(normalise(wrong), None, "{wrong}");
        }
    }
}

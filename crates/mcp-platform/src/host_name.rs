//! Internationalised host names in their ASCII form (UTS #46).
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
}

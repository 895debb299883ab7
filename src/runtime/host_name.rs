//! Internationalised host names in their ASCII form (UTS #46), by the runtime's own URL parser: the crate
//! `idna` needs tables of Unicode that are most of the 74 KB (gzip) of `url`, and the runtime has them.

/// The ASCII form, or None where it is no host name. On the host, where tests run, only what needs
/// no mapping beyond lower case.
#[cfg(not(target_arch = "wasm32"))]
pub fn to_ascii(name: &str) -> Option<String> {
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

/// The ASCII form, or None where it is no host name.
#[cfg(target_arch = "wasm32")]
pub fn to_ascii(name: &str) -> Option<String> {
    if name.is_ascii() {
        return Some(name.to_ascii_lowercase());
    }
    web_sys::Url::new(&format!("http://{name}/")).ok().map(|url| url.hostname())
}

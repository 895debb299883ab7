//! Host names by the runtime's own URL parser, which has the tables of UTS #46.

/// The ASCII form of a host name, or None where it is none.
pub fn to_ascii(name: &str) -> Option<String> {
    web_sys::Url::new(&format!("http://{name}/")).ok().map(|url| url.hostname())
}

//! URLs as the platform's own parser reads them (WHATWG URL): one in Rust would weigh as much as a
//! room of this server.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What `application/x-www-form-urlencoded` encodes (WHATWG URL §5.2), but for spaces.
const FORM: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// A URL, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// All of it, serialised.
    pub href: String,
    /// Scheme, host and port, where it has a host.
    pub origin: String,
    /// The host; an IPv6 address in brackets.
    pub host: String,
    /// The path, from its first slash.
    pub path: String,
}

impl Url {
    /// Reads an absolute URL.
    pub fn parse(text: &str) -> Option<Self> {
        parsed(text, None)
    }

    /// Reads a reference to another URL, seen from this one.
    pub fn join(&self, reference: &str) -> Option<Self> {
        parsed(reference, Some(&self.href))
    }

    /// The same with more parameters in its query. It must have no fragment.
    pub fn with_query(&self, parameters: &[(&str, String)]) -> Option<Self> {
        let mut href = self.href.clone();
        for (name, value) in parameters {
            href.push(if href.contains('?') { '&' } else { '?' });
            href.push_str(&form_encoded(name));
            href.push('=');
            href.push_str(&form_encoded(value));
        }
        Self::parse(&href)
    }
}

/// The value of a parameter in a URL's query.
pub fn query_value(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split('#').next()?.split_once('?')?;
    let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let found = found.replace('+', " ");
    Some(percent_decode_str(&found).decode_utf8_lossy().into_owned())
}

/// A value as forms and queries write it.
pub fn form_encoded(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string().replace(' ', "+")
}

#[cfg(target_arch = "wasm32")]
fn parsed(text: &str, base: Option<&str>) -> Option<Url> {
    let url = match base {
        Some(base) => web_sys::Url::new_with_base(text, base),
        None => web_sys::Url::new(text),
    };
    url.ok().map(|url| Url {
        href: url.href(),
        origin: url.origin(),
        host: url.hostname(),
        path: url.pathname(),
    })
}

/// On the host, where tests run.
#[cfg(not(target_arch = "wasm32"))]
fn parsed(text: &str, base: Option<&str>) -> Option<Url> {
    let base = base.and_then(|base| url::Url::parse(base).ok());
    let url = url::Url::options().base_url(base.as_ref()).parse(text).ok()?;
    Some(Url {
        href: url.to_string(),
        origin: url.origin().ascii_serialization(),
        host: url.host_str().unwrap_or_default().to_owned(),
        path: url.path().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_its_parts() {
        let url = Url::parse("HTTPS://Example.org:443/a/../b?c=d").unwrap();
        assert_eq!(url.href, "https://example.org/b?c=d");
        assert_eq!((url.origin.as_str(), url.path.as_str()), ("https://example.org", "/b"));
        assert_eq!(Url::parse("http://[::1]:80/").unwrap().host, "[::1]");
        assert_eq!(Url::parse("nothing"), None);
    }

    #[test]
    fn a_reference_is_seen_from_its_base() {
        let base = Url::parse("https://a.example/b/c?d").unwrap();
        assert_eq!(base.join("../e").unwrap().href, "https://a.example/e");
        assert_eq!(base.join("//f.example").unwrap().origin, "https://f.example");
    }

    #[test]
    fn parameters_are_encoded_as_forms_are() {
        let url = Url::parse("https://a.example/?b=c").unwrap();
        let more = url.with_query(&[("d e", "f&g=ü+*".to_owned())]).unwrap();
        assert_eq!(more.href, "https://a.example/?b=c&d+e=f%26g%3D%C3%BC%2B*");
        assert_eq!(query_value(&more.href, "b").as_deref(), Some("c"));
        assert_eq!(query_value("/m?bb=x&b=%C3%BC+%2B#b=y", "b").as_deref(), Some("ü +"));
        assert_eq!(query_value("/m?bb=x#?b=y", "b"), None);
    }
}

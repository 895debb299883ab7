//! URLs (WHATWG URL), in the parts that the server looks at.
//!
//! Host names that are not ASCII are not read: URLs carry them in their encoded form.

use form_urlencoded::Serializer;

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
        let parameters = parameters.iter().map(|(name, value)| (*name, value.as_str()));
        Self::parse(&with_parameters(&self.href, parameters))
    }
}

/// The value of a parameter in a URL's query.
pub fn query_value(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split('#').next()?.split_once('?')?;
    let found = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
    found.map(|(_, value)| value.into_owned())
}

/// An address with more parameters in its query, which need not be a URL that [`Url`] reads. It must have
/// no fragment.
pub fn with_parameters<'a>(
    address: &str,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut parameters = parameters.peekable();
    let mut address = address.to_owned();
    if parameters.peek().is_none() {
        return address;
    }
    let query = match address.split_once('?') {
        Some((before, _)) => before.len().saturating_add(1),
        None => {
            address.push('?');
            address.len()
        }
    };
    Serializer::for_suffix(address, query).extend_pairs(parameters).finish()
}

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
        assert_eq!(query_value("/m?a&b", "b").as_deref(), Some(""));
        assert_eq!(url.with_query(&[]).unwrap(), url);
        assert_eq!(with_parameters("app:x?", [("a", "b")].into_iter()), "app:x?a=b");
    }
}

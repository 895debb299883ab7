//! Queries and posted forms: `application/x-www-form-urlencoded` (WHATWG URL §5.1).

use super::error::OAuthError;

/// The fields of a form, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form. Every text is a valid form.
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The query of a URL.
    pub fn of_query(url: &str) -> Self {
        let url = url.split('#').next().unwrap_or_default();
        Self::parse(url.split_once('?').map_or("", |(_, query)| query))
    }

    /// The one value of a field. RFC 6749 §3.1: empty is as good as missing.
    ///
    /// # Errors
    /// Where it is there more than once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(OAuthError::request("a parameter was sent more than once")),
            None => Ok(first.filter(|value| !value.is_empty())),
        }
    }

    /// The same where it must be there.
    ///
    /// # Errors
    /// Where it is missing, or there more than once.
    pub fn needed(&self, name: &str, missing: &'static str) -> Result<&str, OAuthError> {
        self.one(name)?.ok_or(OAuthError::request(missing))
    }

    /// All values of a field.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let named =
            move |(known, value): &'a (String, String)| (known == name).then_some(value.as_str());
        self.0.iter().filter_map(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let form = Form::parse("a=1+2&b=%C3%BC%2B&c&&d=x=y&a2=");
        assert_eq!(form.one("a").unwrap(), Some("1 2"));
        assert_eq!(form.one("b").unwrap(), Some("ü+"));
        assert_eq!(form.one("c").unwrap(), None);
        assert_eq!(form.one("d").unwrap(), Some("x=y"));
        assert_eq!(form.one("a2").unwrap(), None);
    }

    #[test]
    fn a_field_that_is_there_twice_is_refused() {
        let form = Form::of_query("https://x.example/authorize?a=1&a=1#a=2");
        assert!(form.one("a").is_err());
        assert_eq!(form.all("a").count(), 2);
        assert!(form.needed("b", "b is missing").is_err());
    }
}

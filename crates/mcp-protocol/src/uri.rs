//! Addresses of resources that clients write in other ways than this server.

use std::borrow::Cow;

/// An address as this server writes it: its scheme in small letters (RFC 3986 §3.1), and no slash at
/// its end. What is no address stays as it is.
pub fn canonical(uri: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = uri.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Cow::Borrowed(uri);
    };
    let trimmed = rest.trim_end_matches('/');
    let whole = trimmed.is_empty() || rest.contains(['?', '#']);
    let kept = if whole { rest } else { trimmed };
    if kept.len() == rest.len() && !scheme.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(uri);
    }
    Cow::Owned(format!("{}://{kept}", scheme.to_ascii_lowercase()))
}

/// Whether two addresses name the same.
pub fn same(one: &str, other: &str) -> bool {
    one == other || canonical(one) == canonical(other)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::ANY_TEXT;

    #[test]
    fn scheme_and_end_are_written_in_one_way() {
        for (given, address) in [
            ("SITEBAY://site/A.org/", "sitebay://site/A.org"),
            ("SiteBay://sites//", "sitebay://sites"),
            ("sitebay://sites", "sitebay://sites"),
            ("TEST:///", "test:///"),
            ("a://b?path=/", "a://b?path=/"),
            ("no scheme://x/", "no scheme://x/"),
            ("mailto:A@b", "mailto:A@b"),
            ("", ""),
        ] {
            assert_eq!(canonical(given), address, "{given}");
            assert!(same(given, address));
        }
        assert!(!same("sitebay://sites", "sitebay://site"));
    }

    proptest! {
        #[test]
        fn an_address_in_its_form_stays(text in ANY_TEXT) {
            let once = canonical(&text).into_owned();
            prop_assert_eq!(canonical(&once), &*once);
        }
    }
}

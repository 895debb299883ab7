//! The credentials of a request, and their kinds.
//!
//! Invariant: a request brings at most one token and one shared secret, and everything that it brings
//! must be right. Which kind a token is, its form alone says, so that one which is wrong of its kind
//! is never tried as another.

use crate::{jwt, named_key::PREFIX, oauth::token::ACCESS, refusal::Refusal};

/// The credentials of a request.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// `Authorization`.
    pub authorization: Option<String>,
    /// `X-API-Key`.
    pub api_key: Option<String>,
    /// `?auth=` or `?apiKey=`, where keys in URLs are allowed.
    pub in_url: Option<String>,
    /// `X-MCP-Secret`.
    pub secret: Option<String>,
    /// `X-SiteBay-Token`.
    pub own_token: Option<String>,
}

/// A token by its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A JSON Web Token.
    Jwt(&'a str),
    /// An access token of this server's own authorization server.
    Access(&'a str),
    /// A key that the admin API made.
    Named(&'a str),
    /// Something else: a key.
    Key(&'a str),
}

impl Credentials {
    /// The SiteBay token that the caller brings.
    pub fn own(&self) -> Option<&str> {
        self.own_token.as_deref().map(str::trim).filter(|token| !token.is_empty())
    }

    /// The token, wherever it stands. Only `Authorization` carries others than keys.
    ///
    /// # Errors
    /// 401 where there are two that differ, or the header has another form.
    pub fn token(&self) -> Result<Option<Token<'_>>, Refusal> {
        let bearer = self.authorization.as_deref().map(bearer).transpose()?;
        let places = [bearer, self.api_key.as_deref(), self.in_url.as_deref()];
        let mut given = places.into_iter().flatten().map(str::trim);
        let Some(first) = given.next() else {
            return Ok(None);
        };
        if given.any(|other| other != first) {
            return Err(Refusal::WrongCredential("two different credentials were sent"));
        }
        Ok(Some(match first {
            text if bearer.is_some() && jwt::looks_like(text) => Token::Jwt(text),
            text if bearer.is_some() && text.starts_with(ACCESS) => Token::Access(text),
            text if text.starts_with(PREFIX) => Token::Named(text),
            text => Token::Key(text),
        }))
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750 §2.1; the scheme's case does not matter).
fn bearer(authorization: &str) -> Result<&str, Refusal> {
    authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(Refusal::Unauthorized("expected the form `Bearer <key>`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(places: [Option<&str>; 3]) -> Credentials {
        let [authorization, api_key, in_url] = places.map(|text| text.map(str::to_owned));
        Credentials { authorization, api_key, in_url, ..Credentials::default() }
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        for places in [
            [Some("Bearer k"), None, None],
            [Some("bearer  k "), Some("k"), None],
            [None, Some(" k"), None],
            [None, None, Some("k")],
        ] {
            assert_eq!(with(places).token().unwrap(), Some(Token::Key("k")), "{places:?}");
        }
        assert_eq!(with([None; 3]).token().unwrap(), None);
    }

    #[test]
    fn two_that_differ_and_other_schemes_are_refused() {
        assert!(with([Some("Bearer k"), Some("l"), None]).token().is_err());
        assert!(with([None, Some("k"), Some("l")]).token().is_err());
        for authorization in ["Basic k", "k", ""] {
            assert!(with([Some(authorization), None, None]).token().is_err(), "{authorization}");
        }
    }

    #[test]
    fn only_a_bearer_is_an_access_token() {
        let token = with([Some("Bearer smat_x"), None, None]);
        assert_eq!(token.token().unwrap(), Some(Token::Access("smat_x")));
        let key = with([None, Some("smat_x"), None]);
        assert_eq!(key.token().unwrap(), Some(Token::Key("smat_x")));
    }

    #[test]
    fn only_a_bearer_is_a_jwt() {
        assert_eq!(
            with([Some("Bearer eyJh.b.c"), None, None]).token().unwrap(),
            Some(Token::Jwt("eyJh.b.c"))
        );
        assert_eq!(
            with([None, Some("eyJh.b.c"), None]).token().unwrap(),
            Some(Token::Key("eyJh.b.c"))
        );
    }
}

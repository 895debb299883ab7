//! Which credentials of a request are for this server, and so never leave for the backend.
//!
//! Invariant: in doubt a credential is this server's. One that expired, or whose kind cannot be checked at the moment,
//! is in doubt.

use mcp_auth::{
    authentication::AuthConfig,
    credentials::Credentials,
    jwt::{self, JwtError},
    named_key,
    oauth::token,
};

/// Whether a token is a credential for this server, valid or not.
pub(super) fn is_own(auth: &AuthConfig, token: &str, now_s: u64) -> bool {
    let token = token.trim();
    let lists = [&auth.api_keys, &auth.admin_keys, &auth.shared_secrets, &auth.unlock_keys];
    token.starts_with(token::ACCESS)
        || token.starts_with(named_key::PREFIX)
        || lists.iter().any(|list| list.is_unusable() || list.contains(token))
        || (auth.jwt.is_on() && jwt::looks_like(token) && is_own_jwt(auth, token, now_s))
}

/// A JWT is another server's where its issuer or its audience is, or the shared secret did not sign it.
fn is_own_jwt(auth: &AuthConfig, text: &str, now_s: u64) -> bool {
    let Ok(token) = jwt::Token::decode(text) else {
        return true;
    };
    match auth.jwt.check(&token, now_s) {
        Err(JwtError::Issuer | JwtError::Audience) => false,
        _ if auth.jwt.has_unusable_secrets => true,
        _ => !token.algorithm.is_shared() || auth.jwt.verifies_signature(&token),
    }
}

/// Whether a value of `Authorization` is a credential for this server. Those of other schemes than `Bearer` are not.
pub(super) fn is_own_authorization(auth: &AuthConfig, value: &str, now_s: u64) -> bool {
    match value.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            is_own(auth, token, now_s)
        }
        // A scheme in front of it, or none, does not make a key of this server another one's.
        Some((_, token)) => is_own(auth, token, now_s),
        None => is_own(auth, value, now_s),
    }
}

/// The credentials that the door looks at. Where a caller may bring one for the backend, `Authorization` and `X-API-Key`
/// are the door's only if they are for this server, or there is no other credential.
pub(super) fn for_door(auth: &AuthConfig, mut brought: Credentials, now_s: u64) -> Credentials {
    let is_foreign = |value: &String| !is_own_authorization(auth, value, now_s);
    let is_foreign_key = |value: &String| !is_own(auth, value, now_s);
    if brought.api_key.as_ref().is_some_and(is_foreign_key)
        && (brought.secret.is_some()
            || brought.authorization.as_ref().is_some_and(|v| !is_foreign(v)))
    {
        brought.api_key = None;
    }
    if brought.authorization.as_ref().is_some_and(is_foreign)
        && (brought.secret.is_some() || brought.api_key.is_some())
    {
        brought.authorization = None;
    }
    brought
}

/// The same path and query, or a URL, without `auth` and `apiKey` in its query where they are credentials of this
/// server. All other bytes stay.
pub(super) fn without_own_keys(path_and_query: &str, is_own: &dyn Fn(&str) -> bool) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return path_and_query.to_owned();
    };
    let names_own = |part: &&str| {
        let mut pairs = form_urlencoded::parse(part.as_bytes());
        pairs.any(|(name, value)| matches!(&*name, "auth" | "apiKey") && is_own(&value))
    };
    if !query.split('&').any(|part| names_own(&part)) {
        return path_and_query.to_owned();
    }
    let kept: Vec<&str> = query.split('&').filter(|part| !names_own(part)).collect();
    match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use mcp_auth::secret::Secrets;

    fn auth() -> AuthConfig {
        AuthConfig {
            api_keys: Secrets::parse("key-of-this-server"),
            admin_keys: Secrets::parse("admin-key"),
            shared_secrets: Secrets::parse("shared-secret"),
            ..AuthConfig::default()
        }
    }

    #[test]
    fn a_credential_of_any_kind_is_own_wherever_it_stands() {
        for token in ["key-of-this-server", "admin-key", "shared-secret", "sbk_x", "smat_x"] {
            assert!(is_own(&auth(), token, 0), "{token}");
            for value in [format!("Bearer {token}"), format!("basic  {token} "), token.to_owned()] {
                assert!(is_own_authorization(&auth(), &value, 0), "{value}");
            }
        }
        for value in ["Bearer other", "Basic dTpw", "Bearer eyJh.b.c", ""] {
            assert!(!is_own_authorization(&auth(), value, 0), "{value}");
        }
    }

    #[test]
    fn where_keys_cannot_be_used_each_credential_is_in_doubt() {
        let auth = AuthConfig { api_keys: Secrets::unusable(), ..auth() };
        assert!(is_own(&auth, "other", 0));
    }

    #[test]
    fn the_door_leaves_a_foreign_credential_beside_its_own_alone() {
        let brought = |authorization: Option<&str>, api_key: Option<&str>, secret: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let (authorization, api_key, secret) = (own(authorization), own(api_key), own(secret));
            let all = Credentials { authorization, api_key, secret, ..Credentials::default() };
            let kept = for_door(&auth(), all, 0);
            (kept.authorization.is_some(), kept.api_key.is_some())
        };
        let (own, foreign) = (Some("Bearer key-of-this-server"), Some("Bearer foreign"));
        let (own_key, foreign_key) = (Some("key-of-this-server"), Some("foreign"));
        let secret = Some("shared-secret");
        assert_eq!(brought(foreign, own_key, None), (false, true));
        assert_eq!(brought(own, foreign_key, None), (true, false));
        assert_eq!(brought(foreign, None, secret), (false, false));
        assert_eq!(brought(foreign, foreign_key, secret), (false, false));
        // Nothing else lets them in: they are refused as they are.
        assert_eq!(brought(foreign, None, None), (true, false));
        assert_eq!(brought(None, foreign_key, None), (false, true));
    }

    #[test]
    fn own_keys_leave_a_query_and_every_other_byte_stays() {
        let is_own = |value: &str| value == "k";
        for (given, kept) in [
            ("/a?x=%41&auth=k&y=%zz&&z", "/a?x=%41&y=%zz&&z"),
            ("/a?auth=k", "/a"),
            ("/a?%61uth=%6B&b", "/a?b"),
            ("/a?apiKey=k&auth=k&c=d", "/a?c=d"),
            ("/a?auth=other&b=c", "/a?auth=other&b=c"),
            ("/a?Auth=k", "/a?Auth=k"),
            ("/a?", "/a?"),
            ("/auth=k", "/auth=k"),
            ("/a?b?auth=k", "/a?b?auth=k"),
        ] {
            assert_eq!(without_own_keys(given, &is_own), kept);
        }
    }

    proptest! {
        #[test]
        fn no_own_key_stays_and_no_other_part_leaves(parts in proptest::collection::vec(
            prop_oneof![
                Just("auth=k".to_owned()), Just("apiKey=%6b".to_owned()), Just("%61uth=k".to_owned()),
                "[a-z%=+/?]{0,8}", "auth=[j-m]{1,2}",
            ],
            0..6,
        )) {
            let is_own = |value: &str| value == "k";
            let own = |part: &str| {
                let pair = form_urlencoded::parse(part.as_bytes()).next();
                pair.is_some_and(|(name, value)| ["auth", "apiKey"].contains(&&*name) && value == "k")
            };
            let asked = format!("/p?{}", parts.join("&"));
            let kept = without_own_keys(&asked, &is_own);
            let wanted: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !own(part)).collect();
            if wanted.len() == parts.len() {
                prop_assert_eq!(kept, asked);
            } else {
                let query = kept.split_once('?').map_or("", |(_, query)| query);
                prop_assert_eq!(query, wanted.join("&"));
            }
        }
    }
}

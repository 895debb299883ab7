//! Which client asks for tokens, and its proof (RFC 6749 §2.3).
//!
//! Invariant: a client with a secret proves who it is; one without is bound by PKCE and rotation.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::reply::{EndpointError, EndpointResult};
use mcp_auth::{
    keys::Keyring,
    oauth::{
        client::{Client, is_secret},
        client_metadata_document,
        error::{ErrorCode, OAuthError},
        form::Form,
    },
};

const UNKNOWN: OAuthError = OAuthError::new(
    ErrorCode::InvalidClient,
    "the client is not registered here, its registration is not valid any more, or its secret is \
     wrong: register again",
);

/// The id of the client that sent a form, with this `Authorization`.
pub(super) fn client_id(
    form: &Form,
    authorization: Option<&str>,
    keys: &Keyring,
) -> EndpointResult<String> {
    let posted = form.one("client_id")?.map(str::to_owned);
    let Some(authorization) = authorization else {
        let id = posted.ok_or(OAuthError::request("`client_id` is missing"))?;
        let known = is_known(&id, form.one("client_secret")?, keys);
        return if known { Ok(id) } else { Err(UNKNOWN.into()) };
    };
    let basic = basic(authorization).filter(|(id, _)| posted.as_ref().is_none_or(|p| p == id));
    match basic {
        Some((id, secret)) if is_known(&id, Some(&secret), keys) => Ok(id),
        _ => Err(EndpointError::Basic(UNKNOWN)),
    }
}

fn is_known(id: &str, secret: Option<&str>, keys: &Keyring) -> bool {
    if client_metadata_document::is_address(id) {
        return secret.is_none_or(str::is_empty);
    }
    Client::verify(id, keys).is_some_and(|client| {
        !client.has_secret || secret.is_some_and(|secret| is_secret(id, secret, keys))
    })
}

/// Id and secret of `Basic` (RFC 6749 §2.3.1: both are encoded as forms are).
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    let text =
        STANDARD.decode(encoded.trim()).ok().and_then(|text| String::from_utf8(text).ok())?;
    let (id, secret) = text.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let form = Form::parse(&format!("id={id}&secret={secret}"));
    let field = |name| form.one(name).ok().flatten().map(str::to_owned);
    Some((field("id")?, field("secret").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use mcp_auth::oauth::{client::register, offer::Offer};

    fn keys() -> Keyring {
        Keyring::parse(&"k".repeat(40)).unwrap()
    }

    fn registered(method: &str) -> (String, String) {
        let metadata = format!(
            r#"{{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"{method}"}}"#
        );
        let answer: Value = serde_json::from_str(
            &register(&metadata, (&keys(), &Offer::default()), &[3; 16], 0).unwrap(),
        )
        .unwrap();
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        (text("client_id"), text("client_secret"))
    }

    fn asks(form: &str, authorization: Option<&str>) -> bool {
        client_id(&Form::parse(form), authorization, &keys()).is_ok()
    }

    #[test]
    fn a_client_with_a_secret_must_prove_who_it_is() {
        let (id, secret) = registered("client_secret_basic");
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        assert!(asks(&format!("client_id={id}&client_secret={secret}"), None));
        assert!(asks("", Some(&basic(format!("{id}:{secret}")))));
        assert!(asks(&format!("client_id={id}"), Some(&basic(format!("{id}:{secret}")))));
        assert!(!asks(&format!("client_id={id}"), None));
        assert!(!asks(&format!("client_id={id}&client_secret=x"), None));
        assert!(!asks("client_id=other", Some(&basic(format!("{id}:{secret}")))));
        assert!(!asks("", Some(&basic(format!("{id}:")))));
        assert!(!asks("", Some("Bearer x")));
        assert!(!asks("", None));
    }

    #[test]
    fn a_public_client_says_who_it_is() {
        let (id, _) = registered("none");
        assert!(asks(&format!("client_id={id}"), None));
        assert!(asks("client_id=https://app.example/client.json", None));
        assert!(!asks("client_id=https://app.example/client.json&client_secret=x", None));
        assert!(!asks("client_id=forged", None));
        assert!(!asks(&format!("client_id={id}&client_id={id}"), None));
    }
}

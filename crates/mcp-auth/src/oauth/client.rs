//! Clients that registered themselves (RFC 7591): what they said is their id, signed.
//!
//! Invariant: nothing is stored, so that no store can be filled or read; an id that verifies was
//! made by this server from metadata that it accepted. The secret of a client that wants one is a tag
//! over its id, and no two registrations have the same id, even with the same metadata.
//!
//! ```text
//! base64url( format 1 | key id 4 | random 16 | has a secret 1 | name: length 1, text
//!          | redirect URIs: length 2, text each | tag 16 )
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::value::RawValue;

use super::{
    error::{ErrorCode, OAuthError},
    offer::Offer,
    redirect,
};
use crate::{
    keys::{KeyId, Keyring, Purpose, TAG_LEN},
    subject::client_name,
};
use mcp_protocol::{
    bytes::{Reader, put_block, put_text},
    fields::fields,
    object::Object,
    raw,
};

const FORMAT: u8 = 1;
/// Addresses that one client may have.
const MAX_REDIRECTS: usize = 10;
/// Bytes of an id, which travels in every request of its client: none has all addresses that long.
const MAX_ID: usize = 3_072;

/// A client as this server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name, as it gives it.
    pub name: String,
    /// Where it may have people sent back to.
    pub redirects: Vec<String>,
    /// Whether it must prove who it is.
    pub has_secret: bool,
}

impl Client {
    /// Reads what registrations and metadata documents have in common.
    pub(super) fn of_metadata(
        name: Option<&RawValue>,
        redirects: Option<&RawValue>,
    ) -> Result<Self, OAuthError> {
        let name = name.and_then(raw::string).unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        Ok(Self {
            name: client_name(name.trim()),
            redirects: read_redirects(redirects)?,
            has_secret: false,
        })
    }

    /// Where to send a person back to: what was asked for, or the only address there is.
    pub fn redirect(&self, asked: Option<&str>) -> Option<String> {
        match (asked, self.redirects.as_slice()) {
            (Some(asked), known) => {
                known.iter().any(|known| redirect::matches(known, asked)).then(|| asked.to_owned())
            }
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }

    /// The id.
    ///
    /// # Errors
    /// Where it would be too long.
    fn sign(&self, keys: &Keyring, random: &[u8; 16]) -> Result<String, OAuthError> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&keys.signing_id());
        bytes.extend_from_slice(random);
        bytes.push(self.has_secret.into());
        put_text(&mut bytes, &self.name);
        for uri in &self.redirects {
            // None is longer than a block.
            let _ = put_block(&mut bytes, uri.as_bytes());
        }
        let tag = keys.sign(Purpose::Client, &bytes);
        bytes.extend_from_slice(&tag);
        let why = "all redirect URIs together are too long";
        let fits = bytes.len() <= MAX_ID;
        fits.then(|| URL_SAFE_NO_PAD.encode(bytes))
            .ok_or(OAuthError::new(ErrorCode::InvalidRedirectUri, why))
    }

    /// Reads an id. None: this server did not make it.
    pub fn verify(id: &str, keys: &Keyring) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
        let mut reader = Reader::new(payload);
        reader.u8().filter(|format| *format == FORMAT)?;
        let key: KeyId = reader.array()?;
        if !keys.verify(key, Purpose::Client, payload, tag) {
            return None;
        }
        let _random: [u8; 16] = reader.array()?;
        let (has_secret, name) = (reader.u8()? == 1, reader.text()?);
        let mut redirects = Vec::new();
        while !reader.is_empty() {
            redirects.push(String::from_utf8(reader.block()?.to_vec()).ok()?);
        }
        Some(Self { name, redirects, has_secret })
    }
}

/// The secret that belongs to an id.
fn secret(id: &str, keys: &Keyring) -> String {
    URL_SAFE_NO_PAD.encode(keys.sign(Purpose::Client, &secret_message(id)))
}

/// Whether a secret belongs to an id that verifies. Constant time in the secret.
pub fn is_secret(id: &str, secret: &str, keys: &Keyring) -> bool {
    let checked = || {
        let tag = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let key = URL_SAFE_NO_PAD.decode(id).ok()?.get(1..5)?.try_into().ok()?;
        Some(keys.verify(key, Purpose::Client, &secret_message(id), &tag))
    };
    checked().unwrap_or_default()
}

fn secret_message(id: &str) -> Vec<u8> {
    // An id's own tag is over bytes that begin otherwise.
    [b"secret\0", id.as_bytes()].concat()
}

/// Registers a client: the answer to its request (RFC 7591 §3.2.1).
///
/// # Errors
/// Where its metadata are not what this server can serve.
pub fn register(
    request: &str,
    (keys, offer): (&Keyring, &Offer),
    random: &[u8; 16],
    now_s: u64,
) -> Result<String, OAuthError> {
    let metadata = |why| OAuthError::new(ErrorCode::InvalidClientMetadata, why);
    let names = [
        "client_name",
        "redirect_uris",
        "token_endpoint_auth_method",
        "grant_types",
        "response_types",
        "application_type",
    ];
    let read = fields(request, names).map_err(|_| metadata("the body is not a JSON object"))?;
    let [name, redirects, method, grants, responses, kind] = read;
    let mut client = Client::of_metadata(name, redirects)?;
    // RFC 7591 §2: what is left out is `client_secret_basic`.
    let method = method.and_then(raw::string).unwrap_or_else(|| "client_secret_basic".to_owned());
    client.has_secret = match method.as_str() {
        "none" => false,
        "client_secret_basic" | "client_secret_post" => true,
        _ => return Err(metadata("`token_endpoint_auth_method` is not supported")),
    };
    if !lists(grants, "authorization_code") || !lists(responses, "code") {
        return Err(metadata(
            "`grant_types` must include `authorization_code`, and \
                             `response_types` must include `code`",
        ));
    }
    let id = client.sign(keys, random)?;
    let answer = Object::new()
        .text("client_id", &id)
        .number("client_id_issued_at", now_s)
        .texts("redirect_uris", client.redirects.iter().map(String::as_str))
        .texts("grant_types", ["authorization_code", "refresh_token"])
        .texts("response_types", ["code"])
        .text("scope", &offer.names(""))
        .text("token_endpoint_auth_method", &method)
        .text_if("application_type", kind.and_then(raw::string).as_deref())
        .text_if("client_name", Some(client.name.as_str()).filter(|name| !name.is_empty()));
    Ok(match client.has_secret {
        true => {
            answer.text("client_secret", &secret(&id, keys)).number("client_secret_expires_at", 0)
        }
        false => answer,
    }
    .end())
}

/// Whether a list is left out, or has this in it.
fn lists(list: Option<&RawValue>, wanted: &str) -> bool {
    let Some(list) = list else {
        return true;
    };
    let items = raw::elements(list.get()).unwrap_or_default();
    items.into_iter().filter_map(raw::text).any(|item| item == wanted)
}

fn read_redirects(list: Option<&RawValue>) -> Result<Vec<String>, OAuthError> {
    let fault = |why| OAuthError::new(ErrorCode::InvalidRedirectUri, why);
    let items = list.and_then(|list| raw::elements(list.get()).ok()).unwrap_or_default();
    if items.is_empty() || items.len() > MAX_REDIRECTS {
        return Err(fault("`redirect_uris` must be a list of one to ten addresses"));
    }
    let read = |item| raw::string(item).filter(|uri| redirect::is_allowed(uri));
    let uris: Option<Vec<String>> = items.into_iter().map(read).collect();
    uris.ok_or(fault(
        "a redirect URI must be https, http on localhost, 127.0.0.1 or [::1], or an app's own scheme, \
         and have no fragment",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use test_support::stored::of_0_1_0;

    fn keys() -> Keyring {
        Keyring::parse(&"k".repeat(40)).unwrap()
    }

    fn registered(metadata: Value) -> Result<Value, OAuthError> {
        let offer = Offer::default();
        let answer = register(&metadata.to_string(), (&keys(), &offer), &[3; 16], 7)?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    #[test]
    fn an_id_is_what_the_client_said_of_itself() {
        let uris = ["https://x.example/cb", "cursor://x/cb", "http://localhost:3000/cb"];
        let metadata = json!({
            "client_name": "Cursor\n", "redirect_uris": uris, "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        });
        let answer = registered(metadata).unwrap();
        assert_eq!(
            (&answer["client_id_issued_at"], &answer["client_secret"]),
            (&json!(7), &Value::Null)
        );
        let id = answer["client_id"].as_str().unwrap().to_owned();
        for id in [of_0_1_0("oauth-client-id", &id), id] {
            let client = Client::verify(&id, &keys()).unwrap();
            assert_eq!(client.name, "Cursor");
            assert_eq!(client.redirects, uris);
            assert!(!client.has_secret);
        }
    }

    #[test]
    fn a_client_that_does_not_say_otherwise_gets_a_secret_of_its_own() {
        let of = |uri: &str| registered(json!({ "redirect_uris": [uri] })).unwrap();
        let (one, other) = (of("https://a.example/"), of("https://b.example/"));
        let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
        let (id, secret) = (text(&one, "client_id"), text(&one, "client_secret"));
        assert!(is_secret(&id, &secret, &keys()));
        assert!(!is_secret(&text(&other, "client_id"), &secret, &keys()));
        assert!(!is_secret(&id, &secret[1..], &keys()));
        assert!(!is_secret(&id, "", &keys()));
    }

    #[test]
    fn two_registrations_of_the_same_are_two_clients() {
        let of = |random| {
            let request = r#"{"redirect_uris":["https://a.example/"]}"#;
            register(request, (&keys(), &Offer::default()), random, 7)
        };
        assert_ne!(of(&[1; 16]).unwrap(), of(&[2; 16]).unwrap());
    }

    #[test]
    fn every_changed_character_of_an_id_is_refused() {
        let answer = registered(json!({ "redirect_uris": ["https://a.example/"] })).unwrap();
        let id = answer["client_id"].as_str().unwrap();
        assert!(Client::verify(id, &keys()).is_some());
        for at in 0..id.len() {
            let mut changed = id.to_owned().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                Client::verify(std::str::from_utf8(&changed).unwrap(), &keys()),
                None,
                "{at}"
            );
        }
        let other = Keyring::parse(&"o".repeat(40)).unwrap();
        assert_eq!(Client::verify(id, &other), None);
    }

    #[test]
    fn what_cannot_be_served_is_refused_by_name() {
        let uri = "https://a.example/";
        for (metadata, code) in [
            (json!([]), ErrorCode::InvalidClientMetadata),
            (json!({}), ErrorCode::InvalidRedirectUri),
            (json!({ "redirect_uris": [] }), ErrorCode::InvalidRedirectUri),
            (json!({ "redirect_uris": [uri, "javascript:x"] }), ErrorCode::InvalidRedirectUri),
            (json!({ "redirect_uris": [1] }), ErrorCode::InvalidRedirectUri),
            (json!({ "redirect_uris": vec![uri; 11] }), ErrorCode::InvalidRedirectUri),
            (
                json!({ "redirect_uris": vec![format!("{uri}{}", "a".repeat(900)); 4] }),
                ErrorCode::InvalidRedirectUri,
            ),
            (
                json!({ "redirect_uris": [uri], "grant_types": ["client_credentials"] }),
                ErrorCode::InvalidClientMetadata,
            ),
            (
                json!({ "redirect_uris": [uri], "response_types": ["token"] }),
                ErrorCode::InvalidClientMetadata,
            ),
            (
                json!({ "redirect_uris": [uri], "token_endpoint_auth_method": "private_key_jwt" }),
                ErrorCode::InvalidClientMetadata,
            ),
        ] {
            assert_eq!(registered(metadata.clone()).unwrap_err().code, code, "{metadata}");
        }
    }

    #[test]
    fn a_redirect_that_is_not_named_is_the_only_one() {
        let client = |redirects: &[&str]| Client {
            name: String::new(),
            redirects: redirects.iter().map(|uri| (*uri).to_owned()).collect(),
            has_secret: false,
        };
        assert_eq!(client(&["https://a.example/"]).redirect(None).unwrap(), "https://a.example/");
        assert_eq!(client(&["https://a.example/", "https://b.example/"]).redirect(None), None);
        assert_eq!(client(&["https://a.example/"]).redirect(Some("https://b.example/")), None);
    }
}

//! Signatures of public keys, verified by the runtime's own WebCrypto.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::CryptoKey;

use crate::platform::cipher::subtle;
use mcp_auth::jwt::{Algorithm, IssuerKey, Token};

/// Whether the key signed the token.
///
/// # Errors
/// Where the runtime does not take the key.
pub async fn is_signed_by(token: &Token, key: &IssuerKey) -> Result<bool, JsValue> {
    let algorithm = object(parameters(key.algorithm))?;
    let members = object(key.members.iter().map(|(name, value)| (*name, value.as_str())))?;
    let usages = Array::of1(&"verify".into());
    let imported = subtle()?.import_key_with_object("jwk", &members, &algorithm, false, &usages)?;
    let imported: CryptoKey = JsFuture::from(imported).await?.unchecked_into();
    let verified = subtle()?.verify_with_object_and_u8_array_and_u8_array(
        &algorithm,
        &imported,
        &token.signature,
        token.signed.as_bytes(),
    )?;
    Ok(JsFuture::from(verified).await?.as_bool() == Some(true))
}

/// The algorithm's WebCrypto parameters. WebCrypto ignores the ones it does not need.
fn parameters(algorithm: Algorithm) -> impl Iterator<Item = (&'static str, &'static str)> {
    let name = match algorithm {
        Algorithm::Hs256 => "HMAC",
        Algorithm::Rs256 => "RSASSA-PKCS1-v1_5",
        Algorithm::Es256 => "ECDSA",
        Algorithm::EdDsa => "Ed25519",
    };
    [("name", name), ("hash", "SHA-256"), ("namedCurve", "P-256")].into_iter()
}

fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in members {
        Reflect::set(&object, &name.into(), &value.into())?;
    }
    Ok(object)
}

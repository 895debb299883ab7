//! Credentials that must outlive a request, encrypted: AES-256-GCM by the runtime's own WebCrypto.
//!
//! Invariant: a sealed text opens only under the keys that sealed it, and only for what it was sealed
//! for (the additional data). Its nonce is random, and used once.
//!
//! ```text
//! base64url( key id 4 | nonce 12 | ciphertext and tag )
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AesGcmParams, CryptoKey, SubtleCrypto, WorkerGlobalScope};

use crate::platform::random;
use mcp_auth::{
    keys::{KeyId, Keyring, Purpose},
    secret::Secret,
};

const NONCE: usize = 12;

/// The key and the associated data of a sealed text.
#[derive(Clone, Copy)]
pub struct KeyContext<'a> {
    /// The server's keys.
    pub keys: &'a Keyring,
    /// Associated data that is not stored with the text; empty if the keys are enough.
    pub aad: &'a [u8],
}

/// Encrypts a text for one use of it.
///
/// # Errors
/// Where the runtime fails.
pub async fn seal(lock: KeyContext<'_>, of: &str, text: &Secret) -> Result<String, JsValue> {
    let id = lock.keys.signing_id();
    let nonce = random::bytes::<NONCE>()?;
    let params = params(&nonce, of);
    let key = key(lock, id, "encrypt").await?;
    let done =
        subtle()?.encrypt_with_object_and_u8_array(&params, &key, text.expose().as_bytes())?;
    let sealed = Uint8Array::new(&JsFuture::from(done).await?).to_vec();
    Ok(URL_SAFE_NO_PAD.encode([id.as_slice(), &nonce, &sealed].concat()))
}

/// Decrypts what was sealed for the same use.
///
/// # Errors
/// Where it was not, or its key is gone.
pub async fn open(lock: KeyContext<'_>, of: &str, sealed: &str) -> Result<Secret, JsValue> {
    let broken = || JsValue::from_str("the sealed text is malformed");
    let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| broken())?;
    let (id, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(broken)?;
    let params = params(nonce, of);
    let key = key(lock, *id, "decrypt").await?;
    let done = subtle()?.decrypt_with_object_and_u8_array(&params, &key, sealed)?;
    let text = Uint8Array::new(&JsFuture::from(done).await?).to_vec();
    String::from_utf8(text).map(Secret::new).map_err(|_| broken())
}

pub(super) fn subtle() -> Result<SubtleCrypto, JsValue> {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    Ok(scope.crypto()?.subtle())
}

fn params(nonce: &[u8], of: &str) -> AesGcmParams {
    let params = AesGcmParams::new("AES-GCM", &Uint8Array::from(nonce));
    params.set_additional_data(&Uint8Array::from(of.as_bytes()));
    params
}

async fn key(lock: KeyContext<'_>, id: KeyId, usage: &str) -> Result<CryptoKey, JsValue> {
    let gone = || JsValue::from_str("the key is not among those of CREDENTIAL_KEY any more");
    let secret = lock.keys.secret(id, Purpose::Credential, lock.aad).ok_or_else(gone)?;
    let raw = Uint8Array::from(secret.as_slice());
    let usages = Array::of1(&usage.into());
    let imported = subtle()?.import_key_with_str("raw", &raw, "AES-GCM", false, &usages)?;
    JsFuture::from(imported).await.map(wasm_bindgen::JsCast::unchecked_into)
}

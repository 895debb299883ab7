//! A session id leads back to its claims, and nothing but what was signed is accepted.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};
use mcp_auth::{
    keys::{Keyring, Purpose},
    session_id::{Claims, MAX_TOOLSET, Placement},
    subject::Subject,
};
use mcp_protocol::{bytes::cut_text, capabilities::ClientCapabilities, version::Version};
use uuid::Uuid;

static KEYS: LazyLock<Keyring> =
    LazyLock::new(|| Keyring::parse("the-key-of-the-fuzz-targets-which-is-no-secret").unwrap());

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text, &KEYS);
    }
    parsed(data, &KEYS);
    let _ = signed(&mut Unstructured::new(data), &KEYS);
});

/// An id that is accepted is the one that its claims sign to.
fn read(text: &str, keys: &Keyring) {
    if let Ok(claims) = Claims::verify(text, keys, Subject([7; 16]), 0) {
        assert_eq!(claims.sign(keys), text);
    }
}

/// Any bytes behind a valid signature are read without panic, and the same with and without it.
fn parsed(data: &[u8], keys: &Keyring) {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&keys.signing_id());
    bytes.extend_from_slice(data);
    let claims = Claims::from_bytes(&bytes);
    let tag = keys.sign(Purpose::SessionId, &bytes);
    bytes.extend_from_slice(&tag);
    let id = URL_SAFE_NO_PAD.encode(bytes);
    let subject = claims.as_ref().map_or(Subject([0; 16]), |claims| claims.subject);
    let accepted = Claims::verify(&id, keys, subject, 0).ok();
    match claims.filter(|claims| claims.expires > 0 && id.len() <= 512) {
        None => assert_eq!(accepted, None),
        Some(claims) => {
            assert_eq!(accepted.as_ref(), Some(&claims));
            assert_eq!(Claims::verify(&claims.sign(keys), keys, subject, 0), Ok(cut(claims)));
        }
    }
}

/// An id signed by this server.
fn signed(from: &mut Unstructured<'_>, keys: &Keyring) -> Result<()> {
    let claims = claims(from)?;
    let id = claims.sign(keys);
    assert!(id.len() <= 512 && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let now = from.int_in_range(0..=u64::from(claims.expires))?;
    let verified = Claims::verify(&id, keys, claims.subject, now);
    match now < u64::from(claims.expires) {
        true => assert_eq!(verified, Ok(cut(claims.clone()))),
        false => assert!(verified.is_err()),
    }
    let mut changed = id.clone().into_bytes();
    let (at, byte) = (from.choose_index(changed.len())?, from.int_in_range(0..=127)?);
    changed[at] = byte;
    let changed = String::from_utf8(changed).unwrap();
    let accepted = Claims::verify(&changed, keys, claims.subject, 0).is_ok();
    assert!(!accepted || changed == id, "at {at}");
    Ok(())
}

fn claims(from: &mut Unstructured<'_>) -> Result<Claims> {
    Ok(Claims {
        session: Uuid::from_u128(from.arbitrary()?),
        version: *from.choose(&Version::ALL)?,
        capabilities: ClientCapabilities::from_bits(from.arbitrary()?),
        placement: *from.choose(&[Placement::Session, Placement::Subject])?,
        subject: Subject(from.arbitrary()?),
        issued: from.arbitrary()?,
        expires: from.arbitrary()?,
        toolset: from.arbitrary()?,
        client_name: from.arbitrary()?,
        client_version: from.arbitrary()?,
    })
}

/// The claims as an id carries them.
fn cut(claims: Claims) -> Claims {
    Claims {
        toolset: cut_text(&claims.toolset, MAX_TOOLSET).to_owned(),
        client_name: cut_text(&claims.client_name, 64).to_owned(),
        client_version: cut_text(&claims.client_version, 32).to_owned(),
        ..claims
    }
}

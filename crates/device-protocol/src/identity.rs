//! The key of a device.
//!
//! Invariant: the key pair is Ed25519 (RFC 8032), is made on the device, and its private half never leaves it. This crate signs
//! and verifies nothing: a device signs in its own program, and the Worker verifies by WebCrypto, which takes
//! [`PublicKey::members`] as a JSON Web Key (RFC 8037 §2).

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use mcp_protocol::base64url;

/// The public half of a device's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey([u8; 32]);

/// The key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// It is no key.
    #[error("expected the 32 bytes of an Ed25519 public key in base64url")]
    Malformed,
    /// It is of small order, so that signatures of anyone fit.
    #[error("the public key is weak")]
    Weak,
}

/// The points whose order divides 8, the cofactor of the curve (RFC 8032 §5.1), in each encoding without the sign bit.
const WEAK: [[u8; 32]; 7] = [
    y(0, 0, 0),
    y(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    y(0xec, 0xff, 0x7f),
    y(0xed, 0xff, 0x7f),
    y(0xee, 0xff, 0x7f),
];

/// A coordinate by its first byte, those between, and its last one.
const fn y(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

impl PublicKey {
    /// Takes a key.
    ///
    /// # Errors
    /// Where it is weak.
    pub fn new(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let mut unsigned = bytes;
        unsigned[31] &= 0x7f;
        if WEAK.contains(&unsigned) { Err(KeyError::Weak) } else { Ok(Self(bytes)) }
    }

    /// The key itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The members of its JSON Web Key.
    pub fn members(self) -> [(&'static str, String); 3] {
        [("crv", "Ed25519".into()), ("kty", "OKP".into()), ("x", self.into())]
    }

    /// Its thumbprint.
    pub fn thumbprint(self) -> Thumbprint {
        let x = base64url::to_text(&self.0);
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Thumbprint(Sha256::digest(members).into())
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        base64url::to_text(&key.0)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        base64url::read(&text).ok_or(KeyError::Malformed).and_then(Self::new)
    }
}

/// The thumbprint of a key (RFC 7638): what a certificate binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Thumbprint(#[serde(with = "base64url")] pub [u8; 32]);

/// Words of 16 bits that a person compares: 80 bits.
const WORDS: usize = 5;

impl Thumbprint {
    /// The first bits as words that can be said ("proquints": <https://arxiv.org/abs/0901.4016>). The terminal and the page show
    /// the same where the same key is enrolled.
    pub fn words(self) -> String {
        let (pairs, _) = self.0.as_chunks::<2>();
        let words: Vec<_> =
            pairs.iter().take(WORDS).map(|pair| word(u16::from_be_bytes(*pair))).collect();
        words.join("-")
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::to_text(&self.0))
    }
}

/// Two consonants around a vowel, a vowel, a consonant.
fn word(bits: u16) -> String {
    const CONSONANTS: &[u8] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8] = b"aiou";
    let letters = [(12, CONSONANTS), (10, VOWELS), (6, CONSONANTS), (4, VOWELS), (0, CONSONANTS)];
    let letter = |(shift, from): (u32, &[u8])| {
        let index = usize::from(bits.checked_shr(shift).unwrap_or_default());
        from.iter().cycle().nth(index % 16).map(|letter| char::from(*letter))
    };
    letters.into_iter().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::VerifyingKey;

    use super::*;

    /// RFC 8037 appendix A.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn a_thumbprint_is_that_of_the_rfc() {
        let key = PublicKey::try_from(X.to_owned()).unwrap();
        let thumbprint = key.thumbprint();
        assert_eq!(thumbprint.to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.members()[2], ("x", X.to_owned()));
        assert_eq!(serde_json::to_string(&key).unwrap(), format!("\"{X}\""));
    }

    #[test]
    fn words_are_those_of_the_paper() {
        let mut bytes = [0; 32];
        bytes[..10].copy_from_slice(&[127, 0, 0, 1, 63, 84, 220, 193, 140, 98]);
        assert_eq!(Thumbprint(bytes).words(), "lusab-babad-gutih-tugad-mudof");
    }

    #[test]
    fn a_weak_key_is_refused() {
        for weak in WEAK {
            for sign in [0, 0x80] {
                let mut bytes = weak;
                bytes[31] |= sign;
                assert_eq!(PublicKey::new(bytes), Err(KeyError::Weak), "{bytes:?}");
                let known = VerifyingKey::from_bytes(&bytes);
                assert!(known.is_err() || known.is_ok_and(|key| key.is_weak()), "{bytes:?}");
            }
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "AAAA", &X[1..], &format!("{X}="), &"A".repeat(44)] {
            assert_eq!(PublicKey::try_from(text.to_owned()), Err(KeyError::Malformed), "{text}");
        }
    }
}

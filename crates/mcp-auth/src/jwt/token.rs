//! A token in its parts (RFC 7515 §3.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::Claims;
use mcp_protocol::{fields::fields, raw};

/// Bytes that a token may have.
pub const MAX_TOKEN: usize = 8 * 1024;

/// Why a token is not accepted. No text says more than its sender could know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.text())]
pub enum JwtError {
    /// It is larger than [`MAX_TOKEN`].
    TooLong,
    /// It is no token, or a claim has the wrong form.
    Malformed,
    /// Its algorithm is none that this server verifies, or no key is configured for it.
    Algorithm,
    /// It wants an extension to be understood.
    Critical,
    /// No trusted key signed it.
    Signature,
    /// It has no `sub`.
    NoSubject,
    /// It has no `exp`.
    NoExpiry,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYet,
    /// It has another issuer.
    Issuer,
    /// It has another audience.
    Audience,
}

impl JwtError {
    /// The message for its sender.
    pub fn text(self) -> &'static str {
        match self {
            Self::TooLong => "the token has more than 8192 bytes",
            Self::Malformed => "the token is malformed",
            Self::Algorithm => "the token's algorithm is not accepted",
            Self::Critical => "the token's `crit` header names an extension that is not supported",
            Self::Signature => "the token's signature is wrong",
            Self::NoSubject => "the token has no sub",
            Self::NoExpiry => "the token has no exp",
            Self::Expired => "the token has expired",
            Self::NotYet => "the token is not valid yet",
            Self::Issuer => "the token is from another issuer",
            Self::Audience => "the token is for another audience",
        }
    }
}

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: who verifies could sign.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Reads the name; `none` is none.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            // RFC 9864 names the curve.
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// Whether both sides have the same key.
    pub fn is_shared(self) -> bool {
        self == Self::Hs256
    }
}

/// A token that was read, but not believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// How it says that it is signed.
    pub algorithm: Algorithm,
    /// Which key it says that it is signed with.
    pub key_id: Option<String>,
    /// The signed part.
    pub signed: String,
    /// The signature.
    pub signature: Vec<u8>,
    /// Its claims.
    pub claims: Claims,
}

/// Whether a text is meant as a token: a JSON object in base64url, and two dots or more.
pub fn looks_like(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').nth(1).is_some()
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// Where it cannot be read, or no known algorithm signed it.
    pub fn decode(text: &str) -> Result<Self, JwtError> {
        if text.len() > MAX_TOKEN {
            return Err(JwtError::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = (json(header)?, json(claims)?);
        let [algorithm, key_id, critical] =
            fields(&header, ["alg", "kid", "crit"]).map_err(|_| JwtError::Malformed)?;
        if critical.is_some() {
            return Err(JwtError::Critical);
        }
        let algorithm = algorithm.and_then(raw::text).ok_or(JwtError::Malformed)?;
        Ok(Self {
            algorithm: Algorithm::parse(&algorithm).ok_or(JwtError::Algorithm)?,
            key_id: key_id.map(|id| raw::string(id).ok_or(JwtError::Malformed)).transpose()?,
            signed: signed.to_owned(),
            signature: bytes(signature)?,
            claims: Claims::read(&claims)?,
        })
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)
}

fn json(part: &str) -> Result<String, JwtError> {
    String::from_utf8(bytes(part)?).map_err(|_| JwtError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(claims), part("signature"))
    }

    #[test]
    fn a_token_comes_apart() {
        let text = token(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, r#"{"sub":"s"}"#);
        let token = Token::decode(&text).unwrap();
        assert_eq!((token.algorithm, token.key_id.as_deref()), (Algorithm::Es256, Some("k")));
        assert!(text.starts_with(&token.signed) && token.signature == b"signature");
        assert!(looks_like(&text));
    }

    #[test]
    fn what_is_not_signed_as_we_verify_is_no_token() {
        for algorithm in ["none", "None", "HS512", "hs256", "RS512", "PS256", ""] {
            let text = token(&format!(r#"{{"alg":"{algorithm}"}}"#), r#"{"sub":"s"}"#);
            assert_eq!(Token::decode(&text), Err(JwtError::Algorithm), "{algorithm}");
        }
        for (header, error) in [
            (r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, JwtError::Critical),
            (r#"{"alg":"HS256","alg":"none"}"#, JwtError::Malformed),
            (r#"{"alg":["HS256"]}"#, JwtError::Malformed),
            (r#"{"typ":"JWT"}"#, JwtError::Malformed),
            ("[]", JwtError::Malformed),
        ] {
            assert_eq!(Token::decode(&token(header, "{}")), Err(error), "{header}");
        }
    }

    #[test]
    fn broken_and_oversized_texts_are_refused() {
        for text in ["", ".", "..", "a.b.c", "eyJ.eyJ", "eyJhbGciOiJIUzI1NiJ9.e30=.", "é.é.é"] {
            assert_eq!(Token::decode(text), Err(JwtError::Malformed), "{text}");
        }
        let large = token(r#"{"alg":"HS256"}"#, &format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_TOKEN)));
        assert_eq!(Token::decode(&large), Err(JwtError::TooLong));
    }
}

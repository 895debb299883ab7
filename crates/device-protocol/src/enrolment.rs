//! How a device becomes known: a code that is used once, then certificates that it renews by itself.
//!
//! Invariant: the code opens the door once, and what comes out of it is bound to the key that the device made. A code is
//! stored as its digest only. Times are relative, because devices have no common time.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    crockford,
    identity::PublicKey,
    signed::{Purpose, digest, message},
};
use mcp_protocol::{base64url, bytes::cut_text, characters::is_plain};

/// Where a device posts [`EnrolmentRequest`].
pub const ENROL_PATH: &str = "/device/enrol";
/// Where a device posts [`RenewalRequest`].
pub const RENEW_PATH: &str = "/device/renew";
/// Where a device connects.
pub const CONNECT_PATH: &str = "/device/connect";
/// The scheme of the `Authorization` header that has the certificate when a device connects (RFC 9110 §11.4).
pub const SCHEME: &str = "Device";

/// A code of 128 random bits, which a person may type.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EnrolmentCode(u128);

/// The text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a code of 26 letters and digits")]
pub struct NoCode;

impl EnrolmentCode {
    /// A code of these random bits.
    pub fn new(random: u128) -> Self {
        Self(random)
    }

    /// What is stored of it, and what it is looked up by.
    pub fn digest(self) -> [u8; 32] {
        digest(Purpose::Code, [&self.0.to_be_bytes()[..]])
    }
}

impl fmt::Display for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crockford::encode(self.0);
        for (place, symbol) in text.chars().enumerate() {
            if matches!(place, 6 | 11 | 16 | 21) {
                f.write_str("-")?;
            }
            write!(f, "{symbol}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[code]")
    }
}

impl From<EnrolmentCode> for String {
    fn from(code: EnrolmentCode) -> Self {
        code.to_string()
    }
}

impl FromStr for EnrolmentCode {
    type Err = NoCode;

    fn from_str(text: &str) -> Result<Self, NoCode> {
        crockford::decode(text).map(Self).ok_or(NoCode)
    }
}

impl TryFrom<String> for EnrolmentCode {
    type Error = NoCode;

    fn try_from(text: String) -> Result<Self, NoCode> {
        text.parse()
    }
}

/// What a device says of its machine. It is shown to people and decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostFacts {
    /// The machine's name.
    pub hostname: String,
    /// The operating system and its version.
    pub os: String,
    /// The processor's architecture.
    pub arch: String,
    /// The agent's version.
    pub agent: String,
}

/// Bytes of a text of [`HostFacts`].
const MAX_FACT: usize = 128;

impl HostFacts {
    /// The facts as they may be kept and shown: short, and without characters that cannot be seen.
    #[must_use]
    pub fn cleaned(&self) -> Self {
        let Self { hostname, os, arch, agent } = self;
        let [hostname, os, arch, agent] = [hostname, os, arch, agent].map(|text| {
            let plain: String = text.chars().filter(|c| is_plain(*c)).take(MAX_FACT).collect();
            cut_text(&plain, MAX_FACT).to_owned()
        });
        Self { hostname, os, arch, agent }
    }

    fn fields(&self) -> [&[u8]; 4] {
        [&self.hostname, &self.os, &self.arch, &self.agent].map(|text| text.as_bytes())
    }
}

/// A device wants to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentRequest {
    /// The code.
    pub code: EnrolmentCode,
    /// The key that the device made.
    pub public_key: PublicKey,
    /// Names the installation: random, made at its first start.
    pub instance: Uuid,
    /// The name that the device wants. None: the Worker gives it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The machine.
    #[serde(default)]
    pub host: HostFacts,
    /// The signature by that key over [`Self::to_bytes`].
    #[serde(with = "base64url")]
    pub signature: [u8; 64],
}

impl EnrolmentRequest {
    /// The bytes to sign: everything but the signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        let digest = self.code.digest();
        // An empty name is none.
        let name = self.name.as_deref().unwrap_or_default();
        let own: [&[u8]; 4] =
            [&digest, self.public_key.as_bytes(), self.instance.as_bytes(), name.as_bytes()];
        message(Purpose::Enrolment, own.into_iter().chain(self.host.fields()))
    }
}

/// The device is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Whose device it is.
    pub tenant: String,
    /// Names the device.
    pub device: Uuid,
    /// Its name, which its servers' URLs have.
    pub name: String,
    /// A person must first compare the fingerprint ([`crate::identity::Thumbprint::words`]). Until then the device may
    /// connect, and its servers are not reached.
    #[serde(default)]
    pub pending: bool,
    /// Its first certificate.
    pub certificate: Certificate,
}

/// A certificate as a device keeps it. It cannot read the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// What the device shows when it connects.
    pub text: String,
    /// After so many seconds it is to be renewed.
    pub renew_in_s: u64,
    /// After so many seconds nothing but a renewal is possible with it.
    pub expires_in_s: u64,
}

/// A device wants a new certificate, for its key or for a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalRequest {
    /// The text of the certificate that it has. It may have expired.
    pub certificate: String,
    /// Names the installation.
    pub instance: Uuid,
    /// The key from now on.
    pub public_key: PublicKey,
    /// The signature by the key of the certificate over [`Self::to_bytes`].
    #[serde(with = "base64url")]
    pub signature: [u8; 64],
    /// That by the new key, which shows that the device has it; the same where the key stays.
    #[serde(with = "base64url")]
    pub new_signature: [u8; 64],
}

impl RenewalRequest {
    /// The bytes to sign. A request that is sent again brings a certificate for the same key, which is worth nothing without it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields: [&[u8]; 3] =
            [self.certificate.as_bytes(), self.instance.as_bytes(), self.public_key.as_bytes()];
        message(Purpose::Renewal, fields)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    fn request(key: &SigningKey) -> EnrolmentRequest {
        let host = HostFacts { hostname: "laptop".into(), ..HostFacts::default() };
        let mut request = EnrolmentRequest {
            code: EnrolmentCode::new(1),
            public_key: PublicKey::new(key.verifying_key().to_bytes()).unwrap(),
            instance: Uuid::from_u128(2),
            name: Some("laptop".into()),
            host,
            signature: [0; 64],
        };
        request.signature = key.sign(&request.to_bytes()).to_bytes();
        request
    }

    fn is_signed(key: &SigningKey, request: &EnrolmentRequest) -> bool {
        let signature = request.signature.into();
        key.verifying_key().verify_strict(&request.to_bytes(), &signature).is_ok()
    }

    #[test]
    fn a_signature_covers_the_whole_request() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let request = request(&key);
        let text = serde_json::to_string(&request).unwrap();
        let read: EnrolmentRequest = serde_json::from_str(&text).unwrap();
        assert!(read == request && is_signed(&key, &read));
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        let facts = |os: &str| HostFacts { os: os.into(), ..request.host.clone() };
        for changed in [
            EnrolmentRequest { code: EnrolmentCode::new(2), ..request.clone() },
            EnrolmentRequest { public_key: PublicKey::new(other).unwrap(), ..request.clone() },
            EnrolmentRequest { instance: Uuid::nil(), ..request.clone() },
            EnrolmentRequest { name: None, ..request.clone() },
            EnrolmentRequest { host: facts("linux"), ..request.clone() },
        ] {
            assert!(!is_signed(&key, &changed), "{changed:?}");
        }
    }

    #[test]
    fn a_renewal_is_signed_as_a_whole_and_for_nothing_else() {
        let key = PublicKey::new([9; 32]).unwrap();
        let request = RenewalRequest {
            certificate: "c".into(),
            instance: Uuid::nil(),
            public_key: key,
            signature: [0; 64],
            new_signature: [0; 64],
        };
        let bytes = request.to_bytes();
        for changed in [
            RenewalRequest { certificate: "d".into(), ..request.clone() },
            RenewalRequest { instance: Uuid::from_u128(1), ..request.clone() },
            RenewalRequest { public_key: PublicKey::new([8; 32]).unwrap(), ..request },
        ] {
            assert_ne!(changed.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_code_is_typed_in_groups_and_never_shown_by_accident() {
        let code = EnrolmentCode::new(u128::MAX);
        let text = code.to_string();
        assert_eq!(text, "7ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ");
        assert_eq!(text.to_lowercase().replace('-', " ").parse(), Ok(code));
        assert_eq!(format!("{code:?}"), "[code]");
        assert_eq!("7ZZZZZ".parse::<EnrolmentCode>(), Err(NoCode));
        assert_ne!(code.digest(), EnrolmentCode::new(0).digest());
    }

    #[test]
    fn facts_are_shown_short_and_plain() {
        let facts = HostFacts {
            hostname: "lap\u{202e}top\u{7}\n".into(),
            os: "ü".repeat(1 << 20),
            ..HostFacts::default()
        };
        let cleaned = facts.cleaned();
        assert_eq!((&*cleaned.hostname, cleaned.os.len()), ("laptop", MAX_FACT));
        assert_eq!(cleaned.cleaned(), cleaned);
    }
}

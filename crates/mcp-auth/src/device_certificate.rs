//! The certificate of a device: a claim that the server signed, so that a device that is not ours is refused without asking any
//! object.
//!
//! Invariant: what is read from a certificate was written by this server, under `DEVICE_KEY`. It says which key a device must
//! show that it has; alone it opens nothing. A revoked device has a valid certificate of an older generation: its object knows.
//!
//! ```text
//! base64url( format 1 | key id 4 | device 16 | thumbprint 32 | generation 4 | expires 4 (seconds since 1970)
//!          | tenant: length 1, text | tag 16 )
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;
use uuid::Uuid;

use crate::keys::{KeyId, Keyring, Purpose, TAG_LEN};
use mcp_protocol::bytes::{Reader, put_text};

const FORMAT: u8 = 1;
/// Characters of a certificate with the longest tenant.
const MAX_CHARS: usize = 444;
/// How long a certificate is good, in seconds: 30 days.
pub const LIFETIME_S: u64 = 30 * 24 * 3_600;
/// How long before its end a device renews it, in seconds: at two thirds of its life.
pub const RENEWED_BEFORE_S: u64 = LIFETIME_S / 3;
/// How long after its end it can still be renewed, in seconds: 180 days, because a machine that was off for a season must not be
/// locked out.
pub const RENEWABLE_S: u64 = 180 * 24 * 3_600;
/// Bytes of a tenant's name.
pub const MAX_TENANT: usize = 255;

/// The claims of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// Whose device it is.
    pub tenant: String,
    /// The device.
    pub device: Uuid,
    /// The thumbprint of its key (RFC 7638).
    pub thumbprint: [u8; 32],
    /// How often its identity was replaced or revoked before.
    pub generation: u32,
    /// When it ends, in seconds since 1970.
    pub expires: u32,
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Not a certificate of this server's shape.
    #[error("the device's certificate is malformed")]
    Malformed,
    /// The tag does not fit.
    #[error("the device's certificate was not signed by this server")]
    Forged,
    /// It has ended.
    #[error("the device's certificate has expired")]
    Expired,
}

impl DeviceCertificate {
    /// The signed text. None: the tenant's name is empty or longer than [`MAX_TENANT`], and a cut name would be another's.
    pub fn sign(&self, keys: &Keyring) -> Option<String> {
        if !(1..=MAX_TENANT).contains(&self.tenant.len()) {
            return None;
        }
        let mut bytes = Vec::with_capacity(128);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&keys.signing_id());
        bytes.extend_from_slice(self.device.as_bytes());
        bytes.extend_from_slice(&self.thumbprint);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.expires.to_be_bytes());
        put_text(&mut bytes, &self.tenant);
        let tag = keys.sign(Purpose::DeviceCertificate, &bytes);
        bytes.extend_from_slice(&tag);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a certificate with which a device connects.
    ///
    /// # Errors
    /// Where it was not signed by this server, or has expired.
    pub fn verify(text: &str, keys: &Keyring, now_s: u64) -> Result<Self, CertificateError> {
        Self::verify_until(text, keys, now_s, 0)
    }

    /// Reads a certificate that a device wants to renew.
    ///
    /// # Errors
    /// Where it was not signed by this server, or has expired too long ago.
    pub fn verify_for_renewal(
        text: &str,
        keys: &Keyring,
        now_s: u64,
    ) -> Result<Self, CertificateError> {
        Self::verify_until(text, keys, now_s, RENEWABLE_S)
    }

    fn verify_until(
        text: &str,
        keys: &Keyring,
        now_s: u64,
        longer_s: u64,
    ) -> Result<Self, CertificateError> {
        if text.len() > MAX_CHARS {
            return Err(CertificateError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CertificateError::Malformed)?;
        let at = bytes.len().checked_sub(TAG_LEN).ok_or(CertificateError::Malformed)?;
        let (payload, tag) = bytes.split_at(at);
        let (key, certificate) = Self::read(payload).ok_or(CertificateError::Malformed)?;
        if !keys.verify(key, Purpose::DeviceCertificate, payload, tag) {
            return Err(CertificateError::Forged);
        }
        let ends = u64::from(certificate.expires).saturating_add(longer_s);
        if now_s >= ends { Err(CertificateError::Expired) } else { Ok(certificate) }
    }

    fn read(payload: &[u8]) -> Option<(KeyId, Self)> {
        let mut reader = Reader::new(payload);
        reader.u8().filter(|format| *format == FORMAT)?;
        let key = reader.array()?;
        let certificate = Self {
            device: Uuid::from_bytes(reader.array()?),
            thumbprint: reader.array()?,
            generation: u32::from_be_bytes(reader.array()?),
            expires: u32::from_be_bytes(reader.array()?),
            tenant: reader.text().filter(|tenant| !tenant.is_empty())?,
        };
        reader.is_empty().then_some((key, certificate))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: &str = "new-new-new-new-new-new-new-new-new-";
    const OLD: &str = "old-old-old-old-old-old-old-old-old-";

    fn keys() -> Keyring {
        Keyring::parse(NEW).unwrap()
    }

    fn certificate() -> DeviceCertificate {
        DeviceCertificate {
            tenant: "main".into(),
            device: Uuid::from_u128(42),
            thumbprint: [7; 32],
            generation: 3,
            expires: 2_000,
        }
    }

    #[test]
    fn a_certificate_leads_back_to_its_claims_until_it_ends() {
        let text = certificate().sign(&keys()).unwrap();
        let verify = |now_s| DeviceCertificate::verify(&text, &keys(), now_s);
        assert_eq!(verify(1_999), Ok(certificate()));
        assert_eq!(verify(2_000), Err(CertificateError::Expired));
    }

    #[test]
    fn an_expired_certificate_can_be_renewed_for_180_days() {
        let text = certificate().sign(&keys()).unwrap();
        let verify = |now_s| DeviceCertificate::verify_for_renewal(&text, &keys(), now_s);
        assert_eq!(verify(2_000 + 180 * 86_400 - 1), Ok(certificate()));
        assert_eq!(verify(2_000 + 180 * 86_400), Err(CertificateError::Expired));
    }

    #[test]
    fn an_older_key_of_the_list_still_verifies() {
        let text = certificate().sign(&Keyring::parse(OLD).unwrap()).unwrap();
        let both = Keyring::parse(&format!("{NEW},{OLD}")).unwrap();
        assert_eq!(DeviceCertificate::verify(&text, &both, 0), Ok(certificate()));
        assert_eq!(DeviceCertificate::verify(&text, &keys(), 0), Err(CertificateError::Forged));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let text = certificate().sign(&keys()).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(DeviceCertificate::verify(&changed, &keys(), 0).is_err(), "at {at}");
        }
    }

    #[test]
    fn a_signature_for_another_purpose_is_none() {
        let text = certificate().sign(&keys()).unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        bytes.truncate(bytes.len() - TAG_LEN);
        let tag = keys().sign(Purpose::SessionId, &bytes);
        bytes.extend_from_slice(&tag);
        let forged = URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(DeviceCertificate::verify(&forged, &keys(), 0), Err(CertificateError::Forged));
    }

    #[test]
    fn a_tenant_is_never_cut_to_another_s_name() {
        let of = |length| DeviceCertificate { tenant: "t".repeat(length), ..certificate() };
        assert_eq!((of(0).sign(&keys()), of(MAX_TENANT + 1).sign(&keys())), (None, None));
        let longest = of(MAX_TENANT).sign(&keys()).unwrap();
        assert_eq!(longest.len(), MAX_CHARS);
        assert_eq!(DeviceCertificate::verify(&longest, &keys(), 0), Ok(of(MAX_TENANT)));
    }

    proptest! {
        #[test]
        fn any_other_text_is_refused(text in ".{0,80}", alike in "[A-Za-z0-9_-]{0,460}") {
            for text in [text, alike] {
                prop_assert!(DeviceCertificate::verify(&text, &keys(), 0).is_err());
            }
        }
    }
}

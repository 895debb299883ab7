//! The proof that a device has its key: a signature over the challenge of this connection.
//!
//! No clock is needed, and a signature is good for one connection of one device in one version of the protocol.

use uuid::Uuid;

use crate::{
    hello::Challenge,
    signed::{Purpose, message},
};

/// What a device signs when it connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof<'a> {
    /// The object's challenge.
    pub challenge: &'a Challenge,
    /// The tenant of the certificate.
    pub tenant: &'a str,
    /// The device of the certificate.
    pub device: Uuid,
    /// The common version, as the signing or verifying side computes it.
    pub version: u16,
}

impl Proof<'_> {
    /// The bytes to sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { challenge, tenant, device, version } = self;
        let fields: [&[u8]; 5] = [
            &challenge.nonce,
            challenge.connection.as_bytes(),
            tenant.as_bytes(),
            device.as_bytes(),
            &version.to_be_bytes(),
        ];
        message(Purpose::Connection, fields)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;
    use crate::hello::Versions;

    #[test]
    fn a_signature_is_good_for_one_challenge_device_and_version() {
        let challenge = |nonce, connection| Challenge {
            nonce: [nonce; 32],
            connection: Uuid::from_u128(connection),
            proto: Versions::KNOWN,
            build: String::new(),
        };
        let (right, other_nonce, other_connection) =
            (challenge(1, 1), challenge(2, 1), challenge(1, 2));
        let key = SigningKey::from_bytes(&[7; 32]);
        let device = Uuid::from_u128(9);
        let proof = Proof { challenge: &right, tenant: "main", device, version: 1 };
        let signature = key.sign(&proof.to_bytes());
        let is_good = |proof: &Proof<'_>| {
            key.verifying_key().verify_strict(&proof.to_bytes(), &signature).is_ok()
        };
        assert!(is_good(&proof));
        for wrong in [
            Proof { challenge: &other_nonce, ..proof },
            Proof { challenge: &other_connection, ..proof },
            Proof { tenant: "other", ..proof },
            Proof { device: Uuid::nil(), ..proof },
            Proof { version: 2, ..proof },
        ] {
            assert!(!is_good(&wrong), "{wrong:?}");
        }
    }
}

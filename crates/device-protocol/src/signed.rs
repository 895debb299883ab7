//! The bytes that signatures are made over.
//!
//! Invariant: a signature for one purpose is worth nothing for another, and no two lists of fields make the same bytes: the
//! purpose stands first, and each field stands behind its length.

use sha2::{Digest as _, Sha256};

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A device is enrolled.
    Enrolment,
    /// A device connects.
    Connection,
    /// A certificate is renewed.
    Renewal,
    /// The digest of an enrolment code, which is no signature.
    Code,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Enrolment => b"sitebay-mcp device enrolment v1",
            Self::Connection => b"sitebay-mcp device connection v1",
            Self::Renewal => b"sitebay-mcp device renewal v1",
            Self::Code => b"sitebay-mcp device enrolment code v1",
        }
    }
}

/// The bytes to sign.
pub(crate) fn message<'a>(purpose: Purpose, fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    for field in std::iter::once(purpose.label()).chain(fields) {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}

/// The digest of such bytes.
pub(crate) fn digest<'a>(purpose: Purpose, fields: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    Sha256::digest(message(purpose, fields)).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_belong_to_one_field() {
        let of = |fields: [&'static str; 2]| message(Purpose::Code, fields.map(str::as_bytes));
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
        assert_ne!(of(["abc", ""]), of(["", "abc"]));
    }

    proptest! {
        #[test]
        fn other_fields_are_other_bytes(one: Vec<Vec<u8>>, other: Vec<Vec<u8>>) {
            let bytes = |purpose, fields: &[Vec<u8>]| message(purpose, fields.iter().map(Vec::as_slice));
            let (first, second) = (bytes(Purpose::Renewal, &one), bytes(Purpose::Renewal, &other));
            prop_assert_eq!(first == second, one == other);
            prop_assert_ne!(first, bytes(Purpose::Connection, &one));
        }
    }
}

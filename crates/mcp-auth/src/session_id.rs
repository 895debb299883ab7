//! The session id: a claim that the server signed, so that a forged, foreign or expired one is
//! refused without asking anybody.
//!
//! Invariant: what is read from an id was written by this server; an id is at most 512 visible
//! ASCII characters (MCP `basic/transports` "Session Management").
//!
//! ```text
//! base64url( format 1 | key id 4 | uuid 16 | version 1 | capabilities 2 | placement 1
//!          | subject 16 | issued 4 | expires 4                          seconds since 1970
//!          | toolset: length 1, text | client name: length 1, text | client version: length 1, text
//!          | tag 16 )
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    keys::{KeyId, Keyring, Purpose, TAG_LEN},
    subject::Subject,
};
use mcp_protocol::{
    bytes::{Reader, cut_text, put_text},
    capabilities::ClientCapabilities,
    version::Version,
};

const FORMAT: u8 = 1;
const MAX_CHARS: usize = 512;
/// Bytes of the toolset choice with the door.
pub const MAX_TOOLSET: usize = 200;
const MAX_NAME: usize = 64;
const MAX_VERSION: usize = 32;

/// Which object a session lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// An object of its own.
    Session,
    /// One object for all sessions of a subject.
    Subject,
}

/// The claims of a session id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The session itself.
    pub session: Uuid,
    /// The negotiated version.
    pub version: Version,
    /// The client's capabilities.
    pub capabilities: ClientCapabilities,
    /// Which object the session lives in.
    pub placement: Placement,
    /// Whose session it is.
    pub subject: Subject,
    /// When it was issued, in seconds since 1970.
    pub issued: u32,
    /// When it ends, in seconds since 1970.
    pub expires: u32,
    /// The toolset choice, empty is the default; then, after an `@`, the door that the session began at
    /// where that is the door of one upstream. At most [`MAX_TOOLSET`] bytes.
    pub toolset: String,
    /// The client's name, cut to fit.
    pub client_name: String,
    /// The client's version, cut to fit.
    pub client_version: String,
}

/// Why a session id is not accepted. All of them are answered alike: 404, and nothing about why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionIdError {
    /// Not an id of this server's shape.
    #[error("the session id is malformed")]
    Malformed,
    /// The tag does not fit.
    #[error("the session id was not signed by this server")]
    Forged,
    /// The session is over.
    #[error("the session has expired")]
    Expired,
    /// The session belongs to another subject.
    #[error("the session belongs to another subject")]
    Foreign,
}

/// Stands between the toolset choice and the door.
const AT: char = '@';

impl Claims {
    /// The text of a toolset choice at a door; an empty door is the main one.
    pub fn toolset_at(choice: &str, door: &str) -> String {
        if door.is_empty() { choice.to_owned() } else { format!("{choice}{AT}{door}") }
    }

    /// The toolset choice; empty is the default.
    pub fn choice(&self) -> &str {
        self.toolset.split_once(AT).map_or(&self.toolset, |(choice, _)| choice)
    }

    /// The upstream whose door the session began at; empty: the main door.
    pub fn door(&self) -> &str {
        self.toolset.split_once(AT).map_or("", |(_, door)| door)
    }

    /// The name of the object the session lives in.
    pub fn object(&self) -> String {
        match self.placement {
            Placement::Session => self.session.simple().to_string(),
            Placement::Subject => format!("subject-{}", URL_SAFE_NO_PAD.encode(self.subject.0)),
        }
    }

    /// The signed id.
    pub fn sign(&self, keys: &Keyring) -> String {
        let mut bytes = self.to_bytes(keys.signing_id());
        let tag = keys.sign(Purpose::SessionId, &bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads an id and checks signature, age and owner.
    ///
    /// # Errors
    /// When any of these fails.
    pub fn verify(
        id: &str,
        keys: &Keyring,
        subject: Subject,
        now_s: u64,
    ) -> Result<Self, SessionIdError> {
        let claims = Self::read(id, keys)?;
        if now_s >= u64::from(claims.expires) {
            return Err(SessionIdError::Expired);
        }
        if claims.subject != subject {
            return Err(SessionIdError::Foreign);
        }
        Ok(claims)
    }

    fn read(id: &str, keys: &Keyring) -> Result<Self, SessionIdError> {
        if id.len() > MAX_CHARS {
            return Err(SessionIdError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(id).map_err(|_| SessionIdError::Malformed)?;
        let at = bytes.len().checked_sub(TAG_LEN).ok_or(SessionIdError::Malformed)?;
        let (payload, tag) = bytes.split_at(at);
        let mut reader = Reader::new(payload);
        if reader.u8() != Some(FORMAT) {
            return Err(SessionIdError::Malformed);
        }
        let key: KeyId = reader.array().ok_or(SessionIdError::Malformed)?;
        if !keys.verify(key, Purpose::SessionId, payload, tag) {
            return Err(SessionIdError::Forged);
        }
        Self::from_reader(reader).ok_or(SessionIdError::Malformed)
    }

    /// The claims without signature, for the sealed header.
    pub fn to_bytes(&self, key: KeyId) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        out.push(FORMAT);
        out.extend_from_slice(&key);
        out.extend_from_slice(self.session.as_bytes());
        out.push(self.version.code());
        out.extend_from_slice(&self.capabilities.bits().to_be_bytes());
        out.push(match self.placement {
            Placement::Session => 0,
            Placement::Subject => 1,
        });
        out.extend_from_slice(&self.subject.0);
        out.extend_from_slice(&self.issued.to_be_bytes());
        out.extend_from_slice(&self.expires.to_be_bytes());
        put_text(&mut out, cut_text(&self.toolset, MAX_TOOLSET));
        put_text(&mut out, cut_text(&self.client_name, MAX_NAME));
        put_text(&mut out, cut_text(&self.client_version, MAX_VERSION));
        out
    }

    /// Reads what [`Claims::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        reader.u8().filter(|format| *format == FORMAT)?;
        let _key: KeyId = reader.array()?;
        Self::from_reader(reader)
    }

    fn from_reader(mut reader: Reader<'_>) -> Option<Self> {
        let claims = Self {
            session: Uuid::from_bytes(reader.array()?),
            version: Version::from_code(reader.u8()?)?,
            capabilities: ClientCapabilities::from_bits(u16::from_be_bytes(reader.array()?)),
            placement: match reader.u8()? {
                0 => Placement::Session,
                1 => Placement::Subject,
                _ => return None,
            },
            subject: Subject(reader.array()?),
            issued: u32::from_be_bytes(reader.array()?),
            expires: u32::from_be_bytes(reader.array()?),
            toolset: reader.text()?,
            client_name: reader.text()?,
            client_version: reader.text()?,
        };
        reader.is_empty().then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use test_support::json::ANY_TEXT;
    use test_support::stored::of_0_1_0;

    const SUBJECT: Subject = Subject([7; 16]);

    fn keys() -> Keyring {
        Keyring::parse("0123456789012345678901234567890123456789").unwrap()
    }

    fn claims() -> Claims {
        Claims {
            session: Uuid::from_u128(42),
            version: Version::V2025_06_18,
            capabilities: ClientCapabilities::SAMPLING,
            placement: Placement::Session,
            subject: SUBJECT,
            issued: 1_000,
            expires: 2_000,
            toolset: String::new(),
            client_name: "a client".into(),
            client_version: "1.0".into(),
        }
    }

    #[test]
    fn an_id_leads_back_to_its_claims() {
        let id = claims().sign(&keys());
        for id in [of_0_1_0("session-id", &id), id] {
            assert_eq!(Claims::verify(&id, &keys(), SUBJECT, 1_999), Ok(claims()));
        }
        assert_eq!(Claims::from_bytes(&claims().to_bytes([0; 4])), Some(claims()));
    }

    #[test]
    fn a_session_belongs_to_the_door_that_it_began_at() {
        for (choice, door) in [
            ("", ""),
            ("", "tickets"),
            ("4-ro", ""),
            ("80000000", "tickets"),
            ("tickets,wiki+0-ro", ""),
            (&format!("{}+80000000-ro", "u".repeat(150)), "abcdefghijklmnop"),
        ] {
            let toolset = Claims::toolset_at(choice, door);
            let id = Claims { toolset, ..claims() }.sign(&keys());
            let read = Claims::verify(&id, &keys(), SUBJECT, 1_500).unwrap();
            assert_eq!((read.choice(), read.door()), (choice, door));
        }
    }

    #[test]
    fn an_expired_or_foreign_id_is_refused() {
        let id = claims().sign(&keys());
        let other = Subject([8; 16]);
        assert_eq!(Claims::verify(&id, &keys(), SUBJECT, 2_000), Err(SessionIdError::Expired));
        assert_eq!(Claims::verify(&id, &keys(), other, 1_500), Err(SessionIdError::Foreign));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let id = claims().sign(&keys());
        for at in 0..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Claims::verify(&changed, &keys(), SUBJECT, 1_500).is_err(), "at {at}");
        }
    }

    #[test]
    fn the_longest_names_fit_into_visible_ascii() {
        let long = "ü".repeat(500);
        let claims = Claims {
            toolset: long.clone(),
            client_name: long.clone(),
            client_version: long,
            ..claims()
        };
        let id = claims.sign(&keys());
        assert!(id.len() <= MAX_CHARS, "{}", id.len());
        assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
        assert!(Claims::verify(&id, &keys(), SUBJECT, 1_500).is_ok());
    }

    #[test]
    fn rubbish_is_malformed() {
        for id in ["", "x", "abc def", "%%%", &"A".repeat(513), &"A".repeat(100)] {
            assert!(Claims::verify(id, &keys(), SUBJECT, 1_500).is_err(), "{id:?}");
        }
    }

    fn any_claims() -> impl Strategy<Value = Claims> {
        let names = (ANY_TEXT, ANY_TEXT, ANY_TEXT);
        let place = prop::sample::select(vec![Placement::Session, Placement::Subject]);
        let version = prop::sample::select(Version::ALL.to_vec());
        let numbers = any::<(u128, u16, [u8; 16], u32, u32)>();
        (names, place, version, numbers).prop_map(|(names, placement, version, numbers)| Claims {
            session: Uuid::from_u128(numbers.0),
            version,
            capabilities: ClientCapabilities::from_bits(numbers.1),
            placement,
            subject: Subject(numbers.2),
            issued: numbers.3,
            expires: numbers.4,
            toolset: names.0,
            client_name: names.1,
            client_version: names.2,
        })
    }

    proptest! {
        #[test]
        fn any_claims_survive_their_id_with_their_names_cut(claims in any_claims(), now: u32) {
            let id = claims.sign(&keys());
            prop_assert!(id.len() <= MAX_CHARS && id.bytes().all(|byte| byte.is_ascii_graphic()));
            let cut = Claims {
                toolset: cut_text(&claims.toolset, MAX_TOOLSET).to_owned(),
                client_name: cut_text(&claims.client_name, MAX_NAME).to_owned(),
                client_version: cut_text(&claims.client_version, MAX_VERSION).to_owned(),
                ..claims
            };
            let over = now >= cut.expires;
            let read = Claims::verify(&id, &keys(), cut.subject, now.into());
            prop_assert_eq!(read, if over { Err(SessionIdError::Expired) } else { Ok(cut) });
        }

        #[test]
        fn an_id_with_one_other_byte_is_refused(
            claims in any_claims(), at: prop::sample::Index, byte in 0_u8..128,
        ) {
            let claims = Claims { expires: u32::MAX, ..claims };
            let mut changed = claims.sign(&keys()).into_bytes();
            let at = at.index(changed.len());
            prop_assume!(changed[at] != byte);
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert!(Claims::verify(&changed, &keys(), claims.subject, 0).is_err());
        }

        #[test]
        fn any_other_text_is_refused(text in ANY_TEXT, alike in "[A-Za-z0-9_-]{0,520}") {
            for text in [text, alike] {
                prop_assert!(Claims::verify(&text, &keys(), SUBJECT, 0).is_err());
            }
        }
    }
}

//! The id of a task: a claim that the server signed, so that an unknown, foreign or expired one is
//! refused without asking anybody.
//!
//! Invariant: what is read from an id was written by this server for this subject.
//!
//! ```text
//! base64url( format 1 | key id 4 | uuid 16 | subject 16 | ends 4 (seconds since 1970) | tag 16 )
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{
    keys::{KeyId, Keyring, Purpose, TAG_LEN},
    subject::Subject,
};
use mcp_protocol::bytes::Reader;

const FORMAT: u8 = 1;
const CHARS: usize = 76;

/// The claims of a task id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskId {
    /// The task itself.
    pub task: Uuid,
    /// Whose task it is.
    pub subject: Subject,
    /// When it is forgotten, in seconds since 1970.
    pub ends: u32,
}

impl TaskId {
    /// The name of the task's object.
    pub fn object(&self) -> String {
        self.task.simple().to_string()
    }

    /// The signed id.
    pub fn sign(&self, keys: &Keyring) -> String {
        let mut bytes = Vec::with_capacity(57);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&keys.signing_id());
        bytes.extend_from_slice(self.task.as_bytes());
        bytes.extend_from_slice(&self.subject.0);
        bytes.extend_from_slice(&self.ends.to_be_bytes());
        let tag = keys.sign(Purpose::TaskId, &bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads an id. None: it is not one of this subject's, or the task is forgotten.
    pub fn verify(id: &str, keys: &Keyring, subject: Subject, now_s: u64) -> Option<Self> {
        let bytes = decoded(id)?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
        let (key, id) = Self::read(payload)?;
        let verified = keys.verify(key, Purpose::TaskId, payload, tag);
        (verified && id.subject == subject && now_s < u64::from(id.ends)).then_some(id)
    }

    /// When the task with this id is forgotten, in seconds since 1970. The id is not verified: this is
    /// for an id that the server has just made.
    pub fn end_of(id: &str) -> Option<u64> {
        let bytes = decoded(id)?;
        let (payload, _) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
        Some(Self::read(payload)?.1.ends.into())
    }

    fn read(payload: &[u8]) -> Option<(KeyId, Self)> {
        let mut reader = Reader::new(payload);
        reader.u8().filter(|format| *format == FORMAT)?;
        let key = reader.array()?;
        let id = Self {
            task: Uuid::from_bytes(reader.array()?),
            subject: Subject(reader.array()?),
            ends: u32::from_be_bytes(reader.array()?),
        };
        reader.is_empty().then_some((key, id))
    }
}

fn decoded(id: &str) -> Option<Vec<u8>> {
    (id.len() == CHARS).then(|| URL_SAFE_NO_PAD.decode(id).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::of_0_1_0;

    const SUBJECT: Subject = Subject([7; 16]);

    fn keys() -> Keyring {
        Keyring::parse("0123456789012345678901234567890123456789").unwrap()
    }

    fn id() -> TaskId {
        TaskId { task: Uuid::from_u128(42), subject: SUBJECT, ends: 2_000 }
    }

    #[test]
    fn an_id_leads_back_to_its_claims() {
        let text = id().sign(&keys());
        assert_eq!(text.len(), CHARS);
        for text in [of_0_1_0("task-id", &text), text] {
            assert_eq!(TaskId::verify(&text, &keys(), SUBJECT, 1_999), Some(id()));
        }
    }

    #[test]
    fn a_foreign_or_forgotten_task_is_none() {
        let text = id().sign(&keys());
        assert_eq!(TaskId::verify(&text, &keys(), Subject([8; 16]), 1_000), None);
        assert_eq!(TaskId::verify(&text, &keys(), SUBJECT, 2_000), None);
    }

    #[test]
    fn the_end_of_a_task_is_read_from_its_id() {
        assert_eq!(TaskId::end_of(&id().sign(&keys())), Some(2_000));
        assert_eq!((TaskId::end_of(""), TaskId::end_of(&"A".repeat(CHARS))), (None, None));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let text = id().sign(&keys());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(TaskId::verify(&changed, &keys(), SUBJECT, 1_000), None, "at {at}");
        }
        assert_eq!(TaskId::verify("", &keys(), SUBJECT, 1_000), None);
    }
}

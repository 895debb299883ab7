//! The id of a task of another server: which server it belongs to, the tool that began it and its id there, signed
//! for one subject, so that an unknown, foreign or altered one is refused without asking anybody.
//!
//! Invariant: what is read from an id was written by this server for this subject. The same task has the same id as
//! long as the signing key stays. How long a task lives is for its server to say, so that an id has no end.
//!
//! ```text
//! base64url( format 2 | key id 4 | upstream (length 1, text) | tool (length 2, text) | task | tag 16 )
//! ```
//!
//! The subject is part of what is signed, and not of the id. The format tells these ids from those of
//! [`task_id`](crate::task_id).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    keys::{KeyId, Keyring, Purpose, TAG_LEN},
    subject::Subject,
};
use mcp_protocol::bytes::{Reader, put_block, put_text};

const FORMAT: u8 = 2;
/// Characters of an id: twice what the longest names make.
const MAX_CHARS: usize = 4 << 10;

/// The claims of the id of an upstream's task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTaskId {
    /// The configured name of the upstream.
    pub upstream: String,
    /// The name there of the tool whose call became the task.
    pub tool: String,
    /// The id of the task there.
    pub task: String,
}

impl UpstreamTaskId {
    /// The id that clients of this subject know. None: a name is too long for it.
    pub fn sign(&self, keys: &Keyring, subject: Subject) -> Option<String> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&keys.signing_id());
        put_text(&mut bytes, &self.upstream);
        put_block(&mut bytes, self.tool.as_bytes())?;
        bytes.extend_from_slice(self.task.as_bytes());
        let tag = keys.sign(Purpose::TaskId, &signed(&bytes, subject));
        bytes.extend_from_slice(&tag);
        let text = URL_SAFE_NO_PAD.encode(bytes);
        (text.len() <= MAX_CHARS).then_some(text)
    }

    /// Reads an id. None: it is not one of this subject's.
    pub fn verify(id: &str, keys: &Keyring, subject: Subject) -> Option<Self> {
        if id.len() > MAX_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
        let mut reader = Reader::new(payload);
        reader.u8().filter(|format| *format == FORMAT)?;
        let key: KeyId = reader.array()?;
        if !keys.verify(key, Purpose::TaskId, &signed(payload, subject), tag) {
            return None;
        }
        let upstream = reader.text()?;
        let tool = text(reader.block()?)?;
        Some(Self { upstream, tool, task: text(reader.rest())? })
    }
}

fn signed(payload: &[u8], subject: Subject) -> Vec<u8> {
    [payload, &subject.0].concat()
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::task_id::TaskId;

    const SUBJECT: Subject = Subject([7; 16]);

    fn keys() -> Keyring {
        Keyring::parse("0123456789012345678901234567890123456789").unwrap()
    }

    fn id() -> UpstreamTaskId {
        let (upstream, tool) = ("tickets".to_owned(), "export all".to_owned());
        UpstreamTaskId { upstream, tool, task: "a.b:c/d+e".to_owned() }
    }

    fn read(text: &str) -> Option<UpstreamTaskId> {
        UpstreamTaskId::verify(text, &keys(), SUBJECT)
    }

    #[test]
    fn another_subject_or_key_reads_nothing() {
        let text = id().sign(&keys(), SUBJECT).unwrap();
        assert_eq!(read(&text), Some(id()));
        assert_eq!(UpstreamTaskId::verify(&text, &keys(), Subject([8; 16])), None);
        let others = Keyring::parse(&"o".repeat(40)).unwrap();
        assert_eq!(UpstreamTaskId::verify(&text, &others, SUBJECT), None);
    }

    #[test]
    fn an_id_is_good_as_long_as_its_key_is_in_force() {
        let text = id().sign(&keys(), SUBJECT).unwrap();
        let both = format!("{},{}", "n".repeat(40), "0123456789012345678901234567890123456789");
        let both = Keyring::parse(&both).unwrap();
        assert_eq!(UpstreamTaskId::verify(&text, &both, SUBJECT), Some(id()));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let text = id().sign(&keys(), SUBJECT).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(changed == text || read(&changed).is_none(), "at {at}");
        }
        for cut in 0..text.len() {
            assert_eq!(read(&text[..cut]), None, "{cut}");
        }
        assert_eq!(read(&"A".repeat(1 << 20)), None);
    }

    #[test]
    fn ids_of_this_server_and_of_upstreams_are_never_taken_for_each_other() {
        let own = TaskId { task: Uuid::from_u128(42), subject: SUBJECT, ends: 2_000 };
        assert_eq!(read(&own.sign(&keys())), None);
        // 57 bytes, as many as an id of this server has.
        let (upstream, tool) = ("tickets".to_owned(), "get".to_owned());
        let theirs = UpstreamTaskId { upstream, tool, task: "t".repeat(23) };
        let theirs = theirs.sign(&keys(), SUBJECT).unwrap();
        assert_eq!(theirs.len(), own.sign(&keys()).len());
        assert_eq!(TaskId::verify(&theirs, &keys(), SUBJECT, 0), None);
    }

    #[test]
    fn a_name_that_no_header_holds_has_no_id() {
        for long in [
            UpstreamTaskId { tool: "t".repeat(1 << 16), ..id() },
            UpstreamTaskId { task: "t".repeat(1 << 12), ..id() },
        ] {
            assert_eq!(long.sign(&keys(), SUBJECT), None);
        }
    }

    proptest! {
        #[test]
        fn an_id_leads_back_to_its_claims(upstream in "[a-z][a-z0-9-]{0,15}", tool in ".{0,128}", task in ".{0,256}") {
            let id = UpstreamTaskId { upstream, tool, task };
            let text = id.sign(&keys(), SUBJECT).unwrap();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(read(&text), Some(id));
        }
    }
}

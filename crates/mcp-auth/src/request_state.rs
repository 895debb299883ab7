//! `requestState`: what a request that asks the client must remember until it comes back.
//!
//! Invariant: what is read was written by this server, for this request of this subject, and is
//! not expired. Every failure is the same error, without a reason. Single use is not
//! checked here: the nonce stays the same through all rounds, and the hub consumes it.
//! Source: MCP 2026-07-28 `basic/patterns/mrtr` "Server Requirements".
//!
//! ```text
//! base64url( format 1 | key id 4 | method 1 | round 1 | parameters 32 | subject 16
//!          | expires 4 (seconds since 1970) | nonce 16
//!          | asked:    count 1, each: key (length 2, text), question 32
//!          | answered: count 1, each: key (length 2, text), question 32, answer (length 2, JSON)
//!          | carried: length 2, text; left out where there is none
//!          | tag 16 )
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::{
    keys::{KeyId, Keyring, Purpose, TAG_LEN},
    subject::Subject,
};
use mcp_protocol::{
    base64url,
    bytes::{Reader, put_block},
    input_request::Digest,
    stateless::method::Method,
};

pub use mcp_protocol::stateless::request_state::{MAX_STATE, RequestStateError, StateTooLarge};

const FORMAT: u8 = 1;
/// The request that a state is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The method, one that [may ask](Method::may_ask).
    pub method: Method,
    /// The parameters.
    pub params: Digest,
    /// Whose request it is.
    pub subject: Subject,
}

impl Binding {
    /// The binding of a request; `target` is its `name` or `uri`. The arguments count as they are
    /// written, and absent ones as `{}`.
    pub fn of(
        method: Method,
        target: &str,
        arguments: Option<&RawValue>,
        subject: Subject,
    ) -> Self {
        let mut params = Sha256::new();
        params.update(target.len().to_be_bytes());
        params.update(target);
        params.update(arguments.map_or("{}", RawValue::get));
        Self { method, params: params.finalize().into(), subject }
    }
}

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingInput {
    /// Its key.
    pub key: String,
    /// Which question it was.
    pub question: Digest,
}

/// A question that has its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredInput {
    /// Its key.
    pub key: String,
    /// Which question it was.
    #[serde(with = "base64url")]
    pub question: Digest,
    /// The JSON text of the client's response.
    pub answer: String,
}

/// The contents of a `requestState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestState {
    /// Its binding.
    pub binding: Binding,
    /// How often the client was asked.
    pub round: u8,
    /// When it is over, in seconds since 1970.
    pub expires: u32,
    /// Names the request through all its rounds.
    pub nonce: [u8; 16],
    /// The questions of this round.
    pub asked: Vec<PendingInput>,
    /// The answers of earlier rounds.
    pub answered: Vec<AnsweredInput>,
    /// The state of another server that asked in this round.
    pub carried: Option<String>,
}

impl RequestState {
    /// Whether this very question was asked under this key in this round.
    pub fn was_asked(&self, key: &str, question: &Digest) -> bool {
        self.asked.iter().any(|one| one.key == key && one.question == *question)
    }

    /// The JSON text of the answer that this very question got in an earlier round.
    pub fn answer_to(&self, key: &str, question: &Digest) -> Option<&str> {
        let found = self.answered.iter().find(|one| one.key == key && one.question == *question);
        found.map(|one| one.answer.as_str())
    }

    /// The text for the client.
    ///
    /// # Errors
    /// When it would be larger than [`MAX_STATE`].
    pub fn seal(&self, keys: &Keyring) -> Result<String, StateTooLarge> {
        let mut bytes = self.to_bytes(keys.signing_id()).ok_or(StateTooLarge)?;
        let tag = keys.sign(Purpose::RequestState, &bytes);
        bytes.extend_from_slice(&tag);
        let text = URL_SAFE_NO_PAD.encode(bytes);
        if text.len() <= MAX_STATE { Ok(text) } else { Err(StateTooLarge) }
    }

    /// Reads what a client sends back with a request.
    ///
    /// # Errors
    /// When it is not a state that this server made for this request, or it is over.
    pub fn open(
        text: &str,
        keys: &Keyring,
        binding: &Binding,
        now_s: u64,
    ) -> Result<Self, RequestStateError> {
        let state = Self::read(text, keys, binding).ok_or(RequestStateError)?;
        if now_s < u64::from(state.expires) { Ok(state) } else { Err(RequestStateError) }
    }

    fn to_bytes(&self, key: KeyId) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(256);
        out.push(FORMAT);
        out.extend_from_slice(&key);
        out.push(self.binding.method.code());
        out.push(self.round);
        out.extend_from_slice(&self.binding.params);
        out.extend_from_slice(&self.binding.subject.0);
        out.extend_from_slice(&self.expires.to_be_bytes());
        out.extend_from_slice(&self.nonce);
        out.push(u8::try_from(self.asked.len()).ok()?);
        for one in &self.asked {
            put_block(&mut out, one.key.as_bytes())?;
            out.extend_from_slice(&one.question);
        }
        out.push(u8::try_from(self.answered.len()).ok()?);
        for one in &self.answered {
            put_block(&mut out, one.key.as_bytes())?;
            out.extend_from_slice(&one.question);
            put_block(&mut out, one.answer.as_bytes())?;
        }
        if let Some(carried) = &self.carried {
            put_block(&mut out, carried.as_bytes())?;
        }
        Some(out)
    }

    fn read(text: &str, keys: &Keyring, binding: &Binding) -> Option<Self> {
        if text.len() > MAX_STATE {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
        let mut reader = Reader::new(payload);
        reader.u8().filter(|format| *format == FORMAT)?;
        let key: KeyId = reader.array()?;
        if !keys.verify(key, Purpose::RequestState, payload, tag) {
            return None;
        }
        Self::from_reader(reader, binding)
    }

    fn from_reader(mut reader: Reader<'_>, binding: &Binding) -> Option<Self> {
        let method = reader.u8()?;
        let round = reader.u8()?;
        let (params, subject) = (reader.array()?, Subject(reader.array()?));
        if method != binding.method.code() || params != binding.params || subject != binding.subject
        {
            return None;
        }
        let state = Self {
            binding: *binding,
            round,
            expires: u32::from_be_bytes(reader.array()?),
            nonce: reader.array()?,
            asked: several(&mut reader, asked)?,
            answered: several(&mut reader, answered)?,
            carried: match reader.is_empty() {
                true => None,
                false => Some(text(&mut reader)?),
            },
        };
        reader.is_empty().then_some(state)
    }
}

fn several<T>(reader: &mut Reader<'_>, one: fn(&mut Reader<'_>) -> Option<T>) -> Option<Vec<T>> {
    let count = reader.u8()?;
    (0..count).map(|_| one(reader)).collect()
}

fn asked(reader: &mut Reader<'_>) -> Option<PendingInput> {
    Some(PendingInput { key: text(reader)?, question: reader.array()? })
}

fn answered(reader: &mut Reader<'_>) -> Option<AnsweredInput> {
    Some(AnsweredInput { key: text(reader)?, question: reader.array()?, answer: text(reader)? })
}

fn text(reader: &mut Reader<'_>) -> Option<String> {
    String::from_utf8(reader.block()?.to_vec()).ok()
}

//! Frames: what a WebSocket message is made of.
//!
//! ```text
//! message = frame+
//! frame   = header length 4 (big endian) | header (a JSON object) | payload (`len` bytes of it)
//! ```
//!
//! Invariant: a frame says how long it is, so that frames which follow each other are a WebSocket message, too
//! ([`crate::bundle`]). The payload is never looked into here: an MCP message travels as the bytes that it was sent in.
//! A message may have thousands of frames: what limits a device counts frames. The only text messages are [`PING`] and [`PONG`], which a hibernating Durable Object answers in its sleep.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    limits::{MAX_FRAME, MAX_HEADER},
    message::Message,
};
use mcp_protocol::bytes::Reader;

/// The text with which a device shows that it is there.
pub const PING: &str = "ping";
/// The answer of the runtime.
pub const PONG: &str = "pong";

/// The largest sequence number: more is no exact number in JSON (RFC 8259 §6).
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// Which part of a message a frame has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Bytes of the message before this part.
    pub at: u64,
    /// Bytes of the whole message, as it is sent.
    pub total: u64,
}

/// The header of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The message.
    pub message: Message,
    /// The frame's number in its link, from 1; 0: it has none.
    pub seq: u64,
    /// Frames up to this number arrived; 0: none did.
    pub ack: u64,
    /// None: the payload is the whole message.
    pub part: Option<Part>,
    /// The message's payload is compressed, and has so many bytes without.
    pub inflated: Option<u64>,
}

impl From<Message> for Header {
    fn from(message: Message) -> Self {
        Self { message, seq: 0, ack: 0, part: None, inflated: None }
    }
}

/// A frame that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame<'a> {
    /// Its header.
    pub header: Header,
    /// Its payload.
    pub payload: &'a [u8],
}

/// Why a WebSocket message cannot be read or written. The socket is closed with [`crate::close_code::CloseCode::Protocol`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// It has no frame.
    #[error("the message is empty")]
    Empty,
    /// It is larger than [`MAX_FRAME`].
    #[error("the message has more than {MAX_FRAME} bytes")]
    TooLong,
    /// It ends within a frame.
    #[error("the message ends within a frame")]
    Cut,
    /// The header has no length that a header may have.
    #[error("a header has between 2 and {MAX_HEADER} bytes")]
    HeaderLength,
    /// The header is no JSON object, or a field of it is wrong.
    #[error("the header is malformed")]
    Header,
    /// Only one of `at` and `total` is there, or they do not fit.
    #[error("the header names a part that its message does not have")]
    Part,
    /// A sequence number is larger than [`MAX_SEQ`].
    #[error("a sequence number is above 2^53-1")]
    Sequence,
}

/// The fields that every header has, as they are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    t: String,
    must: bool,
    seq: u64,
    ack: u64,
    len: usize,
    at: Option<u64>,
    total: Option<u64>,
    inflated: Option<u64>,
}

/// A header as it is written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    message: &'a Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    len: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inflated: Option<u64>,
}

impl Header {
    /// A frame of this header and this payload.
    ///
    /// # Errors
    /// Where either is too long, or the message is one of [`Message::Unknown`].
    pub fn frame(&self, payload: &[u8]) -> Result<Vec<u8>, FrameError> {
        let header = serde_json::to_vec(&self.written(payload)).map_err(|_| FrameError::Header)?;
        if header.len() > MAX_HEADER {
            return Err(FrameError::HeaderLength);
        }
        let length = u32::try_from(header.len()).map_err(|_| FrameError::HeaderLength)?;
        let bytes = [&length.to_be_bytes(), &*header, payload].concat();
        if bytes.len() > MAX_FRAME { Err(FrameError::TooLong) } else { Ok(bytes) }
    }

    fn written(&self, payload: &[u8]) -> Written<'_> {
        let some = |number: u64| Some(number).filter(|number| *number > 0);
        Written {
            message: &self.message,
            seq: some(self.seq),
            ack: some(self.ack),
            len: Some(payload.len()).filter(|len| *len > 0),
            at: self.part.map(|part| part.at),
            total: self.part.map(|part| part.total),
            inflated: self.inflated,
        }
    }

    fn read(json: &[u8]) -> Result<(Self, usize), FrameError> {
        // A derived reader takes an array, too.
        if !json.starts_with(b"{") {
            return Err(FrameError::Header);
        }
        let fields: Fields = serde_json::from_slice(json).map_err(|_| FrameError::Header)?;
        let part = match (fields.at, fields.total) {
            (None, None) => None,
            (Some(at), Some(total)) => Some(Part { at, total }),
            _ => return Err(FrameError::Part),
        };
        if fields.seq.max(fields.ack) > MAX_SEQ {
            return Err(FrameError::Sequence);
        }
        let message =
            Message::read(&fields.t, fields.must, json).map_err(|_| FrameError::Header)?;
        let Fields { seq, ack, len, inflated, .. } = fields;
        Ok((Self { message, seq, ack, part, inflated }, len))
    }
}

/// The frames of a WebSocket message.
#[derive(Debug)]
pub struct Frames<'a>(Reader<'a>);

impl<'a> Frames<'a> {
    /// Reads a binary WebSocket message.
    ///
    /// # Errors
    /// Where it is empty or too long.
    pub fn of(message: &'a [u8]) -> Result<Self, FrameError> {
        match message.len() {
            0 => Err(FrameError::Empty),
            length if length > MAX_FRAME => Err(FrameError::TooLong),
            _ => Ok(Self(Reader::new(message))),
        }
    }

    fn read(&mut self) -> Result<Frame<'a>, FrameError> {
        let length = self.0.array().ok_or(FrameError::Cut)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(2..=MAX_HEADER).contains(&length) {
            return Err(FrameError::HeaderLength);
        }
        let (header, len) = Header::read(self.0.take(length).ok_or(FrameError::Cut)?)?;
        let payload = self.0.take(len).ok_or(FrameError::Cut)?;
        let end = header.part.map(|Part { at, .. }| at.saturating_add(payload.len() as u64));
        let total = header.part.map(|part| part.total);
        if end > total || (header.part.is_some() && payload.is_empty()) {
            return Err(FrameError::Part);
        }
        Ok(Frame { header, payload })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    /// The next frame. After an error there is no other.
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let frame = self.read();
        if frame.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        message::{Ack, Unknown},
        testing::{any_header, any_payload},
    };

    fn raw(header: &str, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(header.len()).unwrap().to_be_bytes();
        [&length, header.as_bytes(), payload].concat()
    }

    fn one(message: &[u8]) -> Result<Frame<'_>, FrameError> {
        let mut frames = Frames::of(message)?;
        let frame = frames.next().unwrap();
        assert!(frame.is_ok() || frames.next().is_none(), "nothing is read after an error");
        frame
    }

    #[test]
    fn a_header_is_small_json() {
        let frame = Header { ack: 7, ..Message::Ack(Ack {}).into() }.frame(b"").unwrap();
        assert_eq!(frame, raw(r#"{"t":"ack","ack":7}"#, b""));
        let whole = raw(r#"{"t":"metrics","period_ms":1,"ended_ms_ago":0,"len":2}"#, b"{}");
        let read = one(&whole).unwrap();
        assert_eq!((read.payload, read.header.frame(b"{}")), (&b"{}"[..], Ok(whole.clone())));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let long = vec![0; MAX_FRAME + 1];
        for (message, error) in [
            (&b""[..], FrameError::Empty),
            (&long, FrameError::TooLong),
            (&[0, 0, 0], FrameError::Cut),
            (&[0, 0, 0, 0], FrameError::HeaderLength),
            (&[0xff, 0xff, 0xff, 0xff, b'{', b'}'], FrameError::HeaderLength),
            (&[0, 0, 0, 9, b'{', b'}'], FrameError::Cut),
            (&raw("not json", b""), FrameError::Header),
            (&raw(r#"["ack"]"#, b""), FrameError::Header),
            (&raw(r#"["warp"]"#, b""), FrameError::Header),
            (&raw(r#"{"t":"ack""#, b""), FrameError::Header),
            (&raw(r#"{"t":"ack","seq":-1}"#, b""), FrameError::Header),
            (&raw(r#"{"t":"ack","seq":1,"seq":1}"#, b""), FrameError::Header),
            (&raw(r#"{"t":"data"}"#, b""), FrameError::Header),
            (&raw(r#"{"t":"data","ch":"1"}"#, b""), FrameError::Header),
            (&raw(r#"{"t":"ack","len":4}"#, b"abc"), FrameError::Cut),
            (&raw(r#"{"t":"ack","len":18446744073709551615}"#, b""), FrameError::Cut),
            (&raw(r#"{"t":"ack","seq":9007199254740992}"#, b""), FrameError::Sequence),
            (&raw(r#"{"t":"ack","ack":9007199254740992}"#, b""), FrameError::Sequence),
            (&raw(r#"{"t":"ack","at":0,"len":1}"#, b"a"), FrameError::Part),
            (&raw(r#"{"t":"ack","at":0,"total":0}"#, b""), FrameError::Part),
            (&raw(r#"{"t":"ack","at":1,"total":1,"len":1}"#, b"a"), FrameError::Part),
        ] {
            assert_eq!(one(message), Err(error), "{}", String::from_utf8_lossy(message));
        }
    }

    #[test]
    fn unknown_messages_and_fields_are_no_errors() {
        for (json, must) in [
            (r#"{"t":"warp","seq":3,"must":true,"len":1}"#, true),
            (r#"{"t":"warp","seq":3,"factor":{"a":[9]},"len":1}"#, false),
        ] {
            let message = raw(json, b"x");
            let header = one(&message).unwrap().header;
            let unknown = Unknown { name: "warp".into(), must };
            assert_eq!((header.seq, &header.message), (3, &Message::Unknown(unknown)));
            assert_eq!(header.frame(b""), Err(FrameError::Header), "it is never sent on");
        }
        assert!(one(&raw("{}", b"")).is_ok(), "no name is a name that is not known");
        let deep = format!(r#"{{"t":"ack","x":{}1{}}}"#, "[".repeat(7_000), "]".repeat(7_000));
        assert!(one(&raw(&deep, b"")).is_ok(), "what is ignored is not recursed into");
        assert!(one(&raw(r#"{"t":"bye","reason":"bored","until":5}"#, b"")).is_ok());
    }

    #[test]
    fn a_header_that_is_too_long_is_not_sent() {
        let name = "n".repeat(MAX_HEADER);
        let header: Header = Message::Unsupported(crate::message::Unsupported { name }).into();
        assert_eq!(header.frame(b""), Err(FrameError::HeaderLength));
        let payload = vec![0; MAX_FRAME];
        assert_eq!(Header::from(Message::Ack(Ack {})).frame(&payload), Err(FrameError::TooLong));
    }

    proptest! {
        #[test]
        fn frames_are_read_as_they_were_written(
            frames in prop::collection::vec((any_header(), any_payload()), 1..5),
        ) {
            let written = frames.iter().map(|(header, payload)| header.frame(payload).unwrap());
            let message = written.collect::<Vec<_>>().concat();
            let read: Result<Vec<_>, _> = Frames::of(&message).unwrap().collect();
            let read = read.unwrap().into_iter().map(|frame| (frame.header, frame.payload.to_vec()));
            prop_assert_eq!(read.collect::<Vec<_>>(), frames);
        }

        #[test]
        fn no_bytes_are_read_beyond_a_message_or_panic(
            header in any_header(), payload in any_payload(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
        ) {
            let mut message = header.frame(&payload).unwrap();
            let at = at.index(message.len());
            message[at] = byte;
            message.truncate(cut.index(message.len()).max(1));
            let read: usize = Frames::of(&message).unwrap().flatten().map(|frame| frame.payload.len()).sum();
            prop_assert!(read < message.len());
        }
    }
}

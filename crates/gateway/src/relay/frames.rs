//! What an upstream's object tells the Worker about a call that it relays: a stream of frames.
//!
//! Invariant: a frame is its length in four bytes, the most significant first, and as many bytes of JSON.
//! What an upstream sent may hold line ends, so that lines would not do.

use mcp_protocol::{jsonrpc::RpcError, log_level::LoggingLevel, stateless::mrtr::KeyedRequest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

/// Bytes that a frame may have: more than the largest answer of an upstream.
const MAX_FRAME: usize = 40 << 20;

/// One frame.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// A `notifications/progress`.
    Progress {
        /// How far it is.
        progress: f64,
        /// How far it goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<f64>,
        /// The message for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A `notifications/message`.
    Log {
        /// Its level.
        level: LoggingLevel,
        /// Its logger.
        logger: String,
        /// Its data.
        data: serde_json::Value,
    },
    /// The call waits for answers of the client. The last frame of a stream.
    Ask {
        /// The life of the object in which it waits.
        epoch: String,
        /// The call that waits.
        park: u64,
        /// How many rounds it has had.
        round: u64,
        /// All questions that are open.
        questions: Vec<KeyedRequest>,
    },
    /// The call goes on. Sent where nothing else was for a while, so that silence means that the object
    /// went away.
    Alive,
    /// The frame that follows does not say whether something was changed.
    Unknown,
    /// The upstream's result. The last frame of a stream.
    Result(Box<RawValue>),
    /// The upstream's error, or why there is none. The last frame of a stream.
    Error(RpcError),
}

/// The stream is none of frames, or broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the object's answer broke off")]
pub struct FrameError;

impl Frame {
    /// The bytes on the stream.
    pub fn to_bytes(&self) -> Vec<u8> {
        let expected = match self {
            Self::Result(result) => result.get().len().saturating_add(32),
            _ => 256,
        };
        let mut bytes = Vec::with_capacity(expected);
        bytes.extend_from_slice(&[0; 4]);
        if serde_json::to_writer(&mut bytes, self).is_err() {
            bytes.truncate(4);
        }
        let length = bytes.len().saturating_sub(4);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if let Some(head) = bytes.first_chunk_mut() {
            *head = length.to_be_bytes();
        }
        bytes
    }
}

/// Puts frames together from the chunks of a stream.
#[derive(Debug, Default)]
pub struct FrameReader {
    waiting: Vec<u8>,
}

impl FrameReader {
    /// Takes a chunk.
    ///
    /// # Errors
    /// Where a frame would be larger than the largest answer.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), FrameError> {
        self.waiting.extend_from_slice(chunk);
        match self.length() {
            Some(length) if length > MAX_FRAME => Err(FrameError),
            _ => Ok(()),
        }
    }

    /// The next frame. None: it has not arrived whole.
    ///
    /// # Errors
    /// Where it is none.
    pub fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(length) = self.length() else {
            return Ok(None);
        };
        let end = length.saturating_add(4);
        let Some(json) = self.waiting.get(4..end) else {
            return Ok(None);
        };
        let frame = serde_json::from_slice(json).map_err(|_| FrameError)?;
        self.waiting.drain(..end);
        Ok(Some(frame))
    }

    fn length(&self) -> Option<usize> {
        let (length, _) = self.waiting.split_first_chunk::<4>()?;
        usize::try_from(u32::from_be_bytes(*length)).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames() -> Vec<Frame> {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        vec![
            Frame::Alive,
            Frame::Progress { progress: 0.5, total: None, message: Some("ü\n".into()) },
            Frame::Result(raw("{\n  \"big\": 123456789012345678901234567890,\n \"a\" : 1.0 }")),
        ]
    }

    proptest! {
        #[test]
        fn frames_are_read_however_they_are_cut(sizes in prop::collection::vec(1_usize..9, 1..200)) {
            let all: Vec<u8> = frames().iter().flat_map(Frame::to_bytes).collect();
            let (mut reader, mut rest, mut read) = (FrameReader::default(), &all[..], Vec::new());
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, after) = rest.split_at((*size).min(rest.len()));
                rest = after;
                reader.push(chunk).unwrap();
                while let Some(frame) = reader.take().unwrap() {
                    read.push(serde_json::to_string(&frame).unwrap());
                }
            }
            let sent: Vec<String> =
                frames().iter().map(|frame| serde_json::to_string(frame).unwrap()).collect();
            prop_assert_eq!(read, sent);
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let mut reader = FrameReader::default();
        assert!(reader.push(&[0xff, 0xff, 0xff, 0xff]).is_err());
        let mut reader = FrameReader::default();
        reader.push(&[0, 0, 0, 2, b'{', b'}']).unwrap();
        assert!(reader.take().is_err());
    }
}

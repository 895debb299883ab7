//! The answer of a call in one piece, for a client that takes JSON and no event stream.
//!
//! Invariant: the call runs as it would for any other client. Its stream is read to its end here, and
//! notifications on it are left out. A session's object refuses a question of such a call; one that is
//! on the stream all the same ends the wait, because the client cannot hear it.

use futures_util::{Stream, StreamExt as _};
use worker::Result;

use crate::error::AppResult;
use mcp_auth::refusal::Refusal;
use mcp_protocol::fields::fields;

/// Reads a call's stream until its answer.
///
/// # Errors
/// Where the call asks its client something, or the stream ends before its answer.
pub(super) async fn read_response<S>(mut stream: S) -> AppResult<Vec<u8>>
where
    S: Stream<Item = Result<Vec<u8>>> + Unpin,
{
    let mut events = Events::default();
    while let Some(chunk) = stream.next().await {
        match events.push(&chunk?) {
            None => {}
            Some(StreamMessage::Answer(body)) => return Ok(body),
            Some(StreamMessage::Question) => return Err(Refusal::AcceptQuestion.into()),
        }
    }
    Err(Refusal::Failed.into())
}

/// An event of a call's stream that is not a notification.
#[derive(Debug, PartialEq, Eq)]
enum StreamMessage {
    /// The response, or a batch of them.
    Answer(Vec<u8>),
    /// A request to the client.
    Question,
}

/// Events that come in pieces.
#[derive(Debug, Default)]
struct Events {
    text: Vec<u8>,
    /// Bytes in which no event ends.
    searched: usize,
}

impl Events {
    fn push(&mut self, chunk: &[u8]) -> Option<StreamMessage> {
        self.text.extend_from_slice(chunk);
        while let Some(end) = self.end() {
            let event: Vec<u8> = self.text.drain(..end).collect();
            self.searched = 0;
            if let Some(heard) = stream_message(&event) {
                return Some(heard);
            }
        }
        None
    }

    /// Where the first event ends.
    fn end(&mut self) -> Option<usize> {
        let from = self.searched.saturating_sub(1);
        let rest = self.text.get(from..).unwrap_or_default();
        let found = rest.windows(2).position(|pair| pair == b"\n\n");
        self.searched = self.text.len();
        found.map(|at| at.saturating_add(from).saturating_add(2))
    }
}

fn stream_message(event: &[u8]) -> Option<StreamMessage> {
    let lines = event.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data: "));
    let data = lines.collect::<Vec<_>>().join(&b'\n');
    let text = std::str::from_utf8(&data).ok().filter(|text| !text.trim().is_empty())?;
    // A batch is no object, and has neither.
    let [method, id] = fields(text, ["method", "id"]).unwrap_or([None; 2]);
    match (method, id) {
        (None, _) => Some(StreamMessage::Answer(data)),
        (Some(_), Some(_)) => Some(StreamMessage::Question),
        (Some(_), None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_protocol::event;

    fn first(stream: &[u8], size: usize) -> Option<StreamMessage> {
        let mut events = Events::default();
        stream.chunks(size).find_map(|chunk| events.push(chunk))
    }

    fn stream(messages: &[&str]) -> Vec<u8> {
        let head = [event::priming("a.0"), event::KEEP_ALIVE.to_vec(), event::retry(500)].concat();
        let each = messages.iter().map(|json| event::message(Some("a.1"), json.as_bytes()));
        [head, each.collect::<Vec<_>>().concat()].concat()
    }

    #[test]
    fn the_answer_is_found_behind_notifications_in_pieces_of_any_size() {
        let told = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
        for answer in
            [r#"{"jsonrpc":"2.0","id":1,"result":{"method":"x"}}"#, r#"[{"id":1},{"id":2}]"#]
        {
            let stream = stream(&[told, told, answer]);
            for size in [1, 2, 7, 10_000] {
                assert_eq!(
                    first(&stream, size),
                    Some(StreamMessage::Answer(answer.into())),
                    "{size}"
                );
            }
        }
        assert_eq!(first(&stream(&[told]), 3), None);
    }

    #[test]
    fn a_question_is_no_answer() {
        let asked = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
        assert_eq!(first(&stream(&[asked, "{}"]), 5), Some(StreamMessage::Question));
    }
}

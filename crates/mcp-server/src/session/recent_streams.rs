//! The ended streams that clients may read on from memory, of all sessions of an object.
//!
//! Invariant: together they take no more than [`MAX_BYTES`], for any number of sessions. The
//! oldest go first; the final answer of a call that streamed is in storage, too.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use uuid::Uuid;

use crate::channel::Channel;
use mcp_protocol::event::StreamId;

/// Bytes of all ended streams of an object.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Ended streams of an object.
const MAX_STREAMS: usize = 1_024;
/// Ended streams of one session.
const MAX_OF_SESSION: usize = 16;

/// The ended streams of an object, oldest first.
#[derive(Default)]
pub struct RecentStreams(RefCell<VecDeque<EndedStream>>);

struct EndedStream {
    session: Uuid,
    stream: StreamId,
    channel: Rc<Channel>,
}

impl RecentStreams {
    /// Remembers the stream of a session's call, where its answer became one.
    pub fn remember(&self, session: Uuid, channel: &Rc<Channel>) {
        let Some(stream) = channel.stream().filter(|_| channel.is_streamed()) else {
            return;
        };
        let mut ended = self.0.borrow_mut();
        // A request that was taken back may end after the rest of its batch.
        ended.retain(|known| !Rc::ptr_eq(&known.channel, channel));
        let of_session = ended.iter().filter(|known| known.session == session).count();
        if of_session >= MAX_OF_SESSION
            && let Some(oldest) = ended.iter().position(|known| known.session == session)
        {
            ended.remove(oldest);
        }
        ended.push_back(EndedStream { session, stream, channel: channel.clone() });
    }

    /// Makes room: a call's answer is in its stream only once the call is over.
    pub fn trim(&self) {
        let mut ended = self.0.borrow_mut();
        let mut bytes: usize = ended.iter().map(|known| known.channel.weight()).sum();
        while bytes > MAX_BYTES || ended.len() > MAX_STREAMS {
            let Some(oldest) = ended.pop_front() else {
                return;
            };
            bytes = bytes.saturating_sub(oldest.channel.weight());
        }
    }

    /// The stream of a session's call.
    pub fn find(&self, session: Uuid, stream: &StreamId) -> Option<Rc<Channel>> {
        let ended = self.0.borrow();
        let found = ended.iter().find(|known| known.session == session && known.stream == *stream);
        found.map(|known| known.channel.clone())
    }

    /// Forgets the streams of a session that was ended.
    pub fn forget(&self, session: Uuid) {
        self.0.borrow_mut().retain(|known| known.session != session);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::channel::Reply;
    use mcp_protocol::jsonrpc::RequestId;

    /// Remembers a call, which ends afterwards with an answer of this length.
    fn end(recent: &RecentStreams, session: u128, number: u32, bytes: usize) -> StreamId {
        let id = RequestId::read(&RawValue::from_string("1".into()).unwrap()).unwrap();
        let stream = StreamId::of_call("i", number, &id);
        let channel = Channel::new();
        channel.name(id, stream.clone(), false);
        channel.push(b"{}");
        recent.remember(Uuid::from_u128(session), &channel);
        channel.finish(Reply::Json { status: 200, body: vec![b'1'; bytes] });
        recent.trim();
        stream
    }

    fn weight(recent: &RecentStreams) -> usize {
        recent.0.borrow().iter().map(|known| known.channel.weight()).sum()
    }

    fn has(recent: &RecentStreams, session: u128, stream: &StreamId) -> bool {
        recent.find(Uuid::from_u128(session), stream).is_some()
    }

    #[test]
    fn the_answers_of_all_sessions_have_one_budget_and_the_oldest_go_first() {
        let recent = RecentStreams::default();
        let mut streams = Vec::new();
        for session in 0..60 {
            streams.push(end(&recent, session, 0, 2_000_000));
            assert!(weight(&recent) <= MAX_BYTES);
        }
        assert!(!has(&recent, 0, &streams[0]) && !has(&recent, 51, &streams[51]));
        assert!(has(&recent, 52, &streams[52]) && has(&recent, 59, &streams[59]));
        assert!(!has(&recent, 100, &streams[59]), "a stream of another session");
        // One that is larger than all may be is not kept either.
        let huge = end(&recent, 60, 1, MAX_BYTES + 1);
        assert!(!has(&recent, 60, &huge) && weight(&recent) == 0);
    }

    #[test]
    fn one_session_does_not_push_out_all_others() {
        let recent = RecentStreams::default();
        let other = end(&recent, 1, 7, 10);
        let first = end(&recent, 2, 0, 10);
        for number in 1..100 {
            end(&recent, 2, number, 10);
        }
        assert!(has(&recent, 1, &other) && !has(&recent, 2, &first));
        assert_eq!(recent.0.borrow().len(), MAX_OF_SESSION + 1);
    }

    #[test]
    fn the_streams_of_a_session_that_ended_are_forgotten() {
        let recent = RecentStreams::default();
        let (one, two) = (end(&recent, 1, 0, 10), end(&recent, 2, 0, 10));
        recent.forget(Uuid::from_u128(1));
        assert!(!has(&recent, 1, &one) && has(&recent, 2, &two));
    }

    #[test]
    fn a_call_that_never_streamed_is_not_remembered() {
        let recent = RecentStreams::default();
        let id = RequestId::read(&RawValue::from_string("1".into()).unwrap()).unwrap();
        let channel = Channel::new();
        channel.name(id.clone(), StreamId::of_call("i", 0, &id), true);
        recent.remember(Uuid::from_u128(1), &channel);
        assert!(recent.0.borrow().is_empty());
    }
}

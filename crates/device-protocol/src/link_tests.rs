//! A link loses no frame and brings none twice, over any number of sockets.

use proptest::prelude::*;

use crate::{
    frame::{Frame, Frames, Header, MAX_SEQ},
    limits::{ACK_MS, CHUNK, WINDOW_BYTES, WINDOW_FRAMES},
    link::{Arrival, Link, LinkError, Position},
    message::{Ack, Class, Message, Stored},
};

fn numbered(last: u64) -> Header {
    Message::Stored(Stored { last }).into()
}

fn frame(bytes: &[u8]) -> Frame<'_> {
    Frames::of(bytes).unwrap().next().unwrap().unwrap()
}

fn receive(link: &mut Link, bytes: &[u8], now_ms: u64) -> Result<Arrival, LinkError> {
    let frame = frame(bytes);
    link.receive(&frame.header, frame.payload.len(), now_ms)
}

#[test]
fn frames_are_numbered_from_1_and_acknowledge_what_arrived() {
    let (mut ours, mut theirs) = (Link::default(), Link::default());
    let first = ours.send(numbered(7), b"a").unwrap().to_vec();
    assert_eq!((frame(&first).header.seq, frame(&first).header.ack), (1, 0));
    assert_eq!(receive(&mut theirs, &first, 0), Ok(Arrival::New));
    assert_eq!(receive(&mut theirs, &first, 0), Ok(Arrival::Again));
    let answer = theirs.send(numbered(8), b"").unwrap().to_vec();
    assert_eq!((frame(&answer).header.seq, frame(&answer).header.ack), (1, 1));
    assert!(!ours.is_settled());
    assert_eq!(receive(&mut ours, &answer, 0), Ok(Arrival::New));
    assert!(ours.is_settled());
}

#[test]
fn a_frame_that_is_missing_or_numbered_wrongly_ends_the_link() {
    let header = |seq, ack| Header { seq, ack, ..numbered(1) };
    let mut link = Link::default();
    assert_eq!(link.receive(&header(2, 0), 0, 0), Err(LinkError::Gap { expected: 1, got: 2 }));
    assert_eq!(link.receive(&header(0, 0), 0, 0), Err(LinkError::Numbering));
    let ack = Header { seq: 1, ..Message::Ack(Ack {}).into() };
    assert_eq!(link.receive(&ack, 0, 0), Err(LinkError::Numbering));
    assert_eq!(link.receive(&header(1, 1), 0, 0), Err(LinkError::NotSent(1)));
    assert_eq!(link.position(), Position::default());
}

#[test]
fn an_acknowledgement_waits_a_second_for_a_frame_that_carries_it() {
    let mut link = Link::default();
    assert_eq!(link.ack_at_ms(), None);
    for seq in 1..=63 {
        link.receive(&Header { seq, ..numbered(1) }, 1, 500 + seq).unwrap();
    }
    assert_eq!(link.ack_at_ms(), Some(501 + ACK_MS));
    link.receive(&Header { seq: 64, ..numbered(1) }, 1, 600).unwrap();
    assert_eq!(link.ack_at_ms(), Some(501), "many frames");
    assert_eq!(frame(link.ack().unwrap()).header.ack, 64);
    assert_eq!(link.ack_at_ms(), None);
    link.receive(&Header { seq: 65, ..numbered(1) }, WINDOW_BYTES / 4, 700).unwrap();
    assert_eq!(link.ack_at_ms(), Some(700), "many bytes");
}

#[test]
fn a_window_is_full_of_frames_or_bytes_and_has_a_reserve_for_control() {
    for payload in [&b"x"[..], &vec![0; CHUNK]] {
        let mut link = Link::default();
        while link.has_room(Class::Mcp) {
            link.send(numbered(1), payload).unwrap();
        }
        assert!(link.has_room(Class::Control));
        while link.has_room(Class::Control) {
            link.send(numbered(1), b"x").unwrap();
        }
        let kept: Vec<usize> = link.resume(0).unwrap().map(<[u8]>::len).collect();
        assert!(kept.len() <= WINDOW_FRAMES && kept.iter().sum::<usize>() <= WINDOW_BYTES);
    }
}

#[test]
fn an_object_that_lost_its_memory_goes_on_but_resumes_only_what_was_acknowledged() {
    let at = Position { sent: 5, received: 9 };
    assert_eq!(Link::at(at).resume(5).unwrap().count(), 0);
    assert_eq!(Link::at(at).resume(4).err(), Some(LinkError::Lost));
    assert_eq!(Link::at(at).resume(6).err(), Some(LinkError::NotSent(6)));
    let mut link = Link::at(at);
    assert_eq!(link.receive(&Header { seq: 10, ack: 3, ..numbered(1) }, 0, 0), Ok(Arrival::New));
    assert_eq!(frame(link.send(numbered(1), b"").unwrap()).header.seq, 6);
    assert_eq!(link.position(), Position { sent: 6, received: 10 });
}

#[test]
fn the_largest_number_is_the_last() {
    let mut link = Link::at(Position { sent: MAX_SEQ, received: MAX_SEQ });
    assert!(!link.has_room(Class::Control) && link.send(numbered(1), b"").is_err());
    assert!(link.receive(&Header { seq: MAX_SEQ, ..numbered(1) }, 0, 0) == Ok(Arrival::Again));
}

/// A step of two sides that talk.
#[derive(Debug, Clone)]
enum Step {
    /// One side sends a frame.
    Send { to_right: bool },
    /// The oldest frames of a direction arrive.
    Deliver { to_right: bool, frames: usize },
    /// One side only acknowledges.
    Ack { to_right: bool },
    /// The socket ends with everything that is on its way, and the link is resumed over another one.
    Cut,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => any::<bool>().prop_map(|to_right| Step::Send { to_right }),
        4 => (any::<bool>(), 1..8_usize).prop_map(|(to_right, frames)| Step::Deliver { to_right, frames }),
        1 => any::<bool>().prop_map(|to_right| Step::Ack { to_right }),
        1 => Just(Step::Cut),
    ];
    prop::collection::vec(step, 0..400)
}

/// One side: its link, how many messages it sent, and those that it got.
#[derive(Default)]
struct Side {
    link: Link,
    sent: u64,
    got: Vec<u64>,
    /// What is on its way to it.
    incoming: Vec<Vec<u8>>,
}

impl Side {
    fn take(&mut self, frames: usize) {
        let frames = frames.min(self.incoming.len());
        for bytes in self.incoming.drain(..frames) {
            let Frame { header, payload } = frame(&bytes);
            if self.link.receive(&header, payload.len(), 0).unwrap() == Arrival::New
                && let Message::Stored(Stored { last }) = header.message
            {
                self.got.push(last);
            }
        }
    }

    fn resume(&mut self, other_received: u64) -> Vec<Vec<u8>> {
        self.link.resume(other_received).unwrap().map(<[u8]>::to_vec).collect()
    }
}

proptest! {
    #[test]
    fn a_link_that_is_resumed_loses_no_frame_and_brings_none_twice(steps in steps()) {
        let (mut left, mut right) = (Side::default(), Side::default());
        for step in steps.into_iter().chain([Step::Cut]) {
            match step {
                Step::Send { to_right } => {
                    let (from, to) = if to_right { (&mut left, &mut right) } else { (&mut right, &mut left) };
                    if from.link.has_room(Class::Mcp) {
                        from.sent = from.sent.saturating_add(1);
                        to.incoming.push(from.link.send(numbered(from.sent), b"p").unwrap().to_vec());
                    }
                }
                Step::Deliver { to_right, frames } => {
                    if to_right { right.take(frames) } else { left.take(frames) }
                }
                Step::Ack { to_right } => {
                    let (from, to) = if to_right { (&mut left, &mut right) } else { (&mut right, &mut left) };
                    to.incoming.push(from.link.ack().unwrap().to_vec());
                }
                Step::Cut => {
                    let (of_left, of_right) = (left.link.position().received, right.link.position().received);
                    right.incoming = left.resume(of_right);
                    left.incoming = right.resume(of_left);
                }
            }
        }
        left.take(usize::MAX);
        right.take(usize::MAX);
        prop_assert_eq!(right.got, (1..=left.sent).collect::<Vec<_>>());
        prop_assert_eq!(left.got, (1..=right.sent).collect::<Vec<_>>());
    }
}

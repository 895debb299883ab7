//! What leaves an outbox, over a link, into an assembler.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    assembler::Assembler,
    channel::ChannelId,
    credit::{ReceiveCredits, SendCredits},
    exchange::{Cancel, CancelReason, Data},
    frame::{Frame, Frames},
    limits::{CHUNK, Limits, MAX_ASSEMBLY},
    link::{Arrival, Link},
    message::{Class, Lane, Logs, Message, Metrics, State, Stored},
    outbox::{Outbox, OutboxError, Outgoing},
};

const LIMITS: Limits = Limits::OF_WORKER;

fn channel(number: u64) -> ChannelId {
    ChannelId::new(number)
}

fn data(number: u64) -> Message {
    Data { ch: channel(number) }.into()
}

fn logs() -> Message {
    Logs { first: 1, last: 2, lines: 2, bytes: 9, codec: "gzip".into(), dropped: 0 }.into()
}

fn outbox() -> (Outbox, SendCredits) {
    let mut credits = SendCredits::new(LIMITS);
    (1..=8).for_each(|number| credits.open(channel(number)));
    (Outbox::new(LIMITS, false), credits)
}

fn next(outbox: &mut Outbox, credits: &mut SendCredits) -> Option<Outgoing> {
    outbox.next(credits, |_| true, 0)
}

/// The lanes of everything that may leave.
fn leaving(outbox: &mut Outbox, credits: &mut SendCredits) -> Vec<Lane> {
    std::iter::from_fn(|| next(outbox, credits)).map(|out| out.header.message.lane()).collect()
}

#[test]
fn what_is_urgent_leaves_first() {
    let (mut outbox, mut credits) = outbox();
    let stored = Message::from(Stored { last: 1 });
    for message in [
        logs(),
        Metrics { period_ms: 1, ended_ms_ago: 0 }.into(),
        State { observed_generation: 1 }.into(),
        data(1),
        stored,
    ] {
        outbox.push(message, b"p".to_vec()).unwrap();
    }
    let classes = [Class::State, Class::Metrics, Class::Logs].map(Lane::Class);
    let first = [Lane::Class(Class::Control), Lane::Channel(channel(1))];
    assert_eq!(leaving(&mut outbox, &mut credits), [&first[..], &classes].concat());
    assert!(outbox.is_empty());
}

#[test]
fn a_command_is_held_up_by_one_chunk_of_a_long_message() {
    let (mut outbox, mut credits) = outbox();
    outbox.push(data(1), vec![7; 3 * CHUNK]).unwrap();
    assert_eq!(next(&mut outbox, &mut credits).unwrap().payload.len(), CHUNK);
    outbox.push(Stored { last: 1 }.into(), vec![]).unwrap();
    let urgent = next(&mut outbox, &mut credits).unwrap();
    assert_eq!(urgent.header.message, Stored { last: 1 }.into());
    assert_eq!(leaving(&mut outbox, &mut credits).len(), 2);
}

#[test]
fn channels_take_turns_and_keep_their_own_order() {
    let (mut outbox, mut credits) = outbox();
    for payload in [vec![1; 2 * CHUNK], vec![2]] {
        outbox.push(data(1), payload).unwrap();
    }
    let cancel = Cancel { ch: channel(2), reason: CancelReason::Gone };
    outbox.push(cancel.into(), vec![]).unwrap();
    outbox.push(data(2), vec![3]).unwrap();
    assert_eq!(outbox.waiting(channel(1)), 2 * CHUNK + 1);
    let lanes = leaving(&mut outbox, &mut credits);
    assert_eq!(lanes, [1, 2, 1, 2, 1].map(|number| Lane::Channel(channel(number))));
}

#[test]
fn a_channel_without_credit_holds_up_no_other() {
    let (mut outbox, mut credits) = outbox();
    outbox.push(data(1), vec![1; 2 << 20]).unwrap();
    outbox.push(data(2), vec![2]).unwrap();
    let lanes = leaving(&mut outbox, &mut credits);
    assert_eq!(lanes.iter().filter(|lane| **lane == Lane::Channel(channel(1))).count(), 4);
    assert!(lanes.contains(&Lane::Channel(channel(2))));
    assert_eq!(outbox.waiting(channel(1)), 1 << 20);
    assert_eq!(credits.starved(30_000), [channel(1)]);
    outbox.drop_channel(channel(1));
    assert!(outbox.is_empty() && outbox.waiting(channel(1)) == 0);
    assert!(next(&mut outbox, &mut credits).is_none());
}

#[test]
fn a_full_link_takes_control_only() {
    let (mut outbox, mut credits) = outbox();
    outbox.push(data(1), vec![1]).unwrap();
    outbox.push(Stored { last: 1 }.into(), vec![]).unwrap();
    let full = |class| class == Class::Control;
    assert!(outbox.next(&mut credits, full, 0).is_some());
    assert!(outbox.next(&mut credits, full, 0).is_none());
    assert_eq!(credits.starved(99_000), [], "it did not wait for credit");
}

#[test]
fn too_large_and_too_much_is_not_taken() {
    let (mut outbox, _) = outbox();
    let limit = 16 << 20;
    let too_large = OutboxError::TooLarge { size: limit + 1, limit };
    assert_eq!(outbox.push(data(1), vec![0; limit + 1]), Err(too_large));
    assert!(matches!(outbox.push(logs(), vec![0; limit]), Err(OutboxError::TooLarge { .. })));
    while outbox.waiting(channel(1)) <= MAX_ASSEMBLY {
        outbox.push(data(1), vec![0; limit]).unwrap();
    }
    assert_eq!(outbox.push(data(2), vec![0]), Err(OutboxError::Full));
    assert_eq!(outbox.push(Stored { last: 1 }.into(), vec![]), Ok(()), "control still passes");
    outbox.drop_channel(channel(1));
    assert_eq!(outbox.push(data(2), vec![0]), Ok(()), "there is room again");
}

/// A message of one of some lanes, and its payload.
fn any_message() -> impl Strategy<Value = (Message, Vec<u8>)> {
    let message = prop_oneof![
        4 => (1..=3_u64).prop_map(data),
        1 => Just(Message::from(Stored { last: 1 })),
        1 => Just(logs()),
        1 => Just(Message::from(State { observed_generation: 1 })),
    ];
    let size = prop_oneof![3 => 0..2_000_usize, 1 => 0..700_000_usize];
    (message, size, any::<u8>()).prop_map(|(message, size, seed)| {
        let byte = |at: usize| (at / 7 % 251) as u8 ^ seed;
        (message, (0..size).map(byte).collect())
    })
}

/// The payloads of each lane in their order; those of a body as one, because where it is cut means nothing.
fn by_lane(messages: Vec<(Message, Vec<u8>)>) -> BTreeMap<Lane, Vec<Vec<u8>>> {
    let mut lanes: BTreeMap<Lane, Vec<Vec<u8>>> = BTreeMap::new();
    for (message, payload) in messages {
        let lane = lanes.entry(message.lane()).or_default();
        match lane.last_mut().filter(|_| message.channel().is_some()) {
            Some(body) => body.extend(payload),
            None => lane.push(payload),
        }
    }
    lanes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is pushed, whenever frames leave, and however often the socket is cut: every message arrives once, whole, and in
    /// the order of its lane.
    #[test]
    fn messages_arrive_whole_and_in_order_under_any_interleaving(
        messages in prop::collection::vec((any_message(), 0..4_u8, any::<bool>()), 1..20), compresses: bool,
    ) {
        let (_, mut credits) = outbox();
        let mut outbox = Outbox::new(LIMITS, compresses);
        let (mut left, mut right) = (Link::default(), Link::default());
        let (mut assembler, mut received) = (Assembler::new(LIMITS), ReceiveCredits::new(LIMITS));
        (1..=8).for_each(|number| received.open(channel(number)));
        let mut on_the_way: Vec<Vec<u8>> = Vec::new();
        let expected: Vec<_> = messages.iter().map(|((message, payload), ..)| (message.clone(), payload.clone())).collect();
        let mut got = Vec::new();
        let steps = messages.into_iter().map(Some).chain(std::iter::repeat_n(None, 4_000));
        for step in steps {
            let is_over = step.is_none();
            let (frames, is_cut) = match step {
                Some(((message, payload), frames, is_cut)) => {
                    outbox.push(message, payload).unwrap();
                    (frames, is_cut)
                }
                None => (4, false),
            };
            for _ in 0..frames {
                if let Some(out) = outbox.next(&mut credits, |class| left.has_room(class), 0) {
                    on_the_way.push(left.send(out.header, &out.payload).unwrap().to_vec());
                }
            }
            if is_cut {
                on_the_way = left.resume(right.position().received).unwrap().map(<[u8]>::to_vec).collect();
            }
            let half = if is_over { on_the_way.len() } else { on_the_way.len() / 2 };
            for bytes in on_the_way.drain(..half) {
                let frame: Frame<'_> = Frames::of(&bytes).unwrap().next().unwrap().unwrap();
                if right.receive(&frame.header, frame.payload.len(), 0).unwrap() == Arrival::Again {
                    continue;
                }
                let size = frame.payload.len() as u64;
                prop_assert!(frame.payload.len() <= CHUNK);
                if let Some(channel) = frame.header.message.channel() {
                    prop_assert_eq!(received.receive(channel, size), Ok(()));
                    for credit in received.take(channel, size) {
                        credits.grant(credit).unwrap();
                    }
                }
                if let Some(received) = assembler.take(frame).unwrap() {
                    got.push((received.message, received.payload));
                }
            }
            let ack = right.ack().unwrap().to_vec();
            let ack = Frames::of(&ack).unwrap().next().unwrap().unwrap();
            left.receive(&ack.header, 0, 0).unwrap();
            if is_over && outbox.is_empty() && on_the_way.is_empty() && left.is_settled() {
                break;
            }
        }
        prop_assert!(by_lane(got) == by_lane(expected));
    }
}

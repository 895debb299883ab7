//! Any message and any header, for property tests.

use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    channel::ChannelId,
    command::{Action, Command, CommandId, CommandResult, Outcome},
    exchange::{Cancel, CancelReason, Credit, Data, End, FailReason, Failed, Head, Open},
    fault::{Fault, Place, Provenance, Sent},
    frame::{Header, MAX_SEQ, Part},
    hello::{Capabilities, Challenge, Hello, Resume, Versions, Welcome},
    limits::Limits,
    message::{
        Ack, Bye, ByeReason, Desired, Logs, Message, Metrics, State, Stored, Unsupported, Watch,
    },
};

/// One message of each kind.
pub(crate) fn messages() -> Vec<Message> {
    let ch = ChannelId::new(0x0123_4567_89ab_cdef);
    let id = Uuid::from_u128(7);
    let proto = Versions::KNOWN;
    let build = "1.0".to_owned();
    let caps = Capabilities::of(["deflate"]);
    let command = CommandId::new(1, 2);
    let provenance = Provenance::new(Place::Link, Sent::Unknown);
    let fault = Fault {
        message: "cut \"off\"
"
        .into(),
        provenance,
    };
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    let detail = "é".to_owned();
    vec![
        Challenge { nonce: [9; 32], connection: id, proto, build: build.clone() }.into(),
        Hello {
            proto,
            signature: [8; 64],
            instance: id,
            boot: id,
            build: build.clone(),
            os: "linux".into(),
            caps: caps.clone(),
            limits: Limits::OF_DEVICE,
            resume: Some(Resume { link: id, received: 5 }),
        }
        .into(),
        Welcome { version: 1, build, caps, limits: Limits::OF_WORKER, link: id, received: 3 }
            .into(),
        Ack {}.into(),
        Bye { reason: ByeReason::Update }.into(),
        Unsupported { name: "warp".into() }.into(),
        Credit { ch: Some(ch), bytes: 65_536 }.into(),
        Credit { ch: None, bytes: -1 }.into(),
        Command {
            id: command,
            ttl_ms: 60_000,
            action: Action::Restart,
            server: Some("echo".into()),
            by: None,
        }
        .into(),
        CommandResult { id: command, outcome: Outcome::Done, detail }.into(),
        Desired { generation: 7 }.into(),
        Stored { last: 99 }.into(),
        Watch { logs: true, metrics: false }.into(),
        Open {
            ch,
            server: "echo".into(),
            method: "POST".into(),
            headers: headers.clone(),
            deadline_ms: Some(1),
        }
        .into(),
        Head { ch, status: 200, headers }.into(),
        Data { ch }.into(),
        End { ch }.into(),
        Failed { ch, reason: FailReason::Exited, fault }.into(),
        Cancel { ch, reason: CancelReason::Deadline }.into(),
        State { observed_generation: 6 }.into(),
        Metrics { period_ms: 60_000, ended_ms_ago: 0 }.into(),
        Logs { first: 1, last: 9, lines: 9, bytes: 100, codec: "gzip".into(), dropped: 3 }.into(),
    ]
}

/// Any header; its part fits the payloads of [`any_payload`].
pub(crate) fn any_header() -> impl Strategy<Value = Header> {
    let message = prop::sample::select(messages());
    let part = prop::option::of(
        (0..1_000_000_u64).prop_map(|at| Part { at, total: at.saturating_add(1_000) }),
    );
    let inflated = prop::option::of(any::<u64>());
    (message, 0..=MAX_SEQ, 0..=MAX_SEQ, part, inflated).prop_map(
        |(message, seq, ack, part, inflated)| Header { message, seq, ack, part, inflated },
    )
}

/// Any payload that a part may have.
pub(crate) fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..1_000)
}

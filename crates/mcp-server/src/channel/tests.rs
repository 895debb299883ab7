use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake},
};

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::value::RawValue;

use super::{ring::MAX_BYTES, *};

fn named(priming: bool) -> Rc<Channel> {
    let channel = Channel::new();
    let id = RequestId::read(&RawValue::from_string("1".into()).unwrap()).unwrap();
    channel.name(id.clone(), StreamId::of_call("i", 0, &id), priming);
    channel
}

/// What waits; None where nothing does, and Some(None) at the end.
fn piece(reader: &mut CallStream) -> Option<Option<String>> {
    let piece = reader.next().now_or_never()?;
    Some(piece.map(|bytes| String::from_utf8(bytes).unwrap()))
}

#[track_caller]
fn text(reader: &mut CallStream) -> String {
    piece(reader).flatten().expect("a piece")
}

fn json(body: &str) -> Reply {
    Reply::Json { status: 200, body: body.as_bytes().to_vec() }
}

#[test]
fn a_call_without_events_is_answered_whole() {
    let channel = named(true);
    channel.finish(json("{}"));
    assert_eq!(channel.take_whole(), Some(json("{}")));
}

#[test]
fn a_call_with_events_becomes_a_stream_that_ends_after_its_answer() {
    let channel = named(false);
    channel.push(b"1");
    channel.finish(json("2"));
    assert_eq!(channel.take_whole(), None);
    let mut reader = channel.events();
    assert_eq!(text(&mut reader).matches("data: ").count(), 2);
    assert_eq!(piece(&mut reader), Some(None));
}

#[test]
fn a_stream_starts_with_an_empty_event_where_the_version_has_it() {
    let channel = named(true);
    let mut reader = channel.events();
    let text = text(&mut reader);
    assert!(text.starts_with("id: i.0.MQ.0\ndata: \n\n"), "{text}");
}

#[test]
fn a_reader_that_never_reads_costs_bounded_memory_and_loses_no_answer() {
    for bytes in [100, 10_000, 700_000] {
        let channel = named(false);
        let mut reader = channel.events();
        for _ in 0..20_000 {
            channel.push(&vec![b'1'; bytes]);
        }
        // The id and the name of the last event come on top.
        assert!(channel.weight() <= MAX_BYTES + 200, "{bytes} bytes each");
        channel.finish(json("\"the answer\""));
        assert!(text(&mut reader).contains("the answer"));
    }
}

#[test]
fn a_reader_that_comes_back_reads_on_where_it_was() {
    let channel = named(false);
    channel.push(b"1");
    let mut first = channel.events();
    assert!(text(&mut first).contains("id: i.0.MQ.0\n"));
    drop(first);
    channel.push(b"2");
    channel.finish(json("3"));
    let mut second = channel.events_after(0);
    let rest = text(&mut second);
    assert!(!rest.contains("data: 1") && rest.contains("data: 2"), "{rest}");
    assert!(rest.contains("data: 3"), "{rest}");
    assert_eq!(piece(&mut second), Some(None));
    // Sent events may be read again.
    let mut third = channel.events_after(0);
    assert!(text(&mut third).contains("data: 3"));
    assert_eq!(piece(&mut second), Some(None));
}

#[test]
fn a_channel_is_named_once() {
    let channel = named(false);
    channel.push(b"1");
    let id = RequestId::read(&RawValue::from_string("2".into()).unwrap()).unwrap();
    channel.name(id.clone(), StreamId::of_call("i", 1, &id), true);
    channel.push(b"2");
    let mut reader = channel.events();
    let text = text(&mut reader);
    assert!(text.contains("id: i.0.MQ.0\n") && text.contains("id: i.0.MQ.1\n"), "{text}");
    assert_eq!(piece(&mut reader), None);
}

#[test]
fn a_pause_ends_the_connection_and_not_the_call() {
    let channel = named(true);
    channel.pause(500);
    let mut reader = channel.events();
    let before = text(&mut reader);
    assert!(before.starts_with("id: ") && before.contains("retry: 500"), "{before}");
    assert_eq!(piece(&mut reader), Some(None));
    let mut back = channel.events_after(0);
    assert_eq!(piece(&mut back), None);
    channel.finish(json("3"));
    assert!(text(&mut back).contains("data: 3"));
}

#[test]
fn a_cancelled_call_ends_without_an_answer() {
    let channel = named(false);
    let mut reader = channel.events();
    channel.cancel();
    channel.finish(json("late"));
    assert_eq!(piece(&mut reader), Some(None));
}

#[test]
fn another_reader_ends_the_one_before_and_drops_what_waited_for_it() {
    let channel = named(false);
    channel.push(b"1");
    let mut first = channel.events();
    let frame = Rc::downgrade(channel.0.borrow().ring.from(0).next().unwrap());
    let mut second = channel.events_after(0);
    assert_eq!(frame.strong_count(), 1, "only the ring keeps it");
    channel.push(b"2");
    assert_eq!(piece(&mut first), Some(None));
    assert!(text(&mut second).contains("data: 2"));
    // The end of the first connection is not the end of the second.
    drop(first);
    assert!(channel.has_reader());
    drop(second);
    assert!(!channel.has_reader());
}

#[test]
fn a_reader_that_waits_hears_of_an_event_of_the_end_and_of_another_reader() {
    let woken = |act: fn(&Rc<Channel>)| {
        let channel = named(false);
        let mut reader = channel.events();
        let waker = Arc::new(Woken::default());
        let polled = reader.poll_next_unpin(&mut Context::from_waker(&waker.clone().into()));
        assert_eq!(polled, Poll::Pending);
        act(&channel);
        waker.0.load(Ordering::Relaxed)
    };
    assert!(woken(|channel| channel.push(b"1")));
    assert!(woken(|channel| channel.keep_alive()));
    assert!(woken(|channel| channel.pause(1)));
    assert!(woken(|channel| channel.cancel()));
    assert!(woken(|channel| channel.finish(json("1"))));
    assert!(woken(|channel| drop(channel.events_after(0))));
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_a_reader_has_read_makes_room_and_what_it_has_not_read_stays() {
    let channel = named(false);
    let mut reader = channel.events();
    let large = vec![b'1'; MAX_BYTES / 2];
    for _ in 0..8 {
        channel.push(&large);
        assert!(text(&mut reader).len() > large.len());
    }
    channel.push(&large);
    // One more does not fit beside the one that waits.
    channel.push(&large);
    channel.push(b"2");
    let rest = text(&mut reader);
    assert_eq!(rest.matches("data: ").count(), 2, "the large one and the small one");
    assert!(channel.weight() <= MAX_BYTES);
}

#[test]
fn events_wait_for_a_reader_that_left_and_the_first_of_them_stay() {
    let channel = named(false);
    channel.push(b"\"read\"");
    let mut reader = channel.events();
    text(&mut reader);
    drop(reader);
    for number in 0..3_000 {
        channel.push(format!("{number}").as_bytes());
    }
    let mut back = channel.events_after(0);
    let waited = text(&mut back);
    assert!(waited.starts_with("event: message\nid: i.0.MQ.1\ndata: 0\n"), "{waited:.100}");
    assert!(waited.matches("data: ").count() > 1_000);
}

#[test]
fn a_comment_shows_that_the_call_goes_on_where_nothing_else_waits() {
    let channel = named(false);
    channel.keep_alive();
    let mut reader = channel.events();
    channel.keep_alive();
    channel.keep_alive();
    assert_eq!(text(&mut reader), ": keep-alive\n\n");
    channel.push(b"1");
    channel.keep_alive();
    assert!(!text(&mut reader).contains("keep-alive"));
}

#[test]
fn the_first_news_are_an_event_a_pause_or_the_end() {
    let told = |act: fn(&Channel)| {
        let channel = named(false);
        let mut news = channel.first_news();
        assert_eq!(news.try_recv(), Ok(None));
        act(&channel);
        let later = channel.first_news().try_recv();
        (news.try_recv(), later) == (Ok(Some(())), Ok(Some(())))
    };
    assert!(told(|channel| channel.push(b"1")));
    assert!(told(|channel| channel.pause(1)));
    assert!(told(|channel| channel.cancel()));
    assert!(told(|channel| channel.finish(Reply::Accepted)));
}

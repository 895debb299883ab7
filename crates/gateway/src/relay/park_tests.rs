//! Calls that wait for their clients.

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{join, join_all, ready},
    stream::FuturesUnordered,
};
use mcp_platform::{Platform as _, testing::VirtualPlatform};
use mcp_protocol::input_request::InputRequest;
use mcp_server::notifier::Notifier as _;
use serde_json::json;

use super::*;
use crate::relay::{frames::FrameReader, questions::MAX_QUESTIONS};

const EVERYTHING: ClientCapabilities = ClientCapabilities::ROOTS;

fn parks() -> Rc<Parks> {
    Rc::new(Parks::new("life".to_owned(), Room::default()))
}

/// The frames of a stream that ended.
async fn frames(stream: FrameStream) -> Vec<Frame> {
    let bytes: Vec<Vec<u8>> = stream.collect().await;
    let (mut reader, mut all) = (FrameReader::default(), Vec::new());
    for chunk in bytes {
        reader.push(&chunk).unwrap();
        while let Some(frame) = reader.take().unwrap() {
            all.push(frame);
        }
    }
    all
}

fn raw_text(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

/// Work that asks for the roots, and answers with them.
fn asks_for_roots(call: &Rc<ParkedCall>) -> LocalBoxFuture<'static, Ended> {
    let back = ParkNotifier(call.clone());
    async move {
        let question = KeyedRequest::new("", InputRequest::Roots);
        let answers = back.ask(vec![question]).await;
        let outcome = match answers {
            Ok(answers) => Ok(raw_text(&json!({ "answers": answers }))),
            Err(stop) => Err(RpcError::new(INVALID_PARAMS, stop.into_message())),
        };
        Ended::from(outcome)
    }
    .boxed_local()
}

fn question_of(frames: &[Frame]) -> ((u64, u64), String) {
    let Some(Frame::Ask { park, round, questions, .. }) = frames.last() else {
        panic!("no question: {frames:?}");
    };
    ((*park, *round), questions[0].key.clone())
}

fn roots() -> Box<RawValue> {
    raw_text(&json!({ "roots": [{ "uri": "file:///a" }] }))
}

#[test]
fn a_call_that_asks_goes_on_with_the_answers_of_the_next_round() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let run = parks.clone().run(call.clone(), asks_for_roots(&call), platform.clone());
    let client = async {
        let (park, key) = question_of(&frames(first).await);
        // What does not fit is refused, and the question stays open.
        let wrong = [(key.clone(), raw_text(&json!({ "roots": 7 })))];
        let wrong = parks.resume("life", park, &wrong).err().unwrap();
        assert!(wrong.is_certain);
        assert_eq!(wrong.outcome.unwrap_err().code, INVALID_PARAMS);
        // Without an answer it is asked again.
        let again = parks.resume("life", park, &[]).unwrap();
        assert_eq!(question_of(&frames(again).await), (park, key.clone()));
        let last = parks.resume("life", park, &[(key, roots())]).unwrap();
        let last = frames(last).await;
        assert!(matches!(&last[..], [Frame::Result(text)] if text.get().contains("file:///a")));
        assert!(parks.resume("life", park, &[]).is_err(), "it is over");
        assert!(parks.resume("another life", park, &[]).is_err());
    };
    platform.run(join(run, client));
    assert!(parks.is_empty());
}

#[test]
fn a_client_that_leaves_while_its_call_runs_takes_it_back() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let back = ParkNotifier(call.clone());
    let work = async move {
        back.cancelled().await;
        Ended::from(Err(RpcError::new(INVALID_PARAMS, "taken back")))
    };
    let run = parks.clone().run(call, work.boxed_local(), platform.clone());
    let client = async {
        platform.sleep(Duration::from_secs(1)).await;
        drop(first);
    };
    platform.run(join(run, client));
    assert!(parks.is_empty());
    assert!(platform.elapsed() < PATIENCE);
}

#[test]
fn a_client_that_never_comes_back_is_waited_for_five_minutes() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let run = parks.clone().run(call.clone(), asks_for_roots(&call), platform.clone());
    let client = async { question_of(&frames(first).await) };
    platform.run(join(run, client));
    assert!(parks.is_empty());
    let waited = platform.elapsed();
    assert!((PATIENCE..PATIENCE * 2).contains(&waited), "{waited:?}");
}

#[test]
fn a_call_that_ends_between_two_rounds_is_answered_in_the_next() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let (asks, sleep) = (asks_for_roots(&call), platform.sleep(Duration::from_secs(60)));
    let work = async move {
        // The upstream gives up on its question.
        match futures_util::future::select(asks, sleep).await {
            futures_util::future::Either::Left((answered, _)) => answered,
            futures_util::future::Either::Right(_) => {
                Ended { outcome: Ok(raw_text(&json!({ "gave": "up" }))), is_certain: false }
            }
        }
    };
    let run = parks.clone().run(call, work.boxed_local(), platform.clone());
    let client = async {
        let (park, key) = question_of(&frames(first).await);
        platform.sleep(Duration::from_secs(120)).await;
        let late = frames(parks.resume("life", park, &[(key, roots())]).unwrap()).await;
        assert!(
            matches!(&late[..], [Frame::Unknown, Frame::Result(text)] if text.get().contains("up")),
            "{late:?}"
        );
    };
    platform.run(join(run, client));
}

#[test]
fn progress_that_nobody_reads_is_bounded() {
    let parks = parks();
    let (call, stream) = parks.start(EVERYTHING, None, 0).unwrap();
    let back = ParkNotifier(call.clone());
    for step in 0..100_000 {
        back.progress(f64::from(step), None, Some("a message of some length"));
    }
    let waiting = stream.queue.waiting();
    assert!(waiting > 0 && waiting < MAX_WAITING + 200, "{waiting}");
}

#[test]
fn a_second_answer_to_the_same_questions_does_not_take_the_stream() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let (asks, sleep) = (asks_for_roots(&call), platform.sleep(Duration::from_secs(60)));
    let work = async move {
        let answered = asks.await;
        sleep.await;
        answered
    };
    let run = parks.clone().run(call, work.boxed_local(), platform.clone());
    let client = async {
        let (park, key) = question_of(&frames(first).await);
        let last = parks.resume("life", park, &[(key.clone(), roots())]).unwrap();
        let second = parks.resume("life", park, &[(key, roots())]).err().unwrap();
        assert!(second.is_certain, "the first one tells how it ends");
        let second = second.outcome.unwrap_err();
        assert!(second.message.contains("is being answered"), "{second:?}");
        assert!(matches!(frames(last).await.last(), Some(Frame::Result(_))));
    };
    platform.run(join(run, client));
}

#[test]
fn an_end_that_was_read_is_not_waited_for() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let (asks, sleep) = (asks_for_roots(&call), platform.sleep(Duration::from_secs(5)));
    let work = async move {
        drop(futures_util::future::select(asks, sleep).await);
        Ended::from(Ok(raw_text(&json!({}))))
    };
    let run = parks.clone().run(call, work.boxed_local(), platform.clone());
    let client = async {
        let (park, _) = question_of(&frames(first).await);
        platform.sleep(Duration::from_secs(20)).await;
        assert_eq!(frames(parks.resume("life", park, &[]).unwrap()).await.len(), 1);
    };
    // Only what was woken is polled, and at once.
    let both = [run.boxed_local(), client.boxed_local()];
    platform.run(both.into_iter().collect::<FuturesUnordered<_>>().collect::<Vec<()>>());
    assert!(platform.elapsed() < Duration::from_secs(40), "{:?}", platform.elapsed());
}

#[test]
fn answers_that_wait_for_their_clients_are_bounded_together() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let large = raw_text(&json!({ "text": "x".repeat(30 << 20) }));
    let (mut runs, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
        let ended = Ended::from(Ok(large.clone()));
        let run = parks.clone().run(call, ready(ended).boxed_local(), platform.clone());
        runs.push(run);
        streams.push(first);
    }
    platform.run(join_all(runs));
    let mut read = streams.into_iter().map(|stream| platform.run(frames(stream)));
    assert!(matches!(&read.next().unwrap()[..], [Frame::Result(_)]));
    let second = read.next().unwrap();
    assert!(
        matches!(&second[..], [Frame::Unknown, Frame::Error(why)] if why.message.contains("too large")),
    );
    drop((read, second));
    // What was read makes room.
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let ended = ready(Ended::from(Ok(large))).boxed_local();
    platform.run(parks.clone().run(call, ended, platform.clone()));
    assert!(matches!(&platform.run(frames(first))[..], [Frame::Result(_)]));
}

#[test]
fn more_questions_than_a_call_may_have_open_are_refused() {
    let parks = parks();
    let (call, _stream) = parks.start(EVERYTHING, None, 0).unwrap();
    let back = ParkNotifier(call.clone());
    let ask = || back.ask(vec![KeyedRequest::new("", InputRequest::Roots)]);
    let _open: Vec<_> = (0..MAX_QUESTIONS).map(|_| ask()).collect();
    let refused = ask().now_or_never().unwrap().unwrap_err();
    assert!(refused.into_message().contains("too many"));
    assert_eq!(call.open.borrow().len(), MAX_QUESTIONS);
}

#[test]
fn a_state_of_an_older_round_is_refused() {
    let (parks, platform) = (parks(), VirtualPlatform::new([]));
    let (call, first) = parks.start(EVERYTHING, None, 0).unwrap();
    let (one, two) = (asks_for_roots(&call), asks_for_roots(&call));
    let work = async move {
        one.await;
        two.await
    };
    let run = parks.clone().run(call, work.boxed_local(), platform.clone());
    let client = async {
        let (park, key) = question_of(&frames(first).await);
        let second = parks.resume("life", park, &[(key.clone(), roots())]).unwrap();
        let (next, other) = question_of(&frames(second).await);
        assert_ne!((park, &key), (next, &other));
        let old = parks.resume("life", park, &[(key, roots())]).err().unwrap().into_frames();
        assert!(
            matches!(&old[..], [Frame::Unknown, Frame::Error(why)] if why.message.contains("not known")),
            "{old:?}"
        );
        let last = frames(parks.resume("life", next, &[(other, roots())]).unwrap()).await;
        assert!(matches!(last.last(), Some(Frame::Result(_))), "{last:?}");
    };
    platform.run(join(run, client));
}

#[test]
fn what_waiting_calls_hold_is_bounded_for_all_objects_of_an_isolate() {
    let room = Room::default();
    let objects = ["a", "b"].map(|life| Rc::new(Parks::new(life.to_owned(), room.clone())));
    let able = EVERYTHING.with(ClientCapabilities::SAMPLING);
    let start = |object: usize| objects[object].start(able, None, 4 << 20);
    let mut running: Vec<_> = (0..6).map(|n| start(n % 2).unwrap()).collect();
    let refused = start(0).err().unwrap();
    assert!(refused.message.starts_with("nothing was sent: "), "{refused:?}");
    // Nor can more be asked, and the call goes on.
    let back = ParkNotifier(running[0].0.clone());
    let question = || vec![KeyedRequest::new("", InputRequest::Roots)];
    let refused = back.ask(question()).now_or_never().unwrap().unwrap_err();
    assert!(refused.into_message().contains("cannot be asked"));
    let platform = VirtualPlatform::new([]);
    let (call, stream) = running.pop().unwrap();
    let ended = ready(Ended::from(Ok(raw_text(&json!({}))))).boxed_local();
    platform.run(objects[1].clone().run(call, ended, platform.clone()));
    drop(stream);
    assert!(back.ask(question()).now_or_never().is_none(), "it waits for its answer");
    let large = || vec![KeyedRequest::new("", InputRequest::Sampling(json!("x".repeat(5 << 20))))];
    let refused = back.ask(large()).now_or_never().unwrap().unwrap_err();
    assert!(refused.into_message().contains("cannot be asked"));
}

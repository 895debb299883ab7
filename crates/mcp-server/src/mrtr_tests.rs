use serde_json::json;

use super::*;
use crate::{context::Context, testing::FakePlatform};
use mcp_auth::subject::Subject;
use mcp_protocol::{input_request::InputRequest, stateless::method::Method};

fn form(key: &str, message: &str) -> KeyedRequest {
    let requested_schema = json!({ "type": "object", "properties": {} });
    KeyedRequest::new(key, InputRequest::Form { message: message.to_owned(), requested_schema })
}

fn run(before: Option<RequestState>, responses: Option<Value>) -> Round {
    run_that_counts(&Rc::default(), before, responses)
}

/// The same, with a count of how often the arguments were digested.
fn run_that_counts(
    bound: &Rc<Cell<u32>>,
    before: Option<RequestState>,
    responses: Option<Value>,
) -> Round {
    let bound = bound.clone();
    let bind = move || {
        bound.set(bound.get().saturating_add(1));
        Binding::of(Method::ToolsCall, "t", None, Subject([1; 16]))
    };
    Round::new(RoundInput {
        channel: Channel::new(),
        platform: FakePlatform::new([]),
        has_left: Rc::new(|| false),
        capabilities: ClientCapabilities::ELICITATION_FORM,
        token: None,
        log_level: None,
        bind: Some(Box::new(bind)),
        before,
        responses: responses.and_then(|r| RawValue::from_string(r.to_string()).ok()),
        now_s: 1_000,
        nonce: || Some([9; 16]),
        consume: Box::new(|nonce| ready(Ok(nonce == [9; 16])).boxed_local()),
    })
}

fn accepted() -> Value {
    json!({ "action": "accept", "content": {} })
}

#[test]
fn two_rounds_lead_to_both_answers() {
    let first = run(None, None);
    assert!(first.answers(vec![form("", "one")]).is_err());
    let state = first.take_next();
    let second = run(state, Some(json!({ "question_1": accepted() })));
    assert_eq!(second.answers(vec![form("", "one")]).unwrap(), [accepted()]);
    assert!(second.answers(vec![form("", "two")]).is_err());
    let state = second.take_next();
    let third = run(state, Some(json!({ "question_2": accepted() })));
    assert!(third.answers(vec![form("", "one")]).is_ok());
    assert!(third.answers(vec![form("", "two")]).is_ok());
}

#[test]
fn arguments_are_digested_for_a_request_that_asks_and_for_no_other() {
    let bound = Rc::new(Cell::new(0));
    let run = run_that_counts(&bound, None, None);
    assert!(run.begin(Idempotency::Once).now_or_never().unwrap().is_ok());
    assert_eq!(bound.get(), 0);
    let run = run_that_counts(&bound, None, None);
    assert!(run.answers(vec![form("", "one")]).is_err());
    assert_eq!(bound.get(), 1);
    // A state that came back was bound when it was opened.
    let responses = Some(json!({ "question_1": accepted() }));
    let run = run_that_counts(&bound, run.take_next(), responses);
    assert!(run.answers(vec![form("", "one")]).is_ok());
    assert_eq!(bound.get(), 1);
}

#[test]
fn a_question_that_changed_is_asked_again() {
    let first = run(None, None);
    assert!(first.answers(vec![form("k", "Delete a?")]).is_err());
    let second = run(first.take_next(), Some(json!({ "k": accepted() })));
    let Err(Stop(StopReason::Suspended(open))) = second.answers(vec![form("k", "Delete b?")])
    else {
        panic!("should be asked again")
    };
    assert_eq!(open.len(), 1);
}

#[test]
fn the_state_of_another_server_comes_back_with_the_answers_to_its_questions() {
    let first = run(None, None);
    assert!(first.carried().is_none());
    let asked = first.relay(vec![form("k", "one")], "theirs").now_or_never().unwrap();
    assert!(matches!(asked, Err(Stop(StopReason::Suspended(open))) if open.len() == 1));
    let state = first.take_next();
    let second = run(state, Some(json!({ "k": accepted(), "other": accepted() })));
    let carried = second.carried().unwrap();
    assert_eq!(carried.state, "theirs");
    let [(key, answer)] = &carried.responses[..] else { panic!("{carried:?}") };
    assert_eq!((key.as_str(), answer.get()), ("k", &*accepted().to_string()));
    // It may ask again, without a question, too.
    assert!(second.relay(Vec::new(), "more").now_or_never().unwrap().is_err());
    let third = run(second.take_next(), None);
    assert_eq!(third.carried().unwrap().state, "more");
}

fn refused(asked: Option<Result<Vec<Value>, Stop>>) -> String {
    let Some(Err(Stop(StopReason::Refused(error)))) = asked else { panic!("{asked:?}") };
    error.message
}

#[test]
fn another_server_asks_sixteen_times_at_most() {
    let mut state = None;
    for _ in 0..16 {
        let round = run(state, Some(json!({ "k": accepted() })));
        let asked = round.relay(vec![form("k", "more?")], "theirs").now_or_never();
        assert!(matches!(asked, Some(Err(Stop(StopReason::Suspended(_))))));
        state = round.take_next();
        assert!(state.is_some());
    }
    let last = run(state, Some(json!({ "k": accepted() })));
    let why = refused(last.relay(vec![form("k", "more?")], "theirs").now_or_never());
    assert!(why.contains("16 times") && last.take_next().is_none(), "{why}");
}

#[test]
fn a_question_that_could_not_come_back_is_not_asked() {
    let mut nameless = run(None, None);
    nameless.brought.nonce = || None;
    let why = refused(nameless.relay(vec![form("k", "one")], "theirs").now_or_never());
    assert!(why.contains("cannot name") && nameless.take_next().is_none(), "{why}");
}

#[test]
fn a_client_is_not_asked_what_it_cannot_answer() {
    let first = run(None, None);
    let roots = KeyedRequest::new("r", InputRequest::Roots);
    let Err(Stop(StopReason::MissingCapability(_))) = first.answers(vec![roots]) else {
        panic!("should not be asked")
    };
}

#[test]
fn a_client_that_closes_its_stream_takes_its_request_back() {
    let left = Rc::new(Cell::new(false));
    let mut round = run(None, None);
    let known = left.clone();
    round.brought.has_left = Rc::new(move || known.get());
    // An event that waits for its reader is no sign of a client that left.
    round.brought.channel.push(b"{}");
    assert!(!round.is_cancelled());
    let reader = round.brought.channel.events();
    assert!(!round.is_cancelled());
    drop(reader);
    assert!(round.is_cancelled());
    let _reader = round.brought.channel.events();
    assert!(!round.is_cancelled());
    left.set(true);
    assert!(round.is_cancelled());
}

#[test]
fn progress_that_does_not_increase_is_not_sent() {
    let mut round = run(None, None);
    round.brought.token = RequestId::read(&RawValue::from_string("7".into()).unwrap());
    for value in [1.0, 1.0, 0.5, 2.0] {
        round.progress(value, None, Some("at work"));
    }
    let reader = round.brought.channel.events();
    round.brought.channel.finish(crate::channel::Reply::Accepted);
    let sent = pollster::block_on(futures_util::StreamExt::collect::<Vec<_>>(reader)).concat();
    let sent = String::from_utf8(sent).unwrap();
    assert_eq!(sent.matches("notifications/progress").count(), 2, "{sent}");
}

/// Begins in a second round whose client leaves while the name of the request is consumed. Returns whether it began.
fn begins(effect: Idempotency, answers: bool) -> bool {
    let first = run(None, None);
    let before = answers.then(|| {
        assert!(first.answers(vec![form("", "one")]).is_err());
        first.take_next().unwrap()
    });
    let left = Rc::new(Cell::new(false));
    let mut round = run(before, answers.then(|| json!({ "question_1": accepted() })));
    let (known, leaves) = (left.clone(), left.clone());
    round.brought.has_left = Rc::new(move || known.get());
    round.brought.consume = Box::new(move |_| {
        leaves.set(true);
        ready(Ok(true)).boxed_local()
    });
    let round = Rc::new(round);
    let fake = FakePlatform::new([]);
    let ctx = Context { notifier: round.clone(), execution: round, ..fake.context() };
    let begun = pollster::block_on(async {
        match effect {
            Idempotency::Once => ctx.begin().await,
            Idempotency::Repeatable => ctx.begin_idempotent().await,
        }
    });
    assert_eq!(begun.is_ok(), ctx.changes.is_begun());
    // Where it did not begin, the same state may be sent again.
    assert_eq!(left.get(), answers && effect == Idempotency::Once);
    begun.is_ok()
}

#[test]
fn a_request_whose_name_is_consumed_begins_also_where_its_client_leaves() {
    assert!(begins(Idempotency::Once, true));
    assert!(begins(Idempotency::Once, false));
    assert!(begins(Idempotency::Repeatable, true));
}

/// A second round whose consumptions come to this; each one is counted.
fn consuming(outcome: Result<bool, String>) -> (Round, Rc<Cell<u32>>) {
    let first = run(None, None);
    assert!(first.answers(vec![form("", "one")]).is_err());
    let mut round = run(first.take_next(), Some(json!({ "question_1": accepted() })));
    let count: Rc<Cell<u32>> = Rc::default();
    let counted = count.clone();
    round.brought.consume = Box::new(move |_| {
        counted.set(counted.get().saturating_add(1));
        ready(outcome.clone()).boxed_local()
    });
    (round, count)
}

#[test]
fn a_change_is_not_made_again_by_a_replay_also_where_a_repeatable_one_was_made_before_it() {
    let begin = |round: &Round, effect| round.begin(effect).now_or_never().unwrap();
    let (round, count) = consuming(Ok(true));
    for (effect, consumed) in [
        (Idempotency::Repeatable, 0),
        (Idempotency::Once, 1),
        (Idempotency::Once, 1),
        (Idempotency::Repeatable, 1),
    ] {
        assert!(begin(&round, effect).is_ok());
        assert_eq!(count.get(), consumed);
    }
    // The replay: a refusal stays one.
    let (replay, _) = consuming(Ok(false));
    assert!(begin(&replay, Idempotency::Repeatable).is_ok());
    for _ in 0..2 {
        let why = refused(Some(begin(&replay, Idempotency::Once).map(|()| Vec::new())));
        assert!(why.contains("may have begun"), "{why}");
    }
    let (unsure, count) = consuming(Err("no answer".to_owned()));
    assert!(begin(&unsure, Idempotency::Once).is_err());
    assert!(begin(&unsure, Idempotency::Once).is_err());
    assert_eq!(count.get(), 2);
}

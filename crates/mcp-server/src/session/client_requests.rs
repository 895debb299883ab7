//! Requests of the server to its client, and the answers that come back on other connections.
//!
//! Invariant: a response is accepted once, and only for a request that was sent; anything else that a client
//! answers is ignored.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_channel::oneshot::{Receiver, Sender, channel};
use serde_json::{Value, value::RawValue};

use super::call::Call;
use mcp_protocol::{jsonrpc::RequestId, raw};

/// The questions of one session that wait for their answers.
pub(super) struct ClientRequests {
    prefix: String,
    /// One count for all sessions of the object, so that a session which comes back into memory gives no
    /// id twice: a late answer must not fit another question.
    next: Rc<Cell<u32>>,
    waiting: RefCell<Vec<Waiter>>,
}

/// Why a session that was ended asks nothing.
pub(super) const ENDED: &str = "the session was ended";

/// The client's result, or its error.
type Answer = Result<Value, String>;

/// A question that waits for its answer.
struct Waiter {
    id: RequestId,
    call: Rc<Call>,
    answer: Sender<Answer>,
}

/// A question that was put.
pub(super) struct PendingRequest {
    id: RequestId,
    answer: Receiver<Answer>,
}

impl ClientRequests {
    /// `prefix` distinguishes the requests of two incarnations of an object.
    pub(super) fn new(prefix: &str, next: Rc<Cell<u32>>) -> Self {
        let prefix = prefix.to_owned();
        Self { prefix, next, waiting: RefCell::default() }
    }

    /// A question of this call.
    pub(super) fn open(&self, call: &Rc<Call>) -> Option<PendingRequest> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let id = RawValue::from_string(format!("\"{}-{number}\"", self.prefix)).ok()?;
        let id = RequestId::read(&id)?;
        let (sender, answer) = channel();
        let waiting = Waiter { id: id.clone(), call: call.clone(), answer: sender };
        self.waiting.borrow_mut().push(waiting);
        Some(PendingRequest { id, answer })
    }

    /// Accepts a client's response. Returns false if there is no such request.
    pub(super) fn answer(
        &self,
        id: Option<&RequestId>,
        outcome: Result<&RawValue, &RawValue>,
    ) -> bool {
        let Some(question) = id.and_then(|id| self.taken(id)) else {
            return false;
        };
        // A call that gave up waiting has closed its question.
        let _ = question.answer.send(match outcome {
            Ok(result) => raw::value(result.get()).map_err(|error| error.to_string()),
            Err(error) => Err(refusal(error)),
        });
        true
    }

    /// Ends all questions of a call; returns the ids of those that waited for their answers.
    pub(super) fn give_up(&self, call: &Rc<Call>) -> Vec<RequestId> {
        let of_call = |question: &mut Waiter| Rc::ptr_eq(&question.call, call);
        let mut waiting = self.waiting.borrow_mut();
        let ended: Vec<_> = waiting.extract_if(.., of_call).collect();
        drop(waiting);
        // Their callers wake up here.
        ended.into_iter().map(|question| question.id).collect()
    }

    /// Ends all questions: the session was ended, and no response to it is accepted any more.
    pub(super) fn end(&self) {
        for question in self.waiting.take() {
            let _ = question.answer.send(Err(ENDED.to_owned()));
        }
    }

    /// Forgets a question; true where it still waited for its answer.
    pub(super) fn close(&self, asked: &PendingRequest) -> bool {
        self.taken(&asked.id).is_some()
    }

    /// Takes the question with this id out of those that wait.
    fn taken(&self, id: &RequestId) -> Option<Waiter> {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.iter().position(|question| question.id == *id)?;
        Some(waiting.swap_remove(place))
    }
}

impl PendingRequest {
    /// The id of the request, without its quotes.
    pub(super) fn id(&self) -> &str {
        self.id.as_json().trim_matches('"')
    }

    /// The answer, or why there is none.
    pub(super) async fn answer(&mut self) -> Answer {
        let answer = (&mut self.answer).await;
        answer.unwrap_or_else(|_| Err("the request was cancelled".to_owned()))
    }
}

/// The message of a client's error.
fn refusal(error: &RawValue) -> String {
    let error = raw::value(error.get()).unwrap_or_default();
    let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason given");
    format!("the client refused: {message}")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use serde_json::json;

    use super::*;
    use crate::channel::Channel;

    /// Two requests of one batch.
    fn calls() -> (Rc<Call>, Rc<Call>) {
        let id = RequestId::read(&raw(&json!(1))).unwrap();
        let channel = Channel::new();
        let call = || Call::new(id.clone(), channel.clone(), false);
        (call(), call())
    }

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn answer(asked: &mut PendingRequest) -> Option<Answer> {
        asked.answer().now_or_never()
    }

    #[test]
    fn an_answer_finds_its_question_once() {
        let questions = ClientRequests::new("p", Rc::default());
        let mut asked = questions.open(&calls().0).unwrap();
        assert_eq!(answer(&mut asked), None);
        let (id, result) = (asked.id.clone(), raw(&json!({ "a": 1 })));
        assert!(questions.answer(Some(&id), Ok(&result)));
        assert!(!questions.answer(Some(&id), Ok(&result)));
        assert_eq!(answer(&mut asked), Some(Ok(json!({ "a": 1 }))));
    }

    #[test]
    fn a_session_that_comes_back_asks_under_other_ids() {
        let next: Rc<Cell<u32>> = Rc::default();
        let before = ClientRequests::new("p", next.clone()).open(&calls().0).unwrap();
        let after = ClientRequests::new("p", next).open(&calls().0).unwrap();
        assert_ne!(before.id, after.id);
    }

    #[test]
    fn a_call_of_a_session_that_ends_waits_no_longer() {
        let questions = ClientRequests::new("p", Rc::default());
        let mut asked = questions.open(&calls().0).unwrap();
        questions.end();
        assert_eq!(answer(&mut asked), Some(Err(ENDED.to_owned())));
    }

    #[test]
    fn an_answer_to_nothing_is_ignored() {
        let questions = ClientRequests::new("p", Rc::default());
        let result = raw(&json!({}));
        assert!(!questions.answer(None, Ok(&result)));
    }

    #[test]
    fn a_refusal_says_why() {
        let questions = ClientRequests::new("p", Rc::default());
        let mut asked = questions.open(&calls().0).unwrap();
        let error = raw(&json!({ "code": -1, "message": "not now" }));
        questions.answer(Some(&asked.id.clone()), Err(&error));
        assert_eq!(answer(&mut asked), Some(Err("the client refused: not now".into())));
    }

    #[test]
    fn a_cancelled_call_ends_its_questions_and_no_others() {
        let questions = ClientRequests::new("p", Rc::default());
        let (one, two) = calls();
        let (mut of_one, mut of_two) =
            (questions.open(&one).unwrap(), questions.open(&two).unwrap());
        assert_eq!(questions.give_up(&one), [of_one.id.clone()]);
        assert!(matches!(answer(&mut of_one), Some(Err(_))));
        assert_eq!(answer(&mut of_two), None);
    }
}

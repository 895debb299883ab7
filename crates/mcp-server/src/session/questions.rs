//! Requests of the server to its client, and the answers that come back on other connections.
//!
//! Invariant: an answer is taken once, and only for a question that was put; whatever else a client
//! answers is ignored.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use serde_json::{Value, value::RawValue};

use super::call::Call;
use mcp_protocol::{jsonrpc::RequestId, raw};

/// The questions of one session that wait for their answers.
pub(super) struct Questions {
    prefix: String,
    /// One count for all sessions of the object, so that a session which comes back into memory gives no
    /// id twice: a late answer must not fit another question.
    next: Rc<Cell<u32>>,
    waiting: RefCell<Vec<Rc<Slot>>>,
}

/// Where one answer will be.
pub(super) struct Slot {
    id: RequestId,
    call: Rc<Call>,
    answer: RefCell<Option<Result<Value, String>>>,
    waker: RefCell<Option<Waker>>,
}

impl Questions {
    /// `prefix` tells apart the questions of two lives of an object.
    pub(super) fn new(prefix: &str, next: Rc<Cell<u32>>) -> Self {
        let prefix = prefix.to_owned();
        Self { prefix, next, waiting: RefCell::default() }
    }

    /// A place for the answer to a question of this call.
    pub(super) fn open(&self, call: &Rc<Call>) -> Option<Rc<Slot>> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let id = RawValue::from_string(format!("\"{}-{number}\"", self.prefix)).ok()?;
        let slot = Rc::new(Slot {
            id: RequestId::read(&id)?,
            call: call.clone(),
            answer: RefCell::default(),
            waker: RefCell::default(),
        });
        self.waiting.borrow_mut().push(slot.clone());
        Some(slot)
    }

    /// Takes a client's response; false where nobody asked.
    pub(super) fn answer(
        &self,
        id: Option<&RequestId>,
        outcome: Result<&RawValue, &RawValue>,
    ) -> bool {
        let Some(slot) = id.and_then(|id| self.taken(id)) else {
            return false;
        };
        slot.put(match outcome {
            Ok(result) => raw::value(result.get()).map_err(|error| error.to_string()),
            Err(error) => Err(refusal(error)),
        });
        true
    }

    /// Ends all questions of a call; returns those that waited for their answers.
    pub(super) fn give_up(&self, call: &Rc<Call>) -> Vec<Rc<Slot>> {
        let of_call = |slot: &Rc<Slot>| Rc::ptr_eq(&slot.call, call);
        let mut waiting = self.waiting.borrow_mut();
        let slots: Vec<_> = waiting.extract_if(.., |slot| of_call(slot)).collect();
        drop(waiting);
        for slot in &slots {
            slot.put(Err("the request was cancelled".to_owned()));
        }
        slots
    }

    /// Forgets a question; true where it still waited for its answer.
    pub(super) fn close(&self, slot: &Slot) -> bool {
        self.taken(&slot.id).is_some()
    }

    /// Takes the question with this id out of those that wait.
    fn taken(&self, id: &RequestId) -> Option<Rc<Slot>> {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.iter().position(|slot| slot.id == *id)?;
        Some(waiting.swap_remove(place))
    }
}

impl Slot {
    /// The id of the request, without its quotes.
    pub(super) fn id(&self) -> &str {
        self.id.as_json().trim_matches('"')
    }

    /// Ready with the answer.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Value, String>> {
        if let Some(answer) = self.answer.borrow_mut().take() {
            return Poll::Ready(answer);
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn put(&self, answer: Result<Value, String>) {
        *self.answer.borrow_mut() = Some(answer);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// What a client's error says.
fn refusal(error: &RawValue) -> String {
    let error = raw::value(error.get()).unwrap_or_default();
    let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason given");
    format!("the client refused: {message}")
}

#[cfg(test)]
mod tests {
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

    fn poll(slot: &Slot) -> Poll<Result<Value, String>> {
        slot.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_finds_its_question_once() {
        let questions = Questions::new("p", Rc::default());
        let slot = questions.open(&calls().0).unwrap();
        assert_eq!(poll(&slot), Poll::Pending);
        let (id, result) = (slot.id.clone(), raw(&json!({ "a": 1 })));
        assert!(questions.answer(Some(&id), Ok(&result)));
        assert!(!questions.answer(Some(&id), Ok(&result)));
        assert_eq!(poll(&slot), Poll::Ready(Ok(json!({ "a": 1 }))));
    }

    #[test]
    fn a_session_that_comes_back_asks_under_other_ids() {
        let next: Rc<Cell<u32>> = Rc::default();
        let before = Questions::new("p", next.clone()).open(&calls().0).unwrap();
        let after = Questions::new("p", next).open(&calls().0).unwrap();
        assert_ne!(before.id, after.id);
    }

    #[test]
    fn an_answer_to_nothing_is_ignored() {
        let questions = Questions::new("p", Rc::default());
        let result = raw(&json!({}));
        assert!(!questions.answer(None, Ok(&result)));
    }

    #[test]
    fn a_refusal_says_why() {
        let questions = Questions::new("p", Rc::default());
        let slot = questions.open(&calls().0).unwrap();
        let error = raw(&json!({ "code": -1, "message": "not now" }));
        questions.answer(Some(&slot.id.clone()), Err(&error));
        assert_eq!(poll(&slot), Poll::Ready(Err("the client refused: not now".into())));
    }

    #[test]
    fn a_cancelled_call_ends_its_questions_and_no_others() {
        let questions = Questions::new("p", Rc::default());
        let (one, two) = calls();
        let (of_one, of_two) = (questions.open(&one).unwrap(), questions.open(&two).unwrap());
        let given_up = questions.give_up(&one);
        assert_eq!(given_up.iter().map(|slot| &slot.id).collect::<Vec<_>>(), [&of_one.id]);
        assert!(matches!(poll(&of_one), Poll::Ready(Err(_))));
        assert_eq!(poll(&of_two), Poll::Pending);
    }
}

//! The rounds of a request that asks its client: which questions have their answers, and what the
//! next round must remember.
//!
//! Invariant: an answer is taken only for a question that this server asked in this request with
//! these very words: one from an earlier round out of the sealed state, a new one where the state
//! says that its question was open. Everything else is asked (again). Source: MCP 2026-07-28
//! `basic/patterns/mrtr` "Basic Workflow", "Error Handling".

use serde_json::Value;

use crate::request_state::{AnsweredInput, Binding, PendingInput, RequestState};
use mcp_protocol::{
    input_response::InputResponse,
    raw,
    stateless::mrtr::{InputResponses, InputResponsesError, KeyedRequest},
};

/// The rounds of a request before this one.
#[derive(Debug)]
pub struct MrtrState<'a> {
    binding: Binding,
    before: Option<RequestState>,
    responses: InputResponses<'a>,
    answered: Vec<AnsweredInput>,
}

impl<'a> MrtrState<'a> {
    /// A run. `before` is the state that came with the request, opened.
    pub fn new(
        binding: Binding,
        before: Option<RequestState>,
        responses: InputResponses<'a>,
    ) -> Self {
        Self { binding, before, responses, answered: Vec::new() }
    }

    /// The nonce that names the request through all its rounds; None in the first.
    pub fn nonce(&self) -> Option<[u8; 16]> {
        self.before.as_ref().map(|state| state.nonce)
    }

    /// The answer to a question. None: it must be asked.
    ///
    /// # Errors
    /// Where the client's response to it is no answer.
    pub fn answer(
        &mut self,
        keyed: &KeyedRequest,
    ) -> Result<Option<InputResponse>, InputResponsesError> {
        let (key, question) = (&keyed.key, keyed.question.digest());
        let before = self.before.as_ref();
        let earlier = before.and_then(|before| before.answer_to(key, &question)).and_then(|text| {
            let answer = InputResponse::read(&keyed.question, &parsed(text)).ok()?;
            Some((answer, text))
        });
        let found = match earlier {
            Some(found) => Some(found),
            None if keyed.standalone || before.is_some_and(|b| b.was_asked(key, &question)) => {
                self.responses.answer(keyed)?
            }
            None => None,
        };
        Ok(found.map(|(answer, text)| {
            self.answered.push(AnsweredInput {
                key: key.clone(),
                question,
                answer: text.to_owned(),
            });
            answer
        }))
    }

    /// The state for the next round: the responses that this run used, and the requests that
    /// it asks now. `nonce` names the request where it has no name yet.
    pub fn next(self, open: &[KeyedRequest], expires: u32, nonce: [u8; 16]) -> RequestState {
        let asked = |keyed: &KeyedRequest| PendingInput {
            key: keyed.key.clone(),
            question: keyed.question.digest(),
        };
        RequestState {
            binding: self.binding,
            round: self.before.as_ref().map_or(0, |state| state.round).saturating_add(1),
            expires,
            nonce: self.nonce().unwrap_or(nonce),
            asked: open.iter().map(asked).collect(),
            answered: self.answered,
            carried: None,
        }
    }
}

fn parsed(text: &str) -> Value {
    raw::value(text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::RawValue};

    use super::*;
    use crate::subject::Subject;
    use mcp_protocol::{input_request::InputRequest, stateless::method::Method};
    use test_support::json::raw;

    fn binding() -> Binding {
        Binding::of(Method::ToolsCall, "t", None, Subject([1; 16]))
    }

    fn ask(key: &str, field: &str) -> KeyedRequest {
        let requested_schema = json!({
            "type": "object", "properties": { field: { "type": "string" } }, "required": [field],
        });
        KeyedRequest::new(key, InputRequest::Form { message: field.into(), requested_schema })
    }

    /// A run that asks for a name, then for a colour; the state that it leaves, if it must ask.
    fn run(
        before: Option<RequestState>,
        responses: Option<&RawValue>,
    ) -> Result<Option<RequestState>, InputResponsesError> {
        let responses = InputResponses::read(responses)?;
        let mut inquiry = MrtrState::new(binding(), before, responses);
        for question in [ask("name", "name"), ask("color", "color")] {
            if inquiry.answer(&question)?.is_none() {
                return Ok(Some(inquiry.next(&[question], 9, [5; 16])));
            }
        }
        Ok(None)
    }

    fn response(key: &str, field: &str) -> Box<RawValue> {
        let answer = json!({ "action": "accept", "content": { field: "x" } });
        raw(&json!({ key: answer }).to_string())
    }

    #[test]
    fn a_request_with_two_questions_ends_in_its_third_round() {
        let first = run(None, None).unwrap().unwrap();
        assert_eq!((first.round, first.asked[0].key.as_str()), (1, "name"));
        let second = run(Some(first.clone()), Some(&response("name", "name"))).unwrap().unwrap();
        assert_eq!((second.round, second.asked[0].key.as_str()), (2, "color"));
        assert_eq!(second.answered.len(), 1);
        assert_eq!(second.nonce, first.nonce);
        assert_eq!(run(Some(second), Some(&response("color", "color"))), Ok(None));
    }

    #[test]
    fn a_missing_or_foreign_response_is_asked_for_again() {
        let first = run(None, None).unwrap();
        for responses in [None, Some(raw("{}")), Some(response("wrong_key", "name"))] {
            let again = run(first.clone(), responses.as_deref()).unwrap().unwrap();
            assert_eq!((again.round, again.asked[0].key.as_str()), (2, "name"));
        }
    }

    #[test]
    fn a_response_without_a_state_is_not_looked_at() {
        for responses in [response("name", "name"), raw(r#"{"name":12345}"#), raw("null")] {
            assert!(run(None, Some(&responses)).unwrap().is_some());
        }
    }

    #[test]
    fn a_standalone_answer_needs_no_state() {
        let responses = response("name", "name");
        let read = InputResponses::read(Some(&responses)).unwrap();
        let mut inquiry = MrtrState::new(binding(), None, read);
        let question = KeyedRequest { standalone: true, ..ask("name", "name") };
        assert!(inquiry.answer(&question).unwrap().is_some());
        assert_eq!(inquiry.answer(&ask("color", "color")), Ok(None));
    }

    #[test]
    fn further_responses_are_ignored() {
        let first = run(None, None).unwrap();
        let answer = json!({ "action": "accept", "content": { "name": "x" } });
        let responses = raw(&json!({ "name": answer, "extra": 7, "color": 8 }).to_string());
        let second = run(first, Some(&responses)).unwrap().unwrap();
        assert_eq!(second.asked[0].key, "color");
    }

    #[test]
    fn a_malformed_response_is_an_error() {
        let first = run(None, None).unwrap();
        for response in ["12345", "\"x\"", "{}", r#"{"action":"accept"}"#] {
            let responses = raw(&format!(r#"{{"name":{response}}}"#));
            assert!(run(first.clone(), Some(&responses)).is_err(), "{response}");
        }
    }

    #[test]
    fn a_question_that_changed_is_asked_again() {
        let first = run(None, None).unwrap().unwrap();
        let responses = response("name", "name");
        let read = || InputResponses::read(Some(&responses)).unwrap();
        let mut changed = MrtrState::new(binding(), Some(first.clone()), read());
        assert_eq!(changed.answer(&ask("name", "nickname")), Ok(None));
        let second = run(Some(first), Some(&responses)).unwrap();
        let mut changed = MrtrState::new(binding(), second, InputResponses::default());
        assert_eq!(changed.answer(&ask("name", "nickname")), Ok(None));
        assert!(changed.next(&[ask("name", "nickname")], 9, [0; 16]).answered.is_empty());
    }
}

//! `inputRequests` and `inputResponses`: questions and answers in the rounds of one request.
//!
//! Invariant: a key stands for one question; responses to other keys are not looked at. Source:
//! MCP 2026-07-28 `basic/patterns/mrtr`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use thiserror::Error;

use crate::{
    capabilities::ClientCapabilities,
    fields::entries,
    input_request::InputRequest,
    input_response::{InputResponse, InputResponseError},
    object::Object,
    raw,
};

/// A question and the key of its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyedRequest {
    /// The key, unique in the request.
    pub key: String,
    /// The question.
    pub question: InputRequest,
    /// The response does not depend on earlier requests: it is accepted without a `requestState`.
    #[serde(default)]
    pub standalone: bool,
}

impl KeyedRequest {
    /// A question with a key.
    pub fn new(key: impl Into<String>, question: InputRequest) -> Self {
        Self { key: key.into(), question, standalone: false }
    }
}

/// The questions of one round, written as a map.
#[derive(Debug, Clone, Copy)]
pub struct InputRequests<'a>(pub &'a [KeyedRequest]);

impl InputRequests<'_> {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The client capabilities that all of these requests need.
    pub fn needs(&self) -> ClientCapabilities {
        let none = ClientCapabilities::default();
        self.0.iter().fold(none, |all, keyed| all.with(keyed.question.needs()))
    }

    /// The text of the map.
    pub fn to_json(self) -> String {
        let all = Object::new();
        let put =
            |all: Object, keyed: &KeyedRequest| all.raw(&keyed.key, &keyed.question.to_json());
        self.0.iter().fold(all, put).end()
    }
}

/// An error in `inputResponses`: −32602 in-band.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputResponsesError {
    /// They are no object.
    #[error("must be an object whose keys are those of `inputRequests`")]
    NoObject,
    /// One of them is no answer to its question.
    #[error("`{key}` {fault}")]
    Answer {
        /// Its key.
        key: String,
        /// Why.
        fault: InputResponseError,
    },
}

/// The client's responses, unread.
#[derive(Debug, Default)]
pub struct InputResponses<'a>(Vec<(String, &'a RawValue)>);

impl<'a> InputResponses<'a> {
    /// Reads `inputResponses`; absent or `null` is none.
    ///
    /// # Errors
    /// Where it is no object.
    pub fn read(responses: Option<&'a RawValue>) -> Result<Self, InputResponsesError> {
        let Some(responses) = responses.filter(|responses| !raw::is_null(responses)) else {
            return Ok(Self::default());
        };
        Self::parse(responses.get())
    }

    /// Reads their text.
    ///
    /// # Errors
    /// Where it is no object.
    pub fn parse(responses: &'a str) -> Result<Self, InputResponsesError> {
        entries(responses).map(Self).map_err(|_| InputResponsesError::NoObject)
    }

    /// The response to a key. `null` is none: the question is asked again.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(known, _)| known == key);
        found.map(|(_, response)| *response).filter(|response| !raw::is_null(response))
    }

    /// The answer to a question, and its text as it came. None: there is no response.
    ///
    /// # Errors
    /// Where the response is no answer to the question.
    pub fn answer(
        &self,
        keyed: &KeyedRequest,
    ) -> Result<Option<(InputResponse, &'a str)>, InputResponsesError> {
        let Some(response) = self.get(&keyed.key) else {
            return Ok(None);
        };
        let value = raw::value(response.get()).unwrap_or(Value::Null);
        let answer = InputResponse::read(&keyed.question, &value);
        match answer {
            Ok(answer) => Ok(Some((answer, response.get()))),
            Err(fault) => Err(InputResponsesError::Answer { key: keyed.key.clone(), fault }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        raw::value,
        stateless::error::StatelessError,
        testing::{Examples, raw},
    };

    fn roots() -> KeyedRequest {
        KeyedRequest::new("client_roots", InputRequest::Roots)
    }

    #[test]
    fn questions_are_a_map_by_key_in_the_order_they_are_asked() {
        let sampling = InputRequest::Sampling(json!({ "maxTokens": 1 }));
        let keyed = [roots(), KeyedRequest::new("a", sampling)];
        let text = InputRequests(&keyed).to_json();
        assert_eq!(
            text,
            concat!(
                r#"{"client_roots":{"method":"roots/list","params":{}},"#,
                r#""a":{"method":"sampling/createMessage","params":{"maxTokens":1}}}"#
            )
        );
        let needs = InputRequests(&keyed).needs();
        assert_eq!(needs, ClientCapabilities::ROOTS.with(ClientCapabilities::SAMPLING));
    }

    #[test]
    fn a_question_is_read_as_it_was_written() {
        let form =
            InputRequest::Form { message: "\"m\"".into(), requested_schema: json!({ "a": 1 }) };
        let url = InputRequest::Url { message: "m".into(), url: "https://x.example/".into() };
        for question in [form, url, InputRequest::Sampling(json!({ "b": [] })), InputRequest::Roots]
        {
            let keyed = KeyedRequest { key: "k".into(), question, standalone: true };
            let json = serde_json::to_string(&keyed).unwrap();
            assert_eq!(serde_json::from_str::<KeyedRequest>(&json).unwrap(), keyed);
        }
    }

    #[test]
    fn an_answer_is_found_by_its_key_and_kept_as_it_came() {
        let text = raw(r#"{"x":1,"client_roots":{ "roots" : [] }}"#);
        let responses = InputResponses::read(Some(&text)).unwrap();
        let (answer, kept) = responses.answer(&roots()).unwrap().unwrap();
        assert_eq!(answer, InputResponse::Roots(Vec::new()));
        assert_eq!(kept, r#"{ "roots" : [] }"#);
    }

    #[test]
    fn what_is_missing_or_null_is_not_answered() {
        for text in ["null", "{}", r#"{"other":1}"#, r#"{"client_roots":null}"#] {
            let text = raw(text);
            let responses = InputResponses::read(Some(&text)).unwrap();
            assert_eq!(responses.answer(&roots()), Ok(None), "{text}");
        }
        assert!(InputResponses::read(None).unwrap().get("x").is_none());
    }

    #[test]
    fn malformed_responses_are_an_error_in_band() {
        for text in ["1", "true", "[]", "\"x\""] {
            let text = raw(text);
            let fault = InputResponses::read(Some(&text)).unwrap_err();
            assert_eq!(fault, InputResponsesError::NoObject, "{text}");
        }
        for text in ["12345", "\"x\"", "[]", "{}", r#"{"roots":1}"#] {
            let text = raw(&format!(r#"{{"client_roots":{text}}}"#));
            let responses = InputResponses::read(Some(&text)).unwrap();
            let error = StatelessError::from(responses.answer(&roots()).unwrap_err());
            assert_eq!((error.status(), error.code()), (200, -32602), "{text}");
            assert!(error.to_string().contains("`client_roots`"), "{error}");
        }
    }

    #[test]
    fn the_questions_of_the_specification_are_written_alike() {
        let Some(examples) =
            Examples::or_skip("the questions of the specification are written alike")
        else {
            return;
        };
        for (file, example) in examples.of("InputRequests") {
            for (key, theirs) in example.as_object().unwrap() {
                let mut theirs = theirs.clone();
                let question = match theirs["method"].as_str().unwrap() {
                    "sampling/createMessage" => InputRequest::Sampling(theirs["params"].clone()),
                    _ => {
                        let params = theirs["params"].as_object_mut().unwrap();
                        params.remove("mode");
                        InputRequest::Form {
                            message: params["message"].as_str().unwrap().into(),
                            requested_schema: params["requestedSchema"].clone(),
                        }
                    }
                };
                assert_eq!(value(&question.to_json()).unwrap(), theirs, "{file} {key}");
            }
        }
    }
}

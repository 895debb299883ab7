//! The responses of a client to requests of the server.
//!
//! Invariant: a response matches its request; anything else that a client sends is an error and never an
//! answer. Source: the schema's `ElicitResult`, `CreateMessageResult`, `ListRootsResult`.
//!
//! Forms are checked by [`elicitation_form`], and not by the crate `jsonschema`, which would add 625 KB (gzip) for that subset.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::{
    elicitation_form::{self, FormError},
    input_request::InputRequest,
};

/// A client's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum InputResponse {
    /// The person filled in the form (its declared fields), or agreed to open the page (none).
    Accepted(Map<String, Value>),
    /// The person agreed to open the page.
    Opened,
    /// The person said no.
    Declined,
    /// The person went away without saying yes or no.
    Cancelled,
    /// The message of the client's model.
    Sampled(CreateMessageResult),
    /// The folders that the client works in.
    Roots(Vec<Root>),
}

/// A message of the client's model.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateMessageResult {
    /// `assistant`, or what else the client says.
    pub role: String,
    /// One block of content, or an array of blocks.
    pub content: Value,
    /// The model that said it.
    pub model: String,
    /// Why it stopped.
    pub stop_reason: Option<String>,
}

impl CreateMessageResult {
    /// The text of all its text blocks.
    pub fn text(&self) -> String {
        let blocks = match &self.content {
            Value::Array(blocks) => blocks.as_slice(),
            one => std::slice::from_ref(one),
        };
        let texts = blocks.iter().filter_map(|block| block.get("text")?.as_str());
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// A folder that the client works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// A `file:` URI.
    pub uri: String,
    /// Its name for people.
    pub name: Option<String>,
}

/// Why a response is no answer to its question.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputResponseError {
    /// It is no object.
    #[error("must be an object")]
    NoObject,
    /// The person neither accepted nor declined nor cancelled.
    #[error("`action` must be accept, decline or cancel")]
    Action,
    /// An accepted form without content.
    #[error("`content` must be an object with the fields of the form")]
    NoContent,
    /// The form is not filled in as it says.
    #[error("`content`: {0}")]
    Form(#[from] FormError),
    /// It is not the message of a model.
    #[error(
        "must have the strings `role` and `model`, and `content`: a block or an array of blocks"
    )]
    Message,
    /// It is no list of folders.
    #[error("`roots` must be an array of objects with a `uri`")]
    Roots,
}

impl InputResponse {
    /// The result that says the same of a form or a page, with the declared fields alone. None: an
    /// answer of a program, which stays as it came.
    pub fn into_result(self) -> Option<Value> {
        Some(match self {
            Self::Accepted(content) => json!({ "action": "accept", "content": content }),
            // Content is a form's alone (MCP `client/elicitation`).
            Self::Opened => json!({ "action": "accept" }),
            Self::Declined => json!({ "action": "decline" }),
            Self::Cancelled => json!({ "action": "cancel" }),
            Self::Sampled(_) | Self::Roots(_) => return None,
        })
    }

    /// Reads a response to a question.
    ///
    /// # Errors
    /// Where it is no answer to it.
    pub fn read(question: &InputRequest, response: &Value) -> Result<Self, InputResponseError> {
        let response = response.as_object().ok_or(InputResponseError::NoObject)?;
        match question {
            InputRequest::Form { requested_schema, .. } => {
                elicited(response, Some(requested_schema))
            }
            InputRequest::Url { .. } => elicited(response, None),
            InputRequest::Sampling(_) => sampled(response).ok_or(InputResponseError::Message),
            InputRequest::Roots => roots(response).ok_or(InputResponseError::Roots),
        }
    }
}

/// Content counts only where a form was accepted.
fn elicited(
    response: &Map<String, Value>,
    form: Option<&Value>,
) -> Result<InputResponse, InputResponseError> {
    match (response.get("action").and_then(Value::as_str), form) {
        (Some("accept"), None) => Ok(InputResponse::Opened),
        (Some("accept"), Some(schema)) => {
            let content = response.get("content").and_then(Value::as_object);
            Ok(InputResponse::Accepted(elicitation_form::validate(
                schema,
                content.ok_or(InputResponseError::NoContent)?,
            )?))
        }
        (Some("decline"), _) => Ok(InputResponse::Declined),
        (Some("cancel"), _) => Ok(InputResponse::Cancelled),
        _ => Err(InputResponseError::Action),
    }
}

fn sampled(response: &Map<String, Value>) -> Option<InputResponse> {
    let text = |field: &str| response.get(field).and_then(Value::as_str).map(str::to_owned);
    let content = response.get("content").filter(|content| match content {
        Value::Array(blocks) => blocks.iter().all(is_block),
        one => is_block(one),
    })?;
    Some(InputResponse::Sampled(CreateMessageResult {
        role: text("role")?,
        content: content.clone(),
        model: text("model")?,
        stop_reason: text("stopReason"),
    }))
}

fn is_block(value: &Value) -> bool {
    value.get("type").is_some_and(Value::is_string)
}

fn roots(response: &Map<String, Value>) -> Option<InputResponse> {
    let root = |value: &Value| {
        let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
        Some(Root { uri: text("uri")?, name: text("name") })
    };
    let roots = response.get("roots")?.as_array()?;
    roots.iter().map(root).collect::<Option<_>>().map(InputResponse::Roots)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Examples;

    fn form() -> InputRequest {
        let requested_schema =
            json!({ "properties": { "name": { "type": "string" } }, "required": ["name"] });
        InputRequest::Form { message: String::new(), requested_schema }
    }

    fn url() -> InputRequest {
        InputRequest::Url { message: String::new(), url: "https://x.example".into() }
    }

    fn sampling() -> InputRequest {
        InputRequest::Sampling(json!({}))
    }

    #[test]
    fn a_person_accepts_declines_or_cancels() {
        let accepted = json!({ "action": "accept", "content": { "name": "Alice", "more": 1 } });
        let fields = Map::from_iter([("name".to_owned(), json!("Alice"))]);
        assert_eq!(InputResponse::read(&form(), &accepted), Ok(InputResponse::Accepted(fields)));
        for question in [form(), url()] {
            let read = |response| InputResponse::read(&question, &response);
            assert_eq!(read(json!({ "action": "decline" })), Ok(InputResponse::Declined));
            assert_eq!(
                read(json!({ "action": "cancel", "content": 7 })),
                Ok(InputResponse::Cancelled)
            );
        }
        let opened = InputResponse::read(&url(), &json!({ "action": "accept" }));
        assert_eq!(opened, Ok(InputResponse::Opened));
        assert_eq!(InputResponse::Opened.into_result(), Some(json!({ "action": "accept" })));
    }

    #[test]
    fn a_model_and_roots_are_read() {
        let said = json!({ "role": "assistant", "model": "m", "content": [
            { "type": "text", "text": "a" }, { "type": "tool_use" }, { "type": "text", "text": "b" },
        ] });
        let Ok(InputResponse::Sampled(said)) = InputResponse::read(&sampling(), &said) else {
            panic!()
        };
        assert_eq!(said.text(), "a\nb");
        let roots =
            json!({ "roots": [{ "uri": "file:///a", "name": "A" }, { "uri": "file:///b" }] });
        let Ok(InputResponse::Roots(roots)) = InputResponse::read(&InputRequest::Roots, &roots)
        else {
            panic!()
        };
        assert_eq!(roots[0].name.as_deref(), Some("A"));
        assert_eq!(roots[1], Root { uri: "file:///b".into(), name: None });
        let none = InputResponse::read(&InputRequest::Roots, &json!({ "roots": [] }));
        assert_eq!(none, Ok(InputResponse::Roots(Vec::new())));
    }

    #[test]
    fn what_is_no_object_answers_nothing() {
        for question in [form(), url(), sampling(), InputRequest::Roots] {
            for response in [json!(12345), json!(null), json!("accept"), json!(true), json!([])] {
                let read = InputResponse::read(&question, &response);
                assert_eq!(read, Err(InputResponseError::NoObject), "{response}");
            }
        }
    }

    #[test]
    fn a_malformed_elicitation_answers_nothing() {
        for (response, fault) in [
            (json!({}), InputResponseError::Action),
            (json!({ "action": "ACCEPT" }), InputResponseError::Action),
            (json!({ "action": 1 }), InputResponseError::Action),
            (json!({ "action": "accept" }), InputResponseError::NoContent),
            (json!({ "action": "accept", "content": null }), InputResponseError::NoContent),
            (json!({ "action": "accept", "content": ["Alice"] }), InputResponseError::NoContent),
        ] {
            assert_eq!(InputResponse::read(&form(), &response), Err(fault), "{response}");
        }
        let empty = InputResponse::read(&form(), &json!({ "action": "accept", "content": {} }));
        assert_eq!(empty.unwrap_err().to_string(), "`content`: `name` is required");
    }

    #[test]
    fn a_malformed_message_answers_nothing() {
        let block = json!({ "type": "text", "text": "x" });
        for response in [
            json!({}),
            json!({ "model": "m", "content": block }),
            json!({ "role": "assistant", "content": block }),
            json!({ "role": "assistant", "model": "m" }),
            json!({ "role": 1, "model": "m", "content": block }),
            json!({ "role": "assistant", "model": "m", "content": "x" }),
            json!({ "role": "assistant", "model": "m", "content": [block, "x"] }),
            json!({ "role": "assistant", "model": "m", "content": { "text": "x" } }),
        ] {
            let read = InputResponse::read(&sampling(), &response);
            assert_eq!(read, Err(InputResponseError::Message), "{response}");
        }
    }

    #[test]
    fn malformed_roots_answer_nothing() {
        for response in [
            json!({}),
            json!({ "roots": {} }),
            json!({ "roots": ["file:///a"] }),
            json!({ "roots": [{ "name": "a" }] }),
            json!({ "roots": [{ "uri": 1 }] }),
        ] {
            assert_eq!(
                InputResponse::read(&InputRequest::Roots, &response),
                Err(InputResponseError::Roots)
            );
        }
    }

    #[test]
    fn the_answers_of_the_specification_are_answers() {
        let Some(examples) = Examples::or_skip("the answers of the specification are answers")
        else {
            return;
        };
        for (of, question) in [
            ("CreateMessageResult", sampling()),
            ("ListRootsResult", InputRequest::Roots),
            ("ElicitResult", url()),
        ] {
            for (file, response) in examples.of(of) {
                assert!(InputResponse::read(&question, &response).is_ok(), "{of}/{file}");
            }
        }
    }
}

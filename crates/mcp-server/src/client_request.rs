//! Questions that a tool puts to the client, typed: what is asked, and what comes back.
//!
//! Invariant: a tool cannot swallow a suspension. `ask` fails with [`Stop`], which only the server
//! opens; a tool passes it on with `?` and is run again when the answers are there.

use std::fmt;

use serde_json::Value;

use mcp_protocol::{
    capabilities::ClientCapabilities,
    content::CallToolResult,
    input_request::InputRequest,
    input_response::InputResponse,
    jsonrpc::{INVALID_REQUEST, RpcError},
    stateless::mrtr::{InputResponsesError, KeyedRequest},
};

/// Why a tool stops before its end. Made by `ctx`, opened by the server.
#[derive(Debug)]
pub struct Stop(pub StopReason);

/// The reason of a [`Stop`].
#[derive(Debug)]
pub enum StopReason {
    /// The client's answer to a question does not fit, or there is none to be had.
    Unanswered(String),
    /// The client cannot do this.
    MissingCapability(ClientCapabilities),
    /// The client is asked by this answer, and sends the request again.
    Suspended(Vec<KeyedRequest>),
    /// The client's answer to a question of an earlier round is none.
    Malformed(InputResponsesError),
    /// The work goes on in a task.
    Moves,
    /// The client took its request back while something ran elsewhere for it: whether that was ended.
    TakenBack(bool),
    /// It cannot go on for now, for this reason: a task is held back and tried again later.
    Held(String),
    /// The request is answered with an error of the protocol.
    Refused(RpcError),
}

impl Stop {
    pub(crate) fn unanswered(why: impl Into<String>) -> Self {
        Self(StopReason::Unanswered(why.into()))
    }

    /// The client cancelled the request, so its work is not begun. No client reads this result.
    pub(crate) fn cancelled() -> Self {
        Self::refused(RpcError::new(INVALID_REQUEST, "the request was cancelled before it began"))
    }

    /// The client took its request back while something ran elsewhere for it, which was ended or may go on. No client
    /// reads this result.
    pub fn taken_back(is_ended: bool) -> Self {
        Self(StopReason::TakenBack(is_ended))
    }

    /// The work cannot go on for now. A task is tried again later; elsewhere this is the end, in these words.
    pub fn held(why: impl Into<String>) -> Self {
        Self(StopReason::Held(why.into()))
    }

    /// The result for the model, if the reason is not a protocol error.
    pub fn into_result(self) -> CallToolResult {
        CallToolResult::error(self.into_message())
    }

    /// The same as a text.
    pub fn into_message(self) -> String {
        match self.0 {
            StopReason::Unanswered(why) => {
                format!("The question to the person was not answered: {why}.")
            }
            StopReason::MissingCapability(needs) => format!(
                "This needs a client that declares {}, and yours did not.",
                needs.declaration()
            ),
            StopReason::Refused(error) => error.message,
            StopReason::Held(why) => why,
            StopReason::TakenBack(_) => "The client took the request back.".to_owned(),
            StopReason::Suspended(_) | StopReason::Malformed(_) | StopReason::Moves => {
                "The question was lost.".to_owned()
            }
        }
    }

    /// Answers the request with an error of the protocol instead of a result.
    pub fn refused(error: RpcError) -> Self {
        Self(StopReason::Refused(error))
    }
}

/// Gives questions without a name that of their place in the run; `before` have had their answers.
pub(crate) fn named(mut questions: Vec<KeyedRequest>, before: usize) -> Vec<KeyedRequest> {
    for (place, asked) in questions.iter_mut().enumerate() {
        if asked.key.is_empty() {
            asked.key = format!("question_{}", before.saturating_add(place).saturating_add(1));
        }
    }
    questions
}

/// The client's answers, where each is one to its question; of a form, the fields that it declares.
///
/// # Errors
/// Where one is none: which, and why.
pub(crate) fn validated(
    questions: &[KeyedRequest],
    answers: Vec<Value>,
) -> Result<Vec<Value>, Stop> {
    let fits =
        |(asked, given): (&KeyedRequest, Value)| match InputResponse::read(&asked.question, &given)
        {
            Ok(answer) => Ok(answer.into_result().unwrap_or(given)),
            Err(fault) => Err(unfit(fault)),
        };
    questions.iter().zip(answers).map(fits).collect()
}

/// One question, or several asked in one round.
pub trait ClientRequest {
    /// The type of the responses.
    type Answers;

    /// The questions in order.
    fn questions(&self) -> Vec<KeyedRequest>;

    /// Reads the answers, which are in the order of the questions.
    ///
    /// # Errors
    /// Where an answer has the wrong shape.
    fn answers(answers: &mut dyn Iterator<Item = Value>) -> Result<Self::Answers, Stop>;
}

macro_rules! asks {
    ($(#[$doc:meta])* $name:ident::$ctor:ident($($field:ident: $kind:ty),*) => $question:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(KeyedRequest);

        impl $name {
            /// The question.
            pub fn $ctor($($field: $kind),*) -> Self {
                Self(KeyedRequest::new("", $question))
            }

            /// The same under a name of its own, where a round has several questions.
            #[must_use]
            pub fn key(mut self, key: &str) -> Self {
                self.0.key = key.to_owned();
                self
            }

            /// Takes an answer that comes without the state of the round in which this was asked.
            /// Not before [`Context::begin`]: such an answer may come twice, and to a question that
            /// has changed.
            ///
            /// [`Context::begin`]: crate::context::Context::begin
            #[must_use]
            pub fn standalone(mut self) -> Self {
                self.0.standalone = true;
                self
            }
        }
    };
}

asks! {
    /// Asks the person to fill in a form: what they read, and the fields as a JSON Schema object
    /// with primitive properties.
    ElicitForm::new(message: &str, schema: Value) => InputRequest::Form {
        message: message.to_owned(),
        requested_schema: schema,
    }
}

asks! {
    /// Asks the person to open a page: the message, and the page's URL, which must not contain
    /// a credential.
    ElicitUrl::new(message: &str, url: &str) => InputRequest::Url {
        message: message.to_owned(),
        url: url.to_owned(),
    }
}

asks! {
    /// Asks the client's model: the parameters of `sampling/createMessage`.
    CreateMessage::new(params: Value) => InputRequest::Sampling(params)
}

asks! {
    /// Asks for the client's roots.
    ListRoots::all() => InputRequest::Roots
}

/// The person's action on a form or a page.
#[derive(Debug, Clone, PartialEq)]
pub enum ElicitResult {
    /// Agreed; for a form with its content.
    Accept {
        /// The fields.
        content: Value,
    },
    /// Said no.
    Decline,
    /// Closed it without an answer.
    Cancel,
}

impl ElicitResult {
    /// The word on the wire.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Accept { .. } => "accept",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
        }
    }

    /// The content of a form that was accepted.
    pub fn content(&self) -> Option<&Value> {
        match self {
            Self::Accept { content } => Some(content),
            Self::Decline | Self::Cancel => None,
        }
    }
}

/// One root of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// A `file://` URI.
    pub uri: String,
    /// A name for people.
    pub name: Option<String>,
}

fn next(answers: &mut dyn Iterator<Item = Value>) -> Result<Value, Stop> {
    answers.next().ok_or_else(|| Stop::unanswered("an answer is missing"))
}

fn unfit(why: impl fmt::Display) -> Stop {
    Stop::unanswered(format!("the client's answer does not fit: {why}"))
}

fn elicited(mut answer: Value) -> Result<ElicitResult, Stop> {
    let content = answer.get_mut("content").map(Value::take).unwrap_or_default();
    match answer.get("action").and_then(Value::as_str) {
        Some("accept") => Ok(ElicitResult::Accept { content }),
        Some("decline") => Ok(ElicitResult::Decline),
        Some("cancel") => Ok(ElicitResult::Cancel),
        _ => Err(unfit(answer)),
    }
}

impl ClientRequest for ElicitForm {
    type Answers = ElicitResult;

    fn questions(&self) -> Vec<KeyedRequest> {
        vec![self.0.clone()]
    }

    fn answers(answers: &mut dyn Iterator<Item = Value>) -> Result<ElicitResult, Stop> {
        elicited(next(answers)?)
    }
}

impl ClientRequest for ElicitUrl {
    type Answers = ElicitResult;

    fn questions(&self) -> Vec<KeyedRequest> {
        vec![self.0.clone()]
    }

    fn answers(answers: &mut dyn Iterator<Item = Value>) -> Result<ElicitResult, Stop> {
        elicited(next(answers)?)
    }
}

impl ClientRequest for CreateMessage {
    type Answers = Value;

    fn questions(&self) -> Vec<KeyedRequest> {
        vec![self.0.clone()]
    }

    fn answers(answers: &mut dyn Iterator<Item = Value>) -> Result<Value, Stop> {
        next(answers)
    }
}

impl ClientRequest for ListRoots {
    type Answers = Vec<Root>;

    fn questions(&self) -> Vec<KeyedRequest> {
        vec![self.0.clone()]
    }

    fn answers(answers: &mut dyn Iterator<Item = Value>) -> Result<Vec<Root>, Stop> {
        let answer = next(answers)?;
        let root = |root: &Value| {
            let text = |name: &str| root.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(Root { uri: text("uri")?, name: text("name") })
        };
        let roots = answer.get("roots").and_then(Value::as_array);
        let roots = roots.and_then(|roots| roots.iter().map(root).collect());
        roots.ok_or_else(|| unfit(answer))
    }
}

macro_rules! several {
    ($($part:ident . $at:tt),+) => {
        impl<$($part: ClientRequest),+> ClientRequest for ($($part,)+) {
            type Answers = ($($part::Answers,)+);

            fn questions(&self) -> Vec<KeyedRequest> {
                let mut questions = Vec::new();
                $(questions.extend(self.$at.questions());)+
                questions
            }

            fn answers(
                answers: &mut dyn Iterator<Item = Value>,
            ) -> Result<Self::Answers, Stop> {
                Ok(($($part::answers(answers)?,)+))
            }
        }
    };
}

several!(A.0, B.1);
several!(A.0, B.1, C.2);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_come_back_in_the_order_of_the_questions() {
        let form = ElicitForm::new("Who?", json!({ "type": "object" }));
        let asked = (form, ListRoots::all());
        assert_eq!(asked.questions().len(), 2);
        let mut answers = [
            json!({ "action": "accept", "content": { "name": "Ada" } }),
            json!({ "roots": [{ "uri": "file:///a" }] }),
        ]
        .into_iter();
        let (elicited, roots) = <(ElicitForm, ListRoots)>::answers(&mut answers).unwrap();
        assert_eq!(elicited.content().unwrap()["name"], "Ada");
        assert_eq!(roots[0].uri, "file:///a");
    }

    #[test]
    fn an_answer_has_the_fields_that_its_form_declares_or_is_none() {
        let schema = json!({
            "type": "object", "properties": { "age": { "type": "integer" } }, "required": ["age"],
        });
        let questions =
            (ElicitForm::new("How old?", schema), CreateMessage::new(json!({}))).questions();
        let said = json!({ "role": "assistant", "model": "m", "_meta": {},
                           "content": { "type": "text", "text": "a" } });
        let form = json!({ "action": "accept", "content": { "age": 7, "more": true } });
        let fits = validated(&questions, vec![form, said.clone()]).unwrap();
        assert_eq!(fits, [json!({ "action": "accept", "content": { "age": 7 } }), said]);
        for wrong in [json!({ "age": "7" }), json!({}), json!(null)] {
            let form = json!({ "action": "accept", "content": wrong });
            let Err(Stop(StopReason::Unanswered(why))) = validated(&questions, vec![form]) else {
                panic!("should not fit")
            };
            assert!(why.contains("does not fit") && why.contains("content"), "{why}");
        }
    }

    #[test]
    fn an_answer_of_the_wrong_shape_is_said() {
        let mut answers = [json!({ "action": "maybe" })].into_iter();
        let Err(Stop(StopReason::Unanswered(why))) = ElicitForm::answers(&mut answers) else {
            panic!("should not fit")
        };
        assert!(why.contains("maybe"), "{why}");
    }
}

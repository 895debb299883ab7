//! The requests that a server may send to its client while it handles a request.
//!
//! Invariant: a question is the same in every era; a session sends it as a request, a stateless
//! request returns it as one of its `inputRequests`. Source: MCP `client/elicitation`,
//! `client/sampling`, `client/roots`; the schema's `InputRequest`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{capabilities::ClientCapabilities, object::Object};

/// The SHA-256 of a text that two requests must have in common.
pub type Digest = [u8; 32];

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub enum InputRequest {
    /// A form for the person. Never for secrets: the client sees the answer.
    Form {
        /// Why it is asked.
        message: String,
        /// A flat object schema of strings, numbers, booleans and choices.
        requested_schema: Value,
    },
    /// A page for the person to open. The client learns no more than that it was opened.
    Url {
        /// Why it is asked.
        message: String,
        /// The page's URL, which must not contain a credential.
        url: String,
    },
    /// A message for the client's model to answer: the parameters of `sampling/createMessage`.
    Sampling(Value),
    /// The folders that the client works in.
    Roots,
}

impl InputRequest {
    /// The method that asks it.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Form { .. } | Self::Url { .. } => "elicitation/create",
            Self::Sampling(_) => "sampling/createMessage",
            Self::Roots => "roots/list",
        }
    }

    /// The parameters. A form goes without `mode`, which clients before 2025-11-25 do not know and
    /// all others take for the form mode.
    pub fn params(&self) -> Value {
        match self {
            Self::Form { message, requested_schema } => {
                json!({ "message": message, "requestedSchema": requested_schema })
            }
            Self::Url { message, url } => json!({ "mode": "url", "message": message, "url": url }),
            Self::Sampling(params) => params.clone(),
            Self::Roots => json!({}),
        }
    }

    /// The client capabilities that this request needs.
    pub fn needs(&self) -> ClientCapabilities {
        match self {
            Self::Form { .. } => ClientCapabilities::ELICITATION_FORM,
            Self::Url { .. } => ClientCapabilities::ELICITATION_URL,
            Self::Sampling(params) => sampling_needs(params),
            Self::Roots => ClientCapabilities::ROOTS,
        }
    }

    /// Names the question by what it says, so that an answer is kept to the question it was given
    /// to.
    pub fn digest(&self) -> Digest {
        Sha256::digest(self.to_json()).into()
    }

    /// `{"method":…,"params":…}`.
    pub fn to_json(&self) -> String {
        let params = self.params().to_string();
        Object::new().text("method", self.method()).raw("params", &params).end()
    }
}

impl Serialize for InputRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut question = serializer.serialize_struct("Question", 2)?;
        question.serialize_field("method", self.method())?;
        question.serialize_field("params", &self.params())?;
        question.end()
    }
}

impl<'de> Deserialize<'de> for InputRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            method: String,
            params: Value,
        }
        let Written { method, mut params } = Written::deserialize(deserializer)?;
        let text =
            |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let message = text("message");
        Ok(match method.as_str() {
            "roots/list" => Self::Roots,
            "sampling/createMessage" => Self::Sampling(params),
            _ if params.get("mode").is_some() => Self::Url { message, url: text("url") },
            _ => {
                let requested_schema = params.get_mut("requestedSchema").map(Value::take);
                Self::Form { message, requested_schema: requested_schema.unwrap_or_default() }
            }
        })
    }
}

fn sampling_needs(params: &Value) -> ClientCapabilities {
    let mut needs = ClientCapabilities::SAMPLING;
    let asks = |field: &str| params.get(field).is_some_and(|value| !value.is_null());
    if asks("tools") || asks("toolChoice") {
        needs = needs.with(ClientCapabilities::SAMPLING_TOOLS);
    }
    if asks("includeContext") && params.get("includeContext") != Some(&json!("none")) {
        needs = needs.with(ClientCapabilities::SAMPLING_CONTEXT);
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw;

    fn form(message: &str) -> InputRequest {
        let requested_schema = json!({ "type": "object", "properties": {} });
        InputRequest::Form { message: message.into(), requested_schema }
    }

    fn url() -> InputRequest {
        InputRequest::Url { message: "m".into(), url: "https://x.example/".into() }
    }

    fn written(question: &InputRequest) -> Value {
        raw::value(&question.to_json()).unwrap()
    }

    #[test]
    fn a_question_is_a_method_with_parameters() {
        assert_eq!(
            written(&form("m")),
            json!({ "method": "elicitation/create", "params": {
                "message": "m", "requestedSchema": { "type": "object", "properties": {} },
            } })
        );
        assert_eq!(
            written(&url()),
            json!({ "method": "elicitation/create", "params": {
                "mode": "url", "message": "m", "url": "https://x.example/",
            } })
        );
        let sampling = InputRequest::Sampling(json!({ "maxTokens": 1, "messages": [] }));
        assert_eq!(
            written(&sampling),
            json!({ "method": "sampling/createMessage", "params": {
                "maxTokens": 1, "messages": [],
            } })
        );
        assert_eq!(written(&InputRequest::Roots), json!({ "method": "roots/list", "params": {} }));
    }

    #[test]
    fn each_question_needs_its_capability() {
        let sampling = |params: Value| InputRequest::Sampling(params).needs();
        assert_eq!(form("m").needs(), ClientCapabilities::ELICITATION_FORM);
        assert_eq!(url().needs(), ClientCapabilities::ELICITATION_URL);
        assert_eq!(InputRequest::Roots.needs(), ClientCapabilities::ROOTS);
        assert_eq!(sampling(json!({})), ClientCapabilities::SAMPLING);
        assert_eq!(sampling(json!({ "includeContext": "none" })), ClientCapabilities::SAMPLING);
        for params in [json!({ "tools": [] }), json!({ "toolChoice": { "mode": "auto" } })] {
            assert!(sampling(params).has(ClientCapabilities::SAMPLING_TOOLS));
        }
        let context = sampling(json!({ "includeContext": "thisServer" }));
        assert!(context.has(ClientCapabilities::SAMPLING_CONTEXT));
    }

    #[test]
    fn a_question_that_changed_has_another_digest() {
        assert_eq!(form("a").digest(), form("a").digest());
        assert_ne!(form("a").digest(), form("b").digest());
        assert_ne!(form("m").digest(), url().digest());
    }
}

//! What a server may ask of a client: elicitation, sampling, roots.
//!
//! Source: MCP 2025-11-25 `client/{elicitation,sampling,roots}`. The same questions travel as requests
//! in a session and as `inputRequests` in the stateless era.

use serde_json::{Value, json};

use crate::protocol::capabilities::ClientCapabilities;

/// A question to the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Its name among the questions of one round; empty: its place.
    pub key: String,
    /// What is asked.
    pub kind: Kind,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A form for the person. Never for secrets.
    Form {
        /// What the person reads.
        message: String,
        /// The fields: a flat JSON Schema object.
        schema: Value,
    },
    /// A page for the person to open.
    Url {
        /// What the person reads.
        message: String,
        /// The page.
        url: String,
        /// Names the elicitation.
        id: String,
    },
    /// A completion of the client's model.
    Sampling {
        /// The parameters of `sampling/createMessage`.
        params: Value,
    },
    /// The client's roots.
    Roots,
}

impl Question {
    /// A question without a name of its own.
    pub fn new(kind: Kind) -> Self {
        Self { key: String::new(), kind }
    }

    /// The method of the request.
    pub fn method(&self) -> &'static str {
        match &self.kind {
            Kind::Form { .. } | Kind::Url { .. } => "elicitation/create",
            Kind::Sampling { .. } => "sampling/createMessage",
            Kind::Roots => "roots/list",
        }
    }

    /// The parameters of the request.
    pub fn params(&self) -> Value {
        match &self.kind {
            Kind::Form { message, schema } => {
                json!({ "message": message, "requestedSchema": schema })
            }
            Kind::Url { message, url, id } => {
                json!({ "mode": "url", "message": message, "url": url, "elicitationId": id })
            }
            Kind::Sampling { params } => params.clone(),
            Kind::Roots => json!({}),
        }
    }

    /// What the client must be able to do.
    pub fn needs(&self) -> ClientCapabilities {
        match &self.kind {
            Kind::Form { .. } => ClientCapabilities::ELICITATION_FORM,
            Kind::Url { .. } => ClientCapabilities::ELICITATION_URL,
            Kind::Sampling { params } if params.get("tools").is_some() => {
                ClientCapabilities::SAMPLING.with(ClientCapabilities::SAMPLING_TOOLS)
            }
            Kind::Sampling { .. } => ClientCapabilities::SAMPLING,
            Kind::Roots => ClientCapabilities::ROOTS,
        }
    }

    /// The name of what the client must be able to do.
    pub fn needed(&self) -> &'static str {
        match &self.kind {
            Kind::Form { .. } => "elicitation",
            Kind::Url { .. } => "elicitation in URL mode",
            Kind::Sampling { .. } => "sampling",
            Kind::Roots => "roots",
        }
    }
}

//! `initialize`: what client and server tell each other at the start of a session.
//!
//! Source: MCP 2025-11-25 `basic/lifecycle` "Initialization".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::protocol::{
    capabilities::ClientCapabilities,
    jsonrpc::{INVALID_PARAMS, RpcError},
    version::Version,
};

/// The name of this server in `serverInfo`, cards and `/health`.
pub const SERVER_NAME: &str = "sitebay-mcp";
/// Its name for people.
pub const SERVER_TITLE: &str = "SiteBay WordPress Hosting";
/// Its version.
pub const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");
/// What it is for, in one sentence of at most 100 characters.
pub const SERVER_DESCRIPTION: &str =
    "Manage WordPress sites on SiteBay: create, change, back up and restore them, run WP-CLI.";

/// What a model should know before it uses the tools.
pub const INSTRUCTIONS: &str = "Tools to manage WordPress sites hosted on SiteBay. Sites are named by \
their domain (`fqdn`); find them with sitebay_list_sites. A site that is being created or restored is \
busy: changes are refused until its status is `idle`. Deleting and restoring lose data: call them \
without `confirm` first, show the person what they say, and pass `confirm: true` only with their \
consent. A failed tool says what was wrong and what to do next.";

/// The parameters of `initialize`, as far as they matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The version to speak.
    pub version: Version,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
    /// The client's name.
    pub client_name: String,
    /// The client's version.
    pub client_version: String,
}

impl Default for Hello {
    /// What is known of a client that has said nothing yet.
    fn default() -> Self {
        Self {
            version: Version::LATEST,
            capabilities: ClientCapabilities::default(),
            client_name: String::new(),
            client_version: String::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    protocol_version: String,
    #[serde(default)]
    capabilities: Value,
    #[serde(default)]
    client_info: ClientInfo,
}

#[derive(Deserialize, Default)]
struct ClientInfo {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

impl Hello {
    /// Reads the parameters.
    ///
    /// # Errors
    /// −32602 where `protocolVersion` is missing or anything has the wrong type.
    pub fn read(params: Option<&RawValue>) -> Result<Self, RpcError> {
        let text = params.map_or("{}", RawValue::get);
        let params: Params = serde_json::from_str(text)
            .map_err(|error| RpcError::new(INVALID_PARAMS, format!("initialize: {error}")))?;
        Ok(Self {
            version: Version::negotiate(&params.protocol_version),
            capabilities: ClientCapabilities::from_declared(&params.capabilities),
            client_name: params.client_info.name,
            client_version: params.client_info.version,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitializeResult<'a> {
    protocol_version: &'a str,
    capabilities: Value,
    server_info: Value,
    instructions: &'a str,
}

/// The result of `initialize`.
pub fn result(version: Version, prompts: bool) -> impl Serialize {
    InitializeResult {
        protocol_version: version.as_str(),
        capabilities: server_capabilities(prompts),
        server_info: server_info(),
        instructions: INSTRUCTIONS,
    }
}

/// What this server can do in a session. `prompts`: whether it has any.
pub fn server_capabilities(prompts: bool) -> Value {
    let mut capabilities = json!({
        "tools": { "listChanged": true },
        "resources": { "subscribe": true, "listChanged": true },
        "logging": {},
        "completions": {},
    });
    if let (true, Some(capabilities)) = (prompts, capabilities.as_object_mut()) {
        capabilities.insert("prompts".to_owned(), json!({ "listChanged": true }));
    }
    capabilities
}

/// Who this server is.
pub fn server_info() -> Value {
    json!({
        "name": SERVER_NAME,
        "title": SERVER_TITLE,
        "version": SERVER_VERSION,
        "description": SERVER_DESCRIPTION,
        "websiteUrl": "https://sitebay.org",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(text: &str) -> Result<Hello, RpcError> {
        Hello::read(Some(&RawValue::from_string(text.into()).unwrap()))
    }

    #[test]
    fn a_client_may_leave_out_who_it_is() {
        let read = hello(r#"{"protocolVersion":"2025-06-18"}"#).unwrap();
        assert_eq!(read.version, Version::V2025_06_18);
        assert_eq!(read.client_name, "");
    }

    #[test]
    fn a_missing_version_is_named() {
        let error = hello(r#"{"capabilities":{}}"#).unwrap_err();
        assert_eq!(error.code, INVALID_PARAMS);
        assert!(error.message.contains("protocolVersion"), "{}", error.message);
    }
}

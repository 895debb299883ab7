//! `initialize`: what client and server tell each other at the start of a session.
//!
//! Source: MCP 2025-11-25 `basic/lifecycle` "Initialization".

use serde_json::{Value, value::RawValue};

use crate::{
    capabilities::ClientCapabilities,
    fields::fields,
    jsonrpc::{INVALID_PARAMS, RpcError},
    object::Object,
    raw,
    version::Version,
    version_schema::adapt_result,
};

/// The name of this server in `serverInfo`, cards and `/health`.
pub const SERVER_NAME: &str = "sitebay-mcp";
/// Its name for people.
pub const SERVER_TITLE: &str = "SiteBay WordPress Hosting";
/// Its version.
pub const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Its purpose, in one sentence of at most 100 characters.
pub const SERVER_DESCRIPTION: &str =
    "Manage WordPress sites on SiteBay: create, change, back up and restore them, run WP-CLI.";

/// The `instructions` for a model that uses the tools.
pub const INSTRUCTIONS: &str = "Tools to manage WordPress sites hosted on SiteBay. Sites are named by \
their domain (`fqdn`); find them with sitebay_list_sites. A site that is being created or restored is \
busy: changes are refused until its status is `idle`. Deleting and restoring lose data: call them \
without `confirm` first, show the person what they say, and pass `confirm: true` only with their \
consent. A failed tool says what was wrong and what to do next.";

/// The parameters of `initialize`, as far as they matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitializeParams {
    /// The version to speak.
    pub version: Version,
    /// The client's capabilities.
    pub capabilities: ClientCapabilities,
    /// The client's name.
    pub client_name: String,
    /// The client's version.
    pub client_version: String,
}

impl Default for InitializeParams {
    /// The parameters assumed before a client has sent `initialize`.
    fn default() -> Self {
        Self {
            version: Version::LATEST,
            capabilities: ClientCapabilities::default(),
            client_name: String::new(),
            client_version: String::new(),
        }
    }
}

impl InitializeParams {
    /// Reads the parameters.
    ///
    /// # Errors
    /// −32602 where `protocolVersion` is missing or anything has the wrong type.
    pub fn read(params: Option<&RawValue>) -> Result<Self, RpcError> {
        let text = params.map_or("{}", RawValue::get);
        Self::parse(text).map_err(|why| RpcError::new(INVALID_PARAMS, format!("initialize: {why}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let found = fields(text, ["protocolVersion", "capabilities", "clientInfo"]);
        let [version, capabilities, client] = found.map_err(|error| error.to_string())?;
        let version = version.ok_or("missing field `protocolVersion`")?;
        let version = raw::text(version).ok_or("`protocolVersion` must be a string")?;
        let capabilities = match capabilities {
            Some(declared) => raw::value(declared.get()).map_err(|error| error.to_string())?,
            None => Value::Null,
        };
        let client = client.map_or("{}", RawValue::get);
        let found = fields(client, ["name", "version"]);
        let [name, client_version] = found.map_err(|error| format!("clientInfo: {error}"))?;
        let said = |field: Option<&RawValue>| {
            field.map_or(Some(String::new()), raw::string).ok_or("`clientInfo` holds strings")
        };
        Ok(Self {
            version: Version::negotiate(&version),
            capabilities: ClientCapabilities::from_declared(&capabilities),
            client_name: said(name)?,
            client_version: said(client_version)?,
        })
    }
}

/// The result of `initialize`: its text.
pub fn result(version: Version, prompts: bool) -> String {
    let whole = Object::new()
        .text("protocolVersion", version.as_str())
        .raw("capabilities", &server_capabilities(prompts).end())
        .raw("serverInfo", &server_info())
        .text("instructions", INSTRUCTIONS)
        .end();
    adapt_result(version, "initialize", &whole).into_owned()
}

/// The result of `initialize` of another server behind a door: its own info, and its own instructions.
pub fn result_of(
    version: Version,
    capabilities: &str,
    info: Option<&str>,
    instructions: Option<&str>,
) -> String {
    let whole = Object::new()
        .text("protocolVersion", version.as_str())
        .raw("capabilities", capabilities)
        .raw("serverInfo", &info.map_or_else(server_info, str::to_owned))
        .text_if("instructions", instructions)
        .end();
    adapt_result(version, "initialize", &whole).into_owned()
}

/// The server's capabilities, with and without sessions. `prompts`: whether it has any.
pub fn server_capabilities(prompts: bool) -> Object {
    let changes = r#"{"listChanged":true}"#;
    let begun = Object::new().raw("completions", "{}").raw("logging", "{}");
    let begun = if prompts { begun.raw("prompts", changes) } else { begun };
    begun.raw("resources", r#"{"listChanged":true,"subscribe":true}"#).raw("tools", changes)
}

/// The server's `Implementation`, as the JSON text of an object.
pub fn server_info() -> String {
    Object::new()
        .text("description", SERVER_DESCRIPTION)
        .text("name", SERVER_NAME)
        .text("title", SERVER_TITLE)
        .text("version", SERVER_VERSION)
        .text("websiteUrl", "https://sitebay.org")
        .end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(text: &str) -> Result<InitializeParams, RpcError> {
        InitializeParams::read(Some(&RawValue::from_string(text.into()).unwrap()))
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

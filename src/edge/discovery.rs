//! The documents by which programs find this server: server cards and the catalogue of them.
//!
//! Invariant: they are made from the real registry. Shapes: SEP-2127 for `/mcp/server-card` and
//! `/.well-known/ai-catalog.json`; for `/.well-known/mcp/server-card.json` what Smithery and other
//! scanners read.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use worker::{Headers, Request, Response, ResponseBuilder, Result};

use crate::{
    access::admission::Door,
    edge::config::Config,
    protocol::{
        initialize::{
            SERVER_DESCRIPTION, SERVER_NAME, SERVER_TITLE, SERVER_VERSION, server_capabilities,
            server_info,
        },
        version::Version,
    },
    server::registry,
};

/// The reverse-DNS name of the server in cards.
const CARD_NAME: &str = "org.sitebay/sitebay-mcp";
const CARD_TYPE: &str = "application/mcp-server-card+json";
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// A discovery document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// `/mcp/server-card`: identity and endpoints.
    ServerCard,
    /// `/.well-known/mcp/server-card.json`: the same for scanners, with tools and resources.
    ScannerCard,
    /// `/.well-known/ai-catalog.json`: where the cards of this host are.
    Catalogue,
}

/// The document at a path.
pub fn document(path: &str) -> Option<Document> {
    match path {
        "/mcp/server-card" => Some(Document::ServerCard),
        "/.well-known/mcp/server-card.json" | "/.well-known/mcp.json" | "/.well-known/mcp" => {
            Some(Document::ScannerCard)
        }
        "/.well-known/ai-catalog.json" => Some(Document::Catalogue),
        _ => None,
    }
}

impl Document {
    /// The answer, or 304 where the caller has it already.
    ///
    /// # Errors
    /// Only where the runtime fails.
    pub fn answer(self, request: &Request, url: &str, config: &Config) -> Result<Response> {
        let body = self.text(&origin(url), config);
        let etag = etag(&body);
        let headers = open_headers()?;
        headers.set("Content-Type", self.media_type())?;
        headers.set("Cache-Control", "public, max-age=3600")?;
        headers.set("ETag", &etag)?;
        let known = request.headers().get("if-none-match")?;
        let builder = ResponseBuilder::new().with_headers(headers);
        if known.is_some_and(|known| matches_etag(&known, &etag)) {
            return Ok(builder.with_status(304).empty());
        }
        Ok(builder.fixed(body.into_bytes()))
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::ServerCard => CARD_TYPE,
            Self::ScannerCard => "application/json",
            Self::Catalogue => "application/ai-catalog+json",
        }
    }

    fn text(self, origin: &str, config: &Config) -> String {
        match self {
            Self::ServerCard => server_card(origin, config).to_string(),
            Self::ScannerCard => scanner_card(origin, config).to_string(),
            Self::Catalogue => catalogue(origin).to_string(),
        }
    }
}

/// The preflight of a public document.
///
/// # Errors
/// Only where the runtime fails.
pub fn preflight() -> Result<Response> {
    let headers = open_headers()?;
    headers.set("Access-Control-Max-Age", "7200")?;
    Ok(ResponseBuilder::new().with_status(204).with_headers(headers).empty())
}

fn open_headers() -> Result<Headers> {
    let headers = Headers::new();
    headers.set("Access-Control-Allow-Origin", "*")?;
    headers.set("Access-Control-Allow-Methods", "GET")?;
    headers.set("Access-Control-Allow-Headers", "Content-Type, If-None-Match")?;
    headers.set("Access-Control-Expose-Headers", "ETag")?;
    Ok(headers)
}

fn origin(url: &str) -> String {
    url::Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn etag(body: &str) -> String {
    let digest: String =
        Sha256::digest(body).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digest}\"")
}

/// RFC 9110 §13.1.2: a list of tags, weak ones compare alike, `*` is any.
fn matches_etag(known: &str, etag: &str) -> bool {
    let same = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
    known.split(',').map(str::trim).any(same)
}

fn versions() -> [&'static str; 5] {
    Version::ALL.map(Version::as_str)
}

fn server_card(origin: &str, config: &Config) -> Value {
    let mut remote = json!({
        "type": "streamable-http",
        "url": format!("{origin}/mcp"),
        "supportedProtocolVersions": versions(),
    });
    if let (Door::Key(_) | Door::Closed, Some(remote)) = (&config.door, remote.as_object_mut()) {
        remote.insert("headers".into(), json!([{
            "name": "Authorization",
            "description": "Bearer followed by the key that the operator of this server gave you",
            "isRequired": true,
            "isSecret": true,
        }]));
    }
    json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json",
        "name": CARD_NAME,
        "title": SERVER_TITLE,
        "version": SERVER_VERSION,
        "description": SERVER_DESCRIPTION,
        "websiteUrl": "https://sitebay.org",
        "repository": { "url": REPOSITORY, "source": "github" },
        "remotes": [remote],
    })
}

fn scanner_card(origin: &str, config: &Config) -> Value {
    let required = !matches!(config.door, Door::Open);
    let schemes: &[&str] = if required { &["bearer"] } else { &[] };
    json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/mcp-server-card/v1.json",
        "version": "1.0",
        "protocolVersion": Version::LATEST.as_str(),
        "supportedProtocolVersions": versions(),
        "serverInfo": server_info(),
        "description": SERVER_DESCRIPTION,
        "documentationUrl": REPOSITORY,
        "transport": { "type": "streamable-http", "endpoint": "/mcp", "url": format!("{origin}/mcp") },
        "capabilities": server_capabilities(),
        "authentication": { "required": required, "schemes": schemes },
        "tools": part(registry::tools_list(), "tools"),
        "resources": part(registry::resources_list(), "resources"),
        "resourceTemplates": part(registry::resource_templates_list(), "resourceTemplates"),
        "prompts": [],
    })
}

fn catalogue(origin: &str) -> Value {
    let host = origin.split("://").nth(1).unwrap_or_default();
    let domain = host.split(':').next().unwrap_or_default();
    json!({
        "specVersion": "1.0",
        "entries": [{
            "identifier": format!("urn:air:{domain}:mcp:{SERVER_NAME}"),
            "displayName": SERVER_TITLE,
            "description": SERVER_DESCRIPTION,
            "type": CARD_TYPE,
            "url": format!("{origin}/mcp/server-card"),
        }],
    })
}

/// One field of a list's text, as data.
fn part(list: &str, field: &str) -> Value {
    serde_json::from_str::<Value>(list)
        .ok()
        .and_then(|mut list| list.get_mut(field).map(Value::take))
        .unwrap_or_else(|| json!([]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_tag_matches_in_all_its_forms() {
        for known in ["\"a\"", "W/\"a\"", "\"x\", \"a\"", "*"] {
            assert!(matches_etag(known, "\"a\""), "{known}");
        }
        assert!(!matches_etag("\"b\"", "\"a\""));
    }

    #[test]
    fn the_card_keeps_to_the_limits_of_its_schema() {
        assert!(SERVER_DESCRIPTION.len() <= 100, "{}", SERVER_DESCRIPTION.len());
        assert!(
            CARD_NAME
                .split_once('/')
                .is_some_and(|(ns, name)| ns.contains('.') && !name.is_empty())
        );
    }

    #[test]
    fn the_scanner_card_has_the_tools_of_the_registry() {
        let config = Config::read(&|name| (name == "MCP_API_KEY").then(|| "k".to_owned()));
        let card = scanner_card("https://x.example", &config);
        let listed = part(registry::tools_list(), "tools");
        assert_eq!(card["tools"], listed);
        assert_eq!(card["authentication"]["required"], true);
    }
}

//! The documents by which programs find this server: server cards and the catalogue of them.
//!
//! Invariant: they are made from the real registry. Shapes: SEP-2127 for `/mcp/server-card` and
//! `/.well-known/ai-catalog.json`; for `/.well-known/mcp/server-card.json` what Smithery and other
//! scanners read. Where the MCP endpoints are a backend's, they are made from nothing of this server (`backend_card`).

mod backend_card;
mod backend_seen;

use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use worker::{Method, Result};

use crate::wiring::REGISTRY;
use crate::{
    config::Config,
    platform::http::{Request, Response, ResponseBuilder},
};
use mcp_auth::authentication::AuthConfig;
use mcp_auth::origin::own;
use mcp_protocol::{
    fields::fields,
    initialize::{
        SERVER_DESCRIPTION, SERVER_NAME, SERVER_TITLE, SERVER_VERSION, server_capabilities,
        server_info,
    },
    object::{Object, array},
    version::Version,
};

/// The reverse-DNS name of the server in cards.
const CARD_NAME: &str = "org.sitebay/sitebay-mcp";
const CARD_TYPE: &str = "application/mcp-server-card+json";
/// The schema of `/mcp/server-card`.
const CARD_SCHEMA: &str =
    "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json";
/// The schema of the card for scanners.
const SCANNER_SCHEMA: &str =
    "https://static.modelcontextprotocol.io/schemas/mcp-server-card/v1.json";
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

/// How a client gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Authentication is off.
    Open,
    /// With `X-MCP-Secret`.
    Secret,
    /// With a key or a token in `Authorization`.
    Bearer,
    /// The same, or by signing in.
    SignIn,
}

impl Access {
    fn of(auth: &AuthConfig, is_open: bool) -> Self {
        match () {
            () if is_open => Self::Open,
            () if auth.oauth => Self::SignIn,
            () if auth.takes_secrets_only() => Self::Secret,
            () => Self::Bearer,
        }
    }

    fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Open => &[],
            Self::Secret => &["apiKey"],
            Self::Bearer => &["bearer"],
            Self::SignIn => &["oauth2", "bearer"],
        }
    }

    /// The header that a client needs, as cards describe it.
    fn header(self) -> Option<String> {
        let (name, description) = match self {
            Self::Open => return None,
            Self::Secret => {
                ("X-MCP-Secret", "The secret that the operator of this server gave you")
            }
            Self::Bearer | Self::SignIn => (
                "Authorization",
                "Bearer followed by the key that the operator of this server gave you",
            ),
        };
        let header = Object::new().text("name", name).text("description", description);
        // A client that can sign its person in needs none.
        let header = header.flag("isRequired", self != Self::SignIn).flag("isSecret", true);
        Some(header.end())
    }
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
    /// The response, or 304 if the caller has it already. `is_open`: authentication is off.
    ///
    /// # Errors
    /// Only where the runtime fails.
    #[inline(never)]
    pub fn answer(
        self,
        request: &Request,
        url: &str,
        (config, is_open): (&Config, bool),
        seen: &OfBackend,
    ) -> Result<Response> {
        let access = Access::of(&config.auth, is_open);
        let origin = own(url).unwrap_or_default();
        let backend = config.backend.as_deref().filter(|backend| backend.has_mcp());
        let body = match backend {
            Some(backend) => backend_card::text(self, origin, access, (backend, seen.0.as_deref())),
            None => self.text(origin, access),
        };
        let etag = etag(&body);
        let made = |status| {
            // What the backend says of itself may be another thing then.
            let age = if backend.is_some() { backend_seen::FRESH_S } else { 3_600 };
            let caching = &format!("public, max-age={age}");
            open(status)
                .header("Content-Type", self.media_type())
                .header("Cache-Control", caching)
                .header("ETag", &etag)
        };
        let known = request.header_text("if-none-match");
        if known.is_some_and(|known| matches_etag(&known, &etag)) {
            return made(304).empty();
        }
        made(200).whole(body.as_bytes())
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::ServerCard => CARD_TYPE,
            Self::ScannerCard => "application/json",
            Self::Catalogue => "application/ai-catalog+json",
        }
    }

    fn text(self, origin: &str, access: Access) -> String {
        match self {
            Self::ServerCard => server_card(origin, access),
            Self::ScannerCard => scanner_card(origin, access),
            Self::Catalogue => catalogue(origin),
        }
    }
}

/// What the server behind this one says of itself, as far as a document needs it.
#[derive(Default)]
pub struct OfBackend(Option<Rc<backend_seen::Seen>>);

impl OfBackend {
    /// Asks for it where a document is made from it.
    pub async fn ask(config: &Config, request: &Request) -> Self {
        let backend = config.backend.as_deref();
        let backend = backend.filter(|backend| backend.has_mcp() && backend.card.is_none());
        let reads = matches!(request.method(), Method::Get | Method::Head);
        match backend.filter(|_| reads) {
            Some(backend) => Self(backend_seen::seen(backend).await),
            None => Self::default(),
        }
    }
}

/// The preflight of a public document.
///
/// # Errors
/// Only where the runtime fails.
pub fn preflight() -> Result<Response> {
    open(204).header("Access-Control-Max-Age", "7200").empty()
}

fn open(status: u16) -> ResponseBuilder {
    ResponseBuilder::new(status)
        .header("Access-Control-Allow-Origin", "*")
        .header("Access-Control-Allow-Methods", "GET")
        .header("Access-Control-Allow-Headers", "Content-Type, If-None-Match")
        .header("Access-Control-Expose-Headers", "ETag")
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

fn server_card(origin: &str, access: Access) -> String {
    let remotes = [
        remote("streamable-http", &format!("{origin}/mcp"), &versions(), access),
        remote("sse", &format!("{origin}/sse"), &["2024-11-05"], access),
    ];
    let repository = Object::new().text("url", REPOSITORY).text("source", "github").end();
    Object::new()
        .text("$schema", CARD_SCHEMA)
        .text("name", CARD_NAME)
        .text("title", SERVER_TITLE)
        .text("version", SERVER_VERSION)
        .text("description", SERVER_DESCRIPTION)
        .text("websiteUrl", "https://sitebay.org")
        .raw("repository", &repository)
        .raw("remotes", &array(&remotes))
        .end()
}

fn remote(kind: &str, url: &str, versions: &[&str], access: Access) -> String {
    let mut remote = Object::new().text("type", kind).text("url", url);
    if !versions.is_empty() {
        remote = remote.texts("supportedProtocolVersions", versions.iter().copied());
    }
    match access.header() {
        Some(header) => remote.raw("headers", &array(&[header])).end(),
        None => remote.end(),
    }
}

fn scanner_card(origin: &str, access: Access) -> String {
    Object::new()
        .text("$schema", SCANNER_SCHEMA)
        .text("version", "1.0")
        .text("protocolVersion", Version::LATEST.as_str())
        .texts("supportedProtocolVersions", versions())
        .raw("serverInfo", &server_info())
        .text("description", SERVER_DESCRIPTION)
        .text("documentationUrl", REPOSITORY)
        .raw("transport", &transport(origin))
        .raw("capabilities", &server_capabilities(!REGISTRY.prompts().is_empty()).end())
        .raw("authentication", &authentication(access))
        .raw("tools", part(REGISTRY.default_tools().whole(), "tools"))
        .raw("resources", part(REGISTRY.resources().whole(), "resources"))
        .raw("resourceTemplates", part(REGISTRY.resource_templates().whole(), "resourceTemplates"))
        .raw("prompts", part(REGISTRY.prompts().whole(), "prompts"))
        .end()
}

fn transport(origin: &str) -> String {
    Object::new()
        .text("type", "streamable-http")
        .text("endpoint", "/mcp")
        .text("url", &format!("{origin}/mcp"))
        .end()
}

fn authentication(access: Access) -> String {
    Object::new()
        .flag("required", access != Access::Open)
        .texts("schemes", access.schemes().iter().copied())
        .end()
}

fn catalogue(origin: &str) -> String {
    let host = origin.split("://").nth(1).unwrap_or_default();
    let domain = host.split(':').next().unwrap_or_default();
    let entry = Object::new()
        .text("identifier", &format!("urn:air:{domain}:mcp:{SERVER_NAME}"))
        .text("displayName", SERVER_TITLE)
        .text("description", SERVER_DESCRIPTION)
        .text("type", CARD_TYPE)
        .text("url", &format!("{origin}/mcp/server-card"))
        .end();
    Object::new().text("specVersion", "1.0").raw("entries", &array(&[entry])).end()
}

/// One field of a list's text.
fn part<'a>(list: &'a str, field: &'static str) -> &'a str {
    match fields(list, [field]) {
        Ok([Some(items)]) => items.get(),
        _ => "[]",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_protocol::raw::value;

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
        let card = value(&scanner_card("https://x.example", Access::Bearer)).unwrap();
        let listed = value(part(REGISTRY.default_tools().whole(), "tools")).unwrap();
        assert_eq!(card["tools"], listed);
        assert_eq!(card["authentication"]["required"], true);
    }
}

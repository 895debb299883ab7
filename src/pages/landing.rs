//! `/`: a short page for a person: what this is, and how to connect each client.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use worker::Result;

use crate::{
    config::Config,
    platform::http::{Response, ResponseBuilder},
};
use mcp_auth::origin::own;
use mcp_protocol::initialize::{SERVER_DESCRIPTION, SERVER_TITLE, SERVER_VERSION};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;\
color:#1d2329;background:#fff}h1{margin-bottom:0}pre{background:#f2f4f6;padding:1rem;overflow:auto;\
border-radius:6px}code{font-size:.9em}h2{margin-top:2rem;font-size:1.1rem}@media(prefers-color-scheme:dark)\
{body{color:#e4e7ea;background:#14181c}pre{background:#1f252b}a{color:#7db7ff}}";

/// The answer.
///
/// # Errors
/// Only where the runtime fails.
#[inline(never)]
pub fn answer(url: &str, config: &Config) -> Result<Response> {
    let origin = own(url).unwrap_or_default();
    let has_backend = config.backend.as_ref().is_some_and(|backend| backend.has_mcp());
    let about = match has_backend {
        true => About::backend(origin),
        false => About::this_server(),
    };
    let body = page(&endpoint(url), &about, config.auth.oauth).into_string();
    ResponseBuilder::new(200)
        .header("Content-Type", "text/html; charset=utf-8")
        .header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        .header("X-Content-Type-Options", "nosniff")
        .header("Access-Control-Allow-Origin", "*")
        .whole(body.as_bytes())
}

fn endpoint(url: &str) -> String {
    format!("{}/mcp", own(url).unwrap_or_default())
}

/// The server that the page describes.
struct About<'a> {
    title: &'a str,
    description: &'a str,
    /// What clients call it.
    name: &'a str,
    /// Whether its tools are those of this server.
    is_own: bool,
}

impl<'a> About<'a> {
    fn this_server() -> Self {
        let (title, description) = (SERVER_TITLE, SERVER_DESCRIPTION);
        Self { title, description, name: "sitebay", is_own: true }
    }

    /// The server behind this one, at this address.
    fn backend(origin: &'a str) -> Self {
        let title = origin.split("://").nth(1).unwrap_or_default();
        let description = "An MCP server, behind a gateway that lets its callers in.";
        Self { title, description, name: "server", is_own: false }
    }
}

fn page(endpoint: &str, about: &About<'_>, oauth: bool) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (about.title) " MCP" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (about.title) }
                p { (about.description) " Give your AI assistant this one URL:" }
                pre { code { (endpoint) } }
                (clients(endpoint, about))
                p {
                    @if oauth { a href="/account" { "Your account" } " · " }
                    a href="/health" { "Health" } " · "
                    a href="/.well-known/mcp/server-card.json" { "Server card" } " · "
                    "version " (SERVER_VERSION)
                }
            }
        }
    }
}

fn clients(endpoint: &str, about: &About<'_>) -> Markup {
    html! {
        h2 { "Cursor, and every client that starts a program" }
        pre { code { (client_file(about.name, endpoint)) } }
        p { "The header has no space after its colon, because some clients break arguments at spaces." }
        h2 { "Claude Code" }
        pre { code { (claude_code(about.name, endpoint)) } }
        h2 { "Claude, ChatGPT and other apps" }
        p { "Add a custom connector with the URL above." }
        h2 { "Cloudflare AI Playground" }
        p { "Enter the URL; with a key, set the header " code { "Authorization" } " to " code { "Bearer <key>" } "." }
        h2 { "MCP Inspector" }
        pre { code { "npx @modelcontextprotocol/inspector --cli " (endpoint) " --transport http --method tools/list" } }
        @if about.is_own { p {
            "To act on your own SiteBay account, send your token in the header "
            code { "X-SiteBay-Token" } " as well."
        } }
    }
}

/// The `mcp-remote` form of a client's configuration.
pub fn cursor(endpoint: &str) -> String {
    client_file("sitebay", endpoint)
}

fn client_file(name: &str, endpoint: &str) -> String {
    format!(
        r#"{{
  "mcpServers": {{
    "{name}": {{
      "command": "npx",
      "args": ["-y", "mcp-remote@latest", "{endpoint}",
               "--header", "Authorization:${{AUTH_HEADER}}"],
      "env": {{ "AUTH_HEADER": "Bearer <key>" }}
    }}
  }}
}}"#
    )
}

fn claude_code(name: &str, endpoint: &str) -> String {
    format!(
        "claude mcp add --transport http {name} {endpoint} --header \"Authorization: Bearer <key>\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_backend_says_nothing_of_the_tools_here() {
        let page = page("https://x.example/mcp", &About::backend("https://x.example"), false);
        let page = page.into_string().to_lowercase();
        assert!(!page.contains("sitebay") && page.contains("<h1>x.example</h1>"), "{page}");
    }

    #[test]
    fn the_configuration_for_cursor_is_json_without_a_space_in_the_header() {
        let text = cursor("https://x.example/mcp");
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let args = &config["mcpServers"]["sitebay"]["args"];
        assert_eq!(args[4], "Authorization:${AUTH_HEADER}");
    }
}

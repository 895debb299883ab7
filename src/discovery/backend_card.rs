//! The documents of a deployment whose MCP endpoints are the backend's (`BACKEND_PATHS=all`).
//!
//! Invariant: nothing of this server's own tools, prompts and resources is in them. What the backend says of itself is in
//! them as it said it; without that they say where the endpoints are.

use super::{
    Access, CARD_SCHEMA, CARD_TYPE, Document, SCANNER_SCHEMA, authentication, backend_seen::Seen,
    remote, transport,
};
use crate::config::backend::{Backend, BackendAccess};
use mcp_protocol::{
    fields::fields,
    initialize::SERVER_VERSION,
    object::{Object, array},
    raw,
};

/// The text of a document.
pub(super) fn text(
    document: Document,
    origin: &str,
    access: Access,
    (backend, seen): (&Backend, Option<&Seen>),
) -> String {
    let access = match backend.access {
        BackendAccess::Open => Access::Open,
        BackendAccess::Door => access,
    };
    match (document, &backend.card) {
        (Document::Catalogue, _) => catalogue(origin, seen),
        (_, Some(card)) => card.clone(),
        (Document::ServerCard, None) => server_card(origin, access, seen),
        (Document::ScannerCard, None) => scanner_card(origin, access, seen),
    }
}

fn description(origin: &str) -> String {
    // The schema of cards allows 100 characters.
    format!("The MCP server at {}", host(origin)).chars().take(100).collect()
}

fn host(origin: &str) -> &str {
    origin.split("://").nth(1).unwrap_or_default()
}

fn domain(origin: &str) -> &str {
    host(origin).split(':').next().unwrap_or_default()
}

/// The reverse-DNS name of the deployment.
fn name(origin: &str) -> String {
    let mut labels: Vec<&str> = domain(origin).split('.').collect();
    labels.reverse();
    format!("{}/mcp", labels.join("."))
}

/// What the backend calls itself, and its version.
fn said(seen: Option<&Seen>) -> (Option<String>, Option<String>) {
    let info = seen.and_then(|seen| seen.server_info.as_deref()).unwrap_or("{}");
    let [title, name, version] = fields(info, ["title", "name", "version"]).unwrap_or([None; 3]);
    let title = title.and_then(raw::string).or_else(|| name.and_then(raw::string));
    (title.filter(|title| !title.is_empty()), version.and_then(raw::string))
}

fn server_card(origin: &str, access: Access, seen: Option<&Seen>) -> String {
    // Which versions the backend speaks, only the backend knows.
    let versions: Vec<&str> = seen.map(|seen| seen.version).into_iter().collect();
    let remotes = [remote("streamable-http", &format!("{origin}/mcp"), &versions, access)];
    let (title, version) = said(seen);
    Object::new()
        .text("$schema", CARD_SCHEMA)
        .text("name", &name(origin))
        .text("title", title.as_deref().unwrap_or(host(origin)))
        .text("version", version.as_deref().unwrap_or(SERVER_VERSION))
        .text("description", &description(origin))
        .raw("remotes", &array(&remotes))
        .end()
}

fn scanner_card(origin: &str, access: Access, seen: Option<&Seen>) -> String {
    let card = Object::new()
        .text("$schema", SCANNER_SCHEMA)
        .text("version", "1.0")
        .text("description", &description(origin))
        .raw("transport", &transport(origin))
        .raw("authentication", &authentication(access));
    let Some(seen) = seen else { return card.end() };
    let card = card.text("protocolVersion", seen.version).raw("capabilities", &seen.capabilities);
    let card = match &seen.server_info {
        Some(info) => card.raw("serverInfo", info),
        None => card,
    };
    seen.lists.iter().fold(card, |card, (field, items)| card.raw(field, items)).end()
}

fn catalogue(origin: &str, seen: Option<&Seen>) -> String {
    let (title, _) = said(seen);
    let entry = Object::new()
        .text("identifier", &format!("urn:air:{}:mcp:server", domain(origin)))
        .text("displayName", title.as_deref().unwrap_or(host(origin)))
        .text("description", &description(origin))
        .text("type", CARD_TYPE)
        .text("url", &format!("{origin}/mcp/server-card"))
        .end();
    Object::new().text("specVersion", "1.0").raw("entries", &array(&[entry])).end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use mcp_protocol::raw::value;

    const ORIGIN: &str = "https://mcp.example.com:8443";

    fn backend(more: &[(&str, &str)]) -> std::rc::Rc<Backend> {
        let vars = [("BACKEND_URL", "https://backend.example"), ("BACKEND_PATHS", "all")];
        let config = Config::read(&|name| {
            let mut all = vars.iter().chain(more);
            all.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        config.backend.unwrap()
    }

    const ALL: [Document; 3] = [Document::ServerCard, Document::ScannerCard, Document::Catalogue];

    #[test]
    fn the_documents_describe_the_deployment_and_no_tool_of_this_server() {
        for document in ALL {
            let text = text(document, ORIGIN, Access::Bearer, (&backend(&[]), None));
            let read = value(&text).unwrap();
            assert!(read["tools"].is_null() && !text.to_lowercase().contains("sitebay"), "{text}");
            assert!(!text.contains("backend.example"), "{text}");
        }
        let card = value(&server_card(ORIGIN, Access::Bearer, None)).unwrap();
        assert_eq!(card["name"], "com.example.mcp/mcp");
        assert_eq!(card["remotes"][0]["url"], "https://mcp.example.com:8443/mcp");
        assert!(card["remotes"][0]["supportedProtocolVersions"].is_null());
    }

    #[test]
    fn what_the_backend_says_of_itself_is_in_the_documents_as_it_said_it() {
        let seen = Seen {
            version: "2025-11-25",
            server_info: Some(r#"{"name":"their \u0061pp","version":"7","n":1e400}"#.to_owned()),
            capabilities: r#"{"tools":{}}"#.to_owned(),
            lists: vec![("tools", r#"[{"name":"find","n":12345678901234567890}]"#.to_owned())],
        };
        let backend = backend(&[]);
        let of = |document| text(document, ORIGIN, Access::Bearer, (&backend, Some(&seen)));
        let card = value(&of(Document::ServerCard)).unwrap();
        assert_eq!((&card["title"], &card["version"]), (&"their app".into(), &"7".into()));
        assert_eq!(card["remotes"][0]["supportedProtocolVersions"][0], "2025-11-25");
        let scanner = of(Document::ScannerCard);
        for part in [
            r#""serverInfo":{"name":"their \u0061pp","version":"7","n":1e400}"#,
            r#""tools":[{"name":"find","n":12345678901234567890}]"#,
            r#""capabilities":{"tools":{}}"#,
        ] {
            assert!(scanner.contains(part), "{part}: {scanner}");
        }
        assert!(of(Document::Catalogue).contains("\"displayName\":\"their app\""));
    }

    #[test]
    fn an_open_backend_needs_no_credential() {
        let of = |access| {
            let backend = backend(&[("BACKEND_ACCESS", access)]);
            let text = text(Document::ScannerCard, ORIGIN, Access::Bearer, (&backend, None));
            value(&text).unwrap()["authentication"]["required"].clone()
        };
        assert_eq!((of("door"), of("open")), (true.into(), false.into()));
    }

    #[test]
    fn a_card_of_the_operator_is_served_as_it_is() {
        let card = r#"{ "name":"a/b", "n": 12345678901234567890 }"#;
        let backend = backend(&[("BACKEND_CARD", card)]);
        for document in [Document::ServerCard, Document::ScannerCard] {
            assert_eq!(text(document, ORIGIN, Access::Open, (&backend, None)), card);
        }
        assert_ne!(text(Document::Catalogue, ORIGIN, Access::Open, (&backend, None)), card);
    }
}

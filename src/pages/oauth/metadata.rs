//! The documents by which clients find the authorization server: RFC 9728 for the endpoints, RFC 8414
//! for the server, and the same under the names of OpenID Connect Discovery.
//!
//! Invariant: `resource` is the very URL from which a client made the document's address (RFC 9728 §3.1,
//! §3.3), `issuer` is this server's origin under every name. A door that is not there has no documents.

use mcp_auth::oauth::{
    offer::Offer,
    resource::{self, door_at},
};
use mcp_protocol::{initialize::SERVER_TITLE, object::Object};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/.well-known/jwks.json";

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// Of the protected resource whose path and query follow in the URL.
    Resource,
    /// Of the authorization server.
    Server,
    /// Of the same as OpenID Connect wants it.
    OpenId,
    /// The keys that others may verify tokens with: there are none, the tokens are for this server.
    Keys,
}

/// The document at a path, which has no slash at its end. `has_door`: whether there is a door of a name.
pub(super) fn document(path: &str, has_door: &dyn Fn(&str) -> bool) -> Option<Document> {
    let is_endpoint = |path: Option<&str>| {
        let door = path.and_then(door_at);
        door.is_some_and(|door| door.is_empty() || has_door(door))
    };
    if is_endpoint(path.strip_prefix(resource::WELL_KNOWN)) {
        return Some(Document::Resource);
    }
    if is_endpoint(path.strip_prefix(SERVER)) {
        return Some(Document::Server);
    }
    if is_endpoint(path.strip_prefix(OPENID).or_else(|| path.strip_suffix(OPENID))) {
        return Some(Document::OpenId);
    }
    (path == KEYS).then_some(Document::Keys)
}

/// Whether a path is where documents of other resources and issuers would be.
pub(super) fn is_well_known(path: &str) -> bool {
    let of = |known: &str| path.strip_prefix(known).is_some_and(|rest| rest.starts_with('/'));
    [resource::WELL_KNOWN, SERVER, OPENID].into_iter().any(of) || path.ends_with(OPENID)
}

impl Document {
    /// Its text, as requested at this URL.
    pub fn text(self, url: &str, offer: &Offer) -> String {
        let (origin, path_and_query) = resource::parts(url);
        match self {
            Self::Resource => {
                let after = path_and_query.strip_prefix(resource::WELL_KNOWN).unwrap_or_default();
                let path = after.split('?').next().unwrap_or_default();
                let scopes = offer.names(door_at(path).unwrap_or_default());
                resource(origin, &resource::named(after), &scopes)
            }
            Self::Server => server(origin, &offer.names("")).end(),
            Self::OpenId => server(origin, &offer.names(""))
                .text("jwks_uri", &format!("{origin}{KEYS}"))
                .texts("subject_types_supported", ["public"])
                .texts("id_token_signing_alg_values_supported", ["RS256"])
                .end(),
            Self::Keys => r#"{"keys":[]}"#.to_owned(),
        }
    }
}

fn with_scopes(object: Object, names: &str) -> Object {
    object.texts("scopes_supported", names.split(' '))
}

fn resource(origin: &str, path: &str, scopes: &str) -> String {
    let object = Object::new()
        .text("resource", &format!("{origin}{path}"))
        .texts("authorization_servers", [origin])
        .texts("bearer_methods_supported", ["header"])
        .text("resource_name", SERVER_TITLE);
    with_scopes(object, scopes).end()
}

fn server(origin: &str, scopes: &str) -> Object {
    let at = |path: &str| format!("{origin}{path}");
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    let object = Object::new()
        .text("issuer", origin)
        .text("authorization_endpoint", &at("/authorize"))
        .text("token_endpoint", &at("/token"))
        .text("registration_endpoint", &at("/register"))
        .text("revocation_endpoint", &at("/revoke"))
        .texts("response_types_supported", ["code"])
        .texts("response_modes_supported", ["query"])
        .texts("grant_types_supported", ["authorization_code", "refresh_token"])
        .texts("token_endpoint_auth_methods_supported", methods)
        .texts("revocation_endpoint_auth_methods_supported", methods)
        .texts("code_challenge_methods_supported", ["S256"])
        .flag("client_id_metadata_document_supported", true)
        .flag("authorization_response_iss_parameter_supported", true);
    with_scopes(object, scopes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_documents_are_where_clients_look() {
        for (path, wanted) in [
            ("/.well-known/oauth-protected-resource", Some(Document::Resource)),
            ("/.well-known/oauth-protected-resource/mcp", Some(Document::Resource)),
            ("/.well-known/oauth-protected-resource/sse", Some(Document::Resource)),
            ("/.well-known/oauth-authorization-server", Some(Document::Server)),
            ("/.well-known/oauth-authorization-server/mcp", Some(Document::Server)),
            ("/.well-known/openid-configuration", Some(Document::OpenId)),
            ("/.well-known/openid-configuration/sse", Some(Document::OpenId)),
            ("/mcp/.well-known/openid-configuration", Some(Document::OpenId)),
            ("/.well-known/oauth-protected-resource/other", None),
            ("/other/.well-known/openid-configuration", None),
            ("/mcp", None),
            ("/.well-known/oauth-protected-resource/u/tickets/mcp", Some(Document::Resource)),
            ("/.well-known/oauth-protected-resource/u/tickets/sse", Some(Document::Resource)),
            ("/.well-known/oauth-authorization-server/u/tickets/mcp", Some(Document::Server)),
            ("/u/tickets/mcp/.well-known/openid-configuration", Some(Document::OpenId)),
            ("/.well-known/oauth-protected-resource/u/none/mcp", None),
            ("/.well-known/oauth-protected-resource/u/tickets", None),
            ("/.well-known/oauth-protected-resource/u/tickets/messages", None),
        ] {
            assert_eq!(document(path, &|door| door == "tickets"), wanted, "{path}");
        }
    }

    #[test]
    fn other_documents_that_clients_look_for_are_known_as_such() {
        for path in [
            "/.well-known/oauth-protected-resource/other/path",
            "/.well-known/oauth-authorization-server/other",
            "/.well-known/openid-configuration/other",
            "/other/.well-known/openid-configuration",
        ] {
            assert!(is_well_known(path), "{path}");
        }
        for path in ["/mcp", "/.well-known/oauth-protected-resources", "/.well-known/other"] {
            assert!(!is_well_known(path), "{path}");
        }
    }

    #[test]
    fn a_document_s_resource_is_the_url_from_which_its_address_was_made() {
        for resource in ["", "/", "/mcp", "/mcp/", "/mcp?toolsets=dns", "/sse/?a=b&c=%22"] {
            let url = format!("https://m.example/.well-known/oauth-protected-resource{resource}");
            let text = Document::Resource.text(&url, &Offer::default());
            let document: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(document["resource"], format!("https://m.example{resource}"));
            if resource.len() > 1 {
                let resource = format!("https://m.example{resource}");
                assert_eq!(resource::document_of(&resource, &Offer::default()).0, url);
            }
        }
    }

    #[test]
    fn the_document_of_a_door_names_its_url_and_its_scopes() {
        let offer = Offer::new([("tickets", "upstream:tickets"), ("wiki", "read")]);
        for (path, scopes) in [
            ("/u/tickets/mcp", json!(["read", "write", "upstream:tickets"])),
            ("/u/tickets/sse/?x=1", json!(["read", "write", "upstream:tickets"])),
            ("/u/wiki/mcp", json!(["read", "write"])),
            ("/mcp", json!(["read", "write", "upstream:tickets"])),
        ] {
            let url = format!("https://m.example/.well-known/oauth-protected-resource{path}");
            let text = Document::Resource.text(&url, &offer);
            let document: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(document["resource"], format!("https://m.example{path}"));
            assert_eq!(document["scopes_supported"], scopes, "{path}");
            let resource = format!("https://m.example{path}");
            assert_eq!(resource::document_of(&resource, &offer).0, url);
        }
    }

    #[test]
    fn resource_and_issuer_are_the_addresses_that_were_asked() {
        let read = |document: Document| -> Value {
            let url = "https://m.example/.well-known/oauth-protected-resource/mcp";
            serde_json::from_str(&document.text(url, &Offer::default())).unwrap()
        };
        let resource = read(Document::Resource);
        assert_eq!(resource["resource"], "https://m.example/mcp");
        assert_eq!(resource["authorization_servers"], json!(["https://m.example"]));
        assert_eq!(resource["scopes_supported"], json!(["read", "write"]));
        let server = read(Document::Server);
        assert_eq!(server["issuer"], "https://m.example");
        assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(read(Document::OpenId)["token_endpoint"], server["token_endpoint"]);
    }
}

//! Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document): a client that is known by
//! an address, where its metadata are.
//!
//! Invariant: what is fetched is on the public web, by name: an address of digits leads nowhere, nor
//! does one that only some network knows.

use super::{
    client::Client,
    error::{ErrorCode, OAuthError},
    redirect,
};
use mcp_platform::{host_name, url::Url};
use mcp_protocol::{fields::fields, raw};

/// Bytes that a document may have.
pub const MAX_DOCUMENT: usize = 5 * 1_024;
/// Characters that such an id may have.
const MAX_CHARS: usize = 512;
/// Whether a client id is an address.
pub fn is_address(id: &str) -> bool {
    id.starts_with("https://") || id.starts_with("http://")
}

/// Checks that a document may be fetched from there.
///
/// # Errors
/// Where it may not.
pub fn check_address(id: &str, development: bool) -> Result<(), OAuthError> {
    let fault = OAuthError::new(
        ErrorCode::InvalidClient,
        "a client id that is an address must be an https URL with a path on a public host, on port 443",
    );
    let url = Url::parse(id).filter(|url| url.href == id && id.len() <= MAX_CHARS).ok_or(fault)?;
    let plain = url.path.len() > 1 && !id.contains(['#', '@']);
    let local = development && id.starts_with("http://") && redirect::is_allowed(id);
    match plain && (local || is_public(id, &url.host)) {
        true => Ok(()),
        false => Err(fault),
    }
}

/// Whether this is an https address without port, under a name that is not only a network's own.
fn is_public(id: &str, host: &str) -> bool {
    let is_plain = id.strip_prefix("https://").and_then(|rest| rest.strip_prefix(host));
    is_plain.is_some_and(|rest| rest.starts_with('/')) && host_name::is_public(host)
}

/// Reads the document of an id.
///
/// # Errors
/// Where it is not one that this server can serve.
pub fn read(id: &str, document: &str) -> Result<Client, OAuthError> {
    let fault = |why| OAuthError::new(ErrorCode::InvalidClient, why);
    let names = [
        "client_id",
        "client_name",
        "redirect_uris",
        "token_endpoint_auth_method",
        "token_endpoint_auth_methods_supported",
        "client_secret",
    ];
    let read = fields(document, names).map_err(|_| fault("the client's document is not JSON"))?;
    let [said, name, redirects, method, methods, secret] = read;
    if said.and_then(raw::text).as_deref() != Some(id) {
        return Err(fault("the client's document names another client_id"));
    }
    let offers_none = methods
        .and_then(|list| raw::elements(list.get()).ok())
        .is_some_and(|list| list.into_iter().filter_map(raw::text).any(|method| method == "none"));
    let is_public = method.is_none_or(|method| raw::text(method).as_deref() == Some("none"));
    if secret.is_some() || !(is_public || offers_none) {
        return Err(fault("the client's document must have the token_endpoint_auth_method none"));
    }
    Client::of_metadata(name, redirects)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "https://app.example/client.json";

    #[test]
    fn documents_are_fetched_from_public_hosts_by_name() {
        for id in [ID, "https://claude.ai/oauth/mcp-oauth-client-metadata", "https://a.b.co/x?y=z"]
        {
            assert!(check_address(id, false).is_ok(), "{id}");
        }
        for id in [
            "http://app.example/client.json",
            "https://app.example/",
            "https://app.example",
            "https://app.example:8443/client.json",
            "https://user@app.example/client.json",
            "https://app.example/client.json#x",
            "https://app.example/a/../client.json",
            "https://localhost/client.json",
            "https://x.localhost/client.json",
            "https://printer.local/client.json",
            "https://metadata.google.internal/client.json",
            "https://router/client.json",
            "https://127.0.0.1/client.json",
            "https://127.1/client.json",
            "https://0x7f000001/client.json",
            "https://2130706433/client.json",
            "https://10.0.0.1/client.json",
            "https://169.254.169.254/latest/meta-data",
            "https://8.8.8.8/client.json",
            "https://[::1]/client.json",
            "https://[fe80::1]/client.json",
            "https://localhost./client.json",
            "http://127.0.0.1:1/client.json",
            "ftp://app.example/client.json",
            "HTTPS://app.example/client.json",
        ] {
            assert!(check_address(id, false).is_err(), "{id}");
        }
    }

    #[test]
    fn development_fetches_from_its_own_machine_too() {
        assert!(check_address("http://127.0.0.1:4000/client.json", true).is_ok());
        assert!(check_address("http://10.0.0.1:4000/client.json", true).is_err());
        assert!(check_address("https://127.0.0.1:4000/client.json", true).is_err());
    }

    fn client(document: Value) -> Result<Client, OAuthError> {
        read(ID, &document.to_string())
    }

    #[test]
    fn a_document_is_a_public_client_s_own() {
        let uris = json!(["https://app.example/cb"]);
        let read = client(json!({ "client_id": ID, "client_name": "App", "redirect_uris": uris }));
        assert_eq!(read.unwrap().name, "App");
        let both = json!({
            "client_id": ID, "redirect_uris": uris, "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        });
        assert!(client(both).is_ok());
        for wrong in [
            json!([]),
            json!({ "redirect_uris": uris }),
            json!({ "client_id": "https://app.example/other.json", "redirect_uris": uris }),
            json!({ "client_id": ID }),
            json!({ "client_id": ID, "redirect_uris": ["http://evil.example/"] }),
            json!({ "client_id": ID, "redirect_uris": uris, "client_secret": "x" }),
            json!({ "client_id": ID, "redirect_uris": uris, "token_endpoint_auth_method": "client_secret_basic" }),
        ] {
            assert!(client(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

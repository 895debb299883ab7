//! The authorization server of an upstream: found by the upstream's challenge and metadata (RFC 9728), and by its own
//! metadata (RFC 8414, OpenID Connect Discovery 1.0).
//!
//! Invariant: the metadata of the resource is that of the upstream, and the metadata of an issuer names that issuer, so that
//! no other server is mistaken for it. Where the operator named an issuer, no other one is used. Where not, the upstream
//! chose the server, and may have chosen one that sends people to another server to get at their codes (RFC 9700 §4.4): a
//! server that does not name itself on the way back must exchange codes where it sends people.

use mcp_client::{error::UpstreamError, headers::Trail, request::Declaration, stateless::discover};
use mcp_platform::{Method, SharedPlatform, url::Url};
use mcp_protocol::{fields::fields, raw};

use super::ask;
use crate::{
    address::{Surroundings, check},
    config::{Upstream, is_value},
    door::address,
};

/// Scopes of a resource's metadata that are asked for at most.
const MAX_SCOPES: usize = 64;
/// Why a server is not used that the operator did not choose.
const ANOTHER: &str = "it names another authorization server than the one that the operator of this server configured";
/// Why one is not used that may collect the codes of another one.
const SPLIT: &str = "its authorization server exchanges codes at another place than it sends people to, and does not name itself \
                     on the way back, so that the operator must name it as `issuer`";

/// An authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its issuer.
    pub issuer: String,
    /// Where people go.
    pub authorization: String,
    /// Where codes and refresh tokens are exchanged.
    pub token: String,
    /// Where clients register. None: nowhere.
    pub registration: Option<String>,
    /// Whether it names itself on the way back (RFC 9207).
    pub names_itself: bool,
    /// The resource that tokens are for (RFC 8707).
    pub resource: String,
    /// The scopes that the upstream names.
    pub scopes: Vec<String>,
}

impl Server {
    /// Whether codes go to where people go.
    fn is_of_one_origin(&self) -> bool {
        let origin = |url: &str| Url::parse(url).map(|url| url.origin);
        origin(&self.token).is_some_and(|token| Some(token) == origin(&self.authorization))
    }
}

/// What an upstream says of the way in (RFC 9728 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    resource: String,
    issuer: String,
    scopes: Vec<String>,
}

/// Finds the authorization server of an upstream.
///
/// # Errors
/// Where there is none that can be used: why, for the person.
pub async fn find(
    upstream: &Upstream,
    trail: &Trail,
    surroundings: Surroundings<'_>,
    platform: &SharedPlatform,
) -> Result<Server, String> {
    let resource = resource(upstream, trail, surroundings, platform).await;
    let chosen = upstream.credential.issuer();
    if chosen.is_some_and(|chosen| chosen != resource.issuer) {
        return Err(ANOTHER.to_owned());
    }
    for place in places(&resource.issuer) {
        let asked = ask((Method::Get, &place), Vec::new(), None, surroundings, platform).await;
        if let Ok((200, text)) = asked
            && let Some(server) = read_server(&text, &resource)?
        {
            // A person is sent there, and not to whatever else a link may do.
            check(&server.authorization, surroundings).map_err(|error| {
                format!(
                    "its authorization server sends people to an address that is refused: {error}"
                )
            })?;
            let is_trusted = chosen.is_some() || server.names_itself || server.is_of_one_origin();
            return if is_trusted { Ok(server) } else { Err(SPLIT.to_owned()) };
        }
    }
    Err("its authorization server does not say where people sign in".to_owned())
}

/// What the upstream says of the way in; where it says nothing, it is its own authorization server (2025-03-26).
async fn resource(
    upstream: &Upstream,
    trail: &Trail,
    surroundings: Surroundings<'_>,
    platform: &SharedPlatform,
) -> Resource {
    let declaration = Declaration { client_info: "{}".to_owned(), capabilities: "{}".to_owned() };
    let said = discover(&address(upstream, trail, platform), &declaration).await;
    let challenge = match said {
        Err(UpstreamError::Unauthorized { challenge }) => challenge.unwrap_or_default(),
        _ => String::new(),
    };
    let named = parameter(&challenge, "resource_metadata");
    let here = |url: &String| Url::parse(url).is_some_and(|url| url.origin == upstream.url.origin);
    let path = upstream.url.path.split(['?', '#']).next().unwrap_or_default();
    let origin = &upstream.url.origin;
    let well_known = format!("{origin}/.well-known/oauth-protected-resource");
    let usual = [format!("{well_known}{}", path.trim_end_matches('/')), well_known];
    for place in named.into_iter().filter(here).chain(usual) {
        let asked = ask((Method::Get, &place), Vec::new(), None, surroundings, platform).await;
        if let Ok((200, text)) = asked
            && let Some(found) = read_resource(&text, upstream)
        {
            return found;
        }
    }
    let resource = format!("{origin}{path}");
    Resource { resource, issuer: origin.clone(), scopes: Vec::new() }
}

/// A parameter of a challenge (RFC 9110 §11.2).
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, after) = challenge.split_once(&format!("{name}=\""))?;
    let (value, _) = after.split_once('"')?;
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

fn read_resource(text: &str, upstream: &Upstream) -> Option<Resource> {
    let names = ["resource", "authorization_servers", "scopes_supported"];
    let [resource, servers, scopes] = fields(text, names).ok()?;
    let resource = raw::string(resource?)?;
    if !covers(&Url::parse(&resource)?, &upstream.url) {
        return None;
    }
    let servers = raw::elements(servers?.get()).ok()?;
    let mut issuers = servers.iter().filter_map(|server| raw::string(server)).peekable();
    let first = issuers.peek().cloned()?;
    let chosen = upstream.credential.issuer();
    let issuer = issuers.find(|issuer| Some(issuer.as_str()) == chosen).unwrap_or(first);
    let scopes = scopes.and_then(|scopes| raw::elements(scopes.get()).ok()).unwrap_or_default();
    let scopes = scopes.iter().filter_map(|scope| raw::string(scope));
    let scopes = scopes.filter(|scope| is_value(scope) && !scope.contains(' '));
    Some(Resource { resource, issuer, scopes: scopes.take(MAX_SCOPES).collect() })
}

/// Whether a resource is the upstream, or a whole of which it is a part.
fn covers(resource: &Url, upstream: &Url) -> bool {
    let path = |url: &Url| {
        let path = url.path.split(['?', '#']).next().unwrap_or_default();
        format!("{}/", path.trim_end_matches('/'))
    };
    resource.origin == upstream.origin && path(upstream).starts_with(&path(resource))
}

/// Where the metadata of an issuer may be (RFC 8414 §3.1, OpenID Connect Discovery 1.0 §4).
fn places(issuer: &str) -> Vec<String> {
    let Some(url) = Url::parse(issuer) else {
        return Vec::new();
    };
    let (origin, path) = (&url.origin, url.path.trim_end_matches('/'));
    let mut places = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    places
}

/// Reads the metadata of an issuer. None: it is none, or another one's.
///
/// # Errors
/// Where it is, and the server cannot be used.
fn read_server(text: &str, of: &Resource) -> Result<Option<Server>, String> {
    let names = [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "registration_endpoint",
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
    ];
    let Ok([issuer, authorization, token, registration, methods, names_itself]) =
        fields(text, names)
    else {
        return Ok(None);
    };
    let is_it = issuer.and_then(raw::text).is_some_and(|named| *named == of.issuer);
    let endpoints = authorization.and_then(raw::string).zip(token.and_then(raw::string));
    let Some((authorization, token)) = endpoints.filter(|_| is_it) else {
        return Ok(None);
    };
    let methods = methods.and_then(|methods| raw::elements(methods.get()).ok()).unwrap_or_default();
    if !methods.iter().any(|method| raw::text(method).as_deref() == Some("S256")) {
        return Err("its authorization server does not support PKCE with S256".to_owned());
    }
    Ok(Some(Server {
        issuer: of.issuer.clone(),
        authorization,
        token,
        registration: registration.and_then(raw::string),
        names_itself: names_itself.and_then(raw::flag).unwrap_or_default(),
        resource: of.resource.clone(),
        scopes: of.scopes.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(issuer: &str) -> Resource {
        Resource {
            resource: "https://tickets.example/mcp".into(),
            issuer: issuer.into(),
            scopes: Vec::new(),
        }
    }

    fn metadata(issuer: &str, methods: &[&str]) -> String {
        json!({
            "issuer": issuer, "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token", "code_challenge_methods_supported": methods,
        })
        .to_string()
    }

    #[test]
    fn a_challenge_names_the_metadata() {
        let challenge =
            r#"Bearer error="invalid_token", resource_metadata="https://t.example/m", scope="a b""#;
        assert_eq!(parameter(challenge, "resource_metadata").unwrap(), "https://t.example/m");
        for none in ["", "Bearer", r#"Bearer resource_metadata="#, r#"Bearer resource_metadata="""#]
        {
            assert_eq!(parameter(none, "resource_metadata"), None, "{none}");
        }
    }

    #[test]
    fn metadata_of_another_issuer_is_not_taken() {
        let text = metadata("https://as.example", &["S256"]);
        let server = read_server(&text, &of("https://as.example")).unwrap().unwrap();
        assert_eq!(server.token, "https://as.example/token");
        for other in ["https://as.example/", "https://other.example", "https://as.example/t"] {
            assert_eq!(read_server(&text, &of(other)), Ok(None), "{other}");
        }
        for wrong in ["", "[]", "{}", r#"{"issuer":"https://as.example"}"#] {
            assert_eq!(read_server(wrong, &of("https://as.example")), Ok(None), "{wrong}");
        }
    }

    #[test]
    fn codes_go_to_where_people_go() {
        let server = |authorization: &str, token: &str| {
            let text = json!({
                "issuer": "https://evil.example", "authorization_endpoint": authorization,
                "token_endpoint": token, "code_challenge_methods_supported": ["S256"],
            });
            read_server(&text.to_string(), &of("https://evil.example")).unwrap().unwrap()
        };
        let at = "https://as.example/authorize";
        assert!(server(at, "https://as.example/token").is_of_one_origin());
        for token in [
            "https://evil.example/token",
            "https://as.example:8443/token",
            "http://as.example/",
            "no",
        ] {
            assert!(!server(at, token).is_of_one_origin(), "{token}");
        }
        assert!(!server("no", "no").is_of_one_origin());
    }

    #[test]
    fn of_several_issuers_the_configured_one_is_used_and_else_the_first() {
        let url = "https://tickets.example/mcp";
        let said = json!({
            "resource": url, "authorization_servers": ["https://one.example", "https://two.example"],
        });
        for (issuer, found) in [
            (json!(null), "https://one.example"),
            (json!("https://two.example"), "https://two.example"),
            (json!("https://three.example"), "https://one.example"),
        ] {
            let mut auth = json!({ "kind": "oauth" });
            if issuer.is_string() {
                auth["issuer"] = issuer;
            }
            let resource = read_resource(&said.to_string(), &Upstream::tickets(url, &auth));
            assert_eq!(resource.unwrap().issuer, found);
        }
    }

    #[test]
    fn a_server_without_pkce_is_not_used() {
        for methods in [&[][..], &["plain"]] {
            let text = metadata("https://as.example", methods);
            assert!(read_server(&text, &of("https://as.example")).is_err());
        }
    }

    #[test]
    fn a_resource_is_the_upstream_or_a_whole_of_it() {
        let covers = |resource: &str, upstream: &str| {
            covers(&Url::parse(resource).unwrap(), &Url::parse(upstream).unwrap())
        };
        for (resource, upstream) in [
            ("https://t.example/mcp", "https://t.example/mcp"),
            ("https://t.example/mcp/", "https://t.example/mcp?k=v"),
            ("https://t.example", "https://t.example/mcp"),
        ] {
            assert!(covers(resource, upstream), "{resource} {upstream}");
        }
        for (resource, upstream) in [
            ("https://t.example/mcp2", "https://t.example/mcp"),
            ("https://t.example/mcp", "https://t.example/mcp2"),
            ("https://other.example/mcp", "https://t.example/mcp"),
            ("https://t.example:8443/mcp", "https://t.example/mcp"),
        ] {
            assert!(!covers(resource, upstream), "{resource} {upstream}");
        }
    }

    #[test]
    fn metadata_of_an_issuer_with_a_path_is_looked_for_where_the_specifications_say() {
        assert_eq!(
            places("https://as.example/tenant"),
            [
                "https://as.example/.well-known/oauth-authorization-server/tenant",
                "https://as.example/.well-known/openid-configuration/tenant",
                "https://as.example/tenant/.well-known/openid-configuration",
            ]
        );
        assert_eq!(places("https://as.example").len(), 2);
        assert!(places("no URL").is_empty());
    }
}

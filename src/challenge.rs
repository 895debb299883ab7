//! The challenge that names the authorization server to a client: RFC 9728 §5.1, RFC 6750 §3.

use worker::Result;

use crate::{
    config::Config,
    error::Error,
    platform::http::{self, Request, Response},
};
use mcp_auth::{oauth::resource, refusal::Refusal};

/// The same error with the way to sign in, where there is one.
pub fn challenging(error: Error, config: &Config, request: &Request) -> Error {
    match error {
        Error::Refused(refusal) => to(refusal, config, request.url()).into(),
        other => other,
    }
}

/// Adds the sign-in challenge to a refusal of an unauthenticated caller, if sign-in is on. `url` is
/// what was asked.
fn to(refusal: Refusal, config: &Config, url: &str) -> Refusal {
    let (why, wrong) = match refusal {
        Refusal::Unauthorized(why) if config.auth.oauth => (why, String::new()),
        Refusal::WrongCredential(why) | Refusal::AccessOver(why) if config.auth.oauth => {
            (why, format!(r#"error="invalid_token", error_description="{why}", "#))
        }
        Refusal::Unauthorized(why) if config.auth.takes_secrets_only() => {
            return Refusal::NoSecret(why);
        }
        Refusal::UpstreamScope(names, challenge) if config.auth.oauth => {
            let place = place(url, config).0;
            return Refusal::UpstreamScope(names, format!("{challenge}, {place}"));
        }
        other => return other,
    };
    let (place, scopes) = place(url, config);
    Refusal::SignIn(why, format!(r#"Bearer {wrong}{place}, scope="{scopes}""#))
}

/// Where the document of the resource is that was requested at this URL, and the scopes that can be granted there.
fn place(url: &str, config: &Config) -> (String, String) {
    let offer = config.offer();
    let (document, door) = resource::document_of(url, &offer);
    (format!(r#"resource_metadata="{document}""#), offer.names(door))
}

/// An answer to a caller who may not do what it asked for, with the way to be allowed (MCP
/// `basic/authorization` "Scope Challenge Handling"). Others stay as they are.
///
/// # Errors
/// Only where the runtime fails.
#[inline(never)]
pub fn complete(response: Response, config: &Config, url: &str) -> Result<Response> {
    let challenge = match response.status() {
        403 if config.auth.oauth => response.headers().get("www-authenticate")?,
        _ => None,
    };
    let Some(challenge) = challenge else {
        return Ok(response);
    };
    // The headers of an object's answer cannot be changed.
    let changed = http::copy(&response)?;
    changed.headers().set("WWW-Authenticate", &format!("{challenge}, {}", place(url, config).0))?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OAUTH: [(&str, &str); 2] =
        [("MCP_OAUTH", "on"), ("CREDENTIAL_KEY", "0123456789012345678901234567890123456789")];

    fn config(vars: &[(&str, &str)]) -> Config {
        Config::read(&|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_caller_learns_where_to_sign_in() {
        let config = config(&OAUTH);
        let refusal = to(Refusal::Unauthorized("why"), &config, "https://m.example/mcp?x=1");
        let (_, challenge) = refusal.header().unwrap();
        assert_eq!(
            challenge,
            "Bearer resource_metadata=\"https://m.example/.well-known/oauth-protected-resource/mcp?x=1\", \
             scope=\"read write\""
        );
        let refusal = to(Refusal::WrongCredential("why"), &config, "https://m.example/messages");
        let (_, challenge) = refusal.header().unwrap();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
        assert!(challenge.contains("oauth-protected-resource/sse"), "{challenge}");
    }

    #[test]
    fn a_caller_at_a_door_learns_where_to_sign_in_for_it_and_for_what() {
        let upstreams = r#"{"tickets":{"url":"https://t.example/mcp"},"wiki":{"url":"https://w.example/mcp","scope":"read"}}"#;
        let config = config(&[OAUTH[0], OAUTH[1], ("UPSTREAMS", upstreams)]);
        let challenge = |path: &str| {
            let url = format!("https://m.example{path}");
            to(Refusal::Unauthorized("why"), &config, &url).header().unwrap().1.into_owned()
        };
        for (path, document, scopes) in [
            ("/u/tickets/mcp", "/u/tickets/mcp", "read write upstream:tickets"),
            ("/u/tickets/messages?sessionId=x", "/u/tickets/sse", "read write upstream:tickets"),
            ("/u/wiki/sse?x=1", "/u/wiki/sse?x=1", "read write"),
            ("/mcp", "/mcp", "read write upstream:tickets"),
            ("/u/none/mcp", "/mcp", "read write upstream:tickets"),
        ] {
            let place = format!("https://m.example/.well-known/oauth-protected-resource{document}");
            let wanted = format!("Bearer resource_metadata=\"{place}\", scope=\"{scopes}\"");
            assert_eq!(challenge(path), wanted, "{path}");
        }
        let lacking = Refusal::UpstreamScope("read upstream:tickets".into(), "Bearer x".into());
        let told = to(lacking, &config, "https://m.example/u/tickets/mcp").header().unwrap().1;
        assert!(told.ends_with("oauth-protected-resource/u/tickets/mcp\""), "{told}");
    }

    #[test]
    fn nobody_is_sent_to_sign_in_where_that_is_off() {
        for vars in [&OAUTH[..1], &OAUTH[1..]] {
            let refusal = to(Refusal::Unauthorized("why"), &config(vars), "https://m.example/mcp");
            assert_eq!(refusal, Refusal::Unauthorized("why"));
        }
        assert!(
            config(&OAUTH[..1])
                .warnings
                .iter()
                .any(|w| w.contains("CREDENTIAL_KEY is not set: OAuth is off"))
        );
    }
}

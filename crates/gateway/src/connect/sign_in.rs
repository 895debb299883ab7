//! Signing in at a stack of Keboola, in place of entering a Storage token.
//!
//! ```text
//!  person ──► /oauth/authorize of the stack ──► back with a code ──► access token ──► Storage token, which is kept
//! ```
//!
//! The Storage token is made for this server and kept as one that was entered. The access token and the refresh token of
//! Connection are dropped.
//!
//! Invariant: the client's secret, the code and both tokens go to the API of the stack that the person chose.
//!
//! Source: keboola/mcp-server 1.76, `oauth.py`. Nothing of it was tried with a registered client. Inferred is that Connection
//! takes the parameters of PKCE, of which its documents say nothing, or ignores them (RFC 6749 §3.1).

use std::time::Duration;

use mcp_auth::secret::Secret;
use mcp_platform::{Method, OutboundRequest, SharedPlatform, record::Record};
use mcp_protocol::{fields::fields, object::Object, raw};
use serde::{Deserialize, Serialize};

use super::{check, oauth::server::Server, stored::KEPT_FOR};
use crate::config::{Stack, Upstream};

/// How long Keboola may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that its answer may have.
const MAX_ANSWER: usize = 1 << 20;
/// What people read of the token in their project.
const DESCRIPTION: &str = "Made by sitebay-mcp for a person who signed in";

/// A Storage token that was made for this server.
pub struct MadeToken {
    id: String,
    /// What is sent.
    pub token: Secret,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotMade {
    /// The status with which Keboola answered. None: it gave no answer.
    pub status: Option<u16>,
    /// Why, for the person.
    pub why: String,
}

/// The authorization server of a stack. Connection publishes no metadata of it, so that the template knows where it is. None:
/// people enter a key.
pub fn server(upstream: &Upstream, stack: &Stack) -> Option<Server> {
    let (authorization, token) = upstream.template?.sign_in?;
    let at = |path: &str| format!("{}{path}", stack.connection);
    Some(Server {
        issuer: stack.connection.clone(),
        authorization: at(authorization),
        token: at(token),
        registration: None,
        names_itself: false,
        // Connection knows neither resources nor scopes of its own.
        resource: String::new(),
        scopes: Vec::new(),
    })
}

/// Has a stack make a Storage token, for as long as a key is kept that is not used.
///
/// # Errors
/// Where it makes none: why, for the person.
pub async fn make_token(
    stack: &Stack,
    access: &Secret,
    platform: &SharedPlatform,
) -> Result<MadeToken, NotMade> {
    // It reaches what Keboola's own server gives the tokens that it makes.
    let wanted = Object::new()
        .text("description", DESCRIPTION)
        .flag("canManageBuckets", true)
        .flag("canReadAllFileUploads", true)
        .number("expiresIn", KEPT_FOR)
        .end();
    let mut request = request(stack, access, (Method::Post, "/v2/storage/tokens"));
    request.headers.push(("Content-Type", "application/json".to_owned()));
    request.body = Some(wanted);
    let answer = platform.fetch(request).await;
    let (status, body) = match answer {
        Ok(answer) => (answer.status, answer.body),
        Err(_) => {
            let why =
                "Keboola did not answer; a token that it may have made ends by itself".to_owned();
            return Err(NotMade { status: None, why });
        }
    };
    let why = match status {
        200 | 201 => match read(&body) {
            (Some(id), Some(token)) => return Ok(MadeToken { id, token }),
            (id, _) => {
                let is_gone = match id {
                    Some(id) => delete(stack, &id, access, platform).await,
                    None => false,
                };
                if !is_gone {
                    log::warn!(
                        "an answer of Keboola has no token; one that was made ends by itself"
                    );
                }
                "Keboola's answer has no token".to_owned()
            }
        },
        401 | 403 => format!(
            "Keboola does not let you make a token for this server ({status}). You can enter one instead"
        ),
        status => format!("Keboola made no token ({status})"),
    };
    Err(NotMade { status: Some(status), why })
}

/// Has a token deleted that is not kept after all. Where that fails it ends by itself.
pub async fn discard(
    stack: &Stack,
    made: &MadeToken,
    access: &Secret,
    platform: &SharedPlatform,
) -> bool {
    delete(stack, &made.id, access, platform).await
}

async fn delete(stack: &Stack, id: &str, access: &Secret, platform: &SharedPlatform) -> bool {
    let path = format!("/v2/storage/tokens/{id}");
    let deleted = platform.fetch(request(stack, access, (Method::Delete, &path))).await;
    deleted.is_ok_and(|answer| (200..300).contains(&answer.status))
}

fn request(stack: &Stack, access: &Secret, (method, path): (Method, &str)) -> OutboundRequest {
    OutboundRequest {
        method,
        url: format!("{}{path}", stack.connection),
        headers: vec![
            ("Authorization", format!("Bearer {}", access.expose())),
            ("Accept", "application/json".to_owned()),
        ],
        body: None,
        timeout: TIMEOUT,
        at_most: MAX_ANSWER,
    }
}

/// The id and the token of an answer.
fn read(body: &[u8]) -> (Option<String>, Option<Secret>) {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let [id, token] = fields(text, ["id", "token"]).unwrap_or([None, None]);
    // A number on some stacks.
    let id = id
        .and_then(|id| raw::string(id).or_else(|| raw::whole_number(id).map(|id| id.to_string())));
    let is_id =
        |id: &String| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    let token = token.and_then(raw::string).and_then(|token| check::entered(&token));
    (id.filter(is_id), token)
}

/// A person who is on the way, as the hub keeps it: sealed, with the name of the stack for which it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedErrand {
    /// The stack. None: the upstream has none.
    #[serde(default)]
    pub stack: Option<String>,
    /// The errand.
    pub sealed: String,
}

impl Record for SealedErrand {}

impl SealedErrand {
    /// The text that is kept: without a stack the errand alone.
    pub fn into_text(self) -> String {
        match self.stack {
            None => self.sealed,
            Some(_) => self.to_json(),
        }
    }

    /// Reads a text that was kept.
    pub fn read(text: String) -> Self {
        Self::from_json(&text).unwrap_or(Self { stack: None, sealed: text })
    }
}

#[cfg(test)]
mod tests {
    use mcp_platform::testing::{ScriptedStream, VirtualPlatform};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        address::Surroundings,
        connect::oauth::{
            client::Client,
            token::{Errand, mark},
        },
    };

    fn upstream() -> Upstream {
        Upstream::keboola(&json!({ "template": "keboola" })).unwrap()
    }

    fn stack() -> Stack {
        upstream().stack("eu-central-1.keboola.com").unwrap().clone()
    }

    #[test]
    fn a_person_goes_to_the_stack_without_scope_and_resource() {
        let server = server(&upstream(), &stack()).unwrap();
        let client = Client::configured("our-id", Some(&Secret::new("our-secret")));
        let back = "https://f.example/connect/keboola/callback";
        let (errand, url) = Errand::begin(&server, client, [7; 32], (back, "st&te", &[]));
        let begins = "https://connection.eu-central-1.keboola.com/oauth/authorize?response_type=code&client_id=our-id&";
        assert!(url.starts_with(begins), "{url}");
        assert!(!url.contains("scope") && !url.contains("resource") && !url.contains("our-secret"));
        assert!(errand.is_marked(&mark(&server, &[7; 32])));
        assert!(!errand.is_marked(&mark(&server, &[8; 32])));
        let elsewhere = upstream().stack("keboola.com").unwrap().clone();
        let elsewhere = super::server(&upstream(), &elsewhere).unwrap();
        assert!(!errand.is_marked(&mark(&elsewhere, &[7; 32])), "another stack");
        assert!(errand.is_from(None) && !errand.is_from(Some("https://connection.keboola.com")));
        let plain = json!({ "kind": "subject" });
        let plain = Upstream::tickets("https://t.example/mcp", &plain);
        assert!(super::server(&plain, &stack()).is_none());
    }

    #[test]
    fn a_code_is_exchanged_at_that_stack_with_the_secret_and_without_a_resource() {
        let server = server(&upstream(), &stack()).unwrap();
        let client = Client::configured("our-id", Some(&Secret::new("our-secret")));
        let (errand, _) =
            Errand::begin(&server, client, [7; 32], ("https://f.example/cb", "s", &[]));
        let given =
            json!({ "access_token": "access-1", "token_type": "Bearer", "expires_in": 3600 });
        let platform = VirtualPlatform::new([ScriptedStream::json(200, &given.to_string())]);
        let shared: SharedPlatform = platform.clone();
        let ended =
            errand.end(("a-code", "https://f.example/cb"), 1, Surroundings::default(), &shared);
        assert_eq!(platform.run(ended).unwrap().access().expose(), "access-1");
        let sent = platform.requests().remove(0);
        assert_eq!(sent.url, "https://connection.eu-central-1.keboola.com/oauth/token");
        let body = sent.body.unwrap();
        for part in
            ["grant_type=authorization_code", "client_id=our-id", "client_secret=our-secret"]
        {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert!(body.contains("code_verifier=") && !body.contains("resource"), "{body}");
    }

    fn made(answer: ScriptedStream) -> (Result<MadeToken, NotMade>, Vec<Value>) {
        let platform = VirtualPlatform::new([answer, ScriptedStream::status(204)]);
        let shared: SharedPlatform = platform.clone();
        let made = platform.run(make_token(&stack(), &Secret::new("access-1"), &shared));
        let seen = platform.requests().into_iter().map(|request| {
            assert_eq!(request.header("authorization"), Some("Bearer access-1"));
            json!([
                format!("{:?}", request.method),
                request.url,
                request.body.map(|body| serde_json::from_str::<Value>(&body).unwrap()),
            ])
        });
        (made, seen.collect())
    }

    #[test]
    fn a_token_is_made_at_the_stack_and_ends_by_itself() {
        let answer = json!({ "id": "77", "token": "58-77-made", "isMasterToken": false });
        let (made, seen) = made(ScriptedStream::json(201, &answer.to_string()));
        let made = made.ok().unwrap();
        assert_eq!((made.id.as_str(), made.token.expose()), ("77", "58-77-made"));
        let url = "https://connection.eu-central-1.keboola.com/v2/storage/tokens";
        let wanted = json!({
            "description": DESCRIPTION, "canManageBuckets": true, "canReadAllFileUploads": true, "expiresIn": 2_592_000,
        });
        assert_eq!(seen, [json!(["Post", url, wanted])]);
    }

    #[test]
    fn an_answer_without_a_token_is_not_quoted() {
        for (status, body) in [
            (401, r#"{"error":"access-1 is invalid"}"#),
            (201, "{}"),
            (201, r#"{"id":"../7","token":"58-77-made"}"#),
            (201, r#"{"token":"58-77-made"}"#),
            (302, ""),
            (200, "<html>"),
        ] {
            let (made, seen) = made(ScriptedStream::json(status, body));
            let Err(NotMade { status: given, why }) = made else { panic!("{body}") };
            assert_eq!(given, Some(status));
            assert!(why.starts_with("Keboola") && !why.contains("access-1"), "{why}");
            assert!(!why.contains("58-77"), "{why}");
            assert_eq!(seen.len(), 1, "no redirect is followed");
        }
    }

    #[test]
    fn without_an_answer_a_token_may_have_been_made() {
        let (made, _) = made(ScriptedStream::unreachable("access-1"));
        let NotMade { status, why } = made.err().unwrap();
        assert!(status.is_none() && why.contains("may have made"), "{why}");
        assert!(!why.contains("access-1"), "{why}");
    }

    #[test]
    fn a_token_whose_text_cannot_be_read_is_deleted() {
        for body in [
            r#"{"id":"77"}"#,
            r#"{"id":77,"token":""}"#,
            r#"{"id":"77","token":"58-77-made\r\nX: y"}"#,
        ] {
            let (made, seen) = made(ScriptedStream::json(201, body));
            assert_eq!(made.err().unwrap().why, "Keboola's answer has no token");
            let url = "https://connection.eu-central-1.keboola.com/v2/storage/tokens/77";
            assert_eq!(seen[1..], [json!(["Delete", url, null])], "{body}");
        }
    }

    #[test]
    fn who_may_make_no_token_is_told_that_one_can_be_entered() {
        for (status, may) in [(401, false), (403, false), (500, true), (400, true)] {
            let (made, _) = made(ScriptedStream::json(status, "{}"));
            let why = made.err().unwrap().why;
            assert!(why.contains(&status.to_string()), "{why}");
            assert_eq!(why.contains("You can enter one instead"), !may, "{why}");
        }
    }

    #[test]
    fn a_token_that_is_not_kept_is_deleted() {
        for (status, expected) in [(204, true), (403, false)] {
            let platform = VirtualPlatform::new([ScriptedStream::status(status)]);
            let shared: SharedPlatform = platform.clone();
            let made = MadeToken { id: "77".to_owned(), token: Secret::new("58-77-made") };
            let access = Secret::new("access-1");
            let deleted = platform.run(discard(&stack(), &made, &access, &shared));
            assert_eq!(deleted, expected);
            let sent = platform.requests().remove(0);
            let url = "https://connection.eu-central-1.keboola.com/v2/storage/tokens/77";
            assert_eq!((sent.method, sent.url.as_str()), (Method::Delete, url));
        }
    }

    #[test]
    fn an_errand_is_kept_with_its_stack_and_one_of_before_is_read() {
        for stack in [None, Some("US \"1\"".to_owned())] {
            let errand = SealedErrand { stack, sealed: "c2VhbGVk".to_owned() };
            assert_eq!(SealedErrand::read(errand.clone().into_text()), errand);
        }
        let before = SealedErrand { stack: None, sealed: "c2VhbGVk".to_owned() };
        assert_eq!(before.clone().into_text(), "c2VhbGVk");
        assert_eq!(SealedErrand::read("c2VhbGVk".to_owned()), before);
    }
}

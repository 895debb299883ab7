//! Whether an upstream accepts a key, found out by requests that change nothing: its handshake and a list of tools.

use mcp_auth::secret::Secret;
use mcp_client::{
    connection::Connection,
    era::{Era, handshake},
    error::UpstreamError,
    headers::Trail,
    request::{Declaration, Patience, Request, first_id},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{initialize::SERVER_VERSION, jsonrpc::METHOD_NOT_FOUND, object::Object};

use super::Connected;
use crate::{
    config::{Upstream, is_value},
    door::address_for,
};

/// What an upstream says to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It accepts it.
    Accepted,
    /// It refuses it.
    Refused,
    /// It did not say: why.
    Unclear(String),
}

/// The key in what a person entered. None: no header can carry it.
pub fn entered(text: &str) -> Option<Secret> {
    let key = text.trim();
    let is_key = !key.is_empty() && is_value(key);
    is_key.then(|| Secret::new(key))
}

/// Asks an upstream whether it accepts a key, at the stack that the person chose. `era`: its wire, where it is known.
pub async fn check(
    upstream: &Upstream,
    (key, stack): (&Secret, Option<&str>),
    era: Option<Era>,
    trail: &Trail,
    platform: &SharedPlatform,
) -> Verdict {
    let connected = Connected::new(key.clone(), "check", upstream).at(stack, upstream);
    let address = address_for(upstream, Some(&connected), trail, platform, Vec::new());
    let client_info = Object::new().text("name", "sitebay-mcp").text("version", SERVER_VERSION);
    let declaration = Declaration { client_info: client_info.end(), capabilities: "{}".to_owned() };
    let found = match handshake(&address, &declaration, upstream.era.or(era)).await {
        Ok(found) => found,
        Err(error) => return verdict(&error),
    };
    // Its handshake was the whole way there.
    if found.era == Era::Sse {
        return Verdict::Accepted;
    }
    let connection = Connection::of(address, declaration, &found, first_id(platform.now_ms()));
    let list = Request { patience: Patience::List, ..Request::new("tools/list", None) };
    let listed = connection.request(list).result().await;
    connection.close().await;
    match listed {
        Ok(_) => Verdict::Accepted,
        Err(UpstreamError::Rpc(failure)) if failure.code == i64::from(METHOD_NOT_FOUND) => {
            Verdict::Accepted
        }
        Err(error) => verdict(&error),
    }
}

fn verdict(error: &UpstreamError) -> Verdict {
    match error {
        UpstreamError::Unauthorized { .. } | UpstreamError::Forbidden { .. } => Verdict::Refused,
        // Its text may repeat the key.
        UpstreamError::Rpc(failure) => {
            Verdict::Unclear(format!("it answered with the error {}", failure.code))
        }
        UpstreamError::Refused { status, .. } => {
            Verdict::Unclear(format!("it refused the request ({status})"))
        }
        UpstreamError::BadAnswer { .. } => {
            Verdict::Unclear("it gave an answer that cannot be read".to_owned())
        }
        error => Verdict::Unclear(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, time::Duration};

    use mcp_platform::{
        Platform as _,
        testing::{ScriptedStream, VirtualPlatform},
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        address::Surroundings,
        config::{Rules, Upstreams},
    };

    fn upstream() -> Upstream {
        let settings = json!({ "tickets": {
            "url": "https://tickets.example/mcp", "era": "stateless", "auth": { "kind": "subject" },
        } });
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        Upstreams::read(Some(&settings.to_string()), &rules).get("tickets").unwrap().clone()
    }

    fn checked(
        answers: impl IntoIterator<Item = ScriptedStream>,
    ) -> (Verdict, Rc<VirtualPlatform>) {
        let platform = VirtualPlatform::new(answers);
        let shared: SharedPlatform = platform.clone();
        let trail = Trail::of(None, "own").unwrap();
        let (upstream, key) = (upstream(), Secret::new("a key of Ada"));
        let verdict = platform.run(check(&upstream, (&key, None), None, &trail, &shared));
        (verdict, platform)
    }

    fn discovered() -> ScriptedStream {
        answer(
            0,
            &json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
                "ttlMs": 0, "cacheScope": "private",
            }),
        )
    }

    fn answer(id: u64, result: &Value) -> ScriptedStream {
        let response = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        ScriptedStream::json(200, &response.to_string())
    }

    #[test]
    fn a_key_that_works_is_accepted_after_a_list() {
        let first = first_id(VirtualPlatform::new([]).now_ms());
        let (verdict, platform) = checked([discovered(), answer(first, &json!({ "tools": [] }))]);
        assert_eq!(verdict, Verdict::Accepted);
        let sent = platform.requests();
        assert_eq!(sent.len(), 2);
        for request in sent {
            assert_eq!(request.header("authorization"), Some("Bearer a key of Ada"));
        }
    }

    #[test]
    fn a_key_that_is_refused_at_any_step_is_not_accepted() {
        for status in [401, 403] {
            let (verdict, _) = checked([ScriptedStream::status(status)]);
            assert_eq!(verdict, Verdict::Refused, "{status}");
            let (verdict, _) = checked([discovered(), ScriptedStream::status(status)]);
            assert_eq!(verdict, Verdict::Refused, "{status}");
        }
    }

    #[test]
    fn an_upstream_that_fails_says_nothing_of_a_key_and_is_not_quoted() {
        for failing in [
            ScriptedStream::status(415).chunk("a key of Ada"),
            ScriptedStream::json(500, r#"{"error":"a key of Ada"}"#),
            ScriptedStream::unreachable("dns lookup failed"),
            ScriptedStream::silent(),
            ScriptedStream::status(200).after(Duration::from_secs(1)).breaks(),
        ] {
            let (verdict, _) = checked([failing]);
            let Verdict::Unclear(why) = verdict else { panic!("{verdict:?}") };
            assert!(!why.contains("Ada"), "{why}");
        }
    }

    #[test]
    fn a_key_is_checked_at_the_stack_that_was_chosen() {
        let upstream = Upstream::keboola(&json!({ "template": "keboola" })).unwrap();
        let platform = VirtualPlatform::new([ScriptedStream::status(401)]);
        let shared: SharedPlatform = platform.clone();
        let trail = Trail::of(None, "own").unwrap();
        let key = Secret::new("58-44-x");
        let at = (&key, Some("eu-central-1.keboola.com"));
        let verdict = platform.run(check(&upstream, at, None, &trail, &shared));
        assert_eq!(verdict, Verdict::Refused);
        let sent = platform.requests();
        assert_eq!(sent[0].url, "https://mcp.eu-central-1.keboola.com/mcp");
        for (name, value) in [
            ("x-storageapi-token", "58-44-x"),
            ("x-storageapi-url", "https://connection.eu-central-1.keboola.com"),
        ] {
            assert_eq!(sent[0].header(name), Some(value));
        }
        assert_eq!(sent[0].header("authorization"), None);
    }

    #[test]
    fn a_server_of_a_template_may_refuse_a_key_by_an_error() {
        let settings = json!({ "template": "keboola", "era": "stateless" });
        let upstream = Upstream::keboola(&settings).unwrap();
        let first = first_id(VirtualPlatform::new([]).now_ms());
        let url = "https://connection.keboola.com/v2/storage/tokens/verify";
        for (status, verdict) in [
            ("401 Unauthorized", Verdict::Refused),
            ("403 Forbidden", Verdict::Unclear("it answered with the error 0".to_owned())),
        ] {
            let message = format!("Client error '{status}' for url '{url}'\nAPI error: no");
            let error = json!({ "code": 0, "message": message });
            let response = json!({ "jsonrpc": "2.0", "id": first, "error": error });
            let answer = ScriptedStream::json(200, &response.to_string());
            let platform = VirtualPlatform::new([discovered(), answer]);
            let shared: SharedPlatform = platform.clone();
            let trail = Trail::of(None, "own").unwrap();
            let key = (&Secret::new("58-44-x"), Some("keboola.com"));
            let said = platform.run(check(&upstream, key, None, &trail, &shared));
            assert_eq!(said, verdict, "{status}");
        }
    }

    #[test]
    fn what_no_header_can_carry_is_no_key() {
        assert_eq!(entered(" a key\r\n"), Some(Secret::new("a key")));
        let long = "x".repeat((8 << 10) + 1);
        for wrong in ["", " \r\n", "a\r\nX: y", "a\0b", "schlüssel", "a\tb", &long] {
            assert_eq!(entered(wrong), None, "{wrong:?}");
        }
        assert!(entered(&long[1..]).is_some());
    }
}

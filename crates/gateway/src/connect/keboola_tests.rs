//! What Keboola may answer.

use mcp_platform::testing::{ScriptedStream, VirtualPlatform};
use serde_json::json;

use super::*;
use crate::config::Upstream;

const TOKEN: &str = "58-44-a-secret";

fn stack() -> Stack {
    let upstream = Upstream::keboola(&json!({ "template": "keboola" })).unwrap();
    upstream.stack("eu-central-1.keboola.com").unwrap().clone()
}

fn verified(answer: ScriptedStream) -> Result<Project, TokenFault> {
    let platform = VirtualPlatform::new([answer]);
    let shared: SharedPlatform = platform.clone();
    let said = platform.run(verify(&stack(), &Secret::new(TOKEN), &shared));
    let requests = platform.requests();
    let [request] = &requests[..] else { panic!("one request") };
    assert_eq!(request.url, "https://connection.eu-central-1.keboola.com/v2/storage/tokens/verify");
    assert_eq!(request.header("x-storageapi-token"), Some(TOKEN));
    assert!(!request.url.contains(TOKEN) && request.header("authorization").is_none());
    said
}

fn answered(status: u16, body: &Value) -> Result<Project, TokenFault> {
    verified(ScriptedStream::json(status, &body.to_string()))
}

fn said(fault: Result<Project, TokenFault>) -> (bool, String) {
    let (is_refused, why) = match fault {
        Ok(project) => panic!("{project:?}"),
        Err(TokenFault::Refused(why)) => (true, why),
        Err(TokenFault::Unclear(why)) => (false, why),
    };
    assert!(!why.contains(TOKEN), "{why}");
    (is_refused, why)
}

fn token() -> Value {
    json!({
        "id": "44", "isMasterToken": true, "expires": "2027-01-01T00:00:00+0100", "isExpired": false, "isDisabled": false,
        "admin": { "id": 7, "name": "Ada", "role": "admin" }, "token": TOKEN,
        "owner": { "id": "58", "name": "Sales", "isDisabled": false },
    })
}

#[test]
fn a_person_sees_what_a_master_token_opens() {
    let project = answered(200, &token()).unwrap();
    let expected = Project {
        stack: "eu-central-1.keboola.com".into(),
        id: "58".into(),
        name: "Sales".into(),
        role: Some("admin".into()),
        is_master: true,
        expires: Some("2027-01-01T00:00:00+0100".into()),
    };
    assert_eq!(project, expected);
}

#[test]
fn a_limited_token_has_no_admin_and_its_project_a_number() {
    let mut token = token();
    token.as_object_mut().unwrap().remove("admin");
    token["isMasterToken"] = json!(false);
    token["expires"] = json!(null);
    token["owner"]["id"] = json!(1_234);
    let project = answered(200, &token).unwrap();
    assert_eq!((project.id.as_str(), project.role, project.expires), ("1234", None, None));
    assert!(!project.is_master);
    // A role may be missing where there is a person.
    token["admin"] = json!({ "id": 7 });
    assert_eq!(answered(200, &token).unwrap().role, None);
}

#[test]
fn a_token_that_is_refused_is_refused_with_keboolas_reason() {
    let body = json!({ "error": "Invalid access token", "code": "storage.tokenInvalid" });
    for status in [401, 403] {
        let (is_refused, why) = said(answered(status, &body));
        assert!(is_refused && why.contains("Invalid access token. Check"), "{why}");
    }
    let cut = format!("{} {TOKEN}", "x".repeat(MAX_TEXT - 8));
    for body in [
        json!({ "error": format!("no {TOKEN}") }),
        json!({ "error": cut }),
        json!({ "error": 7 }),
        json!([]),
    ] {
        let (is_refused, why) = said(answered(401, &body));
        assert!(is_refused && why.contains("it answers 401"), "{why}");
    }
    let long = json!({ "error": format!("a\r\n\u{202e}b{}", "x".repeat(1_000)) });
    let (_, why) = said(answered(403, &long));
    assert!(why.len() < 400 && !why.contains(['\r', '\n', '\u{202e}']), "{why}");
}

#[test]
fn what_is_disabled_or_over_is_refused() {
    for (pointer, words) in [
        ("/isDisabled", "it is disabled"),
        ("/isExpired", "it has expired"),
        ("/owner/isDisabled", "its project is disabled"),
    ] {
        let mut token = token();
        *token.pointer_mut(pointer).unwrap() = json!(true);
        let (is_refused, why) = said(answered(200, &token));
        assert!(is_refused && why.contains(words), "{why}");
    }
}

#[test]
fn maintenance_and_failures_say_nothing_of_a_token() {
    let maintenance = json!({ "status": "maintenance", "reason": TOKEN });
    let (is_refused, why) = said(answered(503, &maintenance));
    assert!(!is_refused && why.contains("maintained") && why.contains("Try again"), "{why}");
    let html = ScriptedStream::status(200).header("Content-Type", "text/html").chunk("<h1>Hi</h1>");
    let redirect = ScriptedStream::status(302).header("Location", "https://connection.evil.com/");
    for failing in [
        html,
        redirect,
        ScriptedStream::status(429),
        ScriptedStream::status(500).chunk(TOKEN),
        ScriptedStream::unreachable(TOKEN),
        ScriptedStream::silent(),
        ScriptedStream::status(200).chunk("{").breaks(),
        ScriptedStream::status(200).chunk(" ".repeat(MAX_ANSWER + 1)),
    ] {
        let (is_refused, why) = said(verified(failing));
        assert!(!is_refused, "{why}");
    }
}

#[test]
fn an_answer_without_a_project_is_none() {
    for (pointer, value) in [
        ("/owner", json!(null)),
        ("/owner/id", json!("5 8")),
        ("/owner/id", json!(-1)),
        ("/owner/id", json!("../58")),
        ("/owner/name", json!(TOKEN)),
        ("/owner/name", json!("")),
    ] {
        let mut token = token();
        *token.pointer_mut(pointer).unwrap() = value;
        let (is_refused, why) = said(answered(200, &token));
        assert!(!is_refused && why.contains("cannot be read"), "{why}");
    }
    for body in [json!([]), json!("x"), json!({})] {
        assert!(!said(answered(200, &body)).0);
    }
}

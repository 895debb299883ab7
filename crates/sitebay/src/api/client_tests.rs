//! The client against a scripted service: headers, retries, deadline, redirects, odd answers.

use serde_json::json;

use super::*;
use mcp_platform::Method;
use mcp_server::testing::{FakePlatform, ScriptedResponse, broken, json, text};

fn send(fake: &std::rc::Rc<FakePlatform>, repeat: Repeat) -> Result<ApiResponse, ApiError> {
    let ctx = fake.context();
    let client = Client::new(&ctx)?;
    let url = client.address("/site/", &[])?;
    let request = match repeat {
        Repeat::Safe => Request::get(url),
        repeat => Request {
            method: Method::Post,
            body: Some(json!({"a": 1})),
            repeat,
            secrets: vec![Secret::new("hunter2")],
            url,
        },
    };
    pollster::block_on(async {
        match request.repeat {
            Repeat::Safe => client.send(&request).await,
            _ => client.change(&ctx.begin().await.unwrap(), &request).await,
        }
    })
}

#[test]
fn a_change_is_not_sent_as_a_read() {
    let fake = FakePlatform::new([]);
    let ctx = fake.context();
    let client = Client::new(&ctx).unwrap();
    let url = client.address("/site/", &[]).unwrap();
    let request = Request { method: Method::Delete, repeat: Repeat::Never, ..Request::get(url) };
    assert_eq!(pollster::block_on(client.send(&request)), Err(ApiError::NotBegun));
    assert!(fake.requests().is_empty());
}

fn get(
    script: impl IntoIterator<Item = ScriptedResponse>,
) -> (std::rc::Rc<FakePlatform>, Result<ApiResponse, ApiError>) {
    let fake = FakePlatform::new(script);
    let outcome = send(&fake, Repeat::Safe);
    (fake, outcome)
}

fn post(
    script: impl IntoIterator<Item = ScriptedResponse>,
) -> (std::rc::Rc<FakePlatform>, Result<ApiResponse, ApiError>) {
    let fake = FakePlatform::new(script);
    let outcome = send(&fake, Repeat::Never);
    (fake, outcome)
}

#[test]
fn a_read_has_no_body_and_no_content_type() {
    let (fake, outcome) = get([json(200, json!([]))]);
    assert_eq!(outcome, Ok(ApiResponse { status: 200, json: json!([]) }));
    assert_eq!(fake.requests()[0].url, "https://my.sitebay.test/f/api/v1/site/");
    assert_eq!(fake.header(0, "Authorization").as_deref(), Some("Bearer sb-token-0123456789"));
    assert_eq!(fake.header(0, "Accept").as_deref(), Some("application/json"));
    assert!(fake.header(0, "User-Agent").unwrap().starts_with("sitebay-mcp/"));
    assert_eq!(fake.header(0, "Content-Type"), None);
    assert_eq!(fake.header(0, "Idempotency-Key"), None);
}

#[test]
fn a_token_is_accepted_by_a_success_that_needs_one_and_by_nothing_else() {
    let accepted = |path: &str, status: u16| {
        let fake = FakePlatform::new([json(status, json!([]))]);
        let ctx = fake.context();
        let seen = std::rc::Rc::new(std::cell::Cell::new(false));
        let note = seen.clone();
        ctx.record.on_token_accepted(Box::new(move || note.set(true)));
        let client = Client::new(&ctx).unwrap();
        let request = Request::get(client.address(path, &[]).unwrap());
        let _ = pollster::block_on(client.send(&request));
        seen.get()
    };
    for path in ["/site", "/team", "/site/region", "/regions"] {
        assert!(accepted(path, 200), "{path}");
    }
    for status in [400, 401, 403, 404, 410, 422] {
        assert!(!accepted("/site", status), "{status}");
    }
    // SiteBay answers these without a token.
    for path in ["/region", "/region/eu", "/plan/pricing"] {
        assert!(!accepted(path, 200), "{path}");
    }
}

#[test]
fn a_passing_failure_of_a_read_is_tried_four_times() {
    for step in [text(429, ""), text(502, ""), text(503, ""), text(504, ""), broken()] {
        let script = [step.clone(), step.clone(), step, json(200, json!(1))];
        let (fake, outcome) = get(script);
        assert_eq!(outcome.map(|answer| answer.json), Ok(json!(1)));
        assert_eq!(fake.requests().len(), 4);
    }
    let (fake, outcome) = get([]);
    assert_eq!(fake.requests().len(), 4);
    assert!(matches!(outcome, Err(ApiError::NoAnswer { tries: 4, .. })), "{outcome:?}");
}

#[test]
fn other_failures_stand_at_once() {
    for status in [400, 401, 403, 404, 409, 410, 422, 500] {
        let (fake, outcome) = get([text(status, r#"{"detail":"no"}"#)]);
        assert_eq!(fake.requests().len(), 1);
        assert!(matches!(outcome, Err(ApiError::Refused { tries: 1, .. })), "{outcome:?}");
    }
}

#[test]
fn a_change_is_never_sent_twice() {
    for step in [text(429, ""), text(503, "").retry_after("1"), broken(), text(200, "").after(60)] {
        let (fake, outcome) = post([step, json(200, json!(1))]);
        assert!(outcome.is_err());
        assert_eq!(fake.requests().len(), 1);
        assert!(fake.elapsed() <= CALL_BUDGET);
    }
}

#[test]
fn a_keyed_change_is_repeated_with_the_same_key() {
    let fake = FakePlatform::new([broken(), text(504, ""), json(201, json!({}))]);
    assert!(send(&fake, Repeat::Keyed("k-1".into())).is_ok());
    for at in 0..3 {
        assert_eq!(fake.header(at, "Idempotency-Key").as_deref(), Some("k-1"));
        assert_eq!(fake.header(at, "Content-Type").as_deref(), Some("application/json"));
        assert_eq!(fake.body(at), json!({"a": 1}));
    }
}

#[test]
fn a_service_that_never_answers_costs_no_more_than_the_budget() {
    let slow = || text(200, "[]").after(600);
    let (fake, outcome) = get([slow(), slow(), slow(), slow()]);
    assert!(matches!(outcome, Err(ApiError::NoAnswer { .. })), "{outcome:?}");
    assert!(fake.elapsed() <= CALL_BUDGET, "{:?}", fake.elapsed());
    assert!(fake.requests().iter().all(|request| request.timeout <= READ_TIMEOUT));
}

#[test]
fn retry_after_is_honoured_while_there_is_time() {
    let (fake, outcome) = get([text(429, "").retry_after("3"), json(200, json!(1))]);
    assert!(outcome.is_ok());
    assert!(fake.elapsed() >= Duration::from_secs(3) && fake.elapsed() < Duration::from_secs(4));
    let date = "Fri, 20 Nov 2026 08:00:10 GMT";
    let (fake, outcome) = get([text(503, "").retry_after(date), json(200, json!(1))]);
    assert!(outcome.is_ok());
    assert_eq!(fake.elapsed().as_secs(), 10);
    let (fake, outcome) = get([text(429, r#"{"detail":"slow down"}"#).retry_after("60")]);
    assert_eq!(fake.requests().len(), 1);
    let wait = Duration::from_secs(60);
    let detail = Detail::Text("slow down".into());
    assert_eq!(outcome, Err(ApiError::WaitTooLong { status: 429, wait, detail, tries: 1 }));
}

#[test]
fn redirects_are_followed_within_the_origin() {
    let (fake, outcome) = get([text(301, "").location("/f/api/v1/site"), json(200, json!(1))]);
    assert!(outcome.is_ok());
    assert_eq!(fake.lines(), ["Get /site/", "Get /site"]);
    let (fake, outcome) = post([text(307, "").location("../v1/site"), json(200, json!(1))]);
    assert!(outcome.is_ok());
    assert_eq!(fake.lines(), ["Post /site/", "Post /v1/site"]);
    assert_eq!(fake.body(1), json!({"a": 1}));
    let (fake, outcome) = get((0..9).map(|_| text(308, "").location("/f/api/v1/site/")));
    assert_eq!(outcome, Err(ApiError::TooManyRedirects));
    assert_eq!(fake.requests().len(), 4);
}

#[test]
fn the_token_never_goes_elsewhere() {
    for location in
        ["https://evil.test/x?token=1", "http://my.sitebay.test/", "//evil.test/", "", "http://["]
    {
        let (fake, outcome) = get([text(302, "").location(location), json(200, json!(1))]);
        assert!(matches!(outcome, Err(ApiError::RedirectRefused { .. })), "{location} {outcome:?}");
        assert_eq!(fake.requests().len(), 1);
    }
    for status in [301, 302, 303] {
        let (fake, outcome) = post([text(status, "").location("/f/api/v1/site")]);
        assert!(matches!(outcome, Err(ApiError::RedirectRefused { .. })), "{outcome:?}");
        assert_eq!(fake.requests().len(), 1);
    }
}

#[test]
fn a_success_that_is_not_json_is_shown_without_tags() {
    let (_, outcome) = get([text(200, "<html><title>Soon</title><p>Back <b>soon</b>")]);
    let excerpt = "Soon Back soon".to_owned();
    assert_eq!(outcome, Err(ApiError::Unreadable { status: 200, excerpt }));
    let (_, outcome) = get([text(200, r#"{"results": [{"#)]);
    assert!(matches!(outcome, Err(ApiError::Unreadable { .. })));
    let (_, outcome) = get([text(204, " ")]);
    assert_eq!(outcome, Ok(ApiResponse { status: 204, json: Value::Null }));
}

#[test]
fn secrets_come_back_in_no_form() {
    let body = r#"{"detail":[{"loc":["body"],"msg":"hunter2 is weak; sb-token-0123456789"}]}"#;
    let page = "<p>hunter2</p> sb-token-0123456789";
    for step in [text(422, body), text(500, page), text(200, page), text(200, body)] {
        let (_, outcome) = post([step]);
        let shown = format!("{outcome:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("sb-token"), "{shown}");
        assert!(shown.contains("[redacted]"), "{shown}");
    }
}

#[test]
fn a_broken_site_does_not_show_its_passwords() {
    for status in [200, 500] {
        let (_, outcome) = post([text(status, r#"{"fqdn": "a.org", "http_auth_password": "s3c"#)]);
        let shown = format!("{outcome:?}");
        assert!(shown.contains("a.org") && !shown.contains("s3c"), "{shown}");
    }
    let (_, outcome) = post([text(500, r#"{"site": {"code_server_password": "s3cret"}}"#)]);
    assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
}

#[test]
fn a_key_that_was_tried_before_leaves_doubt() {
    let fake = FakePlatform::new([broken(), text(429, "").retry_after("60")]);
    let error = send(&fake, Repeat::Keyed("k".into())).unwrap_err();
    assert!(error.leaves_doubt(), "{error:?}");
    let fake = FakePlatform::new([text(429, "").retry_after("60")]);
    assert!(!send(&fake, Repeat::Keyed("k".into())).unwrap_err().leaves_doubt());
}

#[test]
fn without_token_or_address_nothing_is_sent() {
    let fake = FakePlatform::new([]);
    for token in [None, Some(""), Some("  ")] {
        assert_eq!(Client::new(&fake.context_of(token)).err(), Some(ApiError::NoToken));
    }
    for base in ["", "my.sitebay.org", "ftp://my.sitebay.org"] {
        let mut ctx = fake.context();
        ctx.credential = std::rc::Rc::new(mcp_auth::credential::Credential {
            base_url: base.into(),
            token: Some(Secret::new("t")),
        });
        assert_eq!(Client::new(&ctx).err(), Some(ApiError::BadBase), "{base}");
    }
}

#[test]
fn an_address_stays_below_the_prefix() {
    let fake = FakePlatform::new([]);
    let ctx = fake.context();
    let client = Client::new(&ctx).unwrap();
    assert_eq!(client.address("/site/../../../../x", &[]), Err(ApiError::BadPath));
    let url = client.address("/site/", &[("a", "b c&d".to_owned())]).unwrap();
    assert!(url.href.ends_with("/site/?a=b+c%26d"), "{}", url.href);
}

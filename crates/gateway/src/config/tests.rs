//! Every way in which a configuration can be wrong.

use mcp_client::era::Era;
use mcp_server::toolset::Effect;
use serde_json::{Value, json};

use super::*;
use crate::filter::effect;
use crate::pins::{PinPolicy, UnknownTools};

fn secret(name: &str) -> Option<Secret> {
    match name {
        "TICKETS_TOKEN" => Some(Secret::new("s3cret")),
        "BROKEN" => Some(Secret::new("a\r\nX-Evil: 1")),
        _ => None,
    }
}

fn with_rules<T>(run: impl FnOnce(&Rules<'_>) -> T) -> T {
    let own_origins = ["https://mcp.own.example".to_owned()];
    run(&Rules {
        reserved: &["sitebay"],
        surroundings: Surroundings { own_origins: &own_origins, development: false },
        secret: &secret,
    })
}

fn read(setting: &str) -> Upstreams {
    with_rules(|rules| Upstreams::read(Some(setting), rules))
}

/// Reads one upstream with these settings besides a URL, beside one that works.
fn faults(settings: Value) -> Vec<String> {
    let mut tickets = json!({ "url": "https://tickets.example/mcp" });
    tickets.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let good = json!({ "url": "https://good.example/mcp" });
    let upstreams = read(&json!({ "tickets": tickets, "good": good }).to_string());
    assert!(upstreams.get("good").is_some(), "the others work");
    assert_eq!(upstreams.get("tickets").is_some(), upstreams.errors.is_empty());
    shown(&upstreams)
}

fn shown(upstreams: &Upstreams) -> Vec<String> {
    upstreams.errors.iter().map(ToString::to_string).collect()
}

fn fault(settings: Value) -> String {
    let mut faults = faults(settings.clone());
    assert_eq!(faults.len(), 1, "{settings}: {faults:?}");
    faults.remove(0)
}

#[test]
fn the_usual_upstream_is_not_added_where_an_entry_with_a_fault_may_be_meant_for_it() {
    let usual = |setting: &str| {
        let mut upstreams = read(setting);
        let before = upstreams.errors.len();
        with_rules(|rules| upstreams.add_usual("keboola", r#"{"template":"keboola"}"#, rules));
        (upstreams.get("keboola").is_some(), upstreams.errors.len() > before)
    };
    for setting in [
        r#"{"Keboola":{"template":"keboola","deny":["run_job"]}}"#,
        r#"{"kbc":{"template":" Keboola","deny":["run_job"]}}"#,
        r#"{"kbc":{"template":"keboola","deny":7}}"#,
        r#"{"kbc":{"template":"keboola"},"kbc":{"template":"keboola"}}"#,
        r#"{" keboola":7}"#,
    ] {
        assert_eq!(usual(setting), (false, true), "{setting}");
    }
    assert_eq!(usual(r#"{"keboola":{"template":"keboola","deny":7}}"#), (false, false));
    for setting in [
        r#"{"kbc":{"template":"keboola","deny":["run_job"]}}"#,
        r#"{"Tickets":{"url":"https://t.example/mcp"}}"#,
    ] {
        assert_eq!(usual(setting), (true, false), "{setting}");
    }
}

#[test]
fn an_upstream_of_an_address_alone_has_the_defaults() {
    let upstreams = read(r#"{"tickets":{"url":"https://Tickets.example/mcp?key=abc"}}"#);
    assert!(upstreams.errors.is_empty());
    let tickets = upstreams.get("tickets").unwrap();
    assert_eq!(tickets.url.href, "https://tickets.example/mcp?key=abc");
    assert_eq!((tickets.era, &tickets.credential), (None, &Credential::None));
    assert_eq!((tickets.pins, tickets.unknown), (PinPolicy::Warn, UnknownTools::Allow));
    assert_eq!(tickets.scope, "upstream:tickets");
    assert!(tickets.filter.shows("any") && tickets.forward_headers.is_empty());
    assert!(!format!("{tickets:?}").contains("abc") && !tickets.to_shown_json().contains("abc"));
}

#[test]
fn every_field_is_read_and_written_back_without_secrets() {
    let setting = json!({ "tickets": {
        "url": "https://tickets.example/mcp?a=b",
        "era": "session",
        "auth": { "kind": "static", "header": "X-API-Key", "secret": "TICKETS_TOKEN" },
        "allow": ["get_*"],
        "deny": ["get_secret"],
        "rename": { "get.all": "get_all" },
        "effects": { "get_*": "read", "*": "write" },
        "scope": "tickets",
        "pins": "block",
        "unknown": "block",
        "descriptions": "raw",
        "timeouts": { "headers": 1.5, "lists": 2 },
        "forward_headers": ["X-Request-Id"],
    } });
    let upstreams = read(&setting.to_string());
    assert_eq!(shown(&upstreams), Vec::<String>::new());
    let tickets = upstreams.get("tickets").unwrap();
    assert_eq!(tickets.era, Some(Era::Session));
    let [(name, value)] = &tickets.credential.headers()[..] else { panic!() };
    assert_eq!((name.as_ref(), value.expose()), ("X-API-Key", "s3cret"));
    assert_eq!(tickets.shown_name("get.all"), "get_all");
    assert_eq!(effect(&tickets.effects, "get_all", "{}"), Effect::Read);
    assert_eq!(tickets.timeouts.headers.as_millis(), 1_500);
    assert_eq!(tickets.timeouts.idle.as_secs(), 60);
    assert_eq!(tickets.forward_headers, ["x-request-id"]);
    let written = tickets.to_json();
    assert!(!written.contains("s3cret"));
    let again = with_rules(|rules| Upstream::read("tickets", &written, "tickets", rules)).unwrap();
    assert_eq!(&again, tickets);
}

#[test]
fn every_kind_of_credential_is_read_and_written_back() {
    for (auth, header) in [
        (json!({ "kind": "none" }), None),
        (json!({ "kind": "static", "secret": "TICKETS_TOKEN" }), Some("Bearer s3cret")),
        (
            json!({ "kind": "static", "prefix": "Token ", "secret": "TICKETS_TOKEN" }),
            Some("Token s3cret"),
        ),
        (
            json!({ "kind": "access", "client_id": "id.access", "secret": "TICKETS_TOKEN" }),
            Some("id.access"),
        ),
        (json!({ "kind": "subject", "header": "X-Key" }), None),
        (json!({ "kind": "oauth" }), None),
        (
            json!({
                "kind": "oauth", "issuer": "https://as.example/t", "client_id": "a", "secret": "TICKETS_TOKEN",
                "scopes": ["read"],
            }),
            None,
        ),
    ] {
        let setting = json!({ "url": "https://tickets.example/", "auth": auth }).to_string();
        let read = |text: &str| with_rules(|rules| Upstream::read("t", text, "t", rules)).unwrap();
        let upstream = read(&setting);
        assert_eq!(read(&upstream.to_json()), upstream, "{auth}");
        let headers = upstream.credential.headers();
        assert_eq!(headers.first().map(|(_, value)| value.expose()), header, "{auth}");
        let own = upstream.credential.personal_header(&Secret::new("k"));
        assert_eq!(own.is_some(), upstream.credential.is_personal(), "{auth}");
    }
}

#[test]
fn without_a_value_there_are_none() {
    for setting in [None, Some(""), Some(" \n"), Some("{}")] {
        let upstreams = with_rules(|rules| Upstreams::read(setting, rules));
        assert!(upstreams.is_empty() && upstreams.errors.is_empty());
    }
}

#[test]
fn what_is_not_json_or_no_object_is_named_without_its_text() {
    let upstreams = read("{\"tickets\":{\"url\":\"https://u:hunter2@x\"},}");
    assert_eq!(
        shown(&upstreams),
        ["UPSTREAMS: expected an object; got a text that is not JSON (line 1, column 42)"],
    );
    assert_eq!(shown(&read("[]")), ["UPSTREAMS: expected an object; got an array"]);
    assert_eq!(
        shown(&read(r#"{"tickets":"https://x"}"#)),
        ["UPSTREAMS.tickets: expected an object; got a text"],
    );
    for (value, kind) in
        [("[]", "an array"), ("7", "a number"), ("true", "true or false"), ("null", "null")]
    {
        assert_eq!(
            fault(json!({ "auth": serde_json::from_str::<Value>(value).unwrap() })),
            format!("UPSTREAMS.tickets.auth: expected an object; got {kind}"),
        );
    }
}

#[test]
fn a_fault_names_field_expectation_and_value() {
    assert_eq!(
        fault(json!({ "era": "fast" })),
        r#"UPSTREAMS.tickets.era: expected one of auto, stateless, session, sse; got "fast""#,
    );
    assert_eq!(
        fault(json!({ "timeouts": { "headers": 0 } })),
        "UPSTREAMS.tickets.timeouts.headers: expected seconds from 0.05 to 60; got 0",
    );
    assert_eq!(
        fault(json!({ "timeouts": { "ping": 1 } })),
        r#"UPSTREAMS.tickets.timeouts: expected one of the fields headers, idle, whole, lists; got "ping""#,
    );
    assert_eq!(
        fault(json!({ "colour": 1 })),
        "UPSTREAMS.tickets: expected one of the fields template, url, era, auth, allow, deny, rename, effects, scope, pins, \
         unknown, descriptions, timeouts, forward_headers; got \"colour\"",
    );
}

#[test]
fn all_faults_are_found_at_once() {
    let all = faults(json!({
        "url": "http://tickets.example", "era": 1, "pins": "yes", "scope": "a b", "allow": "get_*", "deny": [1],
        "auth": { "kind": "static" }, "timeouts": [], "unknown": null, "descriptions": "off",
        "forward_headers": ["Cookie"], "effects": { "x": "none" }, "rename": { "x": "a b" },
    }));
    assert_eq!(all.len(), 13, "{all:#?}");
}

#[test]
fn names_are_checked() {
    for name in ["a_b", "Tickets", "abcdefghijklmnopq", "", "1st", "-a", "sitebay", "a b", "\u{fc}"]
    {
        let upstreams = read(&json!({ name: { "url": "https://x.example/" } }).to_string());
        assert!(upstreams.is_empty(), "{name}");
        assert!(upstreams.errors[0].expected.starts_with("a name "), "{name}");
    }
    let twice = read(
        r#"{"a":{"url":"https://x.example/"},"a":{"url":"https://y.example/"},"b":{"url":"https://z.example/"}}"#,
    );
    assert_eq!(shown(&twice), ["UPSTREAMS.a: expected a name of its own; got 2"]);
    assert!(twice.get("a").is_none() && twice.get("b").is_some());
}

#[test]
fn the_sixty_fifth_upstream_is_left_out() {
    let many: serde_json::Map<String, Value> =
        (10..75).map(|n| (format!("u{n}"), json!({ "url": "https://x.example/" }))).collect();
    let upstreams = read(&Value::Object(many).to_string());
    assert_eq!(shown(&upstreams), ["UPSTREAMS: expected at most 64 upstreams; got 65"]);
    assert_eq!(upstreams.iter().count(), 64);
}

#[test]
fn an_address_that_may_not_be_called_is_not_repeated() {
    for (url, got) in [
        ("http://tickets.example", "the scheme http"),
        ("https://u:hunter2@tickets.example", "a URL with a user name or a password"),
        ("https://tickets.example#x", "a URL with a fragment"),
        ("https://2130706433/", "the host 127.0.0.1, which is no name of the public web"),
        ("https://0177.0.0.1/", "the host 127.0.0.1, which is no name of the public web"),
        (
            "https://[::ffff:127.0.0.1]/",
            "the host [::ffff:7f00:1], which is no name of the public web",
        ),
        ("https://0.0.0.0/", "the host 0.0.0.0, which is no name of the public web"),
        ("https://MCP.own.example./", "the host mcp.own.example., which is this server's own"),
        ("hunter2", "a text that is no absolute URL of at most 2048 characters"),
    ] {
        let fault = fault(json!({ "url": url }));
        let expected = "an https URL on a public host, without user name, password and fragment";
        assert_eq!(fault, format!("UPSTREAMS.tickets.url: expected {expected}; got {got}"));
        assert!(!fault.contains("hunter2"));
    }
    assert_eq!(fault(json!({ "url": 7 })).split("; ").last(), Some("got no text"));
}

#[test]
fn a_secret_that_is_missing_or_misplaced_is_not_repeated() {
    for auth in [
        json!({ "kind": "static", "secret": "AKIA_NOT_SET" }),
        json!({ "kind": "static", "secret": "sk-live-1234" }),
        json!({ "kind": "static", "secret": 1234 }),
        json!({ "kind": "static", "secret": "BROKEN" }),
        json!({ "kind": "access", "client_id": "x", "secret": "NOT_SET" }),
        json!({ "kind": "oauth", "issuer": "https://as.example", "secret": "NOT_SET" }),
        json!({ "kind": "static" }),
    ] {
        let fault = fault(json!({ "auth": auth }));
        assert!(fault.starts_with("UPSTREAMS.tickets.auth.secret: expected "), "{fault}");
        for value in ["AKIA", "sk-live", "1234", "NOT_SET", "Evil"] {
            assert!(!fault.contains(value), "{fault}");
        }
    }
}

#[test]
fn a_client_of_the_operator_s_goes_to_the_issuer_that_the_operator_names() {
    for auth in [
        json!({ "client_id": "a" }),
        json!({ "secret": "TICKETS_TOKEN" }),
        json!({ "client_id": "a", "issuer": "http://as.example" }),
        json!({ "client_id": "a", "issuer": "as.example" }),
        json!({ "client_id": "a", "issuer": "https://10.0.0.1" }),
        json!({ "client_id": "a", "issuer": "https://as.example?t=hunter2" }),
        json!({ "client_id": "a", "issuer": "https://u:hunter2@as.example" }),
        json!({ "issuer": 7 }),
    ] {
        let mut auth = auth;
        auth["kind"] = json!("oauth");
        let fault = fault(json!({ "auth": auth }));
        let expected =
            "UPSTREAMS.tickets.auth.issuer: expected the issuer of the authorization server";
        assert!(fault.starts_with(expected) && !fault.contains("hunter2"), "{fault}");
    }
    for auth in
        [json!({ "kind": "oauth" }), json!({ "kind": "oauth", "issuer": "https://as.example" })]
    {
        assert!(faults(json!({ "auth": auth })).is_empty(), "{auth}");
    }
}

#[test]
fn no_fault_below_auth_repeats_a_value() {
    let (text, line) = ("hunter2", "hunter2\r\n");
    for auth in [
        json!(text),
        json!({ "kind": text }),
        json!({ "kind": "subject", "header": line }),
        json!({ "kind": "subject", "prefix": line }),
        json!({ "kind": "oauth", "issuer": "https://as.example", "client_id": line }),
        json!({ "kind": "oauth", "issuer": text }),
        json!({ "kind": "oauth", "scopes": text }),
        json!({ "kind": "oauth", "scopes": [line] }),
        json!({ "kind": "access", "client_id": line, "secret": "TICKETS_TOKEN" }),
    ] {
        let fault = fault(json!({ "auth": auth }));
        assert!(fault.contains("; got ") && !fault.contains(text), "{fault}");
    }
}

#[test]
fn fields_of_another_kind_of_credential_are_refused() {
    for auth in [
        json!({ "kind": "none", "secret": "TICKETS_TOKEN" }),
        json!({ "kind": "subject", "secret": "TICKETS_TOKEN" }),
        json!({ "kind": "static", "secret": "TICKETS_TOKEN", "header": "Host" }),
        json!({ "kind": "static", "secret": "TICKETS_TOKEN", "header": "a\r\nb" }),
        json!({ "kind": "static", "secret": "TICKETS_TOKEN", "prefix": "\r\n" }),
        json!({ "kind": "access", "secret": "TICKETS_TOKEN" }),
        json!({ "kind": "forward" }),
        json!({}),
        json!("none"),
    ] {
        assert!(fault(json!({ "auth": auth })).starts_with("UPSTREAMS.tickets.auth"), "{auth}");
    }
}

#[test]
fn patterns_that_meet_and_renames_to_one_name_are_refused() {
    for (allow, deny) in [(["get_*"], ["get_*"]), (["get_all"], ["get_*"]), (["get_*"], ["*"])] {
        let fault = fault(json!({ "allow": allow, "deny": deny }));
        assert!(
            fault.starts_with("UPSTREAMS.tickets.allow[0]: expected a pattern that `deny` leaves")
        );
    }
    assert!(faults(json!({ "allow": ["get_*"], "deny": ["get_secret"] })).is_empty());
    assert!(
        fault(json!({ "rename": { "a": "c", "b": "c" } }))
            .starts_with("UPSTREAMS.tickets.rename.b: ")
    );
    for to in [json!(""), json!("a.b"), json!("x".repeat(57)), json!(1)] {
        assert!(
            fault(json!({ "rename": { "a": to } })).starts_with("UPSTREAMS.tickets.rename.a: ")
        );
    }
    assert!(faults(json!({ "rename": { "a": "x".repeat(56) } })).is_empty());
}

#[test]
fn a_credential_s_header_is_not_forwarded() {
    let auth = json!({ "kind": "subject", "header": "X-Key" });
    let fault = fault(json!({ "auth": auth, "forward_headers": ["x-key"] }));
    assert!(fault.starts_with("UPSTREAMS.tickets.forward_headers[0]: "), "{fault}");
    let many: Vec<String> = (0..17).map(|n| format!("x-{n}")).collect();
    assert!(
        self::fault(json!({ "forward_headers": many })).ends_with("at most 16 headers; got 17")
    );
}

#[test]
fn what_the_variable_names_wins_over_what_is_stored() {
    let mut upstreams = read(r#"{"a":{"url":"https://a.example/"},"b":{"url":"http://b"}}"#);
    with_rules(|rules| {
        for name in ["a", "b", "c"] {
            let settings = r#"{"url":"https://stored.example/"}"#;
            upstreams.add_stored(name, || Upstream::read(name, settings, name, rules));
        }
        upstreams.add_stored("d", || Upstream::read("d", r#"{"url":1}"#, "upstreams.d", rules));
    });
    let names: Vec<&str> = upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(upstreams.get("a").unwrap().url.host, "a.example");
    assert!(upstreams.is_claimed("b") && !upstreams.is_claimed("c"));
    assert_eq!(upstreams.errors.last().unwrap().field, "upstreams.d.url");
}

//! A request is logged once; the contents of its line.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::*;
use crate::testing::FakePlatform;
use mcp_auth::{scope::Scopes, subject::AuthMethod};

#[derive(Default)]
struct Heard {
    lines: RefCell<Vec<Value>>,
    points: RefCell<Vec<DataPoint>>,
    now_ms: std::cell::Cell<u64>,
}

impl TelemetrySink for Heard {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef)
    }

    fn wants(&self, level: Level) -> bool {
        level >= Level::Info
    }

    fn write(&self, _level: Level, line: &str) {
        self.lines.borrow_mut().push(serde_json::from_str(line).unwrap());
    }

    fn measure(&self, point: &dyn Fn() -> DataPoint) {
        self.points.borrow_mut().push(point());
    }
}

fn begun() -> (Rc<Heard>, Rc<RequestRecord>) {
    let heard = Rc::new(Heard::default());
    (heard.clone(), RequestRecord::new(heard))
}

#[test]
fn a_line_says_what_is_known_and_leaves_out_what_is_not() {
    let (heard, record) = begun();
    let subject = Subject([255; 16]);
    record.set_principal(&Principal {
        auth_method: AuthMethod::Jwt,
        scopes: Scopes::READ,
        ..Principal::without_rights(subject)
    });
    record.set_id(Uuid::from_u128(7));
    let client = Implementation { name: "a \"client\"".into(), version: "1".into() };
    record.set_client(Rc::new(client), "2025-11-25");
    record.set_route("mcp");
    record.set_method("tools/call");
    record.set_tool(Some("sitebay_list_sites"));
    record.add_sitebay_call(503, 20);
    record.add_sitebay_call(200, 10);
    record.set_outcome("failed", Some(-32602));
    heard.now_ms.set(42);
    record.response_started(200);
    let expected = json!({
        "level": "info", "event": "request", "request": "00000000-0000-0000-0000-000000000007",
        "subject": "________", "auth_method": "jwt", "client": "a \"client\"", "version": "1",
        "protocol_version": "2025-11-25", "route": "mcp", "method": "tools/call", "tool": "sitebay_list_sites",
        "outcome": "failed", "status": 200, "code": -32602, "ms": 42, "server_ms": 12,
        "sitebay_ms": 30, "sitebay_calls": 2, "sitebay_status": 200,
    });
    assert_eq!(*heard.lines.borrow(), [expected]);
    let point = heard.points.borrow()[0].clone();
    assert_eq!(point.index, subject.to_text());
    assert_eq!(point.blobs[3], "tools/call");
    let doubles = [42.0, 12.0, 200.0, 2.0, 30.0, 200.0, -32602.0, 0.0, 0.0, 0.0];
    assert_eq!(point.doubles, doubles);
}

#[test]
fn a_line_says_which_upstream_was_asked_and_how_long_that_took() {
    let (heard, record) = begun();
    record.set_upstream(&"tickets".into(), &"tickets_find".into());
    record.add_upstream_call(&"tickets".into(), ("stateless-session", "failed"), 20, 100);
    record.add_upstream_call(&"tickets".into(), ("stateless-session", "answered"), 5, 11);
    heard.now_ms.set(42);
    record.response_started(200);
    let line = heard.lines.borrow()[0].clone();
    let expected = json!({
        "upstream": "tickets", "upstream_tool": "tickets_find", "cell": "stateless-session",
        "upstream_calls": 2, "upstream_ms": 25, "upstream_bytes": 111, "ms": 42, "server_ms": 17,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(line[name], *value, "{name}: {line}");
    }
    let point = heard.points.borrow()[0].clone();
    assert_eq!((&*point.blobs[11], &*point.blobs[13]), ("tickets", "stateless-session"));
    assert_eq!(point.doubles[7..], [2.0, 25.0, 111.0]);
}

#[test]
fn a_line_says_what_the_server_behind_took_and_the_rest_is_this_servers() {
    let line = |status, bytes| {
        let (heard, record) = begun();
        record.set_backend(status, 30, bytes);
        heard.now_ms.set(42);
        record.response_started(502);
        let line = heard.lines.borrow()[0].clone();
        ["ms", "server_ms", "upstream_ms", "upstream_status", "upstream_bytes"]
            .map(|name| line[name].clone())
    };
    assert_eq!(line(200, Some(7)), [42, 12, 30, 200, 7].map(|number: u64| json!(number)));
    assert_eq!(line(0, None)[3..], [json!(0), json!(null)]);
}

#[test]
fn a_request_is_told_of_once_whatever_its_way() {
    let lines = |way: fn(&Rc<RequestRecord>)| {
        let (heard, record) = begun();
        way(&record);
        heard.lines.borrow().clone()
    };
    let whole = lines(|record| {
        drop(record.end_guard());
        record.response_started(200);
        record.response_started(200);
    });
    assert_eq!((whole.len(), &whole[0]["status"]), (1, &json!(200)));
    let streamed = lines(|record| {
        let until_end = record.end_guard();
        record.response_streams(200);
        record.response_started(200);
        record.set_outcome("done", None);
        drop(until_end);
    });
    assert_eq!((streamed.len(), &streamed[0]["outcome"]), (1, &json!("done")));
    assert_eq!(streamed[0]["stream"], true);
    let over_before = lines(|record| {
        record.set_outcome("done", None);
        drop(record.end_guard());
        record.response_streams(200);
        record.response_started(200);
    });
    assert_eq!(over_before.len(), 1);
    let left = lines(|record| {
        let until_end = record.end_guard();
        record.response_streams(200);
        drop(until_end);
    });
    assert_eq!((left.len(), &left[0]["outcome"]), (1, &json!("left")));
    assert_eq!(
        lines(|record| {
            record.delegate();
            record.response_started(200);
        })
        .len(),
        0
    );
}

#[test]
fn a_failure_is_an_error_and_a_refusal_is_not() {
    let level = |status: u16| {
        let (heard, record) = begun();
        record.response_started(status);
        heard.lines.borrow()[0]["level"].clone()
    };
    assert_eq!(
        (level(500), level(503), level(429)),
        (json!("error"), json!("error"), json!("info"))
    );
}

#[test]
fn a_tool_that_nobody_knows_has_no_name_in_a_line() {
    let (heard, record) = begun();
    record.set_tool(None);
    record.set_method("the secret is 1234");
    record.response_started(200);
    let line = heard.lines.borrow()[0].clone();
    assert_eq!((&line["tool"], &line["method"]), (&json!("other"), &json!("other")));
}

#[test]
fn a_trace_of_the_message_counts_before_that_of_its_connection() {
    let read =
        |digit: &str| Trace::read(&format!("00-{}-00f067aa0ba902b7-01", digit.repeat(32)), None);
    let (_, record) = begun();
    record.set_trace(read("a"));
    record.set_trace(None);
    assert_eq!(record.trace(&*FakePlatform::new([])).id(), "a".repeat(32));
    record.set_trace(read("b"));
    assert_eq!(record.trace(&*FakePlatform::new([])).id(), "b".repeat(32));
    let (_, without) = begun();
    assert_eq!(without.trace(&*FakePlatform::new([])).id(), without.id().simple().to_string());
}

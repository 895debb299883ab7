//! How a record is told of: once, and what its line says.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::*;
use crate::testing::Fake;
use mcp_auth::{scope::Scopes, subject::Way};

#[derive(Default)]
struct Heard {
    lines: RefCell<Vec<Value>>,
    points: RefCell<Vec<Point>>,
    now_ms: std::cell::Cell<u64>,
}

impl Out for Heard {
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

    fn measure(&self, point: &dyn Fn() -> Point) {
        self.points.borrow_mut().push(point());
    }
}

fn begun() -> (Rc<Heard>, Rc<Record>) {
    let heard = Rc::new(Heard::default());
    (heard.clone(), Record::new(heard))
}

#[test]
fn a_line_says_what_is_known_and_leaves_out_what_is_not() {
    let (heard, record) = begun();
    let subject = Subject([255; 16]);
    record.asked_by(&Principal {
        way: Way::Jwt,
        scopes: Scopes::READ,
        ..Principal::nobody(subject)
    });
    record.named(Uuid::from_u128(7));
    let client = Implementation { name: "a \"client\"".into(), version: "1".into() };
    record.spoken_by(Rc::new(client), "2025-11-25");
    record.route("mcp");
    record.method("tools/call");
    record.tool(Some("sitebay_list_sites"));
    record.asked_sitebay(503, 20);
    record.asked_sitebay(200, 10);
    record.came_to("failed", Some(-32602));
    heard.now_ms.set(42);
    record.answered(200);
    let expected = json!({
        "level": "info", "event": "request", "request": "00000000-0000-0000-0000-000000000007",
        "subject": "________", "way": "jwt", "client": "a \"client\"", "version": "1",
        "era": "2025-11-25", "route": "mcp", "method": "tools/call", "tool": "sitebay_list_sites",
        "outcome": "failed", "status": 200, "code": -32602, "ms": 42, "own_ms": 12,
        "sitebay_ms": 30, "sitebay_calls": 2, "sitebay_status": 200,
    });
    assert_eq!(*heard.lines.borrow(), [expected]);
    let point = heard.points.borrow()[0].clone();
    assert_eq!(point.index, subject.to_text());
    assert_eq!(point.blobs[3], "tools/call");
    assert_eq!(point.doubles, [42.0, 12.0, 200.0, 2.0, 30.0, 200.0, -32602.0]);
}

#[test]
fn a_request_is_told_of_once_whatever_its_way() {
    let lines = |way: fn(&Rc<Record>)| {
        let (heard, record) = begun();
        way(&record);
        heard.lines.borrow().clone()
    };
    let whole = lines(|record| {
        drop(record.until_end());
        record.answered(200);
        record.answered(200);
    });
    assert_eq!((whole.len(), &whole[0]["status"]), (1, &json!(200)));
    let streamed = lines(|record| {
        let until_end = record.until_end();
        record.streams(200);
        record.answered(200);
        record.came_to("done", None);
        drop(until_end);
    });
    assert_eq!((streamed.len(), &streamed[0]["outcome"]), (1, &json!("done")));
    assert_eq!(streamed[0]["stream"], true);
    let over_before = lines(|record| {
        record.came_to("done", None);
        drop(record.until_end());
        record.streams(200);
        record.answered(200);
    });
    assert_eq!(over_before.len(), 1);
    let left = lines(|record| {
        let until_end = record.until_end();
        record.streams(200);
        drop(until_end);
    });
    assert_eq!((left.len(), &left[0]["outcome"]), (1, &json!("left")));
    assert_eq!(
        lines(|record| {
            record.hand_over();
            record.answered(200);
        })
        .len(),
        0
    );
}

#[test]
fn a_failure_is_an_error_and_a_refusal_is_not() {
    let level = |status: u16| {
        let (heard, record) = begun();
        record.answered(status);
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
    record.tool(None);
    record.method("the secret is 1234");
    record.answered(200);
    let line = heard.lines.borrow()[0].clone();
    assert_eq!((&line["tool"], &line["method"]), (&json!("other"), &json!("other")));
}

#[test]
fn a_trace_of_the_message_counts_before_that_of_its_connection() {
    let read =
        |digit: &str| Trace::read(&format!("00-{}-00f067aa0ba902b7-01", digit.repeat(32)), None);
    let (_, record) = begun();
    record.traced(read("a"));
    record.traced(None);
    assert_eq!(record.trace(&*Fake::new([])).id(), "a".repeat(32));
    record.traced(read("b"));
    assert_eq!(record.trace(&*Fake::new([])).id(), "b".repeat(32));
    let (_, without) = begun();
    assert_eq!(without.trace(&*Fake::new([])).id(), without.id().simple().to_string());
}

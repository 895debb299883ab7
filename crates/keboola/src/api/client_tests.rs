//! What a request carries, and what the log says of it.

use std::{cell::RefCell, rc::Rc};

use mcp_server::{
    context::Context,
    telemetry::{
        level::Level,
        log_line::DataPoint,
        record::{RequestRecord, TelemetrySink},
        trace::Trace,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::testing::{FakeKeboola, run_in};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A log whose lines are kept.
#[derive(Default)]
struct Lines(RefCell<Vec<String>>);

impl TelemetrySink for Lines {
    fn now_ms(&self) -> u64 {
        0
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(7)
    }

    fn wants(&self, _level: Level) -> bool {
        true
    }

    fn write(&self, _level: Level, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }

    fn measure(&self, _point: &dyn Fn() -> DataPoint) {}
}

/// Stops a job under a trace; the line of the log.
fn line(fake: &Rc<FakeKeboola>) -> Value {
    let lines = Rc::new(Lines::default());
    let record = RequestRecord::new(lines.clone());
    record.set_trace(Trace::read(PARENT, Some("rojo=1".to_owned())));
    let ctx = Context { record: record.clone(), ..fake.context() };
    run_in(&ctx, "keboola_stop_job", json!({"job_id": "7", "confirm": true}));
    record.response_started(200);
    let lines = lines.0.borrow();
    serde_json::from_str(&lines[0]).unwrap()
}

#[test]
fn every_request_goes_on_under_the_trace_of_its_call() {
    let fake = FakeKeboola::new();
    fake.on("Post queue /jobs/7/kill", 200, json!({"id": "7", "status": "terminating"}));
    line(&fake);
    assert_eq!(fake.requests().len(), 2, "{:?}", fake.lines());
    for request in fake.requests() {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        assert_eq!(header("tracestate"), "rojo=1");
        let parent = header("traceparent");
        assert!(parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{parent}");
        assert_ne!(parent, PARENT);
    }
}

#[test]
fn the_log_counts_requests_and_their_time_whatever_becomes_of_them() {
    let fake = FakeKeboola::new();
    fake.breaks("Post queue /jobs/7/kill");
    let line = line(&fake);
    assert_eq!(
        (&line["upstream"], &line["cell"], &line["upstream_calls"], &line["upstream_ms"]),
        (&json!("keboola"), &json!("native"), &json!(2), &json!(100)),
        "{line}"
    );
    assert!(line["upstream_bytes"].as_u64().unwrap() > 100, "{line}");
}

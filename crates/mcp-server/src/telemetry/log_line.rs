//! The log line and the data point of a record.
//!
//! Invariant: what is not known is left out of a line, and has its place in a point all the same.

use super::{
    level::Level,
    record::{BROKE, PANICKED, RemoteCalls, RequestRecord, SILENT, UpstreamCalls},
    trace::Trace,
};
use mcp_auth::subject::Subject;
use mcp_protocol::object::Object;

/// Characters of a subject that a line shows: enough to tell callers apart, and to find one in the audit.
const SUBJECT: usize = 8;

/// A data point (`docs/OPERATIONS.md`, "Data points").
#[derive(Debug, Clone, PartialEq)]
pub struct DataPoint {
    /// The subject.
    pub index: String,
    /// The text fields.
    pub blobs: Vec<String>,
    /// The numeric fields.
    pub doubles: Vec<f64>,
}

impl RequestRecord {
    pub(super) fn level(&self) -> Level {
        let broke = matches!(self.outcome.get(), PANICKED | BROKE | SILENT);
        if self.status.get() >= 500 || broke { Level::Error } else { Level::Info }
    }

    fn subject(&self) -> String {
        self.subject.get().map(Subject::to_text).unwrap_or_default()
    }

    /// The text fields of the line; in this order, of the data point.
    fn words(&self, say: &mut dyn FnMut(&'static str, &str)) {
        let (client, trace) = (self.client.borrow(), self.trace.borrow());
        let RemoteCalls { upstream, tool, cell, .. } = &*self.remote.borrow();
        for (name, text) in &[
            ("level", self.level().name()),
            ("event", self.event.get()),
            ("route", self.route.get()),
            ("method", self.method.get()),
            ("tool", self.tool.get()),
            ("outcome", self.outcome.get()),
            ("protocol_version", self.protocol_version.get()),
            ("auth_method", self.auth_method.get()),
            ("client", &client.name),
            ("version", &client.version),
            ("trace", trace.as_ref().map_or("", Trace::id)),
            ("upstream", upstream),
            ("upstream_tool", tool),
            ("cell", cell),
        ] {
            say(name, text);
        }
    }

    /// The numeric fields.
    fn numbers(&self, took: u64) -> [(&'static str, u64); 9] {
        let UpstreamCalls { count, ms, status } = self.sitebay.get();
        let remote = self.remote.borrow();
        [
            ("ms", took),
            ("server_ms", took.saturating_sub(ms).saturating_sub(remote.ms)),
            ("status", self.status.get().into()),
            ("sitebay_calls", count),
            ("sitebay_ms", ms),
            ("sitebay_status", status.into()),
            ("upstream_calls", remote.count),
            ("upstream_ms", remote.ms),
            ("upstream_bytes", remote.bytes.unwrap_or_default()),
        ]
    }

    /// Its line: a JSON object. What is not known is left out.
    pub(super) fn line(&self, took: u64) -> String {
        let subject = self.subject();
        let mut line = Object::with_room(512);
        let mut say = |name: &'static str, text: &str| {
            if !text.is_empty() {
                line.put(name, text);
            }
        };
        self.words(&mut say);
        say("request", &self.id().to_string());
        say("subject", subject.get(..SUBJECT).unwrap_or_default());
        let sitebay = self.sitebay.get().count > 0;
        let (count, status, bytes) = {
            let remote = self.remote.borrow();
            (remote.count, remote.status, remote.bytes)
        };
        for (name, number) in &self.numbers(took) {
            let is_wanted = match name.split_once('_') {
                Some(("sitebay", _)) => sitebay,
                Some(("upstream", "calls")) => count > 0,
                Some(("upstream", "bytes")) => bytes.is_some(),
                Some(("upstream", _)) => count > 0 || status.is_some(),
                _ => *number > 0 || name.ends_with("ms"),
            };
            if is_wanted {
                line.put_number(name, *number);
            }
        }
        if let Some(status) = status {
            line.put_number("upstream_status", status.into());
        }
        if self.code.get() != 0 {
            line = line.raw("code", &self.code.get().to_string());
        }
        if self.streamed.get() {
            line = line.flag("stream", true);
        }
        line.end()
    }

    pub(super) fn point(&self, took: u64) -> DataPoint {
        let (mut blobs, mut doubles) = (Vec::new(), Vec::new());
        self.words(&mut |_, text| blobs.push(text.to_owned()));
        // The place of a number never changes: the code came before the requests to other servers.
        for (name, number) in &self.numbers(took) {
            if *name == "upstream_calls" {
                doubles.push(self.code.get().into());
            }
            doubles.push(*number as f64);
        }
        DataPoint { index: self.subject(), blobs, doubles }
    }
}

//! Counters of this isolate, as Prometheus reads them (text format 0.0.4).
//!
//! Invariant: they are bounded, because every label is a name of this server or of a configured upstream,
//! and counting touches nothing but memory.
//!
//! This is our own code because the text format is a few lines: `prometheus-client` would add 32 KB (gzip),
//! `prometheus` 47 KB.

use std::cell::{Cell, RefCell};

/// Upper bounds of a histogram's buckets, in milliseconds; the last has none.
const BOUNDS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 30_000];
const BUCKETS: usize = BOUNDS.len();

type Labels<'a> = [&'a str; 3];

/// Rows of all families: upstreams that are configured, taken away and named anew would go on without end.
const MAX_ROWS: usize = 4_000;

/// A metric family: its name, help text, whether by status and with durations, and its labels.
struct Family {
    name: &'static str,
    help: &'static str,
    labels: Labels<'static>,
    by_status: bool,
    timed: bool,
}

const REQUESTS: usize = 0;
const REFUSALS: usize = 1;
const TOOLS: usize = 2;
const SITEBAY: usize = 3;
const UPSTREAMS: usize = 4;
const PINS: usize = 5;

static FAMILIES: [Family; 6] = [
    Family {
        name: "mcp_requests_total",
        help: "Requests that were answered",
        labels: ["route", "method", "protocol_version"],
        by_status: true,
        timed: false,
    },
    Family {
        name: "mcp_refusals_total",
        help: "Requests that were refused",
        labels: ["reason", "", ""],
        by_status: false,
        timed: false,
    },
    Family {
        name: "mcp_tool_duration_seconds",
        help: "Calls of tools that ended, and how long they took",
        labels: ["tool", "outcome", ""],
        by_status: false,
        timed: true,
    },
    Family {
        name: "mcp_sitebay_duration_seconds",
        help: "Requests to SiteBay, and how long they took; status 0: no answer",
        labels: ["", "", ""],
        by_status: true,
        timed: true,
    },
    Family {
        name: "mcp_upstream_duration_seconds",
        help: "Requests to other servers, and how long they took",
        labels: ["upstream", "cell", "end"],
        by_status: false,
        timed: true,
    },
    Family {
        name: "mcp_upstream_pins_total",
        help: "Definitions of upstreams that differ from their pins, when they were seen first",
        labels: ["upstream", "change", ""],
        by_status: false,
        timed: false,
    },
];

/// One line of counters, or one histogram.
struct Row {
    family: usize,
    labels: [Box<str>; 3],
    status: u16,
    count: u64,
    sum_ms: u64,
    buckets: [u64; BUCKETS],
}

thread_local! {
    static ROWS: RefCell<Vec<Row>> = const { RefCell::new(Vec::new()) };
    static SESSIONS: Cell<u64> = const { Cell::new(0) };
    static STREAMS: Cell<u64> = const { Cell::new(0) };
}

fn count(family: usize, labels: Labels<'_>, status: u16, ms: u64) {
    ROWS.with_borrow_mut(|rows| {
        let same = |row: &Row| {
            row.family == family
                && row.status == status
                && row.labels.iter().zip(labels).all(|(one, other)| **one == *other)
        };
        if !rows.iter().any(same) && rows.len() < MAX_ROWS {
            let labels = labels.map(Box::from);
            rows.push(Row { family, labels, status, count: 0, sum_ms: 0, buckets: [0; BUCKETS] });
        }
        let Some(row) = rows.iter_mut().find(|row| same(row)) else {
            return;
        };
        row.count = row.count.saturating_add(1);
        row.sum_ms = row.sum_ms.saturating_add(ms);
        for (bucket, bound) in row.buckets.iter_mut().zip(BOUNDS) {
            *bucket = bucket.saturating_add(u64::from(ms <= bound));
        }
    });
}

/// A request was answered: route, method, protocol version; status.
pub fn request(labels: Labels<'static>, status: u16) {
    count(REQUESTS, labels, status, 0);
}

/// A request was refused.
pub fn refusal(reason: &'static str) {
    count(REFUSALS, [reason, "", ""], 0, 0);
}

/// A tool was called.
pub fn tool(name: &'static str, outcome: &'static str, ms: u64) {
    count(TOOLS, [name, outcome, ""], 0, ms);
}

/// SiteBay was asked; 0: it did not answer.
pub fn sitebay(status: u16, ms: u64) {
    // A fetch gives no others; other statuses of proxies share a label.
    let status = if status < 600 { status } else { 0 };
    count(SITEBAY, [""; 3], status, ms);
}

/// Another server was asked: its configured name, the eras in front and behind, and whether it answered.
pub fn upstream(name: &str, cell: &'static str, end: &'static str, ms: u64) {
    count(UPSTREAMS, [name, cell, end], 0, ms);
}

/// A definition of an upstream's tool is not the pinned one: the configured name of the upstream, and what is different.
pub fn pin(upstream: &str, change: &'static str) {
    count(PINS, [upstream, change, ""], 0, 0);
}

/// A session began.
pub fn session() {
    SESSIONS.set(SESSIONS.get().saturating_add(1));
}

/// A long-lived stream was opened.
pub fn stream_opened() {
    STREAMS.set(STREAMS.get().saturating_add(1));
}

/// A long-lived stream was closed.
pub fn stream_closed() {
    STREAMS.set(STREAMS.get().saturating_sub(1));
}

/// All of them as text.
pub fn text() -> String {
    let mut text = String::with_capacity(8_192);
    for (at, family) in FAMILIES.iter().enumerate() {
        let kind = if family.timed { "histogram" } else { "counter" };
        head(&mut text, family.name, kind, family.help);
        ROWS.with_borrow(|rows| {
            for row in rows.iter().filter(|row| row.family == at) {
                family.write(&mut text, row);
            }
        });
    }
    for (name, kind, help, value) in [
        ("mcp_sessions_begun_total", "counter", "Sessions that began", SESSIONS.get()),
        ("mcp_streams_open", "gauge", "Long-lived streams that are open", STREAMS.get()),
    ] {
        head(&mut text, name, kind, help);
        put(&mut text, &[name, " ", &value.to_string(), "\n"]);
    }
    text
}

fn put(text: &mut String, parts: &[&str]) {
    text.push_str(&parts.concat());
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    put(text, &["# HELP ", name, " ", help, ", in this isolate since it started.\n"]);
    put(text, &["# TYPE ", name, " ", kind, "\n"]);
}

impl Family {
    fn write(&self, text: &mut String, row: &Row) {
        let count = row.count.to_string();
        if !self.timed {
            return self.line(text, row, ["", "", &count]);
        }
        for (bound, count) in BOUNDS.iter().zip(row.buckets) {
            self.line(text, row, ["_bucket", &seconds(*bound), &count.to_string()]);
        }
        self.line(text, row, ["_bucket", "+Inf", &count]);
        self.line(text, row, ["_sum", "", &seconds(row.sum_ms)]);
        self.line(text, row, ["_count", "", &count]);
    }

    /// One line: what follows the name, the bound, the value. No label needs to be escaped.
    fn line(&self, text: &mut String, row: &Row, [end, bound, value]: [&str; 3]) {
        let status = if self.by_status { row.status.to_string() } else { String::new() };
        let [a, b, c] = self.labels;
        let [x, y, z] = row.labels.each_ref().map(|label| &**label);
        put(text, &[self.name, end]);
        let mut before = "{";
        for (name, value) in &[(a, x), (b, y), (c, z), ("status", &*status), ("le", bound)] {
            // A label of the family is there even where it says nothing.
            if !name.is_empty() && (!value.is_empty() || self.labels.contains(name)) {
                put(text, &[before, name, "=\"", value, "\""]);
                before = ",";
            }
        }
        put(text, &[if before == "{" { " " } else { "} " }, value, "\n"]);
    }
}

/// Milliseconds as seconds.
fn seconds(ms: u64) -> String {
    let (whole, rest) = (ms / 1_000, ms % 1_000);
    let mut text = format!("{whole}.{rest:03}");
    text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_without_what_they_do_not_need() {
        let written = [0, 5, 250, 1_000, 2_500, 10_000].map(seconds);
        assert_eq!(written, ["0", "0.005", "0.25", "1", "2.5", "10"]);
    }

    #[test]
    fn counters_are_written_as_prometheus_reads_them() {
        request(["mcp", "tools/call", "2025-11-25"], 200);
        request(["mcp", "tools/call", "2025-11-25"], 200);
        tool("sitebay_list_sites", "done", 30);
        sitebay(200, 7);
        refusal("rate-limit");
        upstream("tickets", "session-stateless", "answered", 7);
        pin("tickets", "changed");
        let text = text();
        for line in [
            r#"mcp_requests_total{route="mcp",method="tools/call",protocol_version="2025-11-25",status="200"} 2"#,
            r#"mcp_tool_duration_seconds_bucket{tool="sitebay_list_sites",outcome="done",le="0.025"} 0"#,
            r#"mcp_tool_duration_seconds_bucket{tool="sitebay_list_sites",outcome="done",le="0.05"} 1"#,
            r#"mcp_tool_duration_seconds_bucket{tool="sitebay_list_sites",outcome="done",le="+Inf"} 1"#,
            r#"mcp_tool_duration_seconds_sum{tool="sitebay_list_sites",outcome="done"} 0.03"#,
            r#"mcp_sitebay_duration_seconds_bucket{status="200",le="0.01"} 1"#,
            r#"mcp_sitebay_duration_seconds_count{status="200"} 1"#,
            r#"mcp_refusals_total{reason="rate-limit"} 1"#,
            r#"mcp_upstream_duration_seconds_count{upstream="tickets",cell="session-stateless",end="answered"} 1"#,
            r#"mcp_upstream_pins_total{upstream="tickets",change="changed"} 1"#,
            "mcp_streams_open 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn names_of_upstreams_that_come_and_go_fill_no_memory() {
        for number in 0..2 * MAX_ROWS {
            upstream(&format!("u{number}"), "session-session", "failed", 1);
        }
        assert_eq!(ROWS.with_borrow(Vec::len), MAX_ROWS);
    }
}

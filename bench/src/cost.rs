//! `docs/COST.md`: what a month costs on Cloudflare's price list, from what was counted.

use std::fmt::Write as _;

use crate::{
    contestant::Contestant::{self, McpAgent, Ours, Subject},
    counts::{Act, Cost, Counts},
    targets::short,
};

/// Dollars for a million requests to objects, and what is free in a month.
const REQUEST: (f64, f64) = (0.15, 1e6);
/// Dollars for a million GB-s of objects, each of 128 MB.
const DURATION: (f64, f64) = (12.5, 400_000.0);
/// Dollars for a million rows written.
const ROW: (f64, f64) = (1.0, 50e6);
/// Dollars for a GB in a month. Nothing is taken off.
const STORED: f64 = 0.2;
/// GB of an object in memory.
const OBJECT: f64 = 0.128;
/// Seconds that a call waits for SiteBay inside its object.
const WAIT: f64 = 0.5;

/// A shape of use.
struct Shape {
    name: &'static str,
    /// Sessions in a month, and calls in each.
    sessions: f64,
    calls: f64,
    /// Whether a session opens a stream.
    streams: bool,
    /// Whether each caller has a token of its own, so that sessions can share an object.
    own: bool,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "a person: 20 sessions of 10 calls on 22 days",
        sessions: 440.0,
        calls: 10.0,
        streams: true,
        own: true,
    },
    Shape {
        name: "a team of 50 such people",
        sessions: 22_000.0,
        calls: 10.0,
        streams: true,
        own: true,
    },
    Shape {
        name: "1 M sessions of one call",
        sessions: 1e6,
        calls: 1.0,
        streams: false,
        own: true,
    },
];

/// The usage of a month.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Month {
    requests: f64,
    rows: f64,
    duration: f64,
    /// GB that each month adds and that are never deleted.
    stored: f64,
}

impl Month {
    fn of(shape: &Shape, counts: &Counts, who: Contestant) -> Self {
        // Each alarm runs later, and deletes a row.
        let cost = |act| {
            let Cost { requests, rows, set, .. } = counts.cost(act, who).unwrap_or_default();
            Cost { requests: requests + set, rows: rows + set, ..Cost::default() }
        };
        let (open, call) = (cost(Act::Initialize), cost(Act::Call));
        let (told, first, stream) = (cost(Act::Initialized), cost(Act::First), cost(Act::Stream));
        let streams = if shape.streams { 1.0 } else { 0.0 };
        // Calls that are further apart than what an isolate knows pay for it each time.
        let known = shape.calls;
        let each = |open: f64, told: f64, call: f64, stream: f64, first: f64| {
            open + told + call * shape.calls + stream * streams + first * known
        };
        let requests =
            each(open.requests, told.requests, call.requests, stream.requests, first.requests);
        let rows = each(open.rows, told.rows, call.rows, stream.rows, first.rows);
        // Bytes that the local runtime makes for an object without a row are none in production.
        let written = open.rows + told.rows + call.rows > 0.0;
        let bytes = counts.stored.get(&who).copied().filter(|_| written).unwrap_or_default();
        Self {
            requests: requests * shape.sessions,
            rows: rows * shape.sessions,
            duration: shape.sessions * shape.calls * WAIT * OBJECT,
            stored: bytes * shape.sessions / 1e9,
        }
    }

    /// Dollars, when it is the month of this number.
    fn dollars(&self, month: f64) -> f64 {
        let over = |used: f64, (price, free): (f64, f64)| (used - free).max(0.0) * price / 1e6;
        over(self.requests, REQUEST)
            + over(self.rows, ROW)
            + over(self.duration, DURATION)
            + self.stored * month * STORED
    }
}

/// The whole page.
#[must_use]
pub fn page(counts: &Counts) -> String {
    let mut text = String::from(HEAD);
    for shape in SHAPES {
        let _ = writeln!(text, "\n## {}\n\n{COLUMNS}", shape.name);
        for who in [Ours, Subject, McpAgent] {
            if who != Subject || shape.own {
                text += &row(who, &Month::of(&shape, counts, who));
            }
        }
    }
    text += "\n## The counts behind these figures\n\nEach cell has requests to objects · rows written.\n\n| | sitebay-mcp | `McpAgent` |\n|---|---|---|\n";
    for act in [Act::Initialize, Act::Initialized, Act::Call, Act::First, Act::Stream] {
        let of = |who| {
            counts
                .cost(act, who)
                .map_or("–".to_owned(), |cost| format!("{} · {}", cost.requests, cost.rows))
        };
        let _ = writeln!(text, "| {} | {} | {} |", act.name(), of(Ours), of(McpAgent));
    }
    let bytes = counts.stored.get(&McpAgent).copied().unwrap_or_default();
    let _ = writeln!(text, "| bytes stored for an abandoned session | 0 | {} |", short(bytes));
    text
}

fn row(who: Contestant, month: &Month) -> String {
    format!(
        "| {} | {} | {} | {} | {} | ${:.2} | ${:.2} |\n",
        who.name(),
        short(month.requests),
        short(month.rows),
        short(month.duration),
        short(month.stored),
        month.dollars(1.0),
        month.dollars(12.0),
    )
}

const COLUMNS: &str = "| | object requests | rows written | GB-s | GB added | first month | twelfth month |\n\
     |---|---|---|---|---|---|---|";

const HEAD: &str = "# What a month costs\n\n\
    This page compares the monthly cost of Durable Objects for sitebay-mcp and for `McpAgent`, on Cloudflare's price list. `cargo xtask \
    bench` writes it from the counts in the last table; `bench/RESULTS.md` explains how they are measured. Requests to the Worker \
    itself, its CPU time and the base price of the plan are the same for both, and left out.\n\n\
    - Prices: requests to objects $0.15 a million after the first million. Rows written, including deletes and alarms, $1.00 a million \
    after 50 million. Duration $12.50 a million GB-s after 400,000, at 128 MB for each object. Storage $0.20 a GB and month.\n\
    - A call waits 0.5 s for SiteBay inside its object. This is all of the billed duration: idle objects, and streams over hibernated \
    sockets, are not billed.\n\
    - The figures assume the most expensive case for sitebay-mcp: each call meets an isolate that knows nothing of the caller, because \
    calls are a minute apart or reach different isolates. Such a call asks the hub and leases a part of the limit, each with its \
    rows. Without a limit and in one isolate a message costs one request.\n\
    - An alarm that is set runs later, which is one more request, and deletes a row.\n\
    - No client ends its session. Sessions of `McpAgent` do not expire, so their storage grows from month to month.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_costs_nothing_and_storage_adds_up() {
        let month = Month { requests: 1e6, rows: 51e6, duration: 400_000.0, stored: 10.0 };
        assert_eq!(month.dollars(1.0), 1.0 + 2.0);
        assert_eq!(month.dollars(12.0), 1.0 + 24.0);
    }
}

//! What is wanted of the figures, and whether it holds.

use crate::{
    contestant::Contestant::{self, Classes, Floor, McpAgent, McpHandler, Ours, Subject},
    counts::Act,
    fanout::Streams,
    figure::Figure,
    results::Results,
    timed::Spread,
};

/// One target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Of what.
    pub what: String,
    /// What is wanted.
    pub wanted: String,
    /// What was found.
    pub found: String,
    /// Whether that is enough; None where it was not measured.
    pub met: Option<bool>,
}

/// A rate that must be so many times another one.
const RATES: [(Figure, Contestant, Figure, Contestant, f64); 11] = [
    (Figure::Call16, Ours, Figure::Call16, Floor, 0.75),
    (Figure::Call16, Ours, Figure::Call16, McpAgent, 6.0),
    (Figure::Stateless16, Ours, Figure::Stateless16, Floor, 0.7),
    (Figure::Stateless16, Ours, Figure::Stateless16, McpHandler, 4.0),
    (Figure::Initialize, Ours, Figure::Initialize, Floor, 0.6),
    (Figure::Initialize, Ours, Figure::Initialize, McpAgent, 50.0),
    (Figure::Initialize, Ours, Figure::Initialize, McpHandler, 3.0),
    (Figure::Session, Ours, Figure::Session, Floor, 0.75),
    (Figure::Session, Ours, Figure::Session, McpAgent, 10.0),
    (Figure::SubjectSession, Subject, Figure::SubjectSession, Floor, 0.6),
    (Figure::SubjectSession, Subject, Figure::Session, McpAgent, 50.0),
];

/// Requests to objects that an act may make.
const REQUESTS: [(Act, f64); 6] = [
    (Act::Initialize, 0.0),
    (Act::Call, 1.0),
    (Act::Forged, 0.0),
    (Act::Foreign, 0.0),
    (Act::Expired, 0.0),
    (Act::Ended, 1.0),
];

/// Looks at all of them.
#[must_use]
pub fn targets(results: &Results) -> Vec<Target> {
    let rates = RATES.iter().map(|(figure, who, other, than, times)| {
        let rate = |figure, who| results.timed.of(figure, who, |point| point.load.rate);
        let ratio = rate(*figure, *who).over(&rate(*other, *than));
        let what = figure.name().to_owned();
        at_least(what, ratio, *times, than.name())
    });
    let requests = REQUESTS.iter().filter_map(|(act, most)| {
        let found = results.counts.cost(*act, Ours)?.requests;
        let what = format!("object requests: {}", act.name());
        Some(at_most(what, Some(found), *most, ""))
    });
    let mut all: Vec<Target> = rates.chain(requests).collect();
    all.extend(rows(results));
    all.extend(sizes(results));
    all.extend(fanouts(results));
    all
}

fn rows(results: &Results) -> Vec<Target> {
    let rows = |act| results.counts.cost(act, Ours).map(|cost| cost.rows);
    vec![
        at_most("rows written: abandoned session".to_owned(), rows(Act::Session), 0.0, ""),
        at_most("rows and alarms written: DELETE".to_owned(), rows(Act::Delete), 2.0, ""),
    ]
}

fn sizes(results: &Results) -> Vec<Target> {
    let start = |who| Spread::of(results.timed.starts.get(&who).cloned().unwrap_or_default());
    let size = |who| results.sizes.iter().find(|(whose, ..)| *whose == who);
    let gzip = size(Ours).zip(size(McpAgent)).map(|(ours, peer)| ours.2 as f64 / peer.2 as f64);
    let first = "process start → first answer";
    vec![
        at_most(first.to_owned(), start(Ours).over(&start(Floor)), 1.5, Floor.name()),
        at_most(first.to_owned(), start(Ours).over(&start(Classes)), 1.5, Classes.name()),
        at_most(first.to_owned(), start(Ours).over(&start(McpAgent)), 0.5, McpAgent.name()),
        at_most("bundle, gzip".to_owned(), gzip, 0.5, McpAgent.name()),
    ]
}

fn fanouts(results: &Results) -> Vec<Target> {
    let bound = results.fanouts.iter().filter(|one| one.streams != Streams::Session);
    let most = bound.filter(|one| one.count == 1_000);
    most.map(|one| {
        let what = format!("one event to 1,000 {}", one.streams.name());
        let last = one.last.median;
        let (wanted, found) = ("last within 250 ms".to_owned(), format!("{last:.0} ms"));
        Target { what, wanted, found, met: Some(last <= 250.0) }
    })
    .collect()
}

fn at_least(what: String, found: Option<f64>, least: f64, than: &str) -> Target {
    let wanted = format!("≥ {}", times(least, than));
    let met = found.map(|found| found >= least);
    Target { what, wanted, found: found.map_or("–".to_owned(), |found| times(found, than)), met }
}

fn at_most(what: String, found: Option<f64>, most: f64, than: &str) -> Target {
    let wanted = format!("≤ {}", times(most, than));
    let met = found.map(|found| found <= most + 1e-9);
    Target { what, wanted, found: found.map_or("–".to_owned(), |found| times(found, than)), met }
}

fn times(value: f64, than: &str) -> String {
    match than {
        "" => format!("{value}"),
        "floor" => format!("{:.0} % of the floor", value * 100.0),
        "floor, six classes" => format!("{:.0} % of the floor with six classes", value * 100.0),
        than => format!("{} × {than}", short(value)),
    }
}

/// Three digits that count.
#[must_use]
pub fn short(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => grouped(value.round() as u64),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn grouped(value: u64) -> String {
    match value / 1_000 {
        0 => value.to_string(),
        above => format!("{},{:03}", grouped(above), value % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count() {
        let shown: Vec<String> = [0.123, 12.34, 123.4, 12_345_678.0].map(short).into();
        assert_eq!(shown, ["0.12", "12.3", "123", "12,345,678"]);
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        assert_eq!(at_least(String::new(), None, 1.0, "floor").met, None);
        assert_eq!(at_most(String::new(), Some(2.0), 2.0, "").met, Some(true));
    }
}

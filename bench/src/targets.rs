//! The targets of the figures, and whether they are met.

use crate::{
    contestant::Contestant::{self, Classes, Floor, Gateway, McpAgent, McpHandler, Ours, Subject},
    counts::{Act, Counts},
    fanout::Streams,
    figure::Figure,
    results::Results,
    timed::Ratio,
};

/// One target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Of what.
    pub what: String,
    /// The target.
    pub wanted: String,
    /// The measured value.
    pub found: String,
    /// Whether that is enough; None where it was not measured.
    pub met: Option<bool>,
}

/// A rate that must be so many times another one.
const RATES: [(Figure, Contestant, Figure, Contestant, f64); 8] = [
    (Figure::Call16, Ours, Figure::Call16, Floor, 0.85),
    (Figure::Call16, Ours, Figure::Call16, McpAgent, 6.0),
    (Figure::Stateless16, Ours, Figure::Stateless16, Floor, 0.8),
    (Figure::Stateless16, Ours, Figure::Stateless16, McpHandler, 3.5),
    (Figure::Initialize, Ours, Figure::Initialize, Floor, 0.8),
    (Figure::Initialize, Ours, Figure::Initialize, McpAgent, 50.0),
    (Figure::Session, Ours, Figure::Session, Floor, 0.75),
    (Figure::SubjectSession, Subject, Figure::SubjectSession, Floor, 0.7),
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
        let ratio = results.timed.ratio((*figure, *who), (*other, *than));
        at_least(figure.name().to_owned(), ratio, *times, than.name())
    });
    let requests = REQUESTS.iter().filter_map(|(act, most)| {
        let found = results.counts.cost(*act, Ours)?.requests;
        let what = format!("object requests: {}", act.name());
        Some(at_most(what, Some(found), *most))
    });
    let mut all: Vec<Target> = rates.chain(behind(results)).chain(requests).collect();
    all.extend(rows(&results.counts));
    all.extend(starts(results));
    all.extend(fanouts(results));
    all
}

/// The targets of rows written.
#[must_use]
pub fn rows(counts: &Counts) -> Vec<Target> {
    let rows = |act| counts.cost(act, Ours).map(|cost| cost.rows);
    vec![
        at_most("rows written: abandoned session".to_owned(), rows(Act::Session), 0.0),
        at_most("rows and alarms written: DELETE".to_owned(), rows(Act::Delete), 2.0),
    ]
}

/// The targets of a call that passes through.
fn behind(results: &Results) -> [Target; 2] {
    let timed = &results.behind;
    let ratio = timed.ratio((Figure::Behind16, Gateway), (Figure::Behind16, Floor));
    let [ours, floor] =
        [Gateway, Floor].map(|who| timed.of(Figure::Behind, who, |point| point.load.p50).median);
    let over = ours - floor;
    [
        at_least(Figure::Behind16.name().to_owned(), ratio, 0.75, Floor.name()),
        Target {
            what: format!("{}: half of them", Figure::Behind.name()),
            wanted: "≤ 1 ms over the floor".to_owned(),
            found: format!("{over:.2} ms over"),
            met: (ours > 0.0 && floor > 0.0).then_some(over <= 1.0),
        },
    ]
}

fn starts(results: &Results) -> Vec<Target> {
    let first = "process start → first answer";
    [(Classes, 1.2), (McpAgent, 0.5)]
        .map(|(than, most)| {
            let ratio = results.timed.start_ratio(Ours, than);
            let met = ratio.map(|ratio| ratio.median <= most);
            let wanted = format!("≤ {}", times(most, than.name()));
            Target { what: first.to_owned(), wanted, found: found(ratio, than.name()), met }
        })
        .into()
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

fn at_least(what: String, ratio: Option<Ratio>, least: f64, than: &str) -> Target {
    let wanted = format!("≥ {}", times(least, than));
    let met = ratio.map(|ratio| ratio.median >= least);
    Target { what, wanted, found: found(ratio, than), met }
}

fn at_most(what: String, found: Option<f64>, most: f64) -> Target {
    let met = found.map(|found| found <= most + 1e-9);
    let shown = found.map_or("–".to_owned(), |found| format!("{found}"));
    Target { what, wanted: format!("≤ {most}"), found: shown, met }
}

/// The median, and its interval.
fn found(ratio: Option<Ratio>, than: &str) -> String {
    let Some(Ratio { low, median, high }) = ratio else {
        return "–".to_owned();
    };
    let range = if than.starts_with("floor") {
        format!("{:.0} – {:.0} %", low * 100.0, high * 100.0)
    } else {
        format!("{} – {}", short(low), short(high))
    };
    format!("{} ({range})", times(median, than))
}

fn times(value: f64, than: &str) -> String {
    match than {
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
        assert_eq!(at_most(String::new(), Some(2.0), 2.0).met, Some(true));
    }
}

//! The figures that are timed: contestants in turn, several rounds, a new process in each.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use xtask::exec::say;

use crate::{
    contestant::{Built, Contestant},
    figure::Figure,
    load::{self, Load},
    workerd::Process,
};

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds.
    pub rounds: usize,
    /// How long each figure is measured in a round.
    pub time: Duration,
    /// How often a process is started in a round.
    pub starts: usize,
}

/// One round's measure of one figure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// What the clients saw.
    pub load: Load,
    /// The processor's time of `workerd` for each, in microseconds; 0 where the system does not say.
    pub processor_us: f64,
}

/// All that was timed.
#[derive(Debug, Default)]
pub struct Timed {
    /// Loads.
    pub points: BTreeMap<(Figure, Contestant), Vec<Point>>,
    /// From the start of the process to the first answer, in milliseconds.
    pub starts: BTreeMap<Contestant, Vec<f64>>,
}

/// Times figures.
///
/// # Errors
/// Where a contestant does not answer as it should.
pub async fn run(
    built: &Built,
    plan: Plan,
    figures: &[Figure],
    contestants: &[Contestant],
) -> Result<Timed> {
    let mut timed = Timed::default();
    for round in 1..=plan.rounds {
        for who in contestants {
            say(&format!("round {round} of {}: {}", plan.rounds, who.name()));
            let begun = timed.round(built, plan, figures, *who).await;
            begun.with_context(|| who.name())?;
        }
    }
    Ok(timed)
}

impl Timed {
    async fn round(
        &mut self,
        built: &Built,
        plan: Plan,
        figures: &[Figure],
        who: Contestant,
    ) -> Result<()> {
        let (worker, deployed) = (built.worker(who), built.deployed(who));
        let hello = Figure::first_request(who);
        for _ in 0..plan.starts {
            let took = Process::first_answer(&deployed, &hello).await?;
            self.starts.entry(who).or_default().push(took.as_secs_f64() * 1_000.0);
        }
        let process = Process::start(&worker).await?;
        for figure in figures {
            if let Some(work) = figure.work(who) {
                let point = point(&process, &work, *figure, plan.time).await;
                let point = point.with_context(|| figure.name())?;
                self.points.entry((*figure, who)).or_default().push(point);
            }
        }
        Ok(())
    }

    /// One value of all rounds of a figure.
    #[must_use]
    pub fn of(&self, figure: Figure, who: Contestant, value: fn(&Point) -> f64) -> Spread {
        let points = self.points.get(&(figure, who)).map(Vec::as_slice).unwrap_or_default();
        Spread::of(points.iter().map(value).collect())
    }
}

async fn point(
    process: &Process,
    work: &load::Work,
    figure: Figure,
    time: Duration,
) -> Result<Point> {
    // Until the compiler of the runtime has done its work.
    load::run(process.port, work, figure.connections(), time / 3).await?;
    let before = process.processor();
    let load = load::run(process.port, work, figure.connections(), time).await?;
    let took = process.processor().zip(before).map(|(after, before)| after - before);
    let done = load.rate * time.as_secs_f64();
    let processor_us = took.map_or(0.0, |took| took.as_secs_f64() * 1e6 / done.max(1.0));
    Ok(Point { load, processor_us })
}

/// A median, and the least and most of what it is the median of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// The median.
    pub median: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of these values; zeros where there are none.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or_default();
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 if middle > 0 => f64::midpoint(at(middle - 1), at(middle)),
            _ => at(middle),
        };
        Self { least: at(0), median, most: at(values.len().saturating_sub(1)) }
    }

    /// How many times another's median this one is; None where there is none.
    #[must_use]
    pub fn over(&self, other: &Self) -> Option<f64> {
        (self.median > 0.0 && other.median > 0.0).then(|| self.median / other.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_few_is_the_middle_of_them() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of(vec![4.0, 1.0]), Spread { least: 1.0, median: 2.5, most: 4.0 });
        assert_eq!(Spread::of(Vec::new()).over(&Spread::default()), None);
    }
}

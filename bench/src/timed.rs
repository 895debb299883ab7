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
    /// How long each contestant is under a figure's load before it is measured: until the engine has compiled what the load runs.
    pub warm: Duration,
    /// How many times each contestant has its turn at a figure in a round.
    pub turns: usize,
    /// How long a turn is.
    pub time: Duration,
    /// How often a process is started in a round.
    pub starts: usize,
}

/// One turn's measure of one figure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// The clients' view.
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

/// Times figures: in each round every contestant has a new process, and for each figure all of them take turns that are short
/// beside the time in which a machine becomes slower or faster.
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
    for round in 0..plan.rounds {
        say(&format!("round {} of {}", round + 1, plan.rounds));
        // Each contestant comes first in turn.
        let mut order = contestants.to_vec();
        order.rotate_left(round % contestants.len().max(1));
        timed.starts(built, plan, &order).await?;
        timed.round(built, plan, figures, &order).await?;
    }
    Ok(timed)
}

impl Timed {
    async fn starts(&mut self, built: &Built, plan: Plan, order: &[Contestant]) -> Result<()> {
        for _ in 0..plan.starts {
            for who in order {
                let deployed = built.deployed(*who);
                let took = Process::first_answer(&deployed, &Figure::first_request(*who)).await;
                let took = took.with_context(|| who.name())?.as_secs_f64() * 1_000.0;
                self.starts.entry(*who).or_default().push(took);
            }
        }
        Ok(())
    }

    async fn round(
        &mut self,
        built: &Built,
        plan: Plan,
        figures: &[Figure],
        order: &[Contestant],
    ) -> Result<()> {
        let mut processes = Vec::new();
        for who in order.iter().filter(|who| figures.iter().any(|one| one.work(**who).is_some())) {
            // This one runs already, for all rounds.
            let process = match who {
                Contestant::FastMcp => None,
                _ => Some(Process::start(&built.worker(*who)).await?),
            };
            let port = process.as_ref().map_or(built.other, |process| process.port);
            processes.push((*who, port, process));
        }
        for figure in figures {
            for turn in 0..=plan.turns {
                let time = if turn == 0 { plan.warm } else { plan.time };
                for (who, port, process) in &processes {
                    let Some(work) = figure.work(*who) else { continue };
                    let point = point(*port, process.as_ref(), &work, *figure, time).await;
                    let point =
                        point.with_context(|| format!("{}: {}", who.name(), figure.name()))?;
                    if turn > 0 {
                        self.points.entry((*figure, *who)).or_default().push(point);
                    }
                }
            }
        }
        Ok(())
    }

    /// How many times as often one contestant answers as another: the median over the turns of the
    /// ratio of neighbours.
    #[must_use]
    pub fn ratio(&self, one: (Figure, Contestant), other: (Figure, Contestant)) -> Option<Ratio> {
        let rates = |of| self.points.get(&of).map(Vec::as_slice).unwrap_or_default();
        let pairs = rates(one).iter().zip(rates(other)).filter(|(_, than)| than.load.rate > 0.0);
        Ratio::of(pairs.map(|(one, than)| one.load.rate / than.load.rate).collect())
    }

    /// The same of the time from the start of the process to the first answer.
    #[must_use]
    pub fn start_ratio(&self, one: Contestant, other: Contestant) -> Option<Ratio> {
        let starts = |who| self.starts.get(&who).map(Vec::as_slice).unwrap_or_default();
        let pairs = starts(one).iter().zip(starts(other)).filter(|(_, than)| **than > 0.0);
        Ratio::of(pairs.map(|(one, than)| one / than).collect())
    }

    /// One value of all rounds of a figure.
    #[must_use]
    pub fn of(&self, figure: Figure, who: Contestant, value: fn(&Point) -> f64) -> Spread {
        let points = self.points.get(&(figure, who)).map(Vec::as_slice).unwrap_or_default();
        Spread::of(points.iter().map(value).collect())
    }
}

async fn point(
    port: u16,
    process: Option<&Process>,
    work: &load::Work,
    figure: Figure,
    time: Duration,
) -> Result<Point> {
    let processor = || process.and_then(Process::processor);
    let before = processor();
    let load = load::run(port, work, figure.connections(), time).await?;
    let took = processor().zip(before).map(|(after, before)| after - before);
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

/// A median of ratios, and the interval that has the true median with at least 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The lower end of the interval.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Ratio {
    /// Of these ratios; None where there are none. The interval is that of the sign test: each value is
    /// below the true median with probability one half. With fewer than six values it is all of them.
    #[must_use]
    pub fn of(mut ratios: Vec<f64>) -> Option<Self> {
        ratios.sort_by(f64::total_cmp);
        let left_out = left_out(ratios.len());
        let low = *ratios.get(left_out)?;
        let high = *ratios.get(ratios.len().checked_sub(left_out + 1)?)?;
        Some(Self { low, median: Spread::of(ratios).median, high })
    }
}

/// How many of the least and of the most values lie outside the 95 % interval of a median.
fn left_out(count: usize) -> usize {
    // Each step adds the probability that exactly `rank` values are below the median.
    let mut probability = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let (mut below, mut rank) = (probability, 0);
    while below <= 0.025 {
        rank += 1;
        probability *= (count - rank + 1) as f64 / rank as f64;
        below += probability;
    }
    rank.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_median_leaves_out_what_the_sign_test_does() {
        // Of nine values, the second to the eighth hold the median with 96.1 %.
        assert_eq!([0, 5, 6, 9, 12, 20].map(left_out), [0, 0, 0, 1, 2, 5]);
        let ratio = Ratio::of((1..=9).map(f64::from).collect()).unwrap();
        assert_eq!((ratio.low, ratio.median, ratio.high), (2.0, 5.0, 8.0));
        assert_eq!(Ratio::of(Vec::new()), None);
    }

    #[test]
    fn the_median_of_few_is_the_middle_of_them() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of(vec![4.0, 1.0]), Spread { least: 1.0, median: 2.5, most: 4.0 });
        assert_eq!(Spread::of(Vec::new()).over(&Spread::default()), None);
    }
}

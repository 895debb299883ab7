//! The guard: a short run that fails where a change makes the hot path half as fast.
//!
//! It compares with the floor in the same run, so that a slow machine fails nothing.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};

use crate::{
    contestant::{
        Built,
        Contestant::{Before, Floor, Ours, Quiet, Silent, Subject},
    },
    figure::Figure,
    timed::{self, Plan, Timed},
};

/// The guarded figures, and their least share of the floor: a third of the target, as a busy machine moves
/// shares by a quarter.
const GUARDED: [(Figure, f64); 3] =
    [(Figure::Call16, 0.28), (Figure::Stateless16, 0.27), (Figure::Initialize, 0.27)];

const PLAN: Plan = Plan {
    rounds: 2,
    warm: Duration::from_millis(500),
    turns: 3,
    time: Duration::from_millis(500),
    starts: 0,
};

/// For what is looked at closely.
const CLOSE: Plan = Plan {
    rounds: 0,
    warm: Duration::from_secs(2),
    turns: 8,
    time: Duration::from_millis(250),
    starts: 0,
};

/// Runs it.
///
/// # Errors
/// Where a figure is under its share.
pub async fn run() -> Result<()> {
    let built = Built::guarded()?;
    let figures = GUARDED.map(|(figure, _)| figure);
    let timed = timed::run(&built, PLAN, &figures, &[Ours, Floor]).await?;
    let mut slow = 0;
    for (figure, least) in GUARDED {
        let share = share(&timed, figure);
        let how = if share < least { "TOO SLOW" } else { "ok" };
        println!(
            "{}: {:.0} % of the floor, at least {:.0} % ... {how}",
            figure.name(),
            share * 100.0,
            least * 100.0
        );
        slow += usize::from(share < least);
    }
    match slow {
        0 => Ok(()),
        _ => bail!("{slow} of the hot paths are too slow"),
    }
}

/// The hot paths of this build beside those of another one, in turn.
///
/// # Errors
/// Where one does not answer as it should.
pub async fn against(other: PathBuf, rounds: usize) -> Result<()> {
    let mut built = Built::guarded()?;
    built.before = other;
    let figures = [Figure::Call16, Figure::Stateless16, Figure::Initialize, Figure::Session];
    let plan = Plan { rounds, ..CLOSE };
    let timed = timed::run(&built, plan, &figures, &[Ours, Before]).await?;
    for figure in figures {
        let us = |who| timed.of(figure, who, |point| point.processor_us).median;
        if let Some(ratio) = timed.ratio((figure, Ours), (figure, Before)) {
            println!(
                "{}: {:.3} times as fast ({:.3} - {:.3}); by processor {:.0} us, before {:.0} us",
                figure.name(),
                ratio.median,
                ratio.low,
                ratio.high,
                us(Ours),
                us(Before)
            );
        }
    }
    Ok(())
}

/// The hot paths alone, as they are deployed and without what a deployment adds: to see what a change
/// is worth.
///
/// # Errors
/// Where a contestant does not answer as it should.
pub async fn hot(rounds: usize) -> Result<()> {
    let built = Built::guarded()?;
    let figures = [
        Figure::Call16,
        Figure::Stateless16,
        Figure::Initialize,
        Figure::Session,
        Figure::SubjectSession,
    ];
    let plan = Plan { rounds, ..CLOSE };
    let who = [Ours, Quiet, Subject, Floor, Silent];
    let timed = timed::run(&built, plan, &figures, &who).await?;
    for figure in figures {
        for (own, floor) in [(Ours, Floor), (Quiet, Silent), (Subject, Floor)] {
            let us = |who| timed.of(figure, who, |point| point.processor_us).median;
            if let Some(ratio) = timed.ratio((figure, own), (figure, floor)) {
                println!(
                    "{}: {} {:.0} us, {} {:.0} us; {:.1} % ({:.1} - {:.1}), by processor {:.1} %",
                    figure.name(),
                    own.name(),
                    us(own),
                    floor.name(),
                    us(floor),
                    ratio.median * 100.0,
                    ratio.low * 100.0,
                    ratio.high * 100.0,
                    us(floor) / us(own).max(1.0) * 100.0,
                );
            }
        }
    }
    Ok(())
}

/// By the processor's time where the system says it: others on the machine change it least.
fn share(timed: &Timed, figure: Figure) -> f64 {
    let took = |who| timed.of(figure, who, |point| point.processor_us);
    let rate = |who| timed.of(figure, who, |point| point.load.rate);
    took(Floor).over(&took(Ours)).or(rate(Ours).over(&rate(Floor))).unwrap_or_default()
}

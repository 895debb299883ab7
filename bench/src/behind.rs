//! What a gateway costs: a small call of a server behind this one, beside a bare Worker that passes the
//! body to the same server by `fetch`.

use std::time::Duration;

use anyhow::Result;

use crate::{
    contestant::{
        Built,
        Contestant::{Floor, Gateway, Silent},
    },
    figure::Figure,
    timed::{self, Plan},
    workerd::Process,
};

/// The figures of it.
pub const FIGURES: [Figure; 2] = [Figure::Behind, Figure::Behind16];

/// Runs it: prints rates, times, and the share of the bare Worker's rate.
///
/// # Errors
/// Where one does not answer as it should.
pub async fn run(rounds: usize) -> Result<()> {
    let mut built = Built::guarded()?;
    let upstream = Process::start(&built.worker(Silent)).await?;
    built.upstream = upstream.port;
    let plan = Plan { rounds, time: Duration::from_secs(1), starts: 0 };
    let timed = timed::run(&built, plan, &FIGURES, &[Gateway, Floor]).await?;
    for figure in FIGURES {
        for who in [Gateway, Floor] {
            let of = |value| timed.of(figure, who, value).median;
            println!(
                "{}: {}: {:.0} each second, half within {:.2} ms, 99 of 100 within {:.2} ms",
                figure.name(),
                who.name(),
                of(|point| point.load.rate),
                of(|point| point.load.p50),
                of(|point| point.load.p99),
            );
        }
        if let Some(ratio) = timed.ratio((figure, Gateway), (figure, Floor)) {
            println!(
                "{}: {:.1} % of the floor ({:.1} - {:.1})",
                figure.name(),
                ratio.median * 100.0,
                ratio.low * 100.0,
                ratio.high * 100.0
            );
        }
    }
    Ok(())
}

//! The program that `cargo xtask bench` starts, built for speed.

use std::{fs, path::PathBuf};

use anyhow::{Result, bail};
use bench::{
    behind, chart,
    contestant::Built,
    cost,
    counts::{self, Counts},
    endure::{self, Size},
    guard, profile, report,
    results::{self, Length},
    start,
    targets::{self, Target},
};
use clap::Parser;
use xtask::paths;

#[derive(Parser)]
#[command(about = "Figures beside peers and floors, and runs of faults and load")]
enum Run {
    /// Measure everything, and write `bench/RESULTS.md`
    Figures {
        /// Some minutes instead of half an hour
        #[arg(long)]
        quick: bool,
    },
    /// Only count what is billed, and write `docs/COST.md`
    Counts,
    /// Faults and load for minutes, into `bench/ENDURANCE.md`
    Endure {
        /// Seconds instead of minutes
        #[arg(long)]
        short: bool,
        /// Only runs whose name contains this; writes nothing
        #[arg(long)]
        only: Option<String>,
    },
    /// The hot paths alone beside the floor
    Hot {
        /// How often each is measured
        #[arg(long, default_value_t = 9)]
        rounds: usize,
    },
    /// The hot paths beside those of another build, a folder with a bundle that has the fixture tools
    Against {
        /// The folder
        folder: PathBuf,
        /// How often each is measured
        #[arg(long, default_value_t = 15)]
        rounds: usize,
    },
    /// A call of a server behind this one, beside a bare Worker that passes it on
    Behind {
        /// How often each is measured
        #[arg(long, default_value_t = 9)]
        rounds: usize,
    },
    /// Where the time of a start goes, into `bench/START.md`
    Start,
    /// Where the time of a call goes, into `bench/PROFILE.md`
    Profile {
        /// Only show the functions of a call without a session; writes nothing
        #[arg(long)]
        functions: bool,
    },
    /// Fail where the hot path is half as fast as it should be
    Guard,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Run::parse() {
        Run::Figures { quick } => figures(if quick { Length::Quick } else { Length::Full }).await,
        Run::Counts => priced(&counts::run(&Built::new()?).await?),
        Run::Endure { short, only } => {
            endurance(if short { Size::Short } else { Size::Full }, only).await
        }
        Run::Hot { rounds } => guard::hot(rounds).await,
        Run::Against { folder, rounds } => guard::against(folder, rounds).await,
        Run::Behind { rounds } => behind::run(rounds).await,
        Run::Start => {
            let page = start::page().await?;
            println!("{page}");
            Ok(fs::write(paths::root().join("bench/START.md"), page)?)
        }
        Run::Profile { functions: true } => profile::functions().await,
        Run::Profile { functions: false } => {
            let page = profile::page().await?;
            println!("{page}");
            Ok(fs::write(paths::root().join("bench/PROFILE.md"), page)?)
        }
        Run::Guard => guard::run().await,
    }
}

async fn figures(length: Length) -> Result<()> {
    let results = results::run(length).await?;
    let folder = paths::root().join("bench");
    let page = report::page(&results);
    println!("{page}");
    fs::write(folder.join("RESULTS.md"), page)?;
    fs::write(folder.join("results.svg"), chart::svg(&results))?;
    priced(&results.counts)
}

async fn endurance(size: Size, only: Option<String>) -> Result<()> {
    let mut ended = Vec::new();
    let wanted = |run: &endure::Run| only.as_ref().is_none_or(|only| run.name().contains(only));
    for run in endure::Run::ALL.into_iter().filter(wanted) {
        ended.push(endure::run(run, size).await?);
    }
    let page = endure::page(&ended);
    println!("{page}");
    if only.is_none() {
        fs::write(paths::root().join("bench/ENDURANCE.md"), page)?;
    }
    match ended.iter().map(|one| one.found.lost.len()).sum() {
        0 => Ok(()),
        lost => bail!("{lost} losses"),
    }
}

fn priced(counts: &Counts) -> Result<()> {
    let page = cost::page(counts);
    println!("{page}");
    for Target { what, wanted, found, .. } in targets::rows(counts) {
        println!("{what}: {found}, wanted {wanted}");
    }
    fs::write(paths::root().join("docs/COST.md"), page)?;
    Ok(())
}

//! What `cargo xtask bench` starts, built for speed.

use std::fs;

use anyhow::{Result, bail};
use bench::{
    chart,
    endure::{self, Size},
    guard, report,
    results::{self, Length},
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
    /// Faults and load for minutes, into `bench/ENDURANCE.md`
    Endure {
        /// Seconds instead of minutes
        #[arg(long)]
        short: bool,
    },
    /// Fail where the hot path is half as fast as it should be
    Guard,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Run::parse() {
        Run::Figures { quick } => figures(if quick { Length::Quick } else { Length::Full }).await,
        Run::Endure { short } => endurance(if short { Size::Short } else { Size::Full }).await,
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
    Ok(())
}

async fn endurance(size: Size) -> Result<()> {
    let mut ended = Vec::new();
    for run in endure::Run::ALL {
        ended.push(endure::run(run, size).await?);
    }
    let page = endure::page(&ended);
    println!("{page}");
    fs::write(paths::root().join("bench/ENDURANCE.md"), page)?;
    match ended.iter().map(|one| one.found.lost.len()).sum() {
        0 => Ok(()),
        lost => bail!("{lost} losses"),
    }
}

//! What `cargo xtask bench` starts, built for speed.

use std::fs;

use anyhow::Result;
use bench::{
    chart, guard, report,
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
    /// Fail where the hot path is half as fast as it should be
    Guard,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Run::parse() {
        Run::Figures { quick } => figures(if quick { Length::Quick } else { Length::Full }).await,
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

//! `cargo xtask endure`: runs of faults and load.

use anyhow::Result;

use super::bench::native;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Seconds instead of minutes
    #[arg(long)]
    short: bool,
    /// Only runs whose name contains this; writes nothing
    #[arg(long)]
    only: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut all = vec!["endure"];
    if arguments.short {
        all.push("--short");
    }
    if let Some(only) = &arguments.only {
        all.extend(["--only", only]);
    }
    native(&all)
}

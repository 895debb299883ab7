//! `cargo xtask endure`: runs of faults and load.

use anyhow::Result;

use super::bench::native;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Seconds instead of minutes
    #[arg(long)]
    short: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    native(if arguments.short { &["endure", "--short"] } else { &["endure"] })
}

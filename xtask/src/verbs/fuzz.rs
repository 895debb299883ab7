//! `cargo xtask fuzz`: the fuzz targets, for a bounded time.

use anyhow::{Result, bail};

use crate::fuzz::{self, Outcome};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run only this target
    target: Option<String>,
    /// How long the targets run, side by side
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

pub(super) fn run(arguments: Arguments) -> Result<()> {
    if let Some(why) = fuzz::lacking() {
        bail!("{why}");
    }
    let mut names = fuzz::targets()?;
    if let Some(wanted) = arguments.target {
        let known = names.join(", ");
        names.retain(|name| *name == wanted);
        if names.is_empty() {
            bail!("no target `{wanted}`; there are {known}");
        }
    }
    let outcomes = fuzz::run(&names, arguments.seconds)?;
    outcomes.iter().for_each(|outcome| println!("{outcome}"));
    if outcomes.iter().any(Outcome::failed) {
        bail!("a target failed; its input is kept");
    }
    Ok(())
}

//! `cargo xtask bench`: the figures.

use std::process::Command;

use anyhow::Result;

use crate::{exec::run as run_command, paths};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Some minutes instead of half an hour
    #[arg(long)]
    quick: bool,
    /// Only compare the hot path with the bare runtime; fails where it is half as fast as it should be
    #[arg(long, conflicts_with = "quick")]
    guard: bool,
    /// Only count what is billed, and write `docs/COST.md`
    #[arg(long, conflicts_with_all = ["quick", "guard"])]
    counts: bool,
    /// Only show the hot paths beside the bare runtime; writes nothing
    #[arg(long, conflicts_with_all = ["quick", "guard", "counts"])]
    hot: bool,
    /// Only compare the hot paths with those of another build: a folder such as `target/bundle-fixtures`
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["quick", "guard", "counts", "hot", "start"])]
    against: Option<String>,
    /// Only show what a call of a server behind this one costs; writes nothing
    #[arg(long, conflicts_with_all = ["quick", "guard", "counts", "hot", "start", "against"])]
    behind: bool,
    /// Only show where the time of a start goes, and write `bench/START.md`
    #[arg(long, conflicts_with_all = ["quick", "guard", "counts", "hot"])]
    start: bool,
    /// Only show where the time of a call goes, and write `bench/PROFILE.md`
    #[arg(long, conflicts_with_all = ["quick", "guard", "counts", "hot", "start", "against", "behind"])]
    profile: bool,
    /// With `--profile`: only show the functions of a call without a session, named where the bundle was built with `BUNDLE_NAMES=1`
    #[arg(long, requires = "profile")]
    functions: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    match arguments {
        Arguments { against: Some(folder), .. } => native(&["against", folder]),
        Arguments { guard: true, .. } => native(&["guard"]),
        Arguments { start: true, .. } => native(&["start"]),
        Arguments { functions: true, .. } => native(&["profile", "--functions"]),
        Arguments { profile: true, .. } => native(&["profile"]),
        Arguments { behind: true, .. } => native(&["behind"]),
        Arguments { hot: true, .. } => native(&["hot"]),
        Arguments { counts: true, .. } => native(&["counts"]),
        Arguments { quick: true, .. } => native(&["figures", "--quick"]),
        _ => native(&["figures"]),
    }
}

/// Runs the crate `bench`, which is built for speed: what it costs is measured, too.
pub(super) fn native(arguments: &[&str]) -> Result<()> {
    run_command(
        Command::new("cargo")
            .args(["run", "--quiet", "--profile", "load", "--package", "bench", "--"])
            .args(arguments)
            .current_dir(paths::root()),
    )
}

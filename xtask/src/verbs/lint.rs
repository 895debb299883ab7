//! `cargo xtask lint`.

use std::process::Command;

use anyhow::Result;

use crate::{exec::run as run_command, fuzz, paths};

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const HOST: &[&str] = &["clippy", "--quiet", "--workspace", "--all-targets"];
const FIXTURES: &[&str] = &["clippy", "--quiet", "--all-targets", "--features", "fixtures"];
/// The workspaces of their own.
const OTHERS: [&str; 2] = ["fuzz/Cargo.toml", "bench/floor/Cargo.toml"];
const DOCS: &[&str] = &["doc", "--quiet", "--no-deps", "--workspace"];

pub(super) fn run() -> Result<()> {
    cargo(FORMAT, &[])?;
    for manifest in OTHERS {
        cargo(&["fmt", "--manifest-path", manifest, "--check"], &[])?;
    }
    for arguments in [HOST, FIXTURES] {
        cargo(arguments, &["--", "-D", "warnings"])?;
    }
    for manifest in OTHERS {
        if let Some(reason) = fuzz::lacking().filter(|_| manifest.starts_with("fuzz/")) {
            println!("lint: {manifest} was not compiled: {reason}");
            continue;
        }
        let arguments = ["clippy", "--quiet", "--all-targets", "--manifest-path", manifest];
        cargo(&arguments, &["--", "-D", "warnings"])?;
    }
    run_command(
        Command::new("cargo")
            .args(DOCS)
            .env("RUSTDOCFLAGS", "-D warnings")
            .current_dir(paths::root()),
    )?;
    println!("lint: clean");
    Ok(())
}

fn cargo(arguments: &[&str], more: &[&str]) -> Result<()> {
    run_command(Command::new("cargo").args(arguments).args(more).current_dir(paths::root()))
}

//! `cargo xtask lint`.

use std::process::Command;

use anyhow::Result;

use crate::{exec::run as run_command, paths};

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const FORMAT_FUZZ: &[&str] = &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
const FORMAT_FLOOR: &[&str] = &["fmt", "--manifest-path", "bench/floor/Cargo.toml", "--check"];
const HOST: &[&str] = &["clippy", "--quiet", "--workspace", "--all-targets"];
const FIXTURES: &[&str] = &["clippy", "--quiet", "--all-targets", "--features", "fixtures"];
const DOCS: &[&str] = &["doc", "--quiet", "--no-deps", "--workspace"];

pub(super) fn run() -> Result<()> {
    cargo(FORMAT, &[])?;
    cargo(FORMAT_FUZZ, &[])?;
    cargo(FORMAT_FLOOR, &[])?;
    for arguments in [HOST, FIXTURES] {
        cargo(arguments, &["--", "-D", "warnings"])?;
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

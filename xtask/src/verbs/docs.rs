//! `cargo xtask docs`.

use std::process::Command;

use anyhow::Result;

use crate::{exec::run as run_command, paths};

const TEST: &str = "the_reference_is_what_the_catalogue_says";

/// The test that compares the reference of the tools with the catalogue also writes it.
pub(super) fn run() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--lib", TEST]).env("UPDATE_DOCS", "1");
    run_command(cargo.current_dir(paths::root()))?;
    println!("docs: docs/TOOLS_REFERENCE.md is current");
    Ok(())
}

//! `cargo xtask docs`.

use std::process::Command;

use anyhow::Result;

use crate::{exec::run as run_command, paths};

/// Each compares a page with the code that it describes, and writes it where `UPDATE_DOCS` is set.
const TESTS: [&str; 4] = [
    "the_reference_is_what_the_catalogue_says",
    "the_page_of_settings_is_what_the_code_declares",
    "the_table_of_infrastructures_tools_is_what_the_catalogue_says",
    "the_table_of_keboolas_tools_is_what_the_catalogue_says",
];

pub(super) fn run() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "test",
            "--quiet",
            "--package",
            "sitebay",
            "--package",
            "sitebay-mcp",
            "--lib",
            "--",
        ])
        .args(TESTS)
        .env("UPDATE_DOCS", "1");
    run_command(cargo.current_dir(paths::root()))?;
    println!(
        "docs: TOOLS_REFERENCE.md, CONFIGURATION.md, INFRASTRUCTURE.md and KEBOOLA.md in docs/ are current"
    );
    Ok(())
}

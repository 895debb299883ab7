//! What a verb says to the steps after it: lines `name=value` on standard output, and in the file that GitHub Actions
//! names.

use std::{env, fs::OpenOptions, io::Write as _};

use anyhow::{Context as _, Result};

/// Says it.
///
/// # Errors
/// Where the file cannot be written.
pub fn output(name: &str, value: &str) -> Result<()> {
    println!("{name}={value}");
    let Some(file) = env::var_os("GITHUB_OUTPUT").filter(|file| !file.is_empty()) else {
        return Ok(());
    };
    let mut file =
        OpenOptions::new().append(true).create(true).open(file).context("GITHUB_OUTPUT")?;
    writeln!(file, "{name}={}", value.replace(['\n', '\r'], " ")).context("GITHUB_OUTPUT")
}

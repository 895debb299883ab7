//! `cargo xtask test`: every test there is, and one closing count.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    bundle::{Flavour, build},
    conformance,
    exec::say,
    fuzz, paths, setup, skips,
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run only tests whose name contains this
    name: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// How long the fuzz targets run as part of the tests, in seconds.
const FUZZ_SECONDS: u32 = 3;

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    build(Flavour::Production)?;
    build(Flavour::Fixtures)?;
    // Where it fails, the tests that need it say so.
    if let Err(error) = setup::python() {
        say(&format!("warning: {error:#}"));
    }
    let skips = tempfile::NamedTempFile::new()?;
    say("running the tests");
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "--workspace", "--features", "sitebay-mcp/fixtures"]);
    command.arg("--no-fail-fast");
    if let Some(name) = &arguments.name {
        command.args(["--", name]);
    }
    command.env(skips::FILE, skips.path());
    let (mut count, succeeded) = counted(&mut command)?;
    for line in fs::read_to_string(skips.path())?.lines() {
        println!("skipped: {line}");
        count.skipped += 1;
        count.passed = count.passed.saturating_sub(1);
    }
    if arguments.name.is_none() {
        for version in conformance::VERSIONS {
            count += conformance(version)?;
        }
        count += fuzzed()?;
    }
    println!("\n{} passed, {} failed, {} skipped", count.passed, count.failed, count.skipped);
    if !succeeded || count.failed > 0 {
        bail!("the tests failed");
    }
    Ok(())
}

/// The official suite. A warning is against a SHOULD: it is printed and fails nothing.
fn conformance(version: &str) -> Result<Count> {
    let only = Some(version.to_owned());
    let options = conformance::Options { only, ..conformance::Options::default() };
    let counts = tokio::runtime::Runtime::new()?.block_on(conformance::run(&options))?;
    Ok(Count { passed: counts.passed, failed: counts.failed, skipped: counts.skipped })
}

/// The fuzz targets: each counts as one test.
fn fuzzed() -> Result<Count> {
    let names = fuzz::targets()?;
    let mut count = Count::default();
    if let Some(why) = fuzz::lacking() {
        for name in &names {
            skips::skip(&format!("fuzz {name}"), why);
            count.skipped += 1;
        }
        return Ok(count);
    }
    for outcome in fuzz::run(&names, FUZZ_SECONDS)? {
        println!("{outcome}");
        let place = if outcome.failed() { &mut count.failed } else { &mut count.passed };
        *place += 1;
    }
    Ok(count)
}

/// Runs the tests, shows what they print and adds up their closing lines.
fn counted(command: &mut Command) -> Result<(Count, bool)> {
    let mut child = command
        .current_dir(paths::root())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo's output")?;
    let mut count = Count::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if let Some(part) = closing(&line) {
            count += part;
        }
    }
    Ok((count, child.wait()?.success()))
}

/// Reads `test result: ok. 1 passed; 0 failed; 0 ignored; …`.
fn closing(line: &str) -> Option<Count> {
    let line = line.strip_prefix("test result: ")?;
    let number = |what: &str| {
        let before = line.split(what).next()?;
        before.rsplit([' ', ';']).find(|word| !word.is_empty())?.parse().ok()
    };
    Some(Count {
        passed: number(" passed")?,
        failed: number(" failed")?,
        skipped: number(" ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_line_is_read() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(closing(line), Some(Count { passed: 12, failed: 3, skipped: 1 }));
        assert_eq!(closing("running 3 tests"), None);
    }
}

//! `cargo xtask test`: the short tier of the tests, or with `--long` all there is; and one closing count.
//!
//! A test of the long tier says so where it is: `#[ignore = "long: why"]`. Nothing else may be ignored.

use std::{
    fmt::Write as _,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    bundle::build_all,
    conformance,
    exec::{output, say},
    fuzz,
    libtest::{self, Count},
    paths, setup, skips,
};

use super::bench::native;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run only tests whose name contains this
    name: Option<String>,
    /// Also run the tests of the long tier, fuzz for minutes and endure; writes docs/LONG_RUN.md
    #[arg(long)]
    long: bool,
}

/// How long the fuzz targets run as part of the short tier, in seconds.
const FUZZ_SECONDS: u32 = 3;

/// The same for the long tier.
const LONG_FUZZ_SECONDS: u32 = 600;

/// Where a run of the long tier is reported, below the repository's root.
const REPORT: &str = "docs/LONG_RUN.md";

/// One part of a run: what it was, its count, its time, and whether it succeeded.
#[derive(Debug)]
struct Part {
    name: String,
    count: Count,
    took: Duration,
    succeeded: bool,
}

/// The parts of a run so far.
#[derive(Debug, Default)]
struct Parts(Vec<Part>);

impl Parts {
    /// Runs a part. A part that cannot be run has failed, and the others are run all the same.
    fn run(&mut self, name: &str, part: impl FnOnce() -> Result<(Count, bool)>) {
        let began = Instant::now();
        let (count, succeeded) = part().unwrap_or_else(|error| {
            say(&format!("{name}: {error:#}"));
            (Count { failed: 1, ..Count::default() }, false)
        });
        let succeeded = succeeded && count.failed == 0;
        self.0.push(Part { name: name.to_owned(), count, took: began.elapsed(), succeeded });
    }

    fn count(&self) -> Count {
        let mut count = Count::default();
        self.0.iter().for_each(|part| count += part.count);
        count
    }

    fn succeeded(&self) -> bool {
        self.0.iter().all(|part| part.succeeded)
    }

    /// The report of a run of the long tier, in Markdown.
    fn report(&self, date: &str, commit: &str) -> String {
        let mut text = format!(
            "# The long tier of the tests\n\n\
             Written by `cargo xtask test --long`: {date}, commit {commit}.\n\n\
             | Part | Passed | Failed | Skipped | Minutes | Outcome |\n|---|--:|--:|--:|--:|---|\n"
        );
        for Part { name, count, took, succeeded } in &self.0 {
            let outcome = if *succeeded { "passed" } else { "**failed**" };
            let minutes = took.as_secs_f64() / 60.0;
            let Count { passed, failed, skipped } = count;
            let _ = writeln!(
                text,
                "| {name} | {passed} | {failed} | {skipped} | {minutes:.1} | {outcome} |"
            );
        }
        text.push_str(
            "\nWhat the endurance runs found is in [bench/ENDURANCE.md](../bench/ENDURANCE.md).\n",
        );
        text
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    build_all()?;
    // Where one fails, the tests that need it say so.
    for installed in [setup::python(), setup::keboola()] {
        if let Err(error) = installed {
            say(&format!("warning: {error:#}"));
        }
    }
    let mut parts = Parts::default();
    parts.run("tests", || tests(arguments));
    if arguments.name.is_none() {
        for version in conformance::VERSIONS {
            parts.run(&format!("conformance {version}"), || Ok((conformance(version)?, true)));
        }
        let seconds = if arguments.long { LONG_FUZZ_SECONDS } else { FUZZ_SECONDS };
        parts.run("fuzzing", || Ok((fuzzed(seconds)?, true)));
        if arguments.long {
            parts.run("endurance", endured);
            report(&parts)?;
        }
    }
    let Count { passed, failed, skipped } = parts.count();
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    if !parts.succeeded() {
        bail!("the tests failed");
    }
    Ok(())
}

/// The tests that cargo knows. Those of the long tier are not skipped in the short one: they are no
/// part of it.
fn tests(arguments: &Arguments) -> Result<(Count, bool)> {
    let skips = tempfile::NamedTempFile::new()?;
    say("running the tests");
    let mut count = libtest::run(arguments.name.as_deref(), arguments.long, &|command| {
        command.env(skips::FILE, skips.path());
    })?;
    if count.skipped > 0 {
        println!("{} tests are of the long tier: cargo xtask test --long", count.skipped);
        count.skipped = 0;
    }
    for line in fs::read_to_string(skips.path())?.lines() {
        println!("skipped: {line}");
        count.skipped += 1;
        count.passed = count.passed.saturating_sub(1);
    }
    Ok((count, true))
}

/// The endurance runs at their full length: they count as one test.
fn endured() -> Result<(Count, bool)> {
    native(&["endure"])?;
    Ok((Count { passed: 1, ..Count::default() }, true))
}

fn report(parts: &Parts) -> Result<()> {
    let told = |program: &str, arguments: &[&str]| {
        let told = output(Command::new(program).args(arguments).current_dir(paths::root()));
        told.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    let date = told("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
    let text = parts.report(&date, &told("git", &["rev-parse", "--short", "HEAD"]));
    fs::write(paths::root().join(REPORT), text).context(REPORT)
}

/// The official suite. A warning is against a SHOULD: it is printed and fails nothing.
fn conformance(version: &str) -> Result<Count> {
    let only = Some(version.to_owned());
    let options = conformance::Options { only, ..conformance::Options::default() };
    let counts = tokio::runtime::Runtime::new()?.block_on(conformance::run(&options))?;
    Ok(Count { passed: counts.passed, failed: counts.failed, skipped: counts.skipped })
}

/// The fuzz targets: each counts as one test.
fn fuzzed(seconds: u32) -> Result<Count> {
    let names = fuzz::targets()?;
    let mut count = Count::default();
    if let Some(why) = fuzz::lacking() {
        for name in &names {
            skips::skip(&format!("fuzz {name}"), why);
            count.skipped += 1;
        }
        return Ok(count);
    }
    for outcome in fuzz::run(&names, seconds)? {
        println!("{outcome}");
        let place = if outcome.failed() { &mut count.failed } else { &mut count.passed };
        *place += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_tells_the_date_and_which_part_failed() {
        let mut parts = Parts::default();
        let passed = Count { passed: 2, ..Count::default() };
        parts.run("one", || Ok((passed, true)));
        parts.run("cut short", || Ok((passed, false)));
        parts.run("broken", || bail!("no such program"));
        assert!(!parts.succeeded());
        assert_eq!(parts.count(), Count { passed: 4, failed: 1, skipped: 0 });
        let report = parts.report("2026-11-28", "abc");
        assert!(report.contains("2026-11-28, commit abc"), "{report}");
        for line in [
            "| one | 2 | 0 | 0 | 0.0 | passed |",
            "| cut short | 2 | 0 | 0 | 0.0 | **failed** |",
            "| broken | 0 | 1 | 0 | 0.0 | **failed** |",
        ] {
            assert!(report.contains(line), "{report}");
        }
    }

    #[test]
    fn only_tests_of_the_long_tier_are_ignored() {
        let attribute = concat!("#[", "ignore");
        let mut folders: Vec<_> = ["src", "crates", "tests", "xtask", "bench", "sandbox"]
            .map(|name| paths::root().join(name))
            .to_vec();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    for (_, after) in text.match_indices(attribute).map(|(at, _)| text.split_at(at))
                    {
                        let long = after.starts_with(&format!("{attribute} = \"long: "));
                        assert!(long, "{}: only the long tier is ignored", path.display());
                    }
                }
            }
        }
    }
}

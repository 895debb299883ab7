//! Fuzzing: the targets of `fuzz/`, built on stable Rust and run for a bounded time.
//!
//! Invariant: the folder is laid out as `cargo fuzz` wants it (`seeds/` beside it), and the flags
//! are those of `cargo fuzz --sanitizer none`; neither it nor a nightly toolchain is needed.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

use anyhow::{Context as _, Result};

use crate::{
    exec::{output, run as run_command, say},
    paths,
};

/// The rustc flags that count the branches that an input takes.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
     -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares \
     -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// Seconds after which one input counts as a hang.
const HANG: u32 = 10;

/// How a target ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its name.
    pub target: String,
    /// Inputs that were run.
    pub executions: u64,
    /// Places in the code that they reached.
    pub coverage: u64,
    /// The message of a failure.
    pub failure: Option<String>,
}

/// Why targets cannot be built on this machine, if they cannot.
pub fn lacking() -> Option<&'static str> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let works = output(Command::new(compiler).arg("--version")).is_some();
    (!works).then_some("there is no C++ compiler, which libFuzzer is built with")
}

/// The names of all targets.
pub fn targets() -> Result<Vec<String>> {
    let entries = fs::read_dir(folder().join("fuzz_targets"))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = paths.into_iter().filter_map(stem).collect();
    names.sort();
    Ok(names)
}

/// Builds the targets, and runs them side by side over their seeds and what earlier runs found.
pub fn run(names: &[String], seconds: u32) -> Result<Vec<Outcome>> {
    let binaries = build()?;
    say(&format!("fuzzing for {seconds} s"));
    thread::scope(|scope| {
        let binaries = &binaries;
        let start = |name| scope.spawn(move || fuzz(binaries, name, seconds));
        let running: Vec<_> = names.iter().map(String::as_str).map(start).collect();
        let join = |one: thread::ScopedJoinHandle<'_, _>| one.join().ok().context("a thread")?;
        running.into_iter().map(join).collect()
    })
}

/// Returns the folder of the binaries.
fn build() -> Result<PathBuf> {
    say("building the fuzz targets");
    let rustc = output(Command::new("rustc").arg("-vV")).context("cannot start rustc")?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV")?;
    let target = paths::root().join("target/fuzz");
    run_command(
        Command::new("cargo")
            // With a target, build scripts and macros go without the flags.
            .args(["build", "--quiet", "--release", "--target", host])
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", FLAGS)
            .current_dir(folder()),
    )?;
    Ok(target.join(host).join("release"))
}

fn fuzz(binaries: &Path, name: &str, seconds: u32) -> Result<Outcome> {
    let (corpus, artifacts) = (folder().join("corpus").join(name), artifacts(name));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let output = Command::new(binaries.join(name))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={HANG}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args([&corpus, &folder().join("seeds").join(name)])
        .output()
        .with_context(|| format!("cannot start the fuzz target {name}"))?;
    Ok(outcome(name, &output))
}

fn outcome(name: &str, output: &Output) -> Outcome {
    let log = String::from_utf8_lossy(&output.stderr);
    Outcome {
        target: name.to_owned(),
        executions: number(&log, "#").unwrap_or_default(),
        coverage: number(&log, "cov: ").unwrap_or_default(),
        failure: (!output.status.success()).then(|| format!("{}\n{}", output.status, told(&log))),
    }
}

/// The number behind the last `mark` in a log.
fn number(log: &str, mark: &str) -> Option<u64> {
    let last = log.lines().rev().find(|line| line.starts_with('#') && line.contains("cov: "))?;
    let (_, behind) = last.split_once(mark)?;
    behind.split_whitespace().next()?.parse().ok()
}

/// The relevant part of a failed target's log: the panic, and where its input is.
fn told(log: &str) -> String {
    let matters = |line: &&str| {
        ["panicked at", "SUMMARY", "Test unit written to", "ERROR"].iter().any(|m| line.contains(m))
    };
    let mut lines = log.lines().skip_while(|line| !matters(line));
    let panic: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("stack ")).collect();
    let rest = lines.filter(matters);
    panic.into_iter().chain(rest).collect::<Vec<_>>().join("\n")
}

fn folder() -> PathBuf {
    paths::root().join("fuzz")
}

/// Where inputs that fail are kept.
fn artifacts(name: &str) -> PathBuf {
    folder().join("artifacts").join(name)
}

impl Outcome {
    /// Whether an input failed.
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, executions, coverage, failure } = self;
        let how = if self.failed() { "FAILED" } else { "ok" };
        write!(f, "fuzz {target} ... {how}: {executions} executions, coverage {coverage}")?;
        failure.iter().try_for_each(|failure| write!(f, "\n{failure}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "INFO: Seed: 1\n#5\tINITED cov: 12 ft: 1\n#70\tDONE   cov: 34 ft: 2 corp: 3/4b\n\
        thread '<unnamed>' panicked at a.rs:1:2:\nleft: 1\nstack backtrace:\n  0: a\n\
        SUMMARY: libFuzzer: deadly signal\nartifact_prefix='x/'; Test unit written to x/crash-1\n";

    #[test]
    fn the_last_count_of_a_log_counts() {
        assert_eq!((number(LOG, "#"), number(LOG, "cov: ")), (Some(70), Some(34)));
        assert_eq!(number("INFO: nothing", "#"), None);
    }

    #[test]
    fn a_failure_shows_the_panic_and_where_its_input_is() {
        let told = told(LOG);
        assert!(told.starts_with("thread") && told.contains("left: 1"), "{told}");
        assert!(told.ends_with("written to x/crash-1") && !told.contains("0: a"), "{told}");
    }
}

//! Runs the tests that cargo knows, and counts them by what each test program says at its end.
//!
//! Cargo names the programs (its JSON messages are stable), so that one which ends without a result is seen: it counts
//! as a failed test. `cargo nextest` would count by itself, but a fresh machine has only rustup's Rust, and building it
//! from source (over 400 crates) takes minutes of a two-core machine. The JSON of the test harness needs nightly, and
//! its switch for stable (`RUSTC_BOOTSTRAP`) would be inherited by the builds of the Worker that tests start.

use std::{
    io::{BufRead as _, BufReader},
    ops::AddAssign,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{exec::say, paths};

/// How many tests ended how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Succeeded.
    pub passed: u64,
    /// Failed, or ended their program.
    pub failed: u64,
    /// Were not run.
    pub skipped: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// A program that cargo built, as its JSON messages describe it.
#[derive(Debug, Deserialize)]
struct Program {
    executable: PathBuf,
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

/// Runs the tests of the workspace whose name contains this. `change` is applied to each program and to the tests in
/// documents; `ignored`: also tests that are ignored.
///
/// # Errors
/// Where something cannot be built or started. Tests that fail are counted.
pub fn run(name: Option<&str>, ignored: bool, change: &dyn Fn(&mut Command)) -> Result<Count> {
    let mut count = Count::default();
    for program in programs()? {
        let mut command = Command::new(&program.executable);
        let folder = program.manifest_path.parent().context("a manifest without a folder")?;
        command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder).arg("--quiet").args(name);
        if ignored {
            command.arg("--include-ignored");
        }
        change(&mut command);
        say(&format!("running {}", program.target.name));
        count += counted(&mut command, &program.target.name, Closing::Last)?;
    }
    let mut command = cargo(&["--doc", "--quiet", "--no-fail-fast"]);
    command.arg("--").args(name);
    change(&mut command);
    count += counted(&mut command, "documents", Closing::All)?;
    Ok(count)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(paths::root());
    command.args(["test", "--workspace", "--features", "sitebay-mcp/fixtures"]).args(arguments);
    command
}

/// Builds the tests: their programs.
fn programs() -> Result<Vec<Program>> {
    let mut command = cargo(&["--no-run", "--message-format=json-render-diagnostics"]);
    let built = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !built.status.success() {
        bail!("the tests cannot be built");
    }
    let text = String::from_utf8(built.stdout)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_test).collect())
}

fn is_test(program: &Program) -> bool {
    program.profile.test
}

/// Which closing lines of an output count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// One program has one, and what its tests print may look like others.
    Last,
    /// The documents of each crate have their own.
    All,
}

/// Runs tests, shows what they print, and counts them.
fn counted(command: &mut Command, name: &str, closing: Closing) -> Result<Count> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?;
    let output = child.stdout.take().context("the output of tests")?;
    let mut found = Vec::new();
    // Tests may print what is no UTF-8.
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        found.extend(closing_line(line.trim_end()));
    }
    Ok(judged(&found, child.wait()?, name, closing))
}

/// The counts that a program prints at its end; if its exit status disagrees, one more test has failed.
fn judged(found: &[Count], status: ExitStatus, name: &str, closing: Closing) -> Count {
    let mut count = Count::default();
    match closing {
        Closing::Last => count = found.last().copied().unwrap_or_default(),
        Closing::All => found.iter().for_each(|one| count += *one),
    }
    if (closing == Closing::Last && found.is_empty()) || status.success() != (count.failed == 0) {
        say(&format!("{name} ended before its tests did: {status}"));
        count.failed += 1;
    }
    count
}

/// Reads `test result: ok. 1 passed; 0 failed; 0 ignored; …`.
fn closing_line(line: &str) -> Option<Count> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        let named = |part: &str| part.strip_suffix(what)?.strip_suffix(' ')?.parse().ok();
        numbers.split("; ").find_map(named)
    };
    Some(Count {
        passed: number("passed")?,
        failed: number("failed")?,
        skipped: number("ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str =
        "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
    const FAILED: &str = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured";

    /// A program that prints these lines and ends in this way.
    fn program(lines: &[&str], end: &str) -> Count {
        let prints: String = lines.iter().map(|line| format!("echo '{line}'; ")).collect();
        let script = format!("{prints}{end}");
        counted(Command::new("sh").args(["-c", &script]), "a program", Closing::Last).unwrap()
    }

    #[test]
    fn a_closing_line_is_read() {
        assert_eq!(closing_line(FAILED), Some(Count { passed: 12, failed: 3, skipped: 1 }));
        for other in ["running 3 tests", "test result: ok", "test result: ok. 1 passed; x failed"] {
            assert_eq!(closing_line(other), None, "{other}");
        }
    }

    #[test]
    fn a_program_counts_what_it_says_at_its_end() {
        let passed = Count { passed: 2, failed: 0, skipped: 1 };
        assert_eq!(program(&["running 3 tests", PASSED], "exit 0"), passed);
        assert_eq!(program(&[FAILED, PASSED, "bye"], "exit 0"), passed);
        assert_eq!(program(&[FAILED], "exit 101").failed, 3);
    }

    #[test]
    fn a_program_that_ends_without_its_result_has_failed() {
        assert_eq!(
            program(&["running 3 tests"], "exit 0"),
            Count { failed: 1, ..Count::default() }
        );
        assert_eq!(program(&[], "kill -9 $$").failed, 1);
        // Its tests passed, and it failed all the same.
        assert_eq!(program(&[PASSED], "exit 1").failed, 1);
    }

    #[test]
    fn programs_are_read_from_what_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/w/Cargo.toml","target":{"name":"wire",
            "kind":["test"]},"profile":{"test":true},"executable":"/w/target/wire-1"}"#;
        let program: Program = serde_json::from_str(line).unwrap();
        assert!(is_test(&program) && program.target.name == "wire");
        let library = line.replace(r#""/w/target/wire-1""#, "null");
        assert!(serde_json::from_str::<Program>(&library).is_err());
    }
}

//! The output of a run of the suite: a folder with `checks.json` for each scenario that came to
//! its end, and a log that names all that were begun.

use std::{collections::HashMap, fmt, fs, iter::Sum, ops::AddAssign, path::Path};

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// As required.
    Success,
    /// Against a MUST.
    Failure,
    /// Against a SHOULD.
    Warning,
    /// Not made.
    Skipped,
    /// Not a check: something the suite noted.
    Info,
}

/// One check of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Its name in the suite.
    pub id: String,
    /// How it ended.
    pub status: Status,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// The error message.
    pub error_message: Option<String>,
}

impl Check {
    fn failure(id: &str, message: impl Into<String>) -> Self {
        Self::made(id, Status::Failure, message.into())
    }

    fn made(id: &str, status: Status, message: String) -> Self {
        let error_message = Some(message);
        Self { id: id.into(), status, description: String::new(), error_message }
    }

    /// Why it ended as it did, in one line.
    pub fn reason(&self) -> String {
        let text = self.error_message.as_deref().filter(|text| !text.trim().is_empty());
        let words: Vec<_> = text.unwrap_or(&self.description).split_whitespace().collect();
        words.join(" ")
    }
}

/// A scenario and its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its name in the suite.
    pub name: String,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

/// How many checks ended how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// As required.
    pub passed: u64,
    /// Against a MUST.
    pub failed: u64,
    /// Against a SHOULD.
    pub warnings: u64,
    /// Not made.
    pub skipped: u64,
}

impl Counts {
    /// Those of several scenarios.
    pub fn of(scenarios: &[Scenario]) -> Self {
        scenarios.iter().flat_map(|scenario| &scenario.checks).map(Self::one).sum()
    }

    /// All checks, made or not.
    pub fn checks(self) -> u64 {
        self.passed + self.failed + self.warnings + self.skipped
    }

    fn one(check: &Check) -> Self {
        let mut counts = Self::default();
        match check.status {
            Status::Success => counts.passed = 1,
            Status::Failure => counts.failed = 1,
            Status::Warning => counts.warnings = 1,
            Status::Skipped => counts.skipped = 1,
            Status::Info => {}
        }
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.warnings += other.warnings;
        self.skipped += other.skipped;
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut total = Self::default();
        all.for_each(|counts| total += counts);
        total
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, warnings, skipped } = self;
        write!(
            formatter,
            "{passed} passed, {failed} failed, {warnings} warnings, {skipped} skipped"
        )
    }
}

/// Reads the results of a run: of all that the log announces, or of one scenario.
pub(super) fn read(log: &str, folder: &Path, only: Option<&str>) -> Result<Vec<Scenario>> {
    let mut found = checks(folder)?;
    if let Some(name) = only {
        return Ok(single(log, name, found.remove(name)));
    }
    let begun: Vec<_> = log.lines().filter_map(begins).collect();
    let mut scenarios: Vec<_> =
        begun.iter().map(|&name| scenario(log, name, found.remove(name))).collect();
    let announced = log.lines().find_map(announcement).unwrap_or(1);
    if begun.len() < announced || !log.contains("=== SUMMARY ===") {
        scenarios.push(broken_off(log, begun.len(), announced));
    }
    Ok(scenarios)
}

/// The checks of every scenario that came to its end.
fn checks(folder: &Path) -> Result<HashMap<String, Vec<Check>>> {
    let mut found = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = path.join("checks.json");
        if let Some(scenario) = name_in_folder(&name)
            && file.exists()
        {
            let checks = serde_json::from_slice(&fs::read(&file)?)
                .with_context(|| format!("unexpected results: {}", file.display()))?;
            found.insert(scenario.to_owned(), checks);
        }
    }
    Ok(found)
}

/// Reads `server-NAME-2026-11-20T13-05-25-012Z`.
fn name_in_folder(folder: &str) -> Option<&str> {
    const STAMP: &str = "-2026-11-20T13-05-25-012Z";
    let name = folder.strip_prefix("server-")?;
    name.get(..name.len().checked_sub(STAMP.len())?)
}

/// Reads `=== Running scenario: NAME ===`.
fn begins(line: &str) -> Option<&str> {
    line.strip_prefix("=== Running scenario: ")?.strip_suffix(" ===")
}

/// Reads the number in `Running all suite (33 scenarios) against …`.
fn announcement(line: &str) -> Option<usize> {
    let (before, _) = line.strip_prefix("Running ")?.split_once(" scenarios) against ")?;
    before.rsplit_once('(')?.1.parse().ok()
}

fn scenario(log: &str, name: &str, checks: Option<Vec<Check>>) -> Scenario {
    let failed = |why: String| vec![Check::failure("scenario", why)];
    let checks = match checks {
        Some(checks) if checks.is_empty() => failed("it made no check".into()),
        Some(checks) => noted_only(checks),
        None => failed(why_it_broke(log, name)),
    };
    Scenario { name: name.into(), checks }
}

/// A scenario may find that it does not apply, and then notes so instead of skipping its checks.
fn noted_only(mut checks: Vec<Check>) -> Vec<Check> {
    if checks.iter().all(|check| check.status == Status::Info) {
        let last = checks.last().map(Check::reason).unwrap_or_default();
        let message = format!("it only noted: {last}");
        checks.push(Check::made("scenario", Status::Skipped, message));
    }
    checks
}

fn why_it_broke(log: &str, name: &str) -> String {
    let start = format!("Failed to run scenario {name}: ");
    let line = log.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or("it left no results").to_owned()
}

/// A scenario that was asked for by name: empty where the version does not have it.
fn single(log: &str, name: &str, checks: Option<Vec<Check>>) -> Vec<Scenario> {
    if checks.is_none() && log.contains("SKIPPED: scenario ") {
        return Vec::new();
    }
    if let Some(line) = log.lines().find(|line| line.contains("Unknown scenario ")) {
        let line = line.trim().trim_start_matches("scenario: ");
        let checks = vec![Check::failure("scenario", line)];
        return vec![Scenario { name: name.into(), checks }];
    }
    vec![scenario(log, name, checks)]
}

fn broken_off(log: &str, begun: usize, announced: usize) -> Scenario {
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output");
    let message = format!("it ended after {begun} of {announced} scenarios: {last}");
    Scenario { name: "(the suite)".into(), checks: vec![Check::failure("run", message)] }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const LOG: &str = "Running all suite (2 scenarios) against http://127.0.0.1:1/mcp\n\n\
        === Running scenario: ping ===\nRunning client scenario 'ping' against server: x\n\n\
        === Running scenario: tools-list ===\n\n=== SUMMARY ===\n✓ ping: 1 passed, 0 failed\n";

    fn results(scenarios: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, checks) in scenarios {
            let inner = folder.path().join(format!("server-{name}-2026-11-20T13-05-25-012Z"));
            fs::create_dir(&inner).unwrap();
            fs::write(inner.join("checks.json"), checks).unwrap();
        }
        folder
    }

    const PING: &str = r#"[
        {"id":"ping","name":"Ping","description":"Answers","status":"SUCCESS","timestamp":"t"},
        {"id":"seen","name":"Seen","description":"Noted","status":"INFO","timestamp":"t"}]"#;
    const TOOLS: &str = r#"[
        {"id":"list","description":"Lists","status":"FAILURE","errorMessage":"no\n  tools"},
        {"id":"order","description":"Same order","status":"WARNING"},
        {"id":"rest","description":"The rest","status":"SKIPPED","details":{}}]"#;

    #[test]
    fn checks_are_counted_by_their_status() {
        let folder = results(&[("tools-list", TOOLS), ("ping", PING)]);
        let scenarios = read(LOG, folder.path(), None).unwrap();
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        assert_eq!(names, ["ping", "tools-list"]);
        let counts = Counts { passed: 1, failed: 1, warnings: 1, skipped: 1 };
        assert_eq!(Counts::of(&scenarios), counts);
        assert_eq!(counts.to_string(), "1 passed, 1 failed, 1 warnings, 1 skipped");
        let reasons: Vec<_> = scenarios[1].checks.iter().map(Check::reason).collect();
        assert_eq!(reasons, ["no tools", "Same order", "The rest"]);
    }

    #[test]
    fn a_scenario_without_results_failed() {
        let log =
            format!("{LOG}Failed to run scenario tools-list: TypeError: fetch failed\n    at x");
        let folder = results(&[("ping", PING)]);
        let scenarios = read(&log, folder.path(), None).unwrap();
        assert_eq!(Counts::of(&scenarios).failed, 1);
        assert_eq!(scenarios[1].checks[0].reason(), "TypeError: fetch failed");
    }

    #[test]
    fn a_scenario_without_checks_failed() {
        let folder = results(&[("ping", PING), ("tools-list", "[]")]);
        let scenarios = read(LOG, folder.path(), None).unwrap();
        assert_eq!(scenarios[1].checks[0].reason(), "it made no check");
    }

    #[test]
    fn a_scenario_that_only_notes_was_skipped() {
        let noted = r#"[{"id":"type","description":"Answers with a stream","status":"INFO"}]"#;
        let folder = results(&[("ping", PING), ("tools-list", noted)]);
        let scenarios = read(LOG, folder.path(), None).unwrap();
        assert_eq!(Counts::of(&scenarios[1..]).skipped, 1);
        let reason = scenarios[1].checks[1].reason();
        assert_eq!(reason, "it only noted: Answers with a stream");
    }

    #[test]
    fn a_suite_that_breaks_off_failed() {
        let folder = results(&[("ping", PING)]);
        let (begun, _) = LOG.split_once("\n=== Running scenario: tools-list").unwrap();
        let scenarios = read(begun, folder.path(), None).unwrap();
        assert_eq!(Counts::of(&scenarios).failed, 1);
        assert!(scenarios[1].checks[0].reason().contains("1 of 2 scenarios"), "{scenarios:?}");
        let nothing = read("Error: cannot find module", folder.path(), None).unwrap();
        assert!(nothing[0].checks[0].reason().contains("cannot find module"), "{nothing:?}");
    }

    #[test]
    fn results_of_an_unknown_form_are_refused() {
        let folder = results(&[("ping", r#"[{"id":"ping","status":"PASSED"}]"#)]);
        let error = read(LOG, folder.path(), None).unwrap_err();
        assert!(format!("{error:#}").contains("PASSED"), "{error:#}");
    }

    #[test]
    fn one_scenario_is_read_by_its_name_and_a_version_without_it_is_empty() {
        let folder = results(&[("ping", PING)]);
        assert_eq!(read("Checks:", folder.path(), Some("ping")).unwrap().len(), 1);
        let skipped = "SKIPPED: scenario 'caching' is not applicable at spec version 2025-11-25";
        assert_eq!(read(skipped, folder.path(), Some("caching")).unwrap(), []);
        let unknown = read("  scenario: Unknown scenario 'x'", folder.path(), Some("x")).unwrap();
        assert!(unknown[0].checks[0].reason().contains("Unknown scenario"), "{unknown:?}");
    }
}

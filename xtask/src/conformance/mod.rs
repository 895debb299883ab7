//! The official conformance suite, run against a server over HTTP and at the door of another one before it, and
//! what it found.
//!
//! The suite's own exit code and totals leave out scenarios that it does not score. Here every
//! check of every scenario counts, and there is no list of expected failures.

mod results;
mod table;

use std::{fs, path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::process::Command;

pub use self::results::{Check, Counts, Scenario, Status};
use crate::{
    bundle::{Flavour, build},
    exec::say,
    paths,
    server::{self, Server},
    setup,
};

/// The protocol versions that the suite knows.
pub const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2026-07-28"];

/// The one without sessions.
const STATELESS: &str = "2026-07-28";

/// The options of a run.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// The endpoint. None: a server with the fixture tools is started.
    pub url: Option<String>,
    /// The server with the fixture tools stands behind another one, whose door is tested. None, and no endpoint: it is
    /// tested directly, and then behind another one.
    pub behind: Option<Behind>,
    /// Only this version.
    pub only: Option<String>,
    /// Only this scenario, at every version that has it.
    pub scenario: Option<String>,
}

/// How the server with the fixture tools stands behind another instance of the Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The era in which the one in front speaks to it: `auto`, `session` or `stateless`.
    pub era: String,
    /// The path of the door in front, which is for the upstream [`UPSTREAM`].
    pub door: String,
}

/// The name of the server with the fixture tools where it stands behind another one.
pub const UPSTREAM: &str = "fixtures";

impl Behind {
    /// Behind the door of its own, spoken to in this era.
    pub fn in_era(era: &str) -> Self {
        Self { era: era.to_owned(), door: format!("/u/{UPSTREAM}/mcp") }
    }
}

/// One call of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    version: &'static str,
    /// For its table and its folder.
    title: String,
    flags: Vec<String>,
}

impl Run {
    fn new(version: &'static str, title: &str, flags: &[&str]) -> Self {
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        Self { version, title: format!("{version} {title}"), flags }
    }

    /// Exactly what a revision requires, and what the suite runs beside it without scoring it.
    fn requirements(version: &'static str) -> Self {
        Self::new(version, "requirements", &["--requirements", version])
    }

    /// Every scenario that applies to a version.
    fn all(version: &'static str) -> Self {
        Self::new(version, "all", &["--suite", "all", "--spec-version", version])
    }

    fn scenario(version: &'static str, name: &str) -> Self {
        let mut flags = vec!["--scenario", name, "--spec-version", version];
        // Scenarios of extensions belong to no version, so that the suite would skip them.
        if requires(version, name) {
            flags.push("--force");
        }
        Self::new(version, "one scenario", &flags)
    }

    /// The same for a server that stands behind another one, with a folder of its own.
    fn behind(self, behind: &Behind) -> Self {
        Self { title: format!("{} behind {}", self.title, behind.era), ..self }
    }

    fn folder(&self) -> PathBuf {
        paths::root().join("target/conformance").join(self.title.replace(' ', "-"))
    }
}

/// Runs the suite, prints a table for each run and every failure; returns what was counted.
///
/// # Errors
/// When the suite could not be run. A failed check is no error: it is counted.
pub async fn run(options: &Options) -> Result<Counts> {
    setup::npm_packages()?;
    let mut total = Counts::default();
    for options in places(options) {
        total += run_at(&options).await?;
    }
    if total.checks() == 0 {
        bail!("the suite made no check: nothing of it has this name and version");
    }
    println!("\nconformance: {total}");
    Ok(total)
}

/// The same options for each place at which the suite runs: directly, behind another server that finds out that this
/// one is stateless, and behind one that speaks to it in sessions. In sessions no upstream can say what the suite wants
/// to read of 2026-07-28: which capability a call lacks, the keys of its questions, and tasks.
fn places(options: &Options) -> Vec<Options> {
    let mut places = vec![options.clone()];
    if options.url.is_some() || options.behind.is_some() {
        return places;
    }
    let behind = |era| Options { behind: Some(Behind::in_era(era)), ..options.clone() };
    places.push(behind("auto"));
    let has_sessions = |version: &&str| *version != STATELESS;
    let wanted = |version: &&str| options.only.as_ref().is_none_or(|only| version == only);
    let versions = VERSIONS.into_iter().filter(has_sessions).filter(wanted);
    places.extend(
        versions.map(|version| Options { only: Some(version.to_owned()), ..behind("session") }),
    );
    places
}

async fn run_at(options: &Options) -> Result<Counts> {
    let (_servers, url) = match (&options.url, &options.behind) {
        (Some(url), _) => (Vec::new(), url.clone()),
        (None, None) => {
            let server = start(&[]).await?;
            let url = format!("{}/mcp", server.url());
            (vec![server], url)
        }
        (None, Some(behind)) => start_behind(behind).await?,
    };
    let mut total = Counts::default();
    for run in runs(options) {
        say(&format!("conformance: {}", run.title));
        let scenarios = suite(&url, &run, options.scenario.as_deref()).await?;
        print!("{}", table::render(&run.title, &scenarios));
        total += Counts::of(&scenarios);
    }
    Ok(total)
}

async fn start(vars: &[(&str, &str)]) -> Result<Server> {
    let bundle = build(Flavour::Fixtures)?;
    let options = server::Options::new(bundle.folder);
    let options = vars.iter().fold(options, |options, (name, value)| options.var(name, value));
    Server::start(&options).await
}

/// Starts both servers; returns them and the URL of the door in front.
async fn start_behind(behind: &Behind) -> Result<(Vec<Server>, String)> {
    let fixtures = start(&[]).await?;
    let url = format!("{}/mcp", fixtures.url());
    let upstreams = json!({ UPSTREAM: { "url": url, "era": behind.era } });
    let front = start(&[("UPSTREAMS", &upstreams.to_string())]).await?;
    let door = format!("{}{}", front.url(), behind.door);
    Ok((vec![front, fixtures], door))
}

fn runs(options: &Options) -> Vec<Run> {
    let all = match &options.scenario {
        Some(name) => VERSIONS.into_iter().map(|version| Run::scenario(version, name)).collect(),
        None => vec![
            Run::requirements("2025-11-25"),
            Run::all("2025-11-25"),
            Run::all("2025-06-18"),
            Run::all("2025-03-26"),
            Run::requirements("2026-07-28"),
        ],
    };
    let wanted = |run: &Run| options.only.as_ref().is_none_or(|only| run.version == only);
    let runs = all.into_iter().filter(wanted);
    match &options.behind {
        Some(behind) => runs.map(|run| run.behind(behind)).collect(),
        None => runs.collect(),
    }
}

async fn suite(url: &str, run: &Run, scenario: Option<&str>) -> Result<Vec<Scenario>> {
    let folder = run.folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let log = folder.join("log.txt");
    let output = fs::File::create(&log)?;
    let mut command = Command::new(paths::npm_bin("node"));
    command
        .arg(package().join("dist/index.js"))
        .args(["server", "--url", url])
        .args(&run.flags)
        .arg("-o")
        .arg(&folder)
        .current_dir(paths::root())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true);
    // Its exit code says less than what it wrote.
    command.status().await.context("cannot start the conformance suite")?;
    results::read(&fs::read_to_string(&log)?, &folder, scenario)
}

fn package() -> PathBuf {
    paths::root().join("node_modules/@modelcontextprotocol/conformance")
}

/// Whether a version's requirements name this scenario, scored or not.
fn requires(version: &str, scenario: &str) -> bool {
    let list = package().join("requirements").join(version).with_extension("yaml");
    names(&fs::read_to_string(list).unwrap_or_default(), scenario)
}

fn names(requirements: &str, scenario: &str) -> bool {
    requirements.lines().any(|line| {
        let item = line.trim().strip_prefix("- ").unwrap_or_default();
        item.strip_prefix("scenario: ").unwrap_or(item) == scenario
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_run_and_two_of_them_by_their_requirements() {
        let titles: Vec<_> = runs(&Options::default()).into_iter().map(|run| run.title).collect();
        assert_eq!(
            titles,
            [
                "2025-11-25 requirements",
                "2025-11-25 all",
                "2025-06-18 all",
                "2025-03-26 all",
                "2026-07-28 requirements"
            ]
        );
    }

    #[test]
    fn one_version_or_one_scenario_can_be_chosen() {
        let only = Some("2025-11-25".to_owned());
        assert_eq!(runs(&Options { only: only.clone(), ..Options::default() }).len(), 2);
        let scenario = Some("ping".to_owned());
        let chosen = runs(&Options { only, scenario: scenario.clone(), ..Options::default() });
        assert_eq!(chosen, [Run::scenario("2025-11-25", "ping")]);
        assert_eq!(chosen[0].flags[..2], ["--scenario", "ping"]);
        assert_eq!(runs(&Options { scenario, ..Options::default() }).len(), VERSIONS.len());
    }

    #[test]
    fn a_server_is_tested_directly_and_behind_another_one_unless_one_place_is_chosen() {
        let all = |options: Options| -> Vec<String> {
            let place = |options: Options| {
                let era = options.behind.map_or("directly".to_owned(), |behind| behind.era);
                format!("{era} {}", options.only.unwrap_or("all".to_owned()))
            };
            places(&options).into_iter().map(place).collect()
        };
        let sessions = ["session 2025-11-25", "session 2025-06-18", "session 2025-03-26"];
        let everywhere = ["directly all", "auto all"].into_iter().chain(sessions);
        assert_eq!(all(Options::default()), everywhere.collect::<Vec<_>>());
        let only = |version: &str| Options { only: Some(version.into()), ..Options::default() };
        let one = ["directly 2025-06-18", "auto 2025-06-18", "session 2025-06-18"];
        assert_eq!(all(only("2025-06-18")), one);
        assert_eq!(all(only(STATELESS)), ["directly 2026-07-28", "auto 2026-07-28"]);
        let behind = Some(Behind::in_era("session"));
        assert_eq!(all(Options { behind, ..only(STATELESS) }), ["session 2026-07-28"]);
        let url = Some("http://127.0.0.1:1/mcp".to_owned());
        assert_eq!(all(Options { url, ..Options::default() }), ["directly all"]);
    }

    #[test]
    fn a_run_behind_another_server_has_a_folder_of_its_own() {
        let options = Options { behind: Some(Behind::in_era("session")), ..Options::default() };
        let folders: Vec<_> = runs(&options).iter().map(Run::folder).collect();
        assert_eq!(folders.len(), 5);
        assert!(folders[0].ends_with("conformance/2025-11-25-requirements-behind-session"));
        assert_eq!(runs(&options)[0].flags, runs(&Options::default())[0].flags);
    }

    #[test]
    fn scored_and_unscored_scenarios_are_found_in_a_list_of_requirements() {
        let list =
            "server:\n  - caching\n\nnot_scored:\n  - scenario: tasks-lifecycle\n    leg: server\n";
        assert!(names(list, "caching") && names(list, "tasks-lifecycle"));
        assert!(!names(list, "cach") && !names(list, "server"));
    }
}

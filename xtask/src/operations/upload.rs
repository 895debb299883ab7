//! The upload of a stage's code, by `wrangler`, and what it says was uploaded.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{
    api::Api,
    secrets::{NAMES, OWN, SecretsFile},
    stage::{CONFIGURATION, Stage},
    worker::is_version,
};
use crate::{
    exec::{output, run as run_command},
    paths, setup,
};

/// A program in the place of `wrangler`, for tests.
const STAND_IN: &str = "XTASK_WRANGLER";

/// What an upload does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The new version answers all requests at once.
    Deploy,
    /// The new version is there, and answers none.
    Version,
}

/// What was uploaded.
#[derive(Debug)]
pub struct Uploaded {
    /// The version.
    pub version: String,
    /// The addresses that `wrangler` names.
    pub addresses: Vec<String>,
}

/// `wrangler` on the Node it needs, which may be newer than the machine's.
pub fn wrangler() -> Command {
    let mut command = match std::env::var_os(STAND_IN) {
        Some(program) => Command::new(program),
        None => {
            let mut command = Command::new(paths::npm_bin("node"));
            command.arg(paths::root().join("node_modules/wrangler/bin/wrangler.js"));
            command
        }
    };
    command.current_dir(paths::root()).env("WRANGLER_SEND_METRICS", "false");
    command
}

/// Installs `wrangler`, where it is used.
///
/// # Errors
/// Where it cannot be installed.
pub fn prepare() -> Result<()> {
    if std::env::var_os(STAND_IN).is_none() { setup::npm_packages() } else { Ok(()) }
}

/// Uploads.
///
/// # Errors
/// Where `wrangler` fails, or says that it uploaded something else.
pub fn upload(
    kind: Kind,
    api: &Api,
    stage: &Stage,
    secrets: Option<&SecretsFile>,
    message: Option<&str>,
) -> Result<Uploaded> {
    prepare()?;
    let record = tempfile::NamedTempFile::new()?;
    let mut command = wrangler();
    match kind {
        Kind::Deploy => command.arg("deploy"),
        Kind::Version => command.args(["versions", "upload"]),
    };
    // `--strict` stops where the Worker was changed in the dashboard.
    of_stage(&mut command, api, stage).arg("--strict");
    let git = |arguments: &[&str]| {
        let text = output(Command::new("git").args(arguments).current_dir(paths::root()));
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    if let Some(tag) = git(&["rev-parse", "--short", "HEAD"]) {
        command.arg(format!("--tag={tag}"));
    }
    if let Some(message) = message.map(str::to_owned).or_else(|| git(&["log", "-1", "--format=%s"]))
    {
        // One argument: a text that begins with `--` would be an option, such as the name of another Worker.
        command.arg(format!("--message={message}"));
    }
    if let Some(secrets) = secrets {
        command.arg("--secrets-file").arg(secrets.path());
    }
    command.env("WRANGLER_OUTPUT_FILE_PATH", record.path());
    run_command(&mut command)?;
    read(kind, stage, record.path())
}

/// Has routes, custom domains and crons be as configured. An upload of a version alone leaves them.
///
/// # Errors
/// Where `wrangler` fails.
pub fn triggers(api: &Api, stage: &Stage) -> Result<()> {
    prepare()?;
    let mut command = wrangler();
    command.args(["triggers", "deploy"]);
    run_command(of_stage(&mut command, api, stage))
}

/// Has `wrangler` read the configuration whose Worker was compared, and no other that it would prefer. The server's
/// secrets are in their file alone: neither `wrangler` nor the build that it starts sees them in its environment.
fn of_stage<'a>(command: &'a mut Command, api: &Api, stage: &Stage) -> &'a mut Command {
    for (name, _) in NAMES.iter().filter(|(name, _)| *name != OWN) {
        command.env_remove(name);
    }
    // The global key of an account goes before a token.
    command.env_remove("CLOUDFLARE_API_KEY").env_remove("CLOUDFLARE_EMAIL");
    command.env("CLOUDFLARE_API_BASE_URL", &api.url);
    // Also where a file `.env` has another name.
    command.env("WRANGLER_CI_OVERRIDE_NAME", &stage.worker);
    command.args(["--config", CONFIGURATION, "--env", &stage.name])
}

fn read(kind: Kind, stage: &Stage, file: &Path) -> Result<Uploaded> {
    let wanted = match kind {
        Kind::Deploy => "deploy",
        Kind::Version => "version-upload",
    };
    let text = fs::read_to_string(file).context("the record of wrangler")?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let record = lines.into_iter().find(|line| line["type"] == wanted);
    let record = record.with_context(|| format!("wrangler recorded no {wanted}"))?;
    if record["worker_name"] != *stage.worker {
        bail!("wrangler uploaded the Worker {}, and not {}", record["worker_name"], stage.worker);
    }
    let version = record["version_id"].as_str().filter(|version| is_version(version));
    let version = version.context("wrangler recorded no version")?;
    let targets = record["targets"].as_array().cloned().unwrap_or_default();
    let addresses = targets.iter().filter_map(Value::as_str);
    Ok(Uploaded { version: version.to_owned(), addresses: addresses.map(str::to_owned).collect() })
}

//! `cargo xtask stage`: what only an administrator does to a stage.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::{exec::run as run_command, paths, setup};

/// The setting of the server with the key, and the variable in which this verb is given it.
const KEY: &str = "STAGE_UNLOCK_KEY";
/// What sends the request: this crate has no client of its own that speaks TLS.
const SCRIPT: &str = "xtask/src/unlock.mjs";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Unlock a protected stage for one plan, once, with the key in STAGE_UNLOCK_KEY
    Unlock(Unlock),
}

#[derive(Debug, clap::Args)]
struct Unlock {
    /// The stage
    stage: String,
    /// The id of the plan, as the assistant showed it
    plan: String,
    /// The address of the server that keeps the stage, such as https://mcp.example.com
    #[arg(long)]
    url: String,
    /// For how many minutes, 1 to 60
    #[arg(long, default_value_t = 15)]
    minutes: u64,
    /// Your name, for the audit
    #[arg(long)]
    by: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Action::Unlock(unlock) = &arguments.action;
    let url = address(&unlock.url, &unlock.stage, &unlock.plan)?;
    let key = std::env::var(KEY).ok().filter(|key| !key.trim().is_empty());
    let key = key.with_context(|| format!("{KEY} is not set: it is the secret of the server"))?;
    let body = json!({ "plan_id": unlock.plan, "by": unlock.by, "minutes": unlock.minutes });
    setup::npm_packages()?;
    let mut node = Command::new(paths::npm_bin("node"));
    node.arg(paths::root().join(SCRIPT)).env("UNLOCK_URL", url);
    run_command(node.env("UNLOCK_BODY", body.to_string()).env(KEY, key.trim()))
}

/// Where the stage is unlocked. The plan must be one of this stage, and the key is not sent unprotected.
fn address(url: &str, stage: &str, plan: &str) -> Result<String> {
    let of = plan.split_once('.').map(|(of, _)| of);
    if of != Some(stage) {
        bail!("`{plan}` is no plan of the stage `{stage}`: its id begins with `{stage}.`");
    }
    let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if stage.is_empty() || !stage.bytes().all(is_name) {
        bail!("`{stage}` is no name of a stage");
    }
    let url = url.trim_end_matches('/');
    let is_here = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    if !url.starts_with("https://") && !is_here.iter().any(|here| url.starts_with(here)) {
        bail!("the key is sent over https alone, or to this machine: {url}");
    }
    Ok(format!("{url}/admin/stages/{stage}/unlock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "production.0123456789abcdef0123456789abcdef";

    #[test]
    fn the_key_goes_to_the_stage_of_the_plan_and_over_https() {
        let found = address("https://mcp.example.com/", "production", PLAN).unwrap();
        assert_eq!(found, "https://mcp.example.com/admin/stages/production/unlock");
        assert!(address("http://127.0.0.1:8787", "production", PLAN).is_ok());
        for (url, stage) in [
            ("https://mcp.example.com", "staging"),
            ("https://mcp.example.com", ""),
            ("http://mcp.example.com", "production"),
            ("http://127.0.0.1.example.com", "production"),
            ("mcp.example.com", "production"),
        ] {
            assert!(address(url, stage, PLAN).is_err(), "{url} {stage}");
        }
        let foreign = address("https://mcp.example.com", "../keys", "../keys.0");
        assert!(foreign.is_err());
    }
}

//! `cargo xtask rollback`: an earlier version gets all requests again.

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::say,
    operations::{
        api::Api,
        outputs::output,
        stage::Stage,
        worker::{Deployed, Share, is_version, short},
    },
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stage: an environment of `wrangler.toml`, such as staging or production
    #[arg(long)]
    env: String,
    /// The version to go back to; the last one that had all requests where it is missing
    #[arg(long)]
    to: Option<String>,
    /// Only go back from this version: where it has no requests, nothing is done
    #[arg(long)]
    from: Option<String>,
    /// Why
    #[arg(long, default_value = "rollback")]
    message: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stage = Stage::load(&arguments.env)?;
    let api = Api::from_environment()?;
    let mut deployed = Deployed::look(&api, &stage)?;
    if !deployed.exists {
        bail!("there is no Worker {}", stage.worker);
    }
    if let Some(from) = arguments.from.as_deref()
        && !deployed.shares().iter().any(|share| share.version == from)
    {
        say(&format!("{} is not deployed: nothing to go back from", short(from)));
        return Ok(());
    }
    let target = match &arguments.to {
        Some(version) if is_version(version) => version.clone(),
        Some(_) => bail!("--to: expected the id of a version"),
        None => deployed.before()?.context("there is no earlier version to go back to")?,
    };
    if deployed.only() == Some(&target) {
        say(&format!("{} has all requests already", short(&target)));
        return Ok(());
    }
    say(&format!("{} gets all requests of {}", short(&target), stage.worker));
    deployed.deploy(&[Share::of(&target, 100.0)], &arguments.message)?;
    output("version", &target)
}

//! `cargo xtask checklist`: whether a stage is as it should be.

use anyhow::{Result, bail};

use crate::operations::{
    api::Api,
    checklist::{self, Asked},
    stage::{PRODUCTION, Stage},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stage: an environment of `wrangler.toml`, such as staging or production
    #[arg(long)]
    env: String,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Its address; the custom domains and workers.dev where it is missing
    #[arg(long)]
    url: Vec<String>,
    /// The percentage of subjects that is to be let in (the gradual rollout)
    #[arg(long)]
    rollout: Option<u8>,
    /// Do not ask for notifications of Cloudflare
    #[arg(long)]
    without_alerts: bool,
    /// Send requests with MCP_API_KEY or MCP_SHARED_SECRET until the limit refuses one; not for production
    #[arg(long)]
    limit: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stage = Stage::load(&arguments.env)?;
    if arguments.limit && stage.name == PRODUCTION {
        bail!("--limit would refuse the callers of production who have the same key");
    }
    let api = Api::from_environment()?;
    let asked = Asked {
        addresses: arguments.url.clone(),
        rollout: arguments.rollout,
        alerts: !arguments.without_alerts,
        limit: arguments.limit,
    };
    let report = checklist::run(&api, &stage, &asked);
    if arguments.json {
        println!("{}", report.json(&stage));
    } else {
        print!("{report}");
    }
    match report.failed() {
        0 => Ok(()),
        failed => bail!("{failed} points of the checklist failed"),
    }
}

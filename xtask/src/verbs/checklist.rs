//! `cargo xtask checklist`: whether a stage is as it should be.

use anyhow::{Result, bail};

use crate::operations::{
    api::Api,
    checklist::{self, Asked},
    stage::Stage,
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
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stage = Stage::load(&arguments.env)?;
    let api = Api::from_environment()?;
    let asked = Asked {
        addresses: arguments.url.clone(),
        rollout: arguments.rollout,
        alerts: !arguments.without_alerts,
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

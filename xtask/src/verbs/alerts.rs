//! `cargo xtask alerts apply`: notifications of Cloudflare.

use anyhow::Result;

use crate::operations::{
    alerts::{Applied, apply, load},
    api::Api,
    stage::Stage,
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make or change the notifications of `operations.toml`
    Apply {
        /// The stage: an environment of `wrangler.toml`, such as staging or production
        #[arg(long)]
        env: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Action::Apply { env } = &arguments.action;
    let stage = Stage::load(env)?;
    let api = Api::from_environment()?;
    for (name, applied) in apply(&api, &stage, &load()?)? {
        let word = match applied {
            Applied::Made => "made",
            Applied::Changed => "changed",
            Applied::Kept => "as it was",
        };
        println!("{name}: {word}");
    }
    Ok(())
}

//! `cargo xtask deploy`: uploads a stage's code.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{
    exec::say,
    operations::{
        api::Api,
        outputs::output,
        secrets::Secrets,
        stage::Stage,
        upload::{self, Kind},
        worker::{Deployed, Share, short},
    },
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stage: an environment of `wrangler.toml`, such as staging or production
    #[arg(long)]
    env: String,
    /// Only prepare a release: the new version gets no requests until `release` says so
    #[arg(long)]
    gradual: bool,
    /// A JSON file of secrets. Without it those of the server that are in the environment are uploaded
    #[arg(long)]
    secrets_file: Option<PathBuf>,
    /// Why; the subject of the last commit where it is missing
    #[arg(long)]
    message: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stage = Stage::load(&arguments.env)?;
    let api = Api::from_environment()?;
    let mut deployed = Deployed::look(&api, &stage)?;
    deployed.refuse_split()?;
    let secrets = Secrets::gather(arguments.secrets_file.as_deref())?;
    say(&format!("{} is the Worker {}", stage.name, stage.worker));
    if !secrets.names().is_empty() {
        say(&format!("secrets: {}", secrets.names().join(", ")));
    }
    if let Some(tag) = deployed.migration_tag.as_deref().filter(|tag| !stage.knows_migration(tag)) {
        bail!(
            "{} has the migration {tag}, which wrangler.toml has not: this code is older than its classes",
            stage.worker
        );
    }
    let changes_classes = deployed.migration_tag != stage.migration_tag();
    let old = deployed.only().filter(|_| !changes_classes).map(str::to_owned);
    let is_gradual = arguments.gradual && old.is_some();
    if arguments.gradual && !is_gradual {
        say("its objects' classes change, or it is new: it can only be deployed all at once");
    }
    let kind = if is_gradual { Kind::Version } else { Kind::Deploy };
    let file = secrets.file()?;
    let uploaded = upload::upload(kind, &api, &stage, file.as_ref(), arguments.message.as_deref())?;
    // At once: a step that goes back reads it also where the rest fails.
    output("version", &uploaded.version)?;
    if let Some(old) = old.filter(|_| is_gradual) {
        let shares = [Share::of(&uploaded.version, 0.0), Share::of(&old, 100.0)];
        let message = format!("{} waits for its release", short(&uploaded.version));
        deployed.deploy(&shares, &message)?;
    } else {
        deployed = Deployed::look(&api, &stage)?;
    }
    output("gradual", if is_gradual { "true" } else { "false" })?;
    let mut addresses = deployed.reachable()?;
    addresses
        .extend(uploaded.addresses.into_iter().filter(|address| address.starts_with("https://")));
    if let Some(first) = addresses.first() {
        output("url", first)?;
    }
    Ok(())
}

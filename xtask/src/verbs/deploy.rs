//! `cargo xtask deploy`.

use std::process::Command;

use anyhow::Result;

use crate::{exec::run as run_command, paths, setup};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The environment: `production` or one of `wrangler.toml`
    #[arg(long)]
    env: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    setup::npm_packages()?;
    let mut command = wrangler();
    command.arg("deploy");
    if arguments.env != "production" {
        command.args(["--env", &arguments.env]);
    }
    // wrangler.toml's [build] makes the bundle.
    run_command(&mut command)
}

/// `wrangler` on the Node it needs, which may be newer than the machine's.
pub(super) fn wrangler() -> Command {
    let mut command = Command::new(paths::npm_bin("node"));
    command.arg(paths::root().join("node_modules/wrangler/bin/wrangler.js"));
    command.current_dir(paths::root()).env("WRANGLER_SEND_METRICS", "false");
    command
}

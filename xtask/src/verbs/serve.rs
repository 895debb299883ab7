//! `cargo xtask serve`: the built Worker on plain `workerd`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use sandbox::Generation;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    account,
    bindings::Bound,
    bundle::{Flavour, build},
    server::{Options, Server},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Add the fixture tools
    #[arg(long)]
    fixtures: bool,
    /// Where Durable Objects are stored; a temporary folder where it is not given
    #[arg(long)]
    storage: Option<PathBuf>,
    /// How many isolates share the objects
    #[arg(long, default_value_t = 1)]
    isolates: usize,
    /// Which generation of the SiteBay API the sandbox plays: march or october
    #[arg(long, default_value = "march", value_parser = generation)]
    generation: Generation,
    /// Bind KV, D1, R2, Analytics Engine and assets as wrangler.toml does, in memory
    #[arg(long)]
    bindings: bool,
    /// Operate the stages of the sample manifest, in an account at Cloudflare that the sandbox plays
    #[arg(long)]
    infrastructure: bool,
    /// A variable or secret, NAME=VALUE; an empty value removes one
    #[arg(long = "var", value_parser = pair)]
    vars: Vec<(String, String)>,
}

/// A name and its value.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A generation of the API by its name.
pub(super) fn generation(name: &str) -> Result<Generation, String> {
    match name {
        "march" => Ok(Generation::March),
        "october" => Ok(Generation::October),
        _ => Err("expected march or october".to_owned()),
    }
}

pub(super) fn run(arguments: Arguments) -> Result<()> {
    let flavour = match (arguments.fixtures, arguments.infrastructure) {
        // It has the stages of the sample, too.
        (true, _) => Flavour::Fixtures,
        (false, true) => Flavour::Sample,
        (false, false) => Flavour::Production,
    };
    let bundle = build(flavour)?;
    let own_service = arguments.vars.iter().any(|(name, _)| name == "SITEBAY_API_URL");
    let generation = arguments.generation;
    let sandbox = sandbox::Options { generation, ..sandbox::Options::default() };
    let bound = arguments.bindings.then(Bound::declared).transpose()?;
    let options = Options {
        port: arguments.port,
        isolates: arguments.isolates,
        storage: arguments.storage,
        vars: arguments.vars,
        bound,
        sandbox: (!own_service).then_some(sandbox),
        cloudflare: arguments.infrastructure.then(sandbox::cloudflare::Options::default),
        chat: arguments.infrastructure,
        verbose: true,
        ..Options::new(bundle.folder)
    };
    tokio::runtime::Runtime::new()?.block_on(serve(&options))
}

async fn serve(options: &Options) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let mut server = Server::start(options).await?;
    for url in server.urls() {
        println!("listening on {url}/mcp");
    }
    if let Some(sandbox) = server.sandbox() {
        println!("sandbox on {}", sandbox.url());
    }
    if let Some(cloudflare) = server.cloudflare() {
        println!("cloudflare on {}", cloudflare.url());
        println!("unlock key {}", account::LOCAL_UNLOCK_KEY);
    }
    if let Some(bindings) = server.bindings() {
        println!("bindings on http://{}", bindings.address());
    }
    tokio::select! {
        ended = server.ended() => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

//! Runs a stand-in as a program of its own, for local development.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use sandbox::bindings::{self, Bindings};
use sandbox::cloudflare::{self, Cloudflare};
use sandbox::keboola::{self, Keboola};
use sandbox::{Generation, Options, Sandbox};
use tokio::signal;
use tokio::signal::unix::SignalKind;

const USAGE: &str = "usage: sandbox [--service sitebay] [--port N] [--sites N] [--token TOKEN] \
                     [--creating-ms N] [--working-ms N] [--generation march|october]\n       \
                     sandbox --service keboola [--port N] [--clock running|frozen] [--job-ms N] \
                     [--redirect-uri URI]…\n       \
                     sandbox --service cloudflare [--port N] [--clock running|frozen] \
                     [--samples yes|no] [--request-limit N] [--workflow-ms N]\n       \
                     sandbox --service bindings [--port N] [--clock running|frozen] \
                     [--assets NAME=FOLDER]…";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(program) = program(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(program).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Which stand-in to run, and how.
enum Program {
    SiteBay(Options),
    Keboola(keboola::Options),
    Cloudflare(cloudflare::Options),
    Bindings(bindings::Options),
}

async fn run(program: Program) -> io::Result<()> {
    // Set up before the address is printed: its reader may stop the process at once.
    let terminated = signal::unix::signal(SignalKind::terminate())?;
    match program {
        Program::SiteBay(options) => {
            let sandbox = Sandbox::start(options).await?;
            wait(&sandbox.url(), terminated).await
        }
        Program::Keboola(options) => {
            let keboola = Keboola::start(options).await?;
            wait(&keboola.url(), terminated).await
        }
        Program::Cloudflare(options) => {
            let cloudflare = Cloudflare::start(options).await?;
            wait(&cloudflare.url(), terminated).await
        }
        Program::Bindings(options) => {
            let bindings = Bindings::start(options).await?;
            wait(&format!("http://{}", bindings.address()), terminated).await
        }
    }
}

/// Says where it listens, and waits to be stopped.
async fn wait(url: &str, mut terminated: signal::unix::Signal) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "listening on {url}")?;
    out.flush()?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        ended = signal::ctrl_c() => ended,
    }
}

fn program(words: impl Iterator<Item = String>) -> Option<Program> {
    let (services, others): (Vec<_>, Vec<_>) =
        pairs(words)?.into_iter().partition(|(name, _)| name == "--service");
    match services.last().map_or("sitebay", |(_, service)| service.as_str()) {
        "sitebay" => sitebay(others).map(Program::SiteBay),
        "keboola" => keboola(others).map(Program::Keboola),
        "cloudflare" => cloudflare(others).map(Program::Cloudflare),
        "bindings" => bindings(others).map(Program::Bindings),
        _ => None,
    }
}

/// The options with their values; `None` where the last one has no value.
fn pairs(mut words: impl Iterator<Item = String>) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    while let Some(word) = words.next() {
        pairs.push(match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (word, words.next()?),
        });
    }
    Some(pairs)
}

fn sitebay(pairs: Vec<(String, String)>) -> Option<Options> {
    let mut options = Options::default();
    for (name, value) in pairs {
        match name.as_str() {
            "--port" => options.port = value.parse().ok()?,
            "--sites" => options.sites = value.parse().ok()?,
            "--token" => options.token = Some(value),
            "--creating-ms" => options.creating_for = Duration::from_millis(value.parse().ok()?),
            "--working-ms" => options.working_for = Duration::from_millis(value.parse().ok()?),
            "--generation" => {
                options.generation = match value.as_str() {
                    "march" => Generation::March,
                    "october" => Generation::October,
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    Some(options)
}

fn keboola(pairs: Vec<(String, String)>) -> Option<keboola::Options> {
    let mut options = keboola::Options::default();
    for (name, value) in pairs {
        match name.as_str() {
            "--port" => options.port = value.parse().ok()?,
            "--clock" => options.frozen = is_frozen(&value)?,
            "--job-ms" => options.job_runs = Duration::from_millis(value.parse().ok()?),
            "--redirect-uri" => options.redirect_uris.push(value),
            _ => return None,
        }
    }
    Some(options)
}

fn cloudflare(pairs: Vec<(String, String)>) -> Option<cloudflare::Options> {
    let mut options = cloudflare::Options::default();
    for (name, value) in pairs {
        match name.as_str() {
            "--port" => options.port = value.parse().ok()?,
            "--clock" => options.frozen = is_frozen(&value)?,
            "--samples" => {
                options.samples = match value.as_str() {
                    "yes" => true,
                    "no" => false,
                    _ => return None,
                }
            }
            "--request-limit" => options.request_limit = value.parse().ok()?,
            "--workflow-ms" => {
                options.workflow_runs = Duration::from_millis(value.parse().ok()?);
            }
            _ => return None,
        }
    }
    Some(options)
}

fn bindings(pairs: Vec<(String, String)>) -> Option<bindings::Options> {
    let mut options = bindings::Options::default();
    for (name, value) in pairs {
        match name.as_str() {
            "--port" => options.port = value.parse().ok()?,
            "--clock" => options.frozen = is_frozen(&value)?,
            "--assets" => {
                let (name, folder) = value.split_once('=')?;
                options.assets.push((name.to_owned(), folder.into()));
            }
            _ => return None,
        }
    }
    Some(options)
}

/// Whether a clock is to stand still.
fn is_frozen(value: &str) -> Option<bool> {
    match value {
        "running" => Some(false),
        "frozen" => Some(true),
        _ => None,
    }
}

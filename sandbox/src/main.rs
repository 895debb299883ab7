//! Runs the sandbox as a program of its own, for local development.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use sandbox::{Generation, Options, Sandbox};
use tokio::signal;
use tokio::signal::unix::SignalKind;

const USAGE: &str = "usage: sandbox [--port N] [--sites N] [--token TOKEN] [--creating-ms N] \
                     [--working-ms N] [--generation march|october]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> io::Result<()> {
    // Set up before the address is printed: its reader may stop the process at once.
    let mut terminated = signal::unix::signal(SignalKind::terminate())?;
    let sandbox = Sandbox::start(options).await?;
    let mut out = io::stdout();
    writeln!(out, "listening on {}", sandbox.url())?;
    out.flush()?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        ended = signal::ctrl_c() => ended,
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (word, words.next()?),
        };
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

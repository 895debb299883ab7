//! `cargo xtask`: the project's verbs.

use std::process::ExitCode;

use clap::Parser as _;
use xtask::verbs::Verb;

#[derive(clap::Parser)]
#[command(bin_name = "cargo xtask", about = "The project's verbs", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

fn main() -> ExitCode {
    match Arguments::parse().verb.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! One file for each verb.

mod alerts;
mod bench;
mod build;
mod checklist;
mod conformance;
mod deploy;
mod dev;
mod docs;
mod endure;
mod fuzz;
mod lint;
mod release;
mod rollback;
mod serve;
mod stage;
mod test;

use anyhow::Result;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Build the Worker into `build/` and print its size
    Build,
    /// Build, start the sandbox and `wrangler dev`, print the URL and client configuration
    Dev(dev::Arguments),
    /// Run the built Worker on plain workerd with the sandbox
    Serve(serve::Arguments),
    /// Run every test: unit, workerd, clients
    Test(test::Arguments),
    /// Measure beside peers and the bare runtime, and write `bench/RESULTS.md`
    Bench(bench::Arguments),
    /// Run faults and load for minutes, and write `bench/ENDURANCE.md`
    Endure(endure::Arguments),
    /// Run the fuzz targets for a bounded time
    Fuzz(fuzz::Arguments),
    /// Run the official conformance suite
    Conformance(conformance::Arguments),
    /// Check formatting and lints
    Lint,
    /// Write docs/TOOLS_REFERENCE.md, the table in docs/KEBOOLA.md and docs/CONFIGURATION.md from the code
    Docs,
    /// Build and upload a stage: an environment of `wrangler.toml`
    Deploy(deploy::Arguments),
    /// Unlock a protected stage for one plan
    Stage(stage::Arguments),
    /// Give a new version more of a stage's requests, and take it back where it fails more
    Release(release::Arguments),
    /// Have an earlier version answer all requests of a stage
    Rollback(rollback::Arguments),
    /// Check whether a stage is as it should be
    Checklist(checklist::Arguments),
    /// Notifications of Cloudflare for a stage
    Alerts(alerts::Arguments),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When it could not be done; the message says why.
    pub fn run(self) -> Result<()> {
        match self {
            Self::Build => build::run(),
            Self::Dev(arguments) => dev::run(&arguments),
            Self::Serve(arguments) => serve::run(arguments),
            Self::Test(arguments) => test::run(&arguments),
            Self::Bench(arguments) => bench::run(&arguments),
            Self::Endure(arguments) => endure::run(&arguments),
            Self::Fuzz(arguments) => fuzz::run(arguments),
            Self::Conformance(arguments) => conformance::run(arguments),
            Self::Lint => lint::run(),
            Self::Docs => docs::run(),
            Self::Deploy(arguments) => deploy::run(&arguments),
            Self::Stage(arguments) => stage::run(&arguments),
            Self::Release(arguments) => release::run(&arguments),
            Self::Rollback(arguments) => rollback::run(&arguments),
            Self::Checklist(arguments) => checklist::run(&arguments),
            Self::Alerts(arguments) => alerts::run(&arguments),
        }
    }
}

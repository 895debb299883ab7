//! `cargo xtask conformance`: the official suite against the built Worker.

use anyhow::{Result, bail};

use crate::conformance::{self, Behind, Options, VERSIONS};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The endpoint to test, on this machine's loopback; else a server is started and tested, and then behind another one
    #[arg(long)]
    url: Option<String>,
    /// Only this protocol version
    #[arg(long, value_name = "VERSION", value_parser = VERSIONS)]
    only: Option<String>,
    /// Only this scenario, at each version that has it
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Only test the door of another instance, behind which the server stands: it is spoken to in this era
    #[arg(
        long,
        value_name = "ERA",
        num_args = 0..=1,
        default_missing_value = "auto",
        value_parser = ["auto", "session", "stateless"],
        conflicts_with = "url"
    )]
    behind: Option<String>,
    /// The path of that door
    #[arg(long, value_name = "PATH", default_value = "/u/fixtures/mcp", requires = "behind")]
    door: String,
}

pub(super) fn run(arguments: Arguments) -> Result<()> {
    let Arguments { url, only, scenario, behind, door } = arguments;
    let behind = behind.map(|era| Behind { era, door });
    let options = Options { url, behind, only, scenario };
    let counts = tokio::runtime::Runtime::new()?.block_on(conformance::run(&options))?;
    if counts.failed > 0 {
        bail!("{} checks failed; the suite's output is in target/conformance", counts.failed);
    }
    Ok(())
}

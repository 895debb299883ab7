//! The published Keboola MCP server, as a program on loopback with a stand-in of Keboola's APIs.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};

use tempfile::TempDir;
use tokio::process::Command;
use xtask::{paths, setup, skips::skip};

use super::real_upstreams::RealServer;

/// The end of the host names of the stack that the server belongs to. It accepts names of Keboola's
/// own domains only; none of them is looked up.
pub const STACK: &str = "north.keboola.dev";

/// The host of a service of [`STACK`], as requests to the stand-in name it.
pub fn host(service: &str) -> String {
    format!("{service}.{STACK}")
}

/// A running Keboola MCP server. Dropping it kills its process.
pub struct KeboolaServer {
    server: RealServer,
    _home: TempDir,
}

impl KeboolaServer {
    /// Starts one that belongs to [`STACK`]. Its requests to the stack's services go to the stand-in at
    /// this origin, with their `Host`. None: this machine has no Python, and the test was skipped.
    pub async fn start(test: &str, stand_in: &str) -> Option<Self> {
        Self::of_stack(test, STACK, stand_in).await
    }

    /// The same for the stack whose hosts end so. It asks that one alone, whichever a client names: a
    /// gateway in development names a stack on loopback, which the server would refuse.
    pub async fn of_stack(test: &str, stack: &str, stand_in: &str) -> Option<Self> {
        let own = format!("https://connection.{stack}");
        Self::with(test, &[(stack, stand_in)], &["--api-url", &own]).await
    }

    /// The same for a server that serves every one of these stacks, each with a stand-in: the client
    /// names the stack in `X-StorageAPI-URL`.
    pub async fn of_stacks(test: &str, stacks: &[(&str, &str)]) -> Option<Self> {
        Self::with(test, stacks, &[]).await
    }

    async fn with(test: &str, stacks: &[(&str, &str)], options: &[&str]) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let port = xtask::ports::free().unwrap();
        let mut command = isolated(python(test)?, home.path());
        command.arg("tests/servers/keboola_server.py").arg(port.to_string());
        command.args(stacks.iter().map(|(suffix, origin)| format!("{suffix}={origin}")));
        command.arg("--").args(options);
        Some(Self { server: RealServer::start(command, port, "/mcp").await, _home: home })
    }

    /// The URL of the server, without a path.
    pub fn origin(&self) -> &str {
        self.server.origin()
    }
}

/// A Python with the packages of `tests/clients/keboola-requirements.txt`. None: this machine has none,
/// and the test was skipped.
fn python(test: &str) -> Option<&'static PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| setup::keboola().expect("the Keboola MCP server installs"));
    if python.is_none() {
        skip(test, "there is no Python 3.11 or later with venv and pip");
    }
    python.as_ref()
}

/// A Python that has nothing of this process's environment. The server takes settings and credentials
/// from variables of many names, and from the home folder.
fn isolated(python: &Path, home: &Path) -> Command {
    let mut command = Command::new(python);
    command.current_dir(paths::root()).stdin(Stdio::null());
    command.env_clear().env("HOME", home).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

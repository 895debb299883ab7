//! The Worker under `wrangler dev`, with KV and D1 of Cloudflare's own tools.

use std::{fs, path::Path, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};
use xtask::{beside, paths, ports};

use super::{fixtures, process::node};

/// A running `wrangler dev`, with a database and a store of its own.
pub struct Wrangler {
    child: Child,
    url: String,
    folder: TempDir,
}

impl Wrangler {
    /// Starts it with these variables, and waits until it answers.
    pub async fn start(vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("wrangler.toml"), configuration(&fixtures().folder)).unwrap();
        migrate(folder.path()).await;
        Self::run(folder, vars).await
    }

    /// The same with the stage `staging` of the sample manifest bound as well, and the Worker beside it that has its classes.
    pub async fn start_with_stage(vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bound = beside::bound(&configuration(&fixtures().folder)).unwrap();
        fs::write(folder.path().join("wrangler.toml"), bound).unwrap();
        migrate(folder.path()).await;
        let of_stage = |arguments: &[&str]| command(folder.path(), arguments).into_std();
        beside::fill(&of_stage).unwrap();
        let beside = beside::configuration();
        Self::run_with(folder, vars, &["--config", &beside.to_string_lossy()]).await
    }

    /// Ends it, and starts it again with other variables over the same database and store.
    pub async fn restart(self, vars: &[(&str, &str)]) -> Self {
        let folder = self.end().await;
        Self::run(folder, vars).await
    }

    async fn run(folder: TempDir, vars: &[(&str, &str)]) -> Self {
        Self::run_with(folder, vars, &[]).await
    }

    async fn run_with(folder: TempDir, vars: &[(&str, &str)], more: &[&str]) -> Self {
        let (port, inspector) = (ports::free().unwrap(), ports::free().unwrap());
        let mut dev = command(folder.path(), &["dev", "--ip", "127.0.0.1"]);
        dev.args(["--port", &port.to_string(), "--show-interactive-dev-session", "false"]);
        // The default is one port for all of them, which those that start at once take from each other.
        dev.args(["--inspector-port", &inspector.to_string()]);
        // A second configuration is of a Worker beside it.
        dev.args(more);
        for (name, value) in vars {
            dev.arg("--var").arg(format!("{name}:{value}"));
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        dev.stdout(log.try_clone().unwrap()).stderr(log);
        let child = dev.spawn().expect("wrangler starts");
        let server = Self { child, url: format!("http://127.0.0.1:{port}"), folder };
        server.wait().await;
        server
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its output so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it with its own processes: one that lives on would keep the database locked.
    pub async fn end(mut self) -> TempDir {
        let Some(group) = self.child.id().map(|id| format!("-{id}")) else {
            return self.folder;
        };
        let signal = async |name: &str| {
            let _ = Command::new("kill").args([name, "--", &group]).status().await;
        };
        signal("-TERM").await;
        let _ = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        signal("-KILL").await;
        self.folder
    }

    async fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while reqwest::get(format!("{}/health", self.url)).await.is_err() {
            assert!(Instant::now() < deadline, "wrangler does not answer:\n{}", self.log());
            // Real time: between two looks.
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The project's own configuration, for a bundle that is built already.
fn configuration(bundle: &Path) -> String {
    let own = fs::read_to_string(paths::root().join("wrangler.toml")).unwrap();
    let built = bundle.join("index.js");
    let migrations = paths::root().join("migrations");
    let (head, rest) = own.split_once("[build]").unwrap();
    let rest = rest.split_once("\n\n").unwrap().1;
    format!("{head}\n{rest}")
        .replace("build/index.js", &built.to_string_lossy())
        .replace("\"migrations\"", &format!("{:?}", migrations.to_string_lossy()))
}

/// Makes the tables of this server's own database.
async fn migrate(folder: &Path) {
    let apply = ["d1", "migrations", "apply", "MCP_DB", "--local"];
    let migrated = command(folder, &apply).output().await.unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = node();
    command.arg(paths::root().join("node_modules/wrangler/bin/wrangler.js")).args(arguments);
    command.arg("--config").arg(folder.join("wrangler.toml"));
    command.arg("--persist-to").arg(folder.join("state")).current_dir(folder);
    command.env("WRANGLER_SEND_METRICS", "false").env("CI", "1").stdin(Stdio::null());
    // Where each finds the others of the machine; here each is alone.
    command.env("WRANGLER_REGISTRY_PATH", folder.join("registry")).process_group(0);
    command
}

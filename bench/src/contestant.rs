//! The contestants: this project, the floors, and servers built with Cloudflare's own library.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde_json::json;
use xtask::{
    bundle::{self, Flavour, gzip_size, raw_size},
    capnp,
    exec::{run, say},
    paths, setup,
};

use crate::{
    messages::Caller,
    workerd::{Front, Worker},
};

/// Who.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contestant {
    /// This project as it is deployed: a key at the door, a limit of requests (never reached here), and
    /// a line in the log for each request.
    Ours,
    /// The same without key, limit and lines.
    Quiet,
    /// Another build of this project, run like [`Contestant::Ours`].
    Before,
    /// As deployed, with all sessions of a caller in one object.
    Subject,
    /// As deployed, with an upstream behind it. It is a development server, because only that one
    /// reaches a plain HTTP server on loopback.
    Gateway,
    /// A proxy of FastMCP (Python), with the same upstream behind it.
    FastMcp,
    /// A bare Rust Worker with an object, which writes a line for each request as long as ours.
    Floor,
    /// The floor, reading what it passes on: what a server must that looks at a call of an upstream and at its answer.
    Reading,
    /// The floor without lines.
    Silent,
    /// The floor with as many classes of objects as ours: the local runtime opens a database for each.
    Classes,
    /// `McpAgent` of npm `agents`: stateful.
    McpAgent,
    /// `createMcpHandler` of npm `agents`: stateless.
    McpHandler,
}

/// The key that callers of [`Contestant::Ours`] send.
const KEY: &str = "a-key-for-benchmarks-on-loopback";

impl Contestant {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 8] = [
        Self::Ours,
        Self::Quiet,
        Self::Subject,
        Self::Floor,
        Self::Silent,
        Self::Classes,
        Self::McpAgent,
        Self::McpHandler,
    ];

    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "sitebay-mcp",
            Self::Quiet => "sitebay-mcp, no key, limit or lines",
            Self::Before => "the other build",
            Self::Subject => "sitebay-mcp, placement `subject`",
            Self::Gateway => "sitebay-mcp, as a gateway",
            Self::FastMcp => "FastMCP proxy",
            Self::Floor => "floor",
            Self::Reading => "floor that reads",
            Self::Silent => "floor, no lines",
            Self::Classes => "floor, as many classes",
            Self::McpAgent => "`McpAgent`",
            Self::McpHandler => "`createMcpHandler`",
        }
    }

    /// Its caller.
    #[must_use]
    pub fn caller(self) -> Caller {
        let caller = Caller::at("/mcp");
        match self {
            Self::Ours | Self::Before => caller.with_key(KEY),
            Self::Gateway => Caller::at("/u/bench/mcp").with_key(KEY),
            Self::Subject => caller.with_key(KEY).with_token("bench"),
            _ => caller,
        }
    }

    /// Whether it is this project.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Quiet | Self::Before | Self::Subject | Self::Gateway)
    }
}

/// The Workers, built.
#[derive(Debug, Clone)]
pub struct Built {
    ours: PathBuf,
    /// Our bundle as it is deployed.
    pub production: PathBuf,
    floor: PathBuf,
    agent: PathBuf,
    handler: PathBuf,
    /// The bundle of [`Contestant::Before`], with the fixture tools; empty: there is none.
    pub before: PathBuf,
    /// Bytes of the line that the floor writes.
    pub line: usize,
    /// The port of the server to which the floor relays and which stands behind the gateway; 0: none.
    pub upstream: u16,
    /// The port of [`Contestant::FastMcp`], which is a process of its own; 0: none.
    pub other: u16,
}

impl Built {
    /// Builds all contestants; the peers' packages are installed on first use.
    ///
    /// # Errors
    /// Where one cannot be built.
    pub fn new() -> Result<Self> {
        bundle::build_all()?;
        let (production, ours) = (Flavour::Production.folder(), Flavour::Fixtures.folder());
        let floor = bundle::build_floor()?;
        install()?;
        let (agent, handler) = (peer("mcp_agent")?, peer("mcp_handler")?);
        let before = PathBuf::new();
        Ok(Self {
            ours,
            production,
            floor,
            agent,
            handler,
            before,
            line: LINE,
            upstream: 0,
            other: 0,
        })
    }

    /// This project and the floor only.
    ///
    /// # Errors
    /// Where one cannot be built.
    pub fn guarded() -> Result<Self> {
        let ours = bundle::build(Flavour::Fixtures)?.folder;
        let (production, floor) = (Flavour::Production.folder(), bundle::build_floor()?);
        let [agent, handler, before] = [const { PathBuf::new() }; 3];
        Ok(Self {
            ours,
            production,
            floor,
            agent,
            handler,
            before,
            line: LINE,
            upstream: 0,
            other: 0,
        })
    }

    /// The same where calls are passed on to the server at `upstream`, and [`Contestant::FastMcp`] listens at `other`.
    #[must_use]
    pub fn relaying(&self, upstream: u16, other: u16) -> Self {
        Self { upstream, other, ..self.clone() }
    }

    /// How to run one.
    #[must_use]
    pub fn worker(&self, who: Contestant) -> Worker {
        let var = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let behind = format!("http://127.0.0.1:{}/upstream", self.upstream);
        let line = || vec![var("LINE_BYTES", &self.line.to_string()), var("RELAY_TO", &behind)];
        let (folder, objects, flags, vars): (_, &[_], &[_], _) = match who {
            Contestant::Ours | Contestant::Quiet | Contestant::Subject => {
                (&self.ours, &capnp::OBJECTS, &[], variables(who))
            }
            Contestant::Before => (&self.before, &capnp::OBJECTS, &[], variables(who)),
            Contestant::Gateway => {
                let upstreams = json!({ "bench": { "url": behind, "era": "stateless" } });
                let mut vars = variables(who);
                vars.push(var("ENVIRONMENT", "development"));
                vars.push(var("UPSTREAMS", &upstreams.to_string()));
                (&self.ours, &capnp::OBJECTS, &[], vars)
            }
            Contestant::Floor | Contestant::Reading => {
                (&self.floor, &[("FLOOR", "Floor")], &[], line())
            }
            Contestant::Silent => (&self.floor, &[("FLOOR", "Floor")], &[], Vec::new()),
            Contestant::Classes => (&self.floor, &capnp::OBJECTS, &[], line()),
            Contestant::McpAgent => {
                (&self.agent, &[("PEER_AGENT", "PeerAgent")], &["nodejs_compat"], Vec::new())
            }
            // Not a Worker.
            Contestant::FastMcp => (&self.floor, &[], &[], Vec::new()),
            Contestant::McpHandler => (&self.handler, &[], &["nodejs_compat"], Vec::new()),
        };
        let front = match who {
            Contestant::Classes => Front::StandIn("Floor"),
            _ => Front::Bundle,
        };
        Worker { folder: folder.clone(), objects, flags, vars, front, counted: false, v8: &[] }
    }

    /// The same as it is deployed: ours without the fixture tools.
    #[must_use]
    pub fn deployed(&self, who: Contestant) -> Worker {
        let worker = self.worker(who);
        match worker.folder == self.ours {
            true => Worker { folder: self.production.clone(), ..worker },
            false => worker,
        }
    }

    /// The size of a bundle, raw and `gzip -9`, in bytes. Ours is the one that is deployed.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn size(&self, who: Contestant) -> Result<(u64, u64)> {
        let folder = match who {
            Contestant::Ours | Contestant::Quiet | Contestant::Subject | Contestant::Gateway => {
                &self.production
            }
            Contestant::Before => &self.before,
            Contestant::Floor
            | Contestant::Reading
            | Contestant::Silent
            | Contestant::Classes
            | Contestant::FastMcp => &self.floor,
            Contestant::McpAgent => &self.agent,
            Contestant::McpHandler => &self.handler,
        };
        Ok((raw_size(folder), gzip_size(folder)?))
    }
}

/// Bytes of a line of ours, until it was measured.
const LINE: usize = 400;

/// The variables of this project: those of a deployment, or none of what it adds to a request.
fn variables(who: Contestant) -> Vec<(String, String)> {
    let var = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut vars = vec![
        var("SESSION_KEY", xtask::server::LOCAL_SESSION_KEY),
        var("CREDENTIAL_KEY", xtask::server::LOCAL_CREDENTIAL_KEY),
    ];
    if who == Contestant::Quiet {
        vars.push(var("ENVIRONMENT", "development"));
        vars.push(var("LOG_LEVEL", "warn"));
        vars.push(var("RATE_LIMIT", "off"));
    } else {
        vars.push(var("MCP_API_KEY", KEY));
        vars.push(var("RATE_LIMIT", "1000000000"));
    }
    if who == Contestant::Subject {
        vars.push(var("SESSION_PLACEMENT", "subject"));
    }
    vars
}

fn folder() -> PathBuf {
    paths::root().join("bench/peers")
}

/// The packages of the peers: once for each state of their lock file.
fn install() -> Result<()> {
    let flags = ["--legacy-peer-deps"];
    setup::npm_install(&folder(), "the peers of the benchmark", &flags)
}

/// Bundles a peer as its users do, with wrangler; returns the folder of the bundle.
fn peer(name: &str) -> Result<PathBuf> {
    let to = paths::root().join("target/bench").join(name);
    let (lock, source) = (folder().join("package-lock.json"), folder().join(format!("{name}.js")));
    let wanted = [fs::read(lock)?, fs::read(&source)?].concat();
    let stamp = to.join(".made-from");
    if fs::read(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(to);
    }
    say(&format!("bundling {name}"));
    wrangler(&source, &to)?;
    fs::rename(to.join(format!("{name}.js")), to.join("index.js"))
        .with_context(|| format!("{}: wrangler made no bundle", to.display()))?;
    fs::write(stamp, wanted)?;
    Ok(to)
}

fn wrangler(source: &Path, to: &Path) -> Result<()> {
    run(Command::new(paths::npm_bin("node"))
        .arg(paths::root().join("node_modules/wrangler/bin/wrangler.js"))
        .arg("deploy")
        .arg(source)
        .args(["--dry-run", "--config"])
        .arg(folder().join("wrangler.jsonc"))
        .arg("--outdir")
        .arg(to)
        .env("WRANGLER_SEND_METRICS", "false")
        .stdout(std::process::Stdio::null())
        .current_dir(folder()))
}

//! A running server: the built Worker on plain `workerd`, and the sandbox it talks to.

use std::{
    fs, iter,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use sandbox::{
    Sandbox,
    bindings::Bindings,
    cloudflare::{self, Cloudflare},
};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    account,
    bindings::{Bound, are_experimental},
    bundle::FILES,
    capnp::{self, Configuration},
    faults::Faults,
    paths, ports,
};

/// A key for sessions that dev, serve and tests use where none is given. Anyone can read it here:
/// it protects nothing but a server on this machine's loopback.
pub const LOCAL_SESSION_KEY: &str = "bG9jYWwtZGV2ZWxvcG1lbnQtc2Vzc2lvbi1rZXkhISE";

/// The same for credentials that tasks keep.
pub const LOCAL_CREDENTIAL_KEY: &str = "bG9jYWwtZGV2ZWxvcG1lbnQtY3JlZGVudGlhbC1rZXkh";

/// The file of the log, in the folder of the server.
const LOG: &str = "workerd.log";

/// The file of a module in front of the Worker.
const FRONT: &str = "front.js";

/// How to run the server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the bundle.
    pub bundle: PathBuf,
    /// The port of the first isolate; 0 takes a free one.
    pub port: u16,
    /// How many isolates share one object namespace.
    pub isolates: usize,
    /// Where objects are stored. None: a temporary folder.
    pub storage: Option<PathBuf>,
    /// Variables, later ones win. An empty value removes a variable.
    pub vars: Vec<(String, String)>,
    /// The sandbox to start; None when `SITEBAY_API_URL` is among the variables.
    pub sandbox: Option<sandbox::Options>,
    /// The account at Cloudflare whose stages it operates; None: what its variables say.
    pub cloudflare: Option<cloudflare::Options>,
    /// Whether a Worker is beside it whose objects of the class `ChatDO` are bound as `APP_CHAT`.
    pub chat: bool,
    /// KV, D1, R2, Analytics Engine and assets to bind; None: the Worker has none of them.
    pub bound: Option<Bound>,
    /// Flags of V8.
    pub v8: Vec<String>,
    /// The environment of `workerd`, beside this process's own.
    pub environment: Vec<(String, PathBuf)>,
    /// Faults of its objects.
    pub faults: Option<Faults>,
    /// A module to load in front of the built Worker, which it imports from `./index.js`. Not with faults.
    pub front: Option<String>,
    /// Whether the Worker's log goes to standard error; else [`Server::log`] has it.
    pub verbose: bool,
}

impl Options {
    /// A server of this bundle with everything else as a test wants it.
    pub fn new(bundle: impl Into<PathBuf>) -> Self {
        Self {
            bundle: bundle.into(),
            port: 0,
            isolates: 1,
            storage: None,
            vars: Vec::new(),
            sandbox: Some(sandbox::Options::default()),
            cloudflare: None,
            chat: false,
            bound: None,
            v8: Vec::new(),
            environment: Vec::new(),
            faults: None,
            front: None,
            verbose: false,
        }
    }

    /// The same with everything bound that `wrangler.toml` binds.
    ///
    /// # Errors
    /// Where `wrangler.toml` or the migrations cannot be read.
    pub fn with_bindings(self) -> Result<Self> {
        Ok(Self { bound: Some(Bound::declared()?), ..self })
    }

    /// The module in front of the Worker.
    fn module(&self) -> Option<String> {
        self.faults.as_ref().map(Faults::module).or_else(|| self.front.clone())
    }

    /// The same with a variable set.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running server. Dropping it ends the processes and removes a temporary storage.
#[derive(Debug)]
pub struct Server {
    child: Child,
    ports: Vec<u16>,
    folder: TempDir,
    storage: PathBuf,
    sandbox: Option<Sandbox>,
    cloudflare: Option<Cloudflare>,
    bound: Option<Bound>,
    bindings: Option<Bindings>,
    environment: Vec<(String, PathBuf)>,
}

impl Server {
    /// Starts the server and waits until it accepts connections.
    pub async fn start(options: &Options) -> Result<Self> {
        let sandbox = match &options.sandbox {
            Some(wanted) => Some(Sandbox::start(wanted.clone()).await?),
            None => None,
        };
        let cloudflare = match &options.cloudflare {
            Some(wanted) => Some(Cloudflare::start(wanted.clone()).await?),
            None => None,
        };
        let bindings = match &options.bound {
            Some(bound) => Some(Bindings::start(bound.sandbox.clone()).await?),
            None => None,
        };
        let folder = tempfile::tempdir()?;
        let storage = prepare(folder.path(), options)?;
        let vars = variables(options, sandbox.as_ref(), cloudflare.as_ref());
        // A port found free may be taken a moment later by another program.
        for _ in 0..5 {
            let ports = ports(options)?;
            let text = configuration(options, &ports, &vars, bindings.as_ref());
            fs::write(folder.path().join("config.capnp"), text)?;
            let environment = options.environment.clone();
            let bound = options.bound.clone();
            let mut child = spawn(folder.path(), &environment, bound.as_ref(), options.verbose)?;
            if listening(&mut child, &ports).await? {
                return Ok(Self {
                    child,
                    ports,
                    folder,
                    storage,
                    sandbox,
                    cloudflare,
                    bound,
                    bindings,
                    environment,
                });
            }
            if options.port != 0 {
                bail!("workerd ended at its start: is port {} taken?", options.port);
            }
        }
        bail!("workerd ended at its start, five times")
    }

    /// The URL of the first isolate, without trailing slash.
    pub fn url(&self) -> String {
        self.urls().into_iter().next().unwrap_or_default()
    }

    /// The URL of every isolate.
    pub fn urls(&self) -> Vec<String> {
        self.ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
    }

    /// The sandbox, where one was started.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_ref()
    }

    /// The stand-in for Cloudflare's API, where one was started.
    pub fn cloudflare(&self) -> Option<&Cloudflare> {
        self.cloudflare.as_ref()
    }

    /// The stand-in for what is bound, where something is.
    pub fn bindings(&self) -> Option<&Bindings> {
        self.bindings.as_ref()
    }

    /// The folder in which objects are stored.
    pub fn storage(&self) -> &Path {
        &self.storage
    }

    /// The log of `workerd` and the Worker so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// The process of `workerd`.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// The same with the variables and the faults of other options. What is bound stays.
    pub async fn restart_with(&mut self, options: &Options) -> Result<()> {
        if let Some(front) = options.module() {
            fs::write(self.folder.path().join(FRONT), front)?;
        }
        let vars = variables(options, self.sandbox.as_ref(), self.cloudflare.as_ref());
        let options = Options { bound: self.bound.clone(), ..options.clone() };
        let text = configuration(&options, &self.ports, &vars, self.bindings.as_ref());
        fs::write(self.folder.path().join("config.capnp"), text)?;
        self.restart().await
    }

    /// Ends the processes, and starts `workerd` again over the same storage and ports.
    pub async fn restart(&mut self) -> Result<()> {
        self.child.kill().await?;
        self.child = spawn(self.folder.path(), &self.environment, self.bound.as_ref(), false)?;
        if !listening(&mut self.child, &self.ports).await? {
            bail!("workerd did not come back");
        }
        Ok(())
    }

    /// Waits until `workerd` ends by itself.
    pub async fn ended(&mut self) -> Result<()> {
        let status = self.child.wait().await?;
        bail!("workerd ended: {status}")
    }
}

fn prepare(folder: &Path, options: &Options) -> Result<PathBuf> {
    for name in FILES {
        let from = options.bundle.join(name);
        fs::copy(&from, folder.join(name))
            .with_context(|| format!("{}: build the Worker first", from.display()))?;
    }
    if let Some(module) = options.module() {
        fs::write(folder.join(FRONT), module)?;
    }
    if options.chat {
        fs::write(folder.join(capnp::CHAT), include_str!("../../dev/chat.js"))?;
    }
    let storage = folder.join("storage");
    let Some(wanted) = &options.storage else {
        fs::create_dir(&storage)?;
        return Ok(storage);
    };
    fs::create_dir_all(wanted)?;
    std::os::unix::fs::symlink(fs::canonicalize(wanted)?, &storage)?;
    Ok(wanted.clone())
}

fn configuration(
    options: &Options,
    ports: &[u16],
    vars: &[(String, String)],
    bindings: Option<&Bindings>,
) -> String {
    capnp::render(&Configuration {
        ports,
        vars,
        v8: &options.v8,
        main: options.module().map(|_| FRONT),
        chat: options.chat,
        bindings: options.bound.as_ref().map_or(&[], |bound| &bound.bindings),
        bound_at: &bindings.map(Bindings::address).unwrap_or_default(),
    })
}

fn variables(
    options: &Options,
    sandbox: Option<&Sandbox>,
    cloudflare: Option<&Cloudflare>,
) -> Vec<(String, String)> {
    let mut vars: Vec<(String, String)> = vec![
        ("ENVIRONMENT".into(), "development".into()),
        ("SESSION_KEY".into(), LOCAL_SESSION_KEY.into()),
        ("CREDENTIAL_KEY".into(), LOCAL_CREDENTIAL_KEY.into()),
    ];
    if let Some(sandbox) = sandbox {
        vars.push(("SITEBAY_API_URL".into(), sandbox.url()));
        vars.push(("SITEBAY_API_TOKEN".into(), "sandbox-token-for-development".into()));
    }
    vars.extend(cloudflare.map(account::settings).unwrap_or_default());
    let elsewhere =
        |(name, value): &(String, String)| name == "ENVIRONMENT" && value != "development";
    if !options.vars.iter().any(elsewhere) {
        // Benchmarks and test suites ask as fast as they can.
        vars.push(("RATE_LIMIT".into(), "off".into()));
    }
    for (name, value) in &options.vars {
        vars.retain(|(known, _)| known != name);
        if !value.is_empty() {
            vars.push((name.clone(), value.clone()));
        }
    }
    vars
}

fn ports(options: &Options) -> Result<Vec<u16>> {
    let asked = (options.port != 0).then_some(options.port);
    let more = options.isolates.max(1) - asked.iter().count();
    let free = iter::repeat_with(|| Ok(ports::free()?)).take(more);
    asked.map(Ok).into_iter().chain(free).collect()
}

fn spawn(
    folder: &Path,
    environment: &[(String, PathBuf)],
    bound: Option<&Bound>,
    verbose: bool,
) -> Result<Child> {
    let kept = || fs::OpenOptions::new().create(true).append(true).open(folder.join(LOG));
    let (out, err) = match verbose {
        true => (Stdio::null(), Stdio::inherit()),
        false => (kept()?.into(), kept()?.into()),
    };
    let experimental = bound.is_some_and(|bound| are_experimental(&bound.bindings));
    Command::new(paths::workerd())
        .args(["serve", "config.capnp"])
        .args(experimental.then_some("--experimental"))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        // It does not end on SIGTERM while a connection is open.
        .kill_on_drop(true)
        .spawn()
        .context("cannot start workerd")
}

/// Whether every port accepts connections; false when the process ended instead.
async fn listening(child: &mut Child, ports: &[u16]) -> Result<bool> {
    let deadline = Instant::now() + Duration::from_secs(20);
    for port in ports {
        while TcpStream::connect(("127.0.0.1", *port)).await.is_err() {
            if child.try_wait()?.is_some() {
                return Ok(false);
            }
            if Instant::now() > deadline {
                bail!("workerd does not listen on port {port}");
            }
            sleep(Duration::from_millis(3)).await;
        }
    }
    Ok(child.try_wait()?.is_none())
}

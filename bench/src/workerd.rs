//! A Worker on plain `workerd`: the same configuration for every contestant.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::sleep,
};
use xtask::{bundle::FILES, capnp::COMPATIBILITY_DATE, paths, ports};

use crate::http::Connection;

/// Counts around a Worker, in a module of its own.
const COUNTING: &str = include_str!("../counting/counting.js");
/// How long a Worker may take to start.
const START: Duration = Duration::from_secs(20);
const CONFIG: &str = "config.capnp";
const LOG: &str = "log";

/// A Worker to run.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The bundle: [`FILES`], of which a peer has only some.
    pub folder: PathBuf,
    /// Its objects: binding and class.
    pub objects: &'static [(&'static str, &'static str)],
    /// Compatibility flags.
    pub flags: &'static [&'static str],
    /// Variables.
    pub vars: Vec<(String, String)>,
    /// The module in front of the bundle.
    pub front: Front,
    /// Whether requests to objects and writes are counted.
    pub counted: bool,
    /// Flags of the JavaScript engine.
    pub v8: &'static [&'static str],
}

/// The module that the runtime loads in the place of the bundle's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// None: the bundle has all classes of the objects, and answers.
    Bundle,
    /// One class of the bundle stands for every class of the objects.
    StandIn(&'static str),
    /// Every request is answered in JavaScript; the bundle is loaded, and nothing of it is called.
    Idle,
}

/// A running Worker. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    folder: TempDir,
    /// Where it listens.
    pub port: u16,
}

impl Process {
    /// Starts a Worker and waits until it listens.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn start(worker: &Worker) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("storage"))?;
        let modules = modules(worker, folder.path())?;
        // Another program may take the port before it listens.
        for _ in 0..5 {
            let port = ports::free()?;
            fs::write(folder.path().join(CONFIG), configuration(worker, &modules, port))?;
            let mut child = spawn(folder.path())?;
            if listens(&mut child, port).await? {
                return Ok(Self { child, folder, port });
            }
        }
        bail!("workerd ended at its start: {}", log(folder.path()))
    }

    /// The time from the start of the process to the first answer.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn first_answer(worker: &Worker, request: &[u8]) -> Result<Duration> {
        let began = Instant::now();
        let process = Self::start(worker).await?;
        let head = Connection::open(process.port).await?.ask(request).await?;
        match head.status {
            200 => Ok(began.elapsed()),
            status => bail!("the first answer is {status}: {}", process.log()),
        }
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    /// A file that it wrote into its folder.
    ///
    /// # Errors
    /// Where there is none.
    pub fn file(&self, name: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.folder.path().join(name))?).into_owned())
    }

    /// The folder in which its objects are stored.
    #[must_use]
    pub fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    /// Its memory in bytes; None where the system does not say.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        resident(self.child.id()?)
    }

    /// The processor's time that it took so far; None where the system does not say.
    #[must_use]
    pub fn processor(&self) -> Option<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        let (_, behind) = text.rsplit_once(") ")?;
        let mut fields = behind.split(' ').skip(11);
        let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        // Linux counts in hundredths for every program, regardless of the kernel's own ticks.
        Some(Duration::from_millis(ticks * 10))
    }
}

/// The memory of a process in bytes; None where the system does not say.
#[must_use]
pub fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join(LOG)).unwrap_or_default()
}

fn spawn(folder: &Path) -> Result<Child> {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join(LOG))?;
    Command::new(paths::workerd())
        .args(["serve", CONFIG])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start workerd")
}

/// Whether it accepts connections; false when it ended instead.
async fn listens(child: &mut Child, port: u16) -> Result<bool> {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        if began.elapsed() > START {
            bail!("workerd does not listen");
        }
        sleep(Duration::from_millis(1)).await;
    }
    Ok(true)
}

/// Puts the modules into the folder: their names, the entry first.
fn modules(worker: &Worker, folder: &Path) -> Result<Vec<&'static str>> {
    let mut names = Vec::new();
    if worker.counted {
        fs::write(folder.join("counting.js"), COUNTING)?;
        fs::write(folder.join("entry.js"), counting_entry(worker.objects))?;
        names.extend(["entry.js", "counting.js"]);
    } else if worker.front != Front::Bundle {
        fs::write(folder.join("entry.js"), front(worker.front, worker.objects))?;
        names.push("entry.js");
    }
    let bundled = FILES.into_iter().filter(|name| worker.folder.join(name).exists());
    let bundled: Vec<_> = bundled.collect();
    names.extend(&bundled);
    for name in bundled {
        let from = worker.folder.join(name);
        fs::copy(&from, folder.join(name)).with_context(|| from.display().to_string())?;
    }
    Ok(names)
}

/// The module that counts around the bundle.
fn counting_entry(objects: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "import * as inner from \"./index.js\";\n\
         import { counted, counting } from \"./counting.js\";\n\
         export default counting(inner.default);\n",
    );
    for (_, class) in objects {
        let _ = writeln!(text, "export const {class} = counted(inner.{class});");
    }
    text
}

/// The text of the module in front of the bundle.
fn front(front: Front, objects: &[(&str, &str)]) -> String {
    let mut text = "import * as inner from \"./index.js\";\n".to_owned();
    text.push_str(match front {
        Front::Idle => "export default { fetch: () => new Response(\"{}\") };\n",
        Front::Bundle | Front::StandIn(_) => "export default inner.default;\n",
    });
    for (_, name) in objects {
        let class = if let Front::StandIn(class) = front { class } else { name };
        let _ = writeln!(text, "export const {name} = inner.{class};");
    }
    text
}

fn configuration(worker: &Worker, modules: &[&str], port: u16) -> String {
    let mut bindings = String::new();
    let mut namespaces = String::new();
    for (binding, class) in worker.objects {
        let _ = writeln!(bindings, "(name = \"{binding}\", durableObjectNamespace = \"{class}\"),");
        let _ = writeln!(
            namespaces,
            "(className = \"{class}\", uniqueKey = \"bench-{class}\", enableSql = true),"
        );
    }
    for (name, value) in &worker.vars {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(bindings, "(name = \"{name}\", text = \"{value}\"),");
    }
    let storage = if worker.objects.is_empty() {
        String::new()
    } else {
        format!(
            "durableObjectNamespaces = [\n{namespaces}],\n\
             durableObjectStorage = (localDisk = \"storage\"),\n"
        )
    };
    let v8: Vec<String> = worker.v8.iter().map(|flag| format!("\"{flag}\"")).collect();
    let flags: Vec<String> = worker.flags.iter().map(|flag| format!("\"{flag}\"")).collect();
    let modules: String = modules.iter().map(|name| module(name)).collect();
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n{}\
         services = [\n\
         (name = \"main\", worker = .worker),\n\
         (name = \"internet\", network = (allow = [\"public\", \"private\"], \
         tlsOptions = (trustBrowserCas = true))),\n\
         (name = \"storage\", disk = (path = \"storage\", writable = true)),\n],\n\
         sockets = [(name = \"http\", address = \"127.0.0.1:{port}\", http = (), service = \"main\")],\n\
         extensions = [(modules = [{EMAIL}])],\n);\n\
         const worker :Workerd.Worker = (\nmodules = [\n{modules}],\n\
         compatibilityDate = \"{COMPATIBILITY_DATE}\", compatibilityFlags = [{}],\n\
         bindings = [\n{bindings}],\n{storage}globalOutbound = \"internet\",\n);\n",
        if v8.is_empty() { String::new() } else { format!("v8Flags = [{}],\n", v8.join(", ")) },
        flags.join(", ")
    )
}

/// Modules that the bundle of `agents` imports and plain `workerd` lacks.
const EMAIL: &str = "(name = \"cloudflare-internal:email\", internal = true, \
     esModule = \"export default {}; export class EmailMessage {}\")";

fn module(name: &str) -> String {
    let kind = if name.ends_with(".wasm") { "wasm" } else { "esModule" };
    format!("(name = \"{name}\", {kind} = embed \"{name}\"),\n")
}

//! Where a run took place, and of which versions.

use std::{fs, path::Path};

use serde_json::Value;
use xtask::{exec::output, paths};

/// The facts about a machine that a comparison needs.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The processor and how many of its cores there are.
    pub processor: String,
    /// Memory, and the system.
    pub system: String,
    /// How busy the machine was before the run.
    pub load: String,
    /// The versions that were run.
    pub versions: String,
}

impl Machine {
    /// This one, now.
    #[must_use]
    pub fn here() -> Self {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let model = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
        let memory = line("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kilobytes: u64 = memory.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let system = format!("{:.0} GiB, {}", kilobytes as f64 / 1_048_576.0, std::env::consts::OS);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        Self { processor: format!("{cores} × {model}"), system, load, versions: versions() }
    }
}

fn line(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn versions() -> String {
    let (root, peers) = (paths::root(), paths::root().join("bench/peers"));
    let npm = |folder: &Path, name: &str| {
        let file = folder.join("node_modules").join(name).join("package.json");
        let text = fs::read(file).unwrap_or_default();
        let package: Value = serde_json::from_slice(&text).unwrap_or_default();
        let version = package.get("version").and_then(Value::as_str).unwrap_or("unknown");
        format!("{name} {version}")
    };
    let mut rustc = std::process::Command::new("rustc");
    let rustc = output(rustc.arg("+nightly").arg("-V")).unwrap_or_default();
    let names = [
        npm(&root, "workerd"),
        npm(&root, "wrangler"),
        npm(&peers, "agents"),
        npm(&peers, "@modelcontextprotocol/sdk"),
        npm(&peers, "@modelcontextprotocol/server"),
        rustc.trim().to_owned(),
    ];
    names.join(", ")
}

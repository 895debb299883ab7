//! First-time set-up: what a machine with rustup and npm still lacks. Each step looks first, so
//! that nothing is done twice.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::{output, run, say},
    paths,
};

const WORKER_BUILD: &str = "0.8.7";
const WASM: &str = "wasm32-unknown-unknown";

/// How the Worker is compiled: what a panic does in it depends on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panics {
    /// A panic is caught and answered. Needs a nightly toolchain with the standard library's source.
    Unwind,
    /// A panic takes the whole isolate down. What stable can build.
    Abort,
}

/// Everything that building needs; returns what this machine can build.
pub fn for_build() -> Result<Panics> {
    npm_packages()?;
    let panics = toolchains()?;
    // The crate's own lock file names a package that not every index has.
    cargo_tool("wasm-bindgen-cli", &wasm_bindgen_version()?, &["--bin", "wasm-bindgen"])?;
    cargo_tool("worker-build", WORKER_BUILD, &["--locked"])?;
    Ok(panics)
}

/// The packages of `package.json`.
pub fn npm_packages() -> Result<()> {
    let what = "workerd, wrangler, esbuild, binaryen, node, test clients and servers";
    npm_install(&paths::root(), what, &[])
}

/// The packages of a folder: once for each state of its lock file.
pub fn npm_install(folder: &Path, what: &str, more: &[&str]) -> Result<()> {
    let stamp = folder.join("node_modules/.installed-lock.json");
    let wanted = fs::read(folder.join("package-lock.json")).context("package-lock.json")?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(&format!("installing npm packages ({what})"));
    // Not `ci`: it fails where a registry lacks the packages of another platform.
    let flags = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(flags).args(more).current_dir(folder))
        .context("set-up needs Node with npm")?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// A Python with the packages of the Python client and of the FastMCP server.
pub fn python() -> Result<Option<PathBuf>> {
    python_with("python", "requirements.txt", "tests with the Python client and the FastMCP server")
}

/// A Python with the fuzzer of HTTP interfaces: the client's packages are not all in its versions.
pub fn fuzzer() -> Result<Option<PathBuf>> {
    python_with("fuzzer", "fuzzer-requirements.txt", "fuzzing the admin API")
}

/// A Python with the Keboola MCP server, which needs another version of FastMCP.
pub fn keboola() -> Result<Option<PathBuf>> {
    python_with("keboola", "keboola-requirements.txt", "tests with the Keboola MCP server")
}

/// A Python with the packages of a list in `tests/clients`, made once for each state of that list.
/// None: this machine has no Python that could be one.
fn python_with(name: &str, list: &str, purpose: &str) -> Result<Option<PathBuf>> {
    let folder = paths::tools().join(name);
    let python = folder.join("bin/python");
    let list = paths::root().join("tests/clients").join(list);
    let stamp = folder.join("installed-requirements.txt");
    let wanted = fs::read(&list).with_context(|| list.display().to_string())?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Some(python));
    }
    let usable = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";
    if output(Command::new("python3").args(["-c", usable])).is_none() {
        return Ok(None);
    }
    say(&format!("installing Python packages (for {purpose})"));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let flags = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(&python).args(flags).arg(&list))?;
    fs::write(stamp, wanted)?;
    Ok(Some(python))
}

fn toolchains() -> Result<Panics> {
    if !abort_is_wanted() {
        if nightly().is_ok() {
            return Ok(Panics::Unwind);
        }
        say(
            "warning: no nightly toolchain with rust-src: building with panic=abort (tests of panics are skipped)",
        );
    }
    stable_target()?;
    Ok(Panics::Abort)
}

/// `SITEBAY_PANIC=abort` builds as a machine without nightly would.
fn abort_is_wanted() -> bool {
    std::env::var("SITEBAY_PANIC").as_deref() == Ok("abort")
}

fn stable_target() -> Result<()> {
    let installed = output(Command::new("rustup").args(["target", "list", "--installed"]));
    if installed.is_some_and(|list| list.lines().any(|line| line.trim() == WASM)) {
        return Ok(());
    }
    say("adding the wasm32 target");
    run(Command::new("rustup").args(["target", "add", WASM]))
}

fn nightly() -> Result<()> {
    let list = output(Command::new("rustup").args(["toolchain", "list"]))
        .context("set-up needs rustup")?;
    if !list.lines().any(|line| line.starts_with("nightly")) {
        say("installing a nightly toolchain (for panic=unwind)");
        run(Command::new("rustup").args(["toolchain", "install", "nightly", "--profile=minimal"]))?;
    }
    let components = ["component", "list", "--installed", "--toolchain=nightly"];
    let installed = output(Command::new("rustup").args(components)).unwrap_or_default();
    if !installed.lines().any(|line| line.starts_with("rust-src")) {
        say("adding the standard library's source to nightly");
        run(Command::new("rustup").args(["component", "add", "rust-src", "--toolchain=nightly"]))?;
    }
    if !installed.lines().any(|line| line.contains(WASM)) {
        say("adding the wasm32 target to nightly");
        run(Command::new("rustup").args(["target", "add", WASM, "--toolchain=nightly"]))?;
    }
    Ok(())
}

/// Installs a tool from the registry into `.tools`, in its exact version. `--debug`: these tools
/// are quick enough unoptimised, and build faster.
fn cargo_tool(name: &str, version: &str, flags: &[&str]) -> Result<()> {
    let stamp = paths::tools().join(format!("{name}-{version}"));
    if stamp.exists() {
        return Ok(());
    }
    say(&format!("installing {name} {version} (about a minute)"));
    run(Command::new("cargo")
        .args(["install", "--debug", "--force", name, "--version", version, "--root"])
        .arg(paths::tools())
        .args(flags)
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(std::env::temp_dir()))?;
    fs::write(stamp, version)?;
    Ok(())
}

/// The version in the lock file: the tool must match the crate exactly.
fn wasm_bindgen_version() -> Result<String> {
    let lock = fs::read_to_string(paths::root().join("Cargo.lock"))?;
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if line == "name = \"wasm-bindgen\""
            && let Some(version) = lines.next().and_then(|line| line.strip_prefix("version = \""))
        {
            return Ok(version.trim_end_matches('"').to_owned());
        }
    }
    bail!("Cargo.lock does not name wasm-bindgen")
}

//! Building the Worker with tools that set-up installed, and its size.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash as _, Hasher as _},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use flate2::{Compression, write::GzEncoder};

use crate::{
    exec::{run, say},
    exports, paths,
    setup::{self, Panics},
};

/// Which Worker to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// What is deployed.
    Production,
    /// The same with the fixture tools.
    Fixtures,
}

impl Flavour {
    /// Where the bundle of this flavour is.
    pub fn folder(self) -> PathBuf {
        match self {
            Self::Production => paths::root().join("build"),
            Self::Fixtures => paths::root().join("target/bundle-fixtures"),
        }
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Production => &[],
            Self::Fixtures => &["--features", "fixtures"],
        }
    }
}

/// A built Worker.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The folder with `index.js` and `index_bg.wasm`.
    pub folder: PathBuf,
    /// What a panic does in it.
    pub panics: Panics,
}

/// Builds the Worker unless the bundle that is there was made from the same sources.
pub fn build(flavour: Flavour) -> Result<Bundle> {
    let panics = setup::for_build()?;
    let folder = flavour.folder();
    let wanted = fingerprint(flavour, panics)?;
    let stamp = folder.join(".fingerprint");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(Bundle { folder, panics });
    }
    say(&format!("building the Worker ({flavour:?}, panic={panics:?})"));
    compile(flavour, panics, &folder)?;
    fs::write(stamp, wanted)?;
    Ok(Bundle { folder, panics })
}

/// Builds `bench/floor`, a crate of its own, as `worker-build` does for everybody, unless it is
/// current. Returns the folder of the bundle.
pub fn build_floor() -> Result<PathBuf> {
    let panics = setup::for_floor()?;
    let (from, to) = (paths::root().join("bench/floor"), paths::root().join("target/bundle-floor"));
    let mut hasher = DefaultHasher::new();
    format!("{panics:?}").hash(&mut hasher);
    hash_folder(&from, &mut hasher)?;
    let (wanted, stamp) = (format!("{:016x}", hasher.finish()), to.join(".fingerprint"));
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(to);
    }
    say("building the floor");
    let mut command = worker_build(panics, &to);
    run(command.env("CARGO_TARGET_DIR", paths::root().join("target/floor")).current_dir(from))?;
    fs::write(stamp, wanted)?;
    Ok(to)
}

/// The size of a bundle in bytes.
pub fn raw_size(folder: &Path) -> u64 {
    // A peer's bundle may have no WebAssembly.
    FILES
        .iter()
        .filter_map(|name| fs::metadata(folder.join(name)).ok())
        .map(|file| file.len())
        .sum()
}

/// The size of a bundle in bytes, as gzip compresses it best.
pub fn gzip_size(folder: &Path) -> Result<u64> {
    let mut total = 0;
    for name in FILES {
        if let Ok(bytes) = fs::read(folder.join(name)) {
            total += gzip(&bytes)?;
        }
    }
    Ok(total)
}

/// The files of a bundle.
const FILES: [&str; 2] = ["index.js", "index_bg.wasm"];

const WASM: &str = "wasm32-unknown-unknown";

/// From sources to `index.js` and `index_bg.wasm`, the steps of `worker-build` with an entry of our own.
fn compile(flavour: Flavour, panics: Panics, folder: &Path) -> Result<()> {
    run(&mut cargo(flavour, panics))?;
    let made = paths::root().join("target").join(WASM).join("release/sitebay_mcp.wasm");
    let staged = paths::root().join("target/bindings").join(format!("{flavour:?}"));
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    bind(&made, &staged)?;
    fs::create_dir_all(folder)?;
    bundle_script(&staged, &folder.join("index.js"))?;
    optimize(&staged.join("index_bg.wasm"), &folder.join("index_bg.wasm"))
}

fn cargo(flavour: Flavour, panics: Panics) -> Command {
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--lib", "--release", "--target", WASM]);
    command.args(flavour.features()).current_dir(paths::root());
    // Where `cargo run` and `cargo test` say what is true of xtask only.
    for name in ["RUSTUP_TOOLCHAIN", "CARGO_MANIFEST_DIR", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    command.env_remove("RUSTFLAGS");
    if panics == Panics::Unwind {
        command.env("RUSTUP_TOOLCHAIN", "nightly").args(["-Z", "build-std=std,panic_unwind"]);
        command.env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "panic-unwind");
        command.env("RUSTFLAGS", "-Cpanic=unwind");
    }
    // Futures of `js_sys`, as the libraries use them.
    command.env("WASM_BINDGEN_USE_JS_SYS", "1");
    command
}

/// The JavaScript around the module. An instance that a trap ended can be replaced.
fn bind(wasm: &Path, to: &Path) -> Result<()> {
    run(Command::new(paths::tools().join("bin/wasm-bindgen"))
        .args(["--target", "module", "--out-name", "index", "--no-typescript"])
        .args(["--experimental-reset-state-function", "--force-enable-abort-handler"])
        .arg("--out-dir")
        .arg(to)
        .arg(wasm))?;
    let script = to.join("index.js");
    // The runtime gives a module of WebAssembly to a plain import.
    let plain = fs::read_to_string(&script)?.replace("import source ", "import ");
    Ok(fs::write(script, plain)?)
}

/// Joins the entry and the bindings.
fn bundle_script(staged: &Path, to: &Path) -> Result<()> {
    let entry = staged.join("entry.js");
    fs::copy(paths::root().join("src/entry.js"), &entry)?;
    run(Command::new(paths::npm_bin("esbuild"))
        .arg(entry)
        .args(["--bundle", "--minify", "--format=esm", "--log-level=warning"])
        // The bindings name a module of ours once for each function that needs no glue.
        .arg("--log-override:duplicate-object-key=silent")
        .args(["--external:./index_bg.wasm", "--external:cloudflare:*"])
        .arg(format!("--outfile={}", to.display())))
}

/// Removes unused exports, and optimizes for speed.
fn optimize(bound: &Path, to: &Path) -> Result<()> {
    fs::write(bound, exports::without_unused(&fs::read(bound)?)?)?;
    run(Command::new(paths::npm_bin("wasm-opt"))
        .args(["--all-features", "-O3"])
        // The name section is for debuggers, and half as large as the code.
        .args(["--strip-debug", "--strip-producers"])
        .arg(bound)
        .arg("-o")
        .arg(to))
}

/// `worker-build`, as others use it.
fn worker_build(panics: Panics, folder: &Path) -> Command {
    let bin = paths::tools().join("bin");
    let mut command = Command::new(bin.join("worker-build"));
    command.args(["--release", "--out-dir"]).arg(folder);
    command.env_remove("RUSTUP_TOOLCHAIN");
    if panics == Panics::Unwind {
        command.arg("--panic-unwind").env("RUSTUP_TOOLCHAIN", "nightly");
    }
    command
        .env("WASM_BINDGEN_BIN", bin.join("wasm-bindgen"))
        .env("WASM_OPT_BIN", paths::npm_bin("wasm-opt"))
        .env("ESBUILD_BIN", paths::npm_bin("esbuild"))
        // Set by `cargo run`, and then true of xtask only.
        .env_remove("CARGO_MANIFEST_DIR");
    command
}

fn gzip(bytes: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

/// A hash of everything the bundle is made from.
fn fingerprint(flavour: Flavour, panics: Panics) -> Result<String> {
    let root = paths::root();
    let mut hasher = DefaultHasher::new();
    format!("{flavour:?} {panics:?}").hash(&mut hasher);
    let own = ["xtask/src/bundle.rs", "xtask/src/exports.rs"];
    for name in ["Cargo.toml", "Cargo.lock", "package-lock.json"].into_iter().chain(own) {
        fs::read(root.join(name))?.hash(&mut hasher);
    }
    for folder in ["src", "crates"] {
        hash_folder(&root.join(folder), &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            hash_folder(&path, hasher)?;
        } else {
            path.to_string_lossy().hash(hasher);
            fs::read(&path)?.hash(hasher);
        }
    }
    Ok(())
}

//! Building the Worker with tools that set-up installed, and its size.

use std::{
    collections::hash_map::DefaultHasher,
    env,
    ffi::OsString,
    fs,
    hash::{Hash as _, Hasher as _},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};

use crate::{
    account,
    exec::{run, say},
    paths,
    setup::{self, Panics},
};

/// Which Worker to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The deployed bundle.
    Production,
    /// The same with the fixture tools.
    Fixtures,
    /// The deployed bundle for the stages of the sample manifest, which the stand-in for Cloudflare has.
    Sample,
}

impl Flavour {
    /// Where the bundle of this flavour is.
    pub fn folder(self) -> PathBuf {
        match self {
            Self::Production => paths::root().join("build"),
            Self::Fixtures => paths::root().join("target/bundle-fixtures"),
            Self::Sample => paths::root().join("target/bundle-sample"),
        }
    }

    /// The manifest of stages that its build names. None: the one of the repository, or with fixtures the sample.
    fn manifest(self) -> Option<OsString> {
        match self {
            Self::Sample => Some(account::SAMPLE.into()),
            Self::Production | Self::Fixtures => env::var_os(account::MANIFEST),
        }
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Production | Self::Sample => &[],
            Self::Fixtures => &["--", "--features", "fixtures"],
        }
    }
}

/// A built Worker.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The folder with [`FILES`].
    pub folder: PathBuf,
    /// Its panic strategy.
    pub panics: Panics,
}

/// Builds the Worker unless the bundle that is there was made from the same sources.
pub fn build(flavour: Flavour) -> Result<Bundle> {
    build_for(flavour, flavour.manifest())
}

/// The same for the stages of the sample manifest, at the place where `wrangler` looks for it.
pub fn build_for_wrangler_with_sample() -> Result<Bundle> {
    build_for(Flavour::Production, Flavour::Sample.manifest())
}

fn build_for(flavour: Flavour, manifest: Option<OsString>) -> Result<Bundle> {
    let panics = setup::for_build()?;
    let folder = flavour.folder();
    let wanted = fingerprint(flavour, panics, manifest.as_ref())?;
    let stamp = folder.join(".fingerprint");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(Bundle { folder, panics });
    }
    say(&format!("building the Worker ({flavour:?}, panic={panics:?})"));
    compile(flavour, panics, manifest.as_ref(), &folder)?;
    fs::write(stamp, wanted)?;
    Ok(Bundle { folder, panics })
}

/// Builds the Worker of each flavour: one is optimized, on one core, while the other is compiled.
pub fn build_all() -> Result<()> {
    // Installed once.
    setup::for_build()?;
    thread::scope(|scope| {
        let fixtures = scope.spawn(|| build(Flavour::Fixtures));
        let production = build(Flavour::Production);
        fixtures.join().ok().context("a thread")??;
        production.map(drop)
    })
}

/// Builds `bench/floor`, a crate of its own, as `worker-build` does by default, unless it is
/// current. Returns the folder of the bundle.
pub fn build_floor() -> Result<PathBuf> {
    let panics = setup::for_build()?;
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
    // A peer's bundle has fewer of them.
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

/// The files of a bundle: the entry, and what `worker-build` made.
pub const FILES: [&str; 3] = ["index.js", "worker.js", "index_bg.wasm"];

static COMPILING: Mutex<()> = Mutex::new(());

/// From sources to a bundle.
fn compile(
    flavour: Flavour,
    panics: Panics,
    manifest: Option<&OsString>,
    folder: &Path,
) -> Result<()> {
    let root = paths::root();
    let made = root.join("target/worker-build").join(format!("{flavour:?}"));
    let mut command = worker_build(panics, &made);
    command.envs(manifest.map(|manifest| (account::MANIFEST, manifest)));
    {
        // What cargo leaves for both is at the same place.
        let _compiling = COMPILING.lock().unwrap_or_else(PoisonError::into_inner);
        run(command.arg("--no-opt").args(flavour.features()).current_dir(&root))?;
    }
    fs::create_dir_all(folder)?;
    optimize(&made.join("index_bg.wasm"), &folder.join("index_bg.wasm"))?;
    fs::copy(made.join("index.js"), folder.join("worker.js"))?;
    fs::copy(root.join("src/entry.js"), folder.join("index.js"))?;
    Ok(())
}

/// Keeps the functions' names in the bundle, for a profile.
const NAMES: &str = "BUNDLE_NAMES";

/// Optimizes for speed. Not by `worker-build`, which keeps the name section: it is for debuggers, and a
/// seventh of the module.
fn optimize(made: &Path, to: &Path) -> Result<()> {
    let names = if env::var_os(NAMES).is_some() { "--debuginfo" } else { "--strip-debug" };
    run(Command::new(paths::npm_bin("wasm-opt"))
        .args(["--all-features", "-O3", names, "--strip-producers"])
        .arg(made)
        .arg("-o")
        .arg(to))
}

/// `worker-build` with the tools that set-up installed, so that it downloads none.
fn worker_build(panics: Panics, folder: &Path) -> Command {
    let bin = paths::tools().join("bin");
    let mut command = Command::new(bin.join("worker-build"));
    // Where `cargo run` and `cargo test` say what is true of xtask only.
    for name in ["RUSTUP_TOOLCHAIN", "CARGO_MANIFEST_DIR", "CARGO_TARGET_DIR", "RUSTFLAGS"] {
        command.env_remove(name);
    }
    command.args(["--release", "--out-dir"]).arg(folder);
    if panics == Panics::Unwind {
        command.arg("--panic-unwind").env("RUSTUP_TOOLCHAIN", "nightly");
        command.env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "panic-unwind");
    }
    command
        .env("WASM_BINDGEN_BIN", bin.join("wasm-bindgen"))
        .env("WASM_OPT_BIN", paths::npm_bin("wasm-opt"))
        .env("ESBUILD_BIN", paths::npm_bin("esbuild"));
    command
}

fn gzip(bytes: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

/// A hash of everything the bundle is made from: sources, and the profile as the environment changes it.
fn fingerprint(flavour: Flavour, panics: Panics, manifest: Option<&OsString>) -> Result<String> {
    let root = paths::root();
    let mut hasher = DefaultHasher::new();
    let mut profile: Vec<_> =
        env::vars().filter(|(name, _)| name.starts_with("CARGO_PROFILE_")).collect();
    profile.sort();
    profile.hash(&mut hasher);
    format!("{flavour:?} {panics:?} {:?}", env::var_os(NAMES)).hash(&mut hasher);
    for name in ["Cargo.toml", "Cargo.lock", "build.rs", "package-lock.json", "xtask/src/bundle.rs"]
    {
        fs::read(root.join(name))?.hash(&mut hasher);
    }
    // The stages that it operates.
    fs::read(root.join("infrastructure.json")).unwrap_or_default().hash(&mut hasher);
    manifest.hash(&mut hasher);
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

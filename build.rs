//! Checks the manifest of stages and embeds it: `infrastructure.json` beside this file, or the file that
//! `INFRASTRUCTURE_MANIFEST` names. With the fixtures it is the sample that the stand-in for Cloudflare has the data of. Where there is none,
//! or it describes no stage, what is embedded is empty, and the toolset is not offered.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the checks are used alone, and the rest is for the Worker"
)]
#[path = "crates/infrastructure/src/manifest/mod.rs"]
mod manifest;

/// The manifest in the repository.
const FILE: &str = "infrastructure.json";
/// The manifest of the account that the stand-in plays.
const SAMPLE: &str = "crates/infrastructure/sample/sandbox.json";
/// Names another manifest, from the repository's root.
const OTHER: &str = "INFRASTRUCTURE_MANIFEST";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={OTHER}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let is_sample = env::var_os("CARGO_FEATURE_FIXTURES").is_some();
    let named = env::var(OTHER).ok().filter(|name| !name.is_empty());
    let file = named.as_deref().unwrap_or(if is_sample { SAMPLE } else { FILE });
    println!("cargo::rerun-if-changed={file}");
    println!("cargo::rerun-if-changed=crates/infrastructure/src/manifest");
    let text = read(&root.join(file), named.is_some())?;
    let described = if has_stages(&text) { text.as_str() } else { "" };
    if !described.is_empty() {
        manifest::check(described).map_err(|faults| format!("{file}:\n{faults}"))?;
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join(FILE), described)?;
    Ok(())
}

/// The text of the file. Only one that was asked for has to be there.
fn read(path: &Path, is_needed: bool) -> Result<String, Box<dyn Error>> {
    if !path.exists() && !is_needed {
        return Ok(String::new());
    }
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Whether stages are described. A text that cannot be read is described wrongly.
fn has_stages(text: &str) -> bool {
    let is_empty = |stages: &Value| stages.as_object().is_some_and(serde_json::Map::is_empty);
    match serde_json::from_str::<Value>(text) {
        Ok(manifest) => manifest.get("stages").is_none_or(|stages| !is_empty(stages)),
        Err(_) => !text.trim().is_empty(),
    }
}

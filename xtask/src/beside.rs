//! The stage to which the Worker is bound under `wrangler dev`: the stage `staging` of the sample manifest, with a database, a bucket, a KV
//! namespace and a Workflow of Cloudflare's own tools, and a Worker beside it that has the classes (`dev/`).

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

use crate::paths;

/// The bindings, as an addition to `wrangler.toml`.
const BINDINGS: &str = include_str!("../../dev/bindings.toml");
/// The bucket.
const BUCKET: &str = "sitebay-mcp-staging-uploads";
/// The objects that it begins with: their keys and types.
const OBJECTS: [(&str, &str); 3] = [
    ("uploads/avatars/ada.png", "image/png"),
    ("uploads/notes.txt", "text/plain"),
    ("exports/2026-11.csv", "text/csv"),
];

/// The configuration of the Worker beside it, which `wrangler dev` takes as a second one.
pub fn configuration() -> PathBuf {
    paths::root().join("dev/wrangler.toml")
}

/// A `wrangler.toml` with the stage's bindings, and without its environments.
///
/// # Errors
/// Where it is not TOML.
pub fn bound(configuration: &str) -> Result<String> {
    let mut table: Table = configuration.parse().context("wrangler.toml")?;
    table.remove("env");
    merge(&mut table, BINDINGS.parse().context("dev/bindings.toml")?);
    toml::to_string(&table).context("wrangler.toml")
}

/// Adds what the other has: the items of a list to those of the list.
fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        let value = match (into.remove(&key), value) {
            (Some(Value::Table(mut known)), Value::Table(more)) => {
                merge(&mut known, more);
                Value::Table(known)
            }
            (Some(Value::Array(mut known)), Value::Array(more)) => {
                known.extend(more);
                Value::Array(known)
            }
            (_, value) => value,
        };
        into.insert(key, value);
    }
}

/// Puts the stage's rows and objects there. `wrangler`: makes the command for these arguments, which name the configuration and where its
/// state is.
///
/// # Errors
/// Where `wrangler` fails.
pub fn fill(wrangler: &dyn Fn(&[&str]) -> Command) -> Result<()> {
    let file = |name: &str| paths::root().join("dev").join(name).to_string_lossy().into_owned();
    run(wrangler(&["d1", "execute", "APP_DB", "--local", "--file", &file("users.sql")]))?;
    for (key, kind) in OBJECTS {
        let object = format!("{BUCKET}/{key}");
        let from = file("notes.txt");
        run(wrangler(&[
            "r2",
            "object",
            "put",
            &object,
            "--local",
            "--file",
            &from,
            "--content-type",
            kind,
        ]))?;
    }
    Ok(())
}

fn run(mut command: Command) -> Result<()> {
    command.env("CI", "1").stdin(std::process::Stdio::null());
    let done = command.output().context("wrangler")?;
    if !done.status.success() {
        bail!("wrangler failed: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value as Json;

    use super::*;
    use crate::account::SAMPLE;

    #[test]
    fn the_bindings_are_added_to_those_of_the_server() {
        let own = fs::read_to_string(paths::root().join("wrangler.toml")).unwrap();
        let bound: Table = bound(&own).unwrap().parse().unwrap();
        assert!(!bound.contains_key("env"));
        let names = |key: &str| -> Vec<String> {
            let items = bound[key].as_array().unwrap().iter();
            items.map(|item| item["binding"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names("kv_namespaces"), ["MCP_KV", "APP_CACHE"]);
        assert_eq!(names("d1_databases"), ["MCP_DB", "APP_DB"]);
        assert_eq!(names("r2_buckets"), ["APP_UPLOADS"]);
        assert_eq!(names("workflows"), ["APP_ONBOARDING"]);
        let objects = bound["durable_objects"]["bindings"].as_array().unwrap();
        assert_eq!(objects.len(), 9);
        assert_eq!(objects[8]["name"].as_str(), Some("APP_CHAT"));
        assert_eq!(bound["main"].as_str(), Some("build/index.js"));
    }

    /// The name and class of each binding are those that the sample manifest has for `staging`.
    #[test]
    fn every_binding_of_the_sample_is_bound_to_what_the_manifest_calls_so() {
        let manifest = fs::read_to_string(paths::root().join(SAMPLE)).unwrap();
        let manifest: Json = serde_json::from_str(&manifest).unwrap();
        let app = manifest["app"].as_str().unwrap();
        let resources = manifest["resources"].as_object().unwrap();
        let mut checked = 0;
        for resource in resources.values() {
            let Some(binding) = resource["binding"].as_str() else { continue };
            let name = ["name", "title", "class"].iter().find_map(|key| resource[*key].as_str());
            let name = name.unwrap().replace("{app}", app).replace("{stage}", "staging");
            assert!(BINDINGS.contains(&format!("\"{binding}\"")), "{binding}");
            assert!(BINDINGS.contains(&format!("\"{name}\"")), "{name}");
            if let Some(class) = resource["class"].as_str() {
                assert!(BINDINGS.contains(&format!("class_name = \"{class}\"")), "{class}");
                let beside = fs::read_to_string(paths::root().join("dev/index.js")).unwrap();
                assert!(beside.contains(class), "{class}");
            }
            checked += 1;
        }
        assert_eq!(checked, 5);
    }
}

//! Points about what is deployed.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::Scene;
use crate::{
    operations::{secrets::Secrets, worker::short},
    paths,
};

/// The keys that a deployment has of its own, instead of generated ones.
const KEYS: [&str; 3] = ["SESSION_KEY", "SUBJECT_KEY", "CREDENTIAL_KEY"];
/// Secrets each of which lets callers in.
const WAYS_IN: [&str; 4] = ["MCP_ADMIN_KEY", "MCP_API_KEY", "MCP_SHARED_SECRET", "MCP_JWT_SECRET"];

/// It is the stage that it says, and not a development server.
pub(super) fn environment(scene: &Scene<'_>) -> Result<String> {
    let expected = scene.stage.vars().remove("ENVIRONMENT").unwrap_or_default();
    match scene.variable("ENVIRONMENT") {
        Some("development") => bail!("it is deployed for development"),
        Some(found) if found == expected => Ok(expected),
        found => bail!("ENVIRONMENT is {}, and not {expected}", found.unwrap_or("missing")),
    }
}

/// What is deployed is what is configured, its limits among it.
pub(super) fn variables(scene: &Scene<'_>) -> Result<String> {
    let wanted = scene.stage.vars();
    for (name, value) in &wanted {
        let found = scene.variable(name);
        if found != Some(value) {
            bail!("{name} is {}, and not {value}", found.unwrap_or("missing"));
        }
    }
    let plain = scene.bindings().iter().filter(|binding| binding["type"] == "plain_text");
    let extra = plain.filter_map(|binding| binding["name"].as_str());
    let extra: Vec<&str> = extra.filter(|name| !wanted.contains_key(*name)).collect();
    if !extra.is_empty() {
        bail!("not in wrangler.toml, and gone with the next deployment: {}", extra.join(", "));
    }
    Ok(format!("{} as configured", wanted.len()))
}

/// The server's own keys are set, and what is known of their values is good.
pub(super) fn keys(scene: &Scene<'_>) -> Result<String> {
    let missing: Vec<&str> = KEYS.into_iter().filter(|name| !scene.has_secret(name)).collect();
    if !missing.is_empty() {
        bail!("not set: {}", missing.join(", "));
    }
    // Values cannot be read back: those of this environment are the ones that a deployment would upload.
    let own = Secrets::gather(None)?;
    Ok(format!("set; {} values of this environment are good", own.names().len()))
}

/// Callers can come in.
pub(super) fn ways_in(scene: &Scene<'_>) -> Result<String> {
    let mut found: Vec<&str> = WAYS_IN.into_iter().filter(|name| scene.has_secret(name)).collect();
    found.extend(scene.variable("MCP_JWKS_URL").map(|_| "MCP_JWKS_URL"));
    if scene.variable("MCP_OAUTH") == Some("on") {
        found.push("MCP_OAUTH");
    }
    if found.is_empty() {
        bail!("none of {} is set, nor MCP_JWKS_URL or MCP_OAUTH", WAYS_IN.join(", "));
    }
    Ok(found.join(", "))
}

/// All that the configuration binds is bound.
pub(super) fn bindings(scene: &Scene<'_>) -> Result<String> {
    let wanted = scene.stage.bindings();
    for binding in &wanted {
        let kind = scene.binding(&binding.name).and_then(|found| found["type"].as_str());
        if kind != Some(binding.kind) {
            bail!("{} is {}, and not {}", binding.name, kind.unwrap_or("missing"), binding.kind);
        }
    }
    Ok(format!("{} as configured", wanted.len()))
}

/// The classes of objects are those of the configuration.
pub(super) fn classes(scene: &Scene<'_>) -> Result<String> {
    let (found, wanted) = (scene.worker.migration_tag.clone(), scene.stage.migration_tag());
    if found != wanted {
        let shown = |tag: Option<String>| tag.unwrap_or_else(|| "none".to_owned());
        bail!("the last migration is {}, and not {}", shown(found), shown(wanted));
    }
    Ok(wanted.unwrap_or_default())
}

/// The tables of the database are those of the repository.
pub(super) fn tables(scene: &Scene<'_>) -> Result<String> {
    let database = scene.binding("MCP_DB").context("MCP_DB is not bound")?;
    let id = ["id", "database_id"].iter().find_map(|name| database.get(*name)?.as_str());
    let id = id.context("the database of MCP_DB is not named")?;
    let statement = json!({ "sql": "SELECT name FROM d1_migrations ORDER BY name" });
    let answer =
        scene.api.ask(&format!("d1/database/{id}/query"), &statement).with_context(|| {
            format!(
                "run npx wrangler d1 migrations apply MCP_DB --remote --env {}",
                scene.stage.name
            )
        })?;
    let rows = answer.get(0).and_then(|one| one.get("results")).and_then(Value::as_array);
    let rows = rows.context("the list of migrations")?.iter();
    let applied: Vec<&str> = rows.filter_map(|row| row.get("name")?.as_str()).collect();
    let wanted = migrations()?;
    let missing: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|name| !applied.contains(name)).collect();
    if !missing.is_empty() {
        bail!("not applied: {}", missing.join(", "));
    }
    Ok(format!("{} migrations", wanted.len()))
}

fn migrations() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(paths::root().join("migrations"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".sql") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// One version answers, and there is one to go back to.
pub(super) fn deployment(scene: &Scene<'_>) -> Result<String> {
    scene.worker.refuse_split()?;
    let version = scene.worker.only().context("no version is deployed")?;
    let before = scene.worker.before()?.context("there is no earlier version to go back to")?;
    if !scene.worker.versions()?.contains(&before) {
        bail!("the earlier version {} cannot be deployed any more", short(&before));
    }
    Ok(format!("{}; before it {}", short(version), short(&before)))
}

/// Custom domains lead to the stage's Worker.
pub(super) fn domains(scene: &Scene<'_>) -> Result<String> {
    let wanted = scene.stage.domains();
    if wanted.is_empty() {
        return Ok("none is configured".to_owned());
    }
    let attached = scene.worker.attached()?;
    let missing: Vec<&str> = wanted
        .iter()
        .map(String::as_str)
        .filter(|domain| !attached.iter().any(|it| it == domain))
        .collect();
    if !missing.is_empty() {
        bail!("does not lead to {}: {}", scene.stage.worker, missing.join(", "));
    }
    Ok(wanted.join(", "))
}

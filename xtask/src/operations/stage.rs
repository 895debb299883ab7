//! A stage: an environment of `wrangler.toml`, and the Worker that it is deployed as.
//!
//! Invariant: production is the Worker of the top level's name, and every other stage that name with its own behind
//! it. What would have `wrangler` choose another Worker is refused.

use std::{collections::BTreeMap, env, fs};

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

use crate::paths;

/// The file, below the repository's root.
pub const CONFIGURATION: &str = "wrangler.toml";
/// The stage that the top level is.
pub const PRODUCTION: &str = "production";
/// Variables of the environment that change which Worker `wrangler` deploys.
const OVERRIDES: [&str; 2] = ["CLOUDFLARE_ENV", "WRANGLER_CI_OVERRIDE_NAME"];
/// A file that sends `wrangler` to another configuration.
const REDIRECT: &str = ".wrangler/deploy/config.json";

/// A stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The name of its Worker.
    pub worker: String,
    own: Table,
    top: Table,
}

/// A binding that a stage declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Its type, as the API calls it.
    pub kind: &'static str,
}

impl Stage {
    /// The stage of this name, from the repository's `wrangler.toml`.
    ///
    /// # Errors
    /// Where there is none, or something would have another Worker deployed.
    pub fn load(name: &str) -> Result<Self> {
        let file = paths::root().join(CONFIGURATION);
        let text = fs::read_to_string(&file).context(CONFIGURATION)?;
        let stage = Self::of(&text, name)?;
        for variable in OVERRIDES {
            let value = env::var(variable).unwrap_or_default();
            let names_it = variable == "CLOUDFLARE_ENV" && value == name;
            if !value.is_empty() && !names_it {
                bail!(
                    "{variable} is set to {value}: wrangler would deploy another Worker than {name}'s"
                );
            }
        }
        if paths::root().join(REDIRECT).exists() {
            bail!("{REDIRECT} is there: wrangler would deploy by another configuration; remove it");
        }
        Ok(stage)
    }

    /// The stage of this name in a configuration.
    ///
    /// # Errors
    /// Where there is none, or its Worker has not the name that it should have.
    pub fn of(text: &str, name: &str) -> Result<Self> {
        let top: Table = text.parse().context("wrangler.toml")?;
        let environments = top.get("env").and_then(Value::as_table).cloned().unwrap_or_default();
        let Some(own) = environments.get(name).and_then(Value::as_table).cloned() else {
            let names: Vec<_> = environments.keys().map(String::as_str).collect();
            bail!("there is no stage `{name}` in wrangler.toml; there are: {}", names.join(", "));
        };
        let app = text_of(&top, "name").context("wrangler.toml has no name")?;
        let worker = text_of(&own, "name").unwrap_or_else(|| format!("{app}-{name}"));
        let expected = if name == PRODUCTION { app.clone() } else { format!("{app}-{name}") };
        if worker != expected {
            bail!(
                "the stage {name} would be deployed as the Worker {worker}, and not as {expected}"
            );
        }
        if top.contains_key("account_id") || own.contains_key("account_id") {
            // `wrangler` would prefer it.
            bail!("wrangler.toml: the account is that of CLOUDFLARE_ACCOUNT_ID; remove account_id");
        }
        let stage = Self { name: name.to_owned(), worker, own, top };
        stage.check_domains(&environments)?;
        Ok(stage)
    }

    /// A host leads to one stage. Routes of the top level are those of every environment without its own.
    fn check_domains(&self, environments: &Table) -> Result<()> {
        if self.top.contains_key("routes") || self.top.contains_key("route") {
            bail!(
                "wrangler.toml: routes belong below an environment: the top level's are those of every stage"
            );
        }
        for (name, other) in environments.iter().filter(|(name, _)| **name != self.name) {
            // A route goes before a custom domain of the same host.
            let others = other.as_table().map(hosts).unwrap_or_default();
            let taken = |host: &String| others.iter().any(|other| overlap(host, other));
            if let Some(host) = hosts(&self.own).into_iter().find(taken) {
                bail!("wrangler.toml: {host} leads to both {} and {name}", self.name);
            }
        }
        Ok(())
    }

    /// Its variables, as texts.
    pub fn vars(&self) -> BTreeMap<String, String> {
        let vars = self.own.get("vars").and_then(Value::as_table);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        vars.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// Its custom domains.
    pub fn domains(&self) -> Vec<String> {
        domains(&self.own)
    }

    /// Its crons.
    pub fn crons(&self) -> Vec<String> {
        let own = self.own.get("triggers").or_else(|| self.top.get("triggers"));
        let crons = own.and_then(|triggers| triggers.get("crons")).and_then(Value::as_array);
        crons.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The tag of the last migration of classes.
    pub fn migration_tag(&self) -> Option<String> {
        let own = self.own.get("migrations").or_else(|| self.top.get("migrations"));
        let last = own.and_then(Value::as_array)?.last()?;
        last.get("tag").and_then(Value::as_str).map(str::to_owned)
    }

    /// Whether a migration of classes is one of the configuration.
    pub fn knows_migration(&self, wanted: &str) -> bool {
        let own = self.own.get("migrations").or_else(|| self.top.get("migrations"));
        let mut all = own.and_then(Value::as_array).into_iter().flatten();
        all.any(|one| one.get("tag").and_then(Value::as_str) == Some(wanted))
    }

    /// The dataset of its data points.
    pub fn dataset(&self) -> Option<String> {
        let list = self.own.get("analytics_engine_datasets").and_then(Value::as_array)?;
        list.first()?.get("dataset").and_then(Value::as_str).map(str::to_owned)
    }

    /// Its bindings.
    pub fn bindings(&self) -> Vec<Binding> {
        let mut found = Vec::new();
        let lists = [
            ("kv_namespaces", "kv_namespace"),
            ("d1_databases", "d1"),
            ("analytics_engine_datasets", "analytics_engine"),
        ];
        for (list, kind) in lists {
            let items = self.own.get(list).and_then(Value::as_array).into_iter().flatten();
            let names = items.filter_map(|item| item.get("binding").and_then(Value::as_str));
            found.extend(names.map(|name| Binding { name: name.to_owned(), kind }));
        }
        let objects = self.own.get("durable_objects").and_then(|it| it.get("bindings"));
        let objects = objects.and_then(Value::as_array).into_iter().flatten();
        let names = objects.filter_map(|item| item.get("name").and_then(Value::as_str));
        let kind = "durable_object_namespace";
        found.extend(names.map(|name| Binding { name: name.to_owned(), kind }));
        let metadata = self.own.get("version_metadata").and_then(|it| it.get("binding"));
        let kind = "version_metadata";
        found.extend(
            metadata.and_then(Value::as_str).map(|name| Binding { name: name.to_owned(), kind }),
        );
        found
    }
}

fn text_of(table: &Table, name: &str) -> Option<String> {
    table.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn routes(own: &Table) -> impl Iterator<Item = &Value> {
    let routes = own.get("routes").and_then(Value::as_array).into_iter().flatten();
    routes.chain(own.get("route"))
}

fn domains(own: &Table) -> Vec<String> {
    let custom = routes(own)
        .filter(|route| route.get("custom_domain").and_then(Value::as_bool) == Some(true));
    let patterns = custom.filter_map(|route| route.get("pattern").and_then(Value::as_str));
    patterns.map(str::to_owned).collect()
}

/// The hosts of routes and custom domains, with their wildcards.
fn hosts(own: &Table) -> Vec<String> {
    let patterns = routes(own).filter_map(|route| route.get("pattern").unwrap_or(route).as_str());
    let host = |pattern: &str| {
        let pattern = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
        pattern.split('/').next().unwrap_or_default().to_ascii_lowercase()
    };
    patterns.map(host).collect()
}

/// Whether a request may be for both hosts. A wildcard is at the beginning.
fn overlap(one: &str, other: &str) -> bool {
    let end = |host: &str| host.strip_prefix('*').map(str::to_owned);
    match (end(one), end(other)) {
        (None, None) => one == other,
        (Some(end), None) => other.ends_with(&end),
        (None, Some(end)) => one.ends_with(&end),
        (Some(one), Some(other)) => one.ends_with(&other) || other.ends_with(&one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        name = "app"
        [[migrations]]
        tag = "v1"
        [[migrations]]
        tag = "v2"
        [env.production]
        name = "app"
        vars = { ENVIRONMENT = "production" }
        routes = [{ pattern = "mcp.example.com", custom_domain = true }, { pattern = "x.example.com/*" }]
        [[env.production.kv_namespaces]]
        binding = "KV"
        [env.staging]
        vars = { ENVIRONMENT = "staging" }
    "#;

    #[test]
    fn a_stage_is_named_and_its_worker_has_the_name_that_it_should_have() {
        let production = Stage::of(FILE, "production").unwrap();
        assert_eq!(production.worker, "app");
        assert_eq!(production.domains(), ["mcp.example.com"]);
        assert_eq!(production.migration_tag().as_deref(), Some("v2"));
        assert!(production.knows_migration("v1") && !production.knows_migration("v3"));
        assert_eq!(production.bindings(), [Binding { name: "KV".into(), kind: "kv_namespace" }]);
        assert_eq!(Stage::of(FILE, "staging").unwrap().worker, "app-staging");
        for name in ["", "prod", "Production", "production ", "preview"] {
            let error = Stage::of(FILE, name).unwrap_err().to_string();
            assert!(error.contains("there are: production, staging"), "{error}");
        }
    }

    #[test]
    fn another_worker_than_the_stages_is_refused() {
        let wrong = FILE.replace("[env.staging]", "[env.staging]\nname = \"app\"");
        let error = Stage::of(&wrong, "staging").unwrap_err().to_string();
        assert!(error.contains("would be deployed as the Worker app"), "{error}");
        let without = FILE.replace("[env.production]\n        name = \"app\"", "[env.production]");
        let error = Stage::of(&without, "production").unwrap_err().to_string();
        assert!(error.contains("as the Worker app-production"), "{error}");
        let top = FILE.replace(
            "name = \"app\"\n        [[migrations]]",
            "name = \"app\"\nroutes = []\n[[migrations]]",
        );
        assert!(Stage::of(&top, "staging").unwrap_err().to_string().contains("every stage"));
        let shared =
            format!("{FILE}\nroutes = [{{ pattern = \"mcp.example.com\", custom_domain = true }}]");
        assert!(Stage::of(&shared, "staging").unwrap_err().to_string().contains("to both"));
    }

    #[test]
    fn a_route_of_another_stage_takes_no_requests_of_a_custom_domain() {
        let with = |route: &str| Stage::of(&format!("{FILE}\nroutes = [{route}]"), "production");
        for route in [
            r#""mcp.example.com/*""#,
            r#"{ pattern = "https://MCP.example.com/a", zone_name = "example.com" }"#,
            r#"{ pattern = "*.example.com/*", zone_name = "example.com" }"#,
            r#""*example.com/*""#,
        ] {
            let error = with(route).unwrap_err().to_string();
            assert!(error.contains("to both"), "{route}: {error}");
        }
        assert!(with(r#""staging.example.com/*""#).is_ok());
    }

    #[test]
    fn an_account_beside_the_one_of_the_verbs_is_refused() {
        for place in ["name = \"app\"\n        [[migrations]]", "[env.staging]"] {
            let (before, after) = place.split_once('\n').unwrap_or((place, ""));
            let wrong = FILE.replace(place, &format!("{before}\naccount_id = \"x\"\n{after}"));
            let error = Stage::of(&wrong, "staging").unwrap_err().to_string();
            assert!(error.contains("CLOUDFLARE_ACCOUNT_ID"), "{error}");
        }
    }

    #[test]
    fn the_stages_of_this_repository_can_be_deployed() {
        let text = fs::read_to_string(paths::root().join("wrangler.toml")).unwrap();
        let production = Stage::of(&text, PRODUCTION).unwrap();
        let staging = Stage::of(&text, "staging").unwrap();
        assert_eq!((&*production.worker, &*staging.worker), ("sitebay-mcp", "sitebay-mcp-staging"));
        assert_eq!(production.bindings(), staging.bindings());
        assert_eq!(production.vars()["ENVIRONMENT"], "production");
    }
}

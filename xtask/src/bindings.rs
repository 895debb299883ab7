//! What the Worker has bound on plain `workerd` beside its objects and variables: KV, D1, R2, Analytics Engine and
//! assets, which `sandbox::bindings` plays.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use sandbox::bindings::{HEADER, Kind, Options};
use toml::{Table, Value};

use crate::{capnp::quoted, paths};

/// A binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name in the Worker.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The name of what is bound. Two bindings with one name and kind are the same thing.
    pub of: String,
}

impl Binding {
    /// A binding.
    pub fn new(name: &str, kind: Kind, of: &str) -> Self {
        Self { name: name.to_owned(), kind, of: of.to_owned() }
    }
}

/// All that a server has bound, and what it begins with.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    /// The bindings.
    pub bindings: Vec<Binding>,
    /// Their stand-in: migrations, assets, port.
    pub sandbox: Options,
}

impl Bound {
    /// What `wrangler.toml` binds for the deployment, with the tables of its migrations.
    ///
    /// # Errors
    /// Where the file cannot be read, or binds something that plain `workerd` is not given here.
    pub fn declared() -> Result<Self> {
        let text = fs::read_to_string(paths::root().join("wrangler.toml"))?;
        Self::of(&text.parse().context("wrangler.toml")?, &paths::root())
    }

    fn of(configuration: &Table, root: &Path) -> Result<Self> {
        let mut bound = Self::default();
        for (key, value) in configuration {
            match key.as_str() {
                "kv_namespaces" => bound.add(value, Kind::Kv, "binding")?,
                "r2_buckets" => bound.add(value, Kind::R2, "bucket_name")?,
                "analytics_engine_datasets" => bound.add(value, Kind::Analytics, "dataset")?,
                "assets" => bound.add_assets(value, root)?,
                "d1_databases" => {
                    bound.add(value, Kind::D1, "database_name")?;
                    bound.add_migrations(value, root)?;
                }
                // Only Cloudflare has versions of a Worker.
                "version_metadata" => {}
                _ if each(value).any(|item| item.get("binding").is_some()) => {
                    bail!("wrangler.toml has {key}, which plain workerd is not given here")
                }
                _ => {}
            }
        }
        Ok(bound)
    }

    fn add(&mut self, items: &Value, kind: Kind, of: &str) -> Result<()> {
        for item in each(items) {
            let name = text(item, "binding").context("a binding has no name")?;
            let of = text(item, of).unwrap_or(name);
            self.bindings.push(Binding::new(name, kind, of));
        }
        Ok(())
    }

    fn add_assets(&mut self, assets: &Value, root: &Path) -> Result<()> {
        let folder = text(assets, "directory").context("assets have no directory")?;
        // Without a binding the Worker does not ask for them.
        if let Some(name) = text(assets, "binding") {
            self.bindings.push(Binding::new(name, Kind::Assets, name));
            self.sandbox.assets.push((name.to_owned(), root.join(folder)));
        }
        Ok(())
    }

    fn add_migrations(&mut self, databases: &Value, root: &Path) -> Result<()> {
        for database in each(databases) {
            let Some(folder) = text(database, "migrations_dir") else { continue };
            let of = text(database, "database_name").or_else(|| text(database, "binding"));
            let mut files: Vec<_> = fs::read_dir(root.join(folder))
                .with_context(|| format!("the folder {folder}"))?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|end| end == "sql"))
                .collect();
            files.sort();
            for file in files {
                let sql = fs::read_to_string(file)?;
                self.sandbox.migrations.push((of.unwrap_or_default().to_owned(), sql));
            }
        }
        Ok(())
    }
}

/// The items of an array of tables, or a table alone.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let items = value.as_array().map(Vec::as_slice);
    items.unwrap_or(std::slice::from_ref(value)).iter()
}

fn text<'a>(table: &'a Value, name: &str) -> Option<&'a str> {
    table.get(name)?.as_str()
}

/// The services of bindings, for the list `services` of the configuration: all are at this address, and say in a
/// header which one is meant.
pub fn services(bindings: &[Binding], address: &str) -> String {
    let mut lines = String::new();
    for binding in bindings {
        let (name, value) = (service(binding), quoted(&binding.kind.designation(&binding.of)));
        let _ = writeln!(
            lines,
            "    (name = {name}, external = (address = {}, http = (injectRequestHeaders = \
             [(name = \"{HEADER}\", value = {value})]))),",
            quoted(address)
        );
    }
    lines
}

/// The bindings, for the list `bindings` of a Worker.
pub fn designators(bindings: &[Binding]) -> String {
    let mut lines = String::new();
    for binding in bindings {
        let service = service(binding);
        let bound = match binding.kind {
            Kind::Kv => format!("kvNamespace = {service}"),
            Kind::R2 => format!("r2Bucket = {service}"),
            Kind::Analytics => format!("analyticsEngine = {service}"),
            Kind::Assets => format!("service = {service}"),
            Kind::D1 => format!(
                "wrapped = (moduleName = \"cloudflare-internal:d1-api\", innerBindings = \
                 [(name = \"fetcher\", service = {service})])"
            ),
        };
        let _ = writeln!(lines, "    (name = {}, {bound}),", quoted(&binding.name));
    }
    lines
}

fn service(binding: &Binding) -> String {
    quoted(&format!("bound {}", binding.name))
}

/// Whether `workerd` must be told that the configuration is experimental: the binding of Analytics Engine is.
pub fn are_experimental(bindings: &[Binding]) -> bool {
    bindings.iter().any(|binding| binding.kind == Kind::Analytics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_deployment_binds_is_bound() {
        let bound = Bound::declared().unwrap();
        for expected in [
            Binding::new("MCP_KV", Kind::Kv, "MCP_KV"),
            Binding::new("MCP_DB", Kind::D1, "sitebay-mcp"),
            Binding::new("MCP_ANALYTICS", Kind::Analytics, "sitebay_mcp"),
        ] {
            assert!(bound.bindings.contains(&expected), "{expected:?}");
        }
        let migrations = &bound.sandbox.migrations;
        assert!(migrations.iter().all(|(database, _)| database == "sitebay-mcp"));
        assert!(migrations[0].1.contains("CREATE TABLE keys"), "{migrations:?}");
    }

    #[test]
    fn buckets_and_assets_are_bound_and_what_is_unknown_is_refused() {
        let root = Path::new("/r");
        let of = |text: &str| Bound::of(&text.parse().unwrap(), root);
        let text = "[[r2_buckets]]\nbinding = 'B'\nbucket_name = 'b'\n\
                    [assets]\nbinding = 'A'\ndirectory = 'public'\n[version_metadata]\nbinding = 'V'\n[observability]\nenabled = true";
        let bound = of(text).unwrap();
        assert_eq!(
            bound.bindings,
            [Binding::new("A", Kind::Assets, "A"), Binding::new("B", Kind::R2, "b")]
        );
        assert_eq!(bound.sandbox.assets, [("A".to_owned(), root.join("public"))]);
        assert!(of("[assets]\ndirectory = 'x'").unwrap().bindings.is_empty());
        let refused = of("[[workflows]]\nbinding = 'W'").unwrap_err();
        assert!(refused.to_string().contains("workflows"), "{refused}");
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let binding = Binding::new("N\"", Kind::Kv, "a\"b");
        let text = services(std::slice::from_ref(&binding), "h:1") + &designators(&[binding]);
        assert!(text.contains(r#"name = "N\"", kvNamespace = "bound N\"""#), "{text}");
        assert!(text.contains(r#"value = "kv/a\"b""#), "{text}");
    }
}

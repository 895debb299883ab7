//! `docs/CONFIGURATION.md`, and that the declarations of settings, the code that reads them and
//! `wrangler.toml` name the same ones.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Config,
    settings::{GROUPS, Setting, Values},
};

const HEAD: &str = "# Configuration

<!-- Written by `cargo xtask docs` from `src/config/settings.rs`; a test keeps it current. -->

To set a **variable**, add it to `[vars]` in `wrangler.toml` (for an environment: to its `vars`) and deploy. To set a **secret**, run
`npx wrangler secret put NAME` (with `--env staging` for an environment). For `cargo xtask dev` and `npx wrangler dev`, write both into `.dev.vars` as
`NAME=value` lines. Setting a secret or a variable is a deployment.

A missing setting takes its default. A wrong one is reported: in the log, once for each isolate, and by `GET /admin/health` with the admin scope.
`openssl rand -base64 32` makes a key. [ACCESS.md](ACCESS.md) explains lists of keys and how to replace one without an outage.
";

const BINDINGS: &str = "
## Bindings

`wrangler.toml` also binds these. Durable Objects are required. Without one of the others its feature is off, `GET /admin/health` says so, and the rest works.

| binding | kind | used for |
|---|---|---|
| `SESSION_AGENT` | Durable Object | sessions: calls that run, streams, subscriptions |
| `HUB_AGENT` | Durable Object | one for each subject: announces changes to its sessions, ends them, keeps large results |
| `TASK_AGENT` | Durable Object | tasks: work that outlives its call |
| `KEY_AGENT` | Durable Object | the generated keys where `SESSION_KEY` and `SUBJECT_KEY` are missing |
| `GRANT_AGENT` | Durable Object | OAuth grants |
| `QUOTA_AGENT` | Durable Object | rate limits |
| `UPSTREAM_AGENT` | Durable Object | calls of upstreams that have sessions, for clients that have none; the pins of upstreams |
| `STAGE_AGENT` | Durable Object | one for each stage: its records, its lock, plans, the unlock of a protected one ([infrastructure](INFRASTRUCTURE.md)) |
| `MCP_DB` | D1 database | [named keys](ACCESS.md#named-keys), [the audit](ACCESS.md#the-audit), [upstreams of administrators](GATEWAY.md#upstreams-in-the-database) |
| `MCP_KV` | KV namespace | the [gradual rollout](ACCESS.md#gradual-rollout), the incidents of the [alarms](OPERATIONS.md#alarms-of-the-worker) |
| `MCP_ANALYTICS` | Analytics Engine dataset | [data points](OPERATIONS.md#data-points) |
| `CF_VERSION_METADATA` | version metadata | the version in `/health` and in the data points |
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|(_, settings)| settings.iter().copied())
}

fn names() -> BTreeSet<String> {
    settings().map(|setting| setting.name.to_owned()).collect()
}

fn values(setting: &Setting) -> String {
    match &setting.values {
        Values::Text(text) => (*text).to_owned(),
        Values::Keys(least) => {
            format!("one key or a list of keys, each of at least {least} characters")
        }
        Values::Flag => "`1` or `0`".to_owned(),
        Values::Word(words) => super::values::one_of(words),
        Values::Number { least, most, unit } => format!("{least} to {most} {unit}"),
    }
}

fn default(setting: &Setting) -> String {
    match &setting.values {
        Values::Flag => "`0`".to_owned(),
        _ if setting.default.is_empty() => "none".to_owned(),
        Values::Text(_) if setting.default.contains(' ') => setting.default.to_owned(),
        _ => format!("`{}`", setting.default),
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (group, settings) in GROUPS {
        write!(page, "\n## {group}\n").unwrap();
        for setting in *settings {
            let Setting { name, does, when, .. } = setting;
            let kind = if setting.is_secret { "secret" } else { "variable" };
            let (values, default) = (values(setting), default(setting));
            write!(
                page,
                "\n### `{name}`\n\n{does}\n{when}\n\n- kind: {kind}\n- value: {values}\n- default: {default}\n"
            )
            .unwrap();
        }
    }
    page + BINDINGS
}

/// `cargo xtask docs` runs it with `UPDATE_DOCS`, which writes the document instead.
#[test]
fn the_page_of_settings_is_what_the_code_declares() {
    let (page, file) = (page(), root().join("docs/CONFIGURATION.md"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/CONFIGURATION.md is not current: run cargo xtask docs");
}

#[test]
fn the_configuration_reads_every_declared_setting_and_no_other() {
    let read = RefCell::new(BTreeSet::new());
    Config::read(&|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    assert_eq!(read.into_inner(), names());
    assert_eq!(names().len(), settings().count(), "a setting is declared twice");
}

#[test]
fn every_setting_says_what_it_does_and_its_default_is_one_of_its_values() {
    for Setting { name, values, default, does, when, .. } in settings() {
        assert!(does.ends_with('.') && when.ends_with('.'), "{name}");
        match values {
            // Without one, other settings decide.
            Values::Word(words) => {
                assert!(default.is_empty() || words.contains(default), "{name}");
            }
            Values::Number { least, most, .. } => {
                assert!((*least..=*most).contains(&default.parse().unwrap()), "{name}");
            }
            Values::Keys(_) | Values::Flag => assert_eq!(*default, "", "{name}"),
            Values::Text(_) => {}
        }
    }
}

/// The text of the files under `src` with one of these endings, and where each is.
fn sources(folder: &Path, endings: &[&str], found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, endings, found);
        } else if path.extension().is_some_and(|ending| endings.iter().any(|e| ending == *e)) {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The upper-case names that follow each `before` in a text.
fn names_after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let rests = text.split(before).skip(1);
    let names = rests.map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or_default());
    names.filter(|name| !name.is_empty()).collect()
}

/// Only `Config::read` asks for variables by name, so that the test above sees them all.
#[test]
fn no_code_beside_the_configuration_reads_an_undeclared_variable() {
    let mut rust = Vec::new();
    sources(&root().join("src"), &["rs"], &mut rust);
    // Put together, so that this file does not count.
    let calls =
        [concat!("env", ".var("), concat!("env", ".secret("), concat!("env", ".get_binding")];
    let count = |text: &str| calls.iter().map(|call| text.matches(call).count()).sum::<usize>();
    let found: Vec<_> = rust.iter().filter(|(_, text)| count(text) > 0).collect();
    let [(path, text)] = found.as_slice() else {
        panic!("variables are read in several files: {:?}", found.iter().map(|(path, _)| path));
    };
    assert!(count(text) == 1 && text.contains("Config::read("), "{}", path.display());
    let mut script = Vec::new();
    sources(&root().join("src"), &["js", "mjs"], &mut script);
    for (path, text) in script {
        for name in names_after(&text, concat!("env", ".")) {
            assert!(names().contains(name), "{}: {name}", path.display());
        }
    }
}

/// The keys of a table, or none where there is no table.
fn keys(table: Option<&toml::Value>) -> Vec<String> {
    let table = table.and_then(toml::Value::as_table);
    table.into_iter().flat_map(|table| table.keys().cloned()).collect()
}

/// The names that a deployment's bindings have.
fn bindings(deployment: &toml::Value) -> BTreeSet<String> {
    let lists = ["kv_namespaces", "d1_databases", "analytics_engine_datasets"];
    let objects = deployment.get("durable_objects").and_then(|objects| objects.get("bindings"));
    let all = lists.iter().filter_map(|list| deployment.get(list)).chain(objects);
    let all = all.filter_map(toml::Value::as_array).flatten();
    let all = all.chain(deployment.get("version_metadata"));
    let names = all.filter_map(|binding| binding.get("binding").or_else(|| binding.get("name")));
    names.filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

/// `wrangler deploy` without an environment and `--env production` deploy the same, but for what belongs below an
/// environment only: routes and crons.
#[test]
fn the_environment_production_is_the_top_level() {
    let text = fs::read_to_string(root().join("wrangler.toml")).unwrap();
    let file: toml::Table = toml::from_str(&text).unwrap();
    let production = file["env"]["production"].as_table().unwrap();
    for name in production.keys().filter(|name| !["routes", "triggers"].contains(&name.as_str())) {
        assert_eq!(file.get(name), production.get(name), "{name}");
    }
    // What every environment has from the top level without repeating it.
    let inherited = ["main", "compatibility_date", "build", "migrations", "observability", "env"];
    for name in file.keys().filter(|name| !inherited.contains(&name.as_str())) {
        assert!(production.contains_key(name), "{name}");
    }
}

#[test]
fn wrangler_names_only_variables_and_bindings_that_exist() {
    let text = fs::read_to_string(root().join("wrangler.toml")).unwrap();
    let file: toml::Value = toml::from_str(&text).unwrap();
    let environments = file.get("env").and_then(toml::Value::as_table);
    let documented: BTreeSet<String> =
        names_after(BINDINGS, "\n| `").into_iter().map(str::to_owned).collect();
    for deployment in
        std::iter::once(&file).chain(environments.into_iter().flat_map(|t| t.values()))
    {
        for name in keys(deployment.get("vars")) {
            let setting = settings().find(|setting| setting.name == name);
            let setting = setting.unwrap_or_else(|| panic!("there is no variable {name}"));
            assert!(!setting.is_secret, "{name} is a secret");
        }
        assert_eq!(bindings(deployment), documented);
    }
}

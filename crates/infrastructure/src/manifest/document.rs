//! Reads a manifest and reports every fault at once.

use std::{collections::BTreeMap, fmt::Write as _};

use sha2::{Digest as _, Sha256};

use super::{
    fault::{Fault, Faults},
    kind::{Kind, LISTED, is_plain},
    node::Node,
    pattern::{Pattern, is_stage_name},
    reader::{FaultList, Reader},
    template::Template,
};

const TOP: [&str; 5] = ["$schema", "app", "default", "stages", "resources"];
const STAGE: [&str; 5] = ["worker", "protected", "aliases", "domain", "ttl_hours"];

/// The stages and resources of a system.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub(super) app: String,
    pub(super) default: Option<String>,
    pub(super) stages: Vec<StageEntry>,
    pub(super) resources: Vec<ResourceEntry>,
    revision: String,
}

/// What the manifest says of a stage, or of all that match a pattern.
#[derive(Debug, Clone)]
pub(super) struct StageEntry {
    pub(super) pattern: Pattern,
    pub(super) worker: Template,
    pub(super) domain: Option<Template>,
    pub(super) is_protected: bool,
    pub(super) aliases: Vec<String>,
    pub(super) ttl_hours: Option<u32>,
}

/// What the manifest says of a resource in every stage.
#[derive(Debug, Clone)]
pub(super) struct ResourceEntry {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) name: Template,
    pub(super) class: Option<String>,
    pub(super) binding: Option<String>,
    pub(super) retain: Vec<Pattern>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) may_query: bool,
    pub(super) may_trigger: bool,
    pub(super) message_path: Option<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Every fault with its place.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let node: Node = serde_json::from_str(text).map_err(|error| {
            Faults(vec![Fault { place: String::new(), what: format!("this is no JSON: {error}") }])
        })?;
        let faults = FaultList::default();
        let manifest = read(&node, &faults);
        if let Some(manifest) = &manifest {
            manifest.check(&faults);
        }
        match (manifest, faults.into_inner()) {
            (Some(manifest), faults) if faults.is_empty() => {
                Ok(Self { revision: digest(text), ..manifest })
            }
            (_, faults) => Err(Faults(faults)),
        }
    }

    /// Stands for the text of the manifest.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The name of the system.
    pub fn app(&self) -> &str {
        &self.app
    }
}

/// Sixteen digits that stand for a text.
fn digest(text: &str) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(8) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn read(node: &Node, faults: &FaultList) -> Option<Manifest> {
    let top = Reader::open(String::new(), node, Some(&TOP), faults)?;
    let app = top.required("app").unwrap_or_default().to_owned();
    if top.text("app").is_some() && !(is_plain(&app, false) && app.len() <= 32) {
        top.fault("app", "expected 1 to 32 lower-case letters, digits and hyphens");
    }
    let stages =
        read_each(&top, "stages", faults, |place, key, node| stage(place, key, node, &app, faults));
    if stages.is_empty() && top.node("stages").is_some() {
        top.fault("stages", "describe at least one stage");
    }
    let resources = read_each(&top, "resources", faults, |place, key, node| {
        resource(place, key, node, &app, faults)
    });
    let default = top.text("default").map(str::to_owned);
    Some(Manifest { app, default, stages, resources, revision: String::new() })
}

/// Reads the objects below a key that must be there.
fn read_each<T>(
    top: &Reader<'_>,
    key: &str,
    faults: &FaultList,
    read: impl Fn(String, &str, &Node) -> Option<T>,
) -> Vec<T> {
    let Some(node) = top.node(key) else {
        top.own_fault(format!("`{key}` is missing"));
        return Vec::new();
    };
    let Some(reader) = Reader::open(key.to_owned(), node, None, faults) else { return Vec::new() };
    reader.entries().filter_map(|(place, key, node)| read(place, key, node)).collect()
}

/// A name with placeholders; a fault and a stand-in where it is wrong.
fn template(reader: &Reader<'_>, key: &str, text: &str, app: &str) -> Option<Template> {
    Template::parse(text, app).map_err(|what| reader.fault(key, what)).ok()
}

fn stage(
    place: String,
    key: &str,
    node: &Node,
    app: &str,
    faults: &FaultList,
) -> Option<StageEntry> {
    let reader = Reader::open(place, node, Some(&STAGE), faults)?;
    let pattern = Pattern::parse(key);
    if pattern.is_none() {
        reader.own_fault(
            "a stage's name has 1 to 32 of a-z, 0-9, `-` and `_`, and begins with a letter or digit; a pattern ends with `*`",
        );
    }
    let worker = reader.required("worker").and_then(|text| template(&reader, "worker", text, app));
    let domain = reader.text("domain").and_then(|text| template(&reader, "domain", text, app));
    let is_protected = reader.flag("protected");
    let ttl_hours = reader.number("ttl_hours", 1, 24 * 365);
    if is_protected && ttl_hours.is_some() {
        reader.fault("ttl_hours", "a protected stage does not end by itself");
    }
    let aliases: Vec<String> = reader.texts("aliases").into_iter().map(str::to_owned).collect();
    let pattern = pattern?;
    if pattern.is_wild() && !aliases.is_empty() {
        reader.fault("aliases", "a pattern has no aliases: it stands for many stages");
    }
    Some(StageEntry { pattern, worker: worker?, domain, is_protected, aliases, ttl_hours })
}

/// The keys of a kind, beside `kind` and `retain`.
const fn keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::D1 => &["kind", "retain", "name", "binding", "query", "location", "read_replication"],
        Kind::R2 => &["kind", "retain", "name", "binding", "location", "storage_class"],
        Kind::Kv => &["kind", "retain", "title", "binding"],
        Kind::Workflow => &["kind", "retain", "name", "binding", "class", "trigger"],
        Kind::DurableObject => &["kind", "binding", "class", "message"],
        Kind::Queue | Kind::Worker | Kind::Domain => &["kind", "retain", "name", "binding"],
    }
}

fn kind(place: &str, node: &Node, faults: &FaultList) -> Option<Kind> {
    let reader = Reader::unchecked(place.to_owned(), node, faults)?;
    let text = reader.required("kind")?;
    let found = LISTED.into_iter().find(|kind| kind.name() == text);
    if found.is_none() {
        let known: Vec<&str> = LISTED.iter().map(|kind| kind.name()).collect();
        reader.fault("kind", format!("`{text}` is none of {}", known.join(", ")));
    }
    found
}

/// Settings that Cloudflare has for a kind, with their values.
const SETTINGS: [(&str, &[&str]); 3] = [
    ("location", &["wnam", "enam", "weur", "eeur", "apac", "oc"]),
    ("read_replication", &["auto", "disabled"]),
    ("storage_class", &["Standard", "InfrequentAccess"]),
];

fn resource(
    place: String,
    key: &str,
    node: &Node,
    app: &str,
    faults: &FaultList,
) -> Option<ResourceEntry> {
    let kind = kind(&place, node, faults)?;
    let known = keys(kind);
    let reader = Reader::open(place, node, Some(known), faults)?;
    if !is_stage_name(key) || matches!(key, "worker" | "domain") {
        reader.own_fault("a resource's name has 1 to 32 of a-z, 0-9, `-` and `_`; `worker` and `domain` are the stage's own");
    }
    let class = known.contains(&"class").then(|| reader.required("class")).flatten();
    let name_key = if kind == Kind::Kv { "title" } else { "name" };
    let name = match (kind, class) {
        // A class belongs to its Worker, and needs no name of its own.
        (Kind::DurableObject, class) => Template::parse(class.unwrap_or_default(), app).ok()?,
        _ => template(&reader, name_key, reader.required(name_key)?, app)?,
    };
    let mut settings = BTreeMap::new();
    for (setting, words) in SETTINGS.into_iter().filter(|(setting, _)| known.contains(setting)) {
        if let Some(word) = reader.word(setting, words) {
            settings.insert(setting.to_owned(), word.to_owned());
        }
    }
    if let Some(class) = class.filter(|_| kind == Kind::Workflow) {
        settings.insert("class".to_owned(), class.to_owned());
    }
    let message_path = reader.text("message");
    if message_path.is_some_and(|path| !path.starts_with('/')) {
        reader.fault("message", "expected a path that begins with `/`");
    }
    Some(ResourceEntry {
        id: key.to_owned(),
        kind,
        name,
        class: class.map(str::to_owned),
        binding: reader.text("binding").map(str::to_owned),
        retain: retain(&reader),
        settings,
        may_query: reader.flag("query"),
        may_trigger: reader.flag("trigger"),
        message_path: message_path.map(str::to_owned),
    })
}

fn retain(reader: &Reader<'_>) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for text in reader.texts("retain") {
        match Pattern::parse(text) {
            Some(pattern) => patterns.push(pattern),
            None => reader.fault("retain", format!("`{text}` is no stage")),
        }
    }
    patterns
}

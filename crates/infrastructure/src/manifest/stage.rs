//! A stage with the resources that it should have.

use std::collections::BTreeMap;

use super::kind::Kind;

/// A stage, resolved: every name is the one that Cloudflare knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its name; never an alias.
    pub name: String,
    /// The system that it is a copy of.
    pub app: String,
    /// It cannot be destroyed by a caller of MCP alone.
    pub is_protected: bool,
    /// Hours after which it may be destroyed. None: it stays.
    pub ttl_hours: Option<u32>,
    /// Its resources, in the order in which they are made.
    pub resources: Vec<Resource>,
    /// Stands for the manifest that it was read from.
    pub revision: String,
}

/// A resource that a stage should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name in the manifest. The stage's own are `worker` and `domain`.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// Its name at Cloudflare.
    pub name: String,
    /// It stays at Cloudflare when its stage is destroyed, or when the manifest no longer has it.
    pub is_retained: bool,
    /// The settings that were declared. Others are not compared.
    pub settings: BTreeMap<String, String>,
    /// The class of a Workflow or of Durable Objects.
    pub class: Option<String>,
    /// The binding of this Worker that leads to it.
    pub binding: Option<String>,
    /// Callers may query it.
    pub may_query: bool,
    /// Callers may start it.
    pub may_trigger: bool,
    /// The path at which its objects take messages.
    pub message_path: Option<String>,
}

/// What a manifest says of a stage, or of all that match a pattern.
#[derive(Debug, Clone)]
pub struct StageOutline<'a> {
    /// Its name or pattern.
    pub name: &'a str,
    /// Whether it stands for many stages.
    pub is_pattern: bool,
    /// Whether it is protected.
    pub is_protected: bool,
    /// Its other names.
    pub aliases: &'a [String],
    /// Hours after which it may be destroyed.
    pub ttl_hours: Option<u32>,
    /// The stage, or the one with the longest name that the pattern matches.
    pub stage: Stage,
}

impl Stage {
    /// The resource with this name in the manifest.
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// The Worker's name.
    pub fn worker(&self) -> Option<&str> {
        self.resource("worker").map(|worker| worker.name.as_str())
    }

    /// The resource of a kind that a caller names, by its name in the manifest or by its class.
    pub fn named(&self, kind: Kind, name: &str) -> Option<&Resource> {
        let is_named =
            |resource: &&Resource| resource.id == name || resource.class.as_deref() == Some(name);
        self.resources.iter().filter(|resource| resource.kind == kind).find(is_named)
    }

    /// The resources of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }
}

//! From the name of a stage to the stage, and the checks across stages.
//!
//! Invariant: the names of two stages never meet. Where a pattern would allow it, the stage with the longer name is the one that
//! is refused, so that the shorter one can always be had.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{
    document::{Manifest, ResourceEntry, StageEntry},
    kind::Kind,
    pattern::is_stage_name,
    reader::FaultList,
    stage::{Resource, Stage, StageOutline},
    template::Template,
};

/// Why there is no such stage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StageError {
    /// The text is no name of a stage.
    #[error("That is no name of a stage. The stages are {known}.")]
    Malformed {
        /// The stages that exist.
        known: String,
    },
    /// No stage has this name.
    #[error("There is no stage `{name}`. The stages are {known}.")]
    Unknown {
        /// The name.
        name: String,
        /// The stages that exist.
        known: String,
    },
    /// A pattern matches, but a resource could not have its name.
    #[error("There can be no stage `{name}`: {why}.")]
    Impossible {
        /// The name.
        name: String,
        /// The reason.
        why: String,
    },
    /// No stage was named, and the manifest has no default.
    #[error("Name a stage. The stages are {known}.")]
    Missing {
        /// The stages that exist.
        known: String,
    },
}

impl Manifest {
    /// The stage of this name or alias. Nothing is guessed: `Production` and ` prod` are no stages.
    ///
    /// # Errors
    /// Why there is none.
    pub fn stage(&self, name: &str) -> Result<Stage, StageError> {
        let known = self.known();
        if !is_stage_name(name) {
            return Err(StageError::Malformed { known });
        }
        let unknown = || StageError::Unknown { name: name.to_owned(), known };
        let entry = self.entry(name).ok_or_else(unknown)?;
        let name = if entry.pattern.is_wild() { name } else { entry.pattern.text() };
        let stage = self.resolved(entry, name);
        for resource in &stage.resources {
            self.check_name(resource, name)
                .map_err(|why| StageError::Impossible { name: name.to_owned(), why })?;
        }
        Ok(stage)
    }

    /// The stage that a call reads where it names none.
    ///
    /// # Errors
    /// Why there is none.
    pub fn stage_or_default(&self, name: Option<&str>) -> Result<Stage, StageError> {
        let name = name.or(self.default.as_deref());
        self.stage(name.ok_or_else(|| StageError::Missing { known: self.known() })?)
    }

    /// The same for a call that changes something in it: a protected stage must be named.
    ///
    /// # Errors
    /// Why there is none.
    pub fn stage_to_use(&self, name: Option<&str>) -> Result<Stage, StageError> {
        let stage = self.stage_or_default(name)?;
        match name {
            None if stage.is_protected => Err(StageError::Missing { known: self.known() }),
            _ => Ok(stage),
        }
    }

    /// The stages and patterns as the manifest has them.
    pub fn stage_names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|entry| entry.pattern.text())
    }

    /// The stage that is read where a call names none.
    pub fn default_stage(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// The stages and patterns, for lists.
    pub fn outlines(&self) -> impl Iterator<Item = StageOutline<'_>> {
        self.stages.iter().map(|entry| StageOutline {
            name: entry.pattern.text(),
            is_pattern: entry.pattern.is_wild(),
            is_protected: entry.is_protected,
            aliases: &entry.aliases,
            ttl_hours: entry.ttl_hours,
            stage: self.resolved(entry, &entry.pattern.longest()),
        })
    }

    /// The aliases of a stage.
    pub fn aliases(&self, name: &str) -> &[String] {
        let found = self.stages.iter().find(|entry| entry.pattern.text() == name);
        found.map_or(&[], |entry| &entry.aliases)
    }

    fn known(&self) -> String {
        let name = |entry: &StageEntry| match entry.aliases.as_slice() {
            [] => entry.pattern.text().to_owned(),
            aliases => format!("{} (or {})", entry.pattern.text(), aliases.join(", ")),
        };
        self.stages.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// The entry for a name or an alias; a name of its own comes before a pattern.
    fn entry(&self, name: &str) -> Option<&StageEntry> {
        let is_own = |entry: &&StageEntry| {
            entry.pattern.text() == name || entry.aliases.iter().any(|alias| alias == name)
        };
        let by_pattern = |entry: &&StageEntry| entry.pattern.matches(name);
        self.stages.iter().find(is_own).or_else(|| self.stages.iter().find(by_pattern))
    }

    fn resolved(&self, entry: &StageEntry, name: &str) -> Stage {
        let mut resources: Vec<Resource> =
            self.resources.iter().map(|resource| resource_in(resource, name)).collect();
        resources.push(own("worker", Kind::Worker, entry.worker.name(name)));
        let domain = entry.domain.as_ref().map(|domain| domain.name(name));
        resources.extend(domain.map(|domain| own("domain", Kind::Domain, domain)));
        resources.sort_by_key(|resource| resource.kind);
        Stage {
            name: name.to_owned(),
            app: self.app.clone(),
            is_protected: entry.is_protected,
            ttl_hours: entry.ttl_hours,
            resources,
            revision: self.revision().to_owned(),
        }
    }

    /// Checks a resource's name: that Cloudflare accepts it, and that no other stage can have it.
    fn check_name(&self, resource: &Resource, stage: &str) -> Result<(), String> {
        let Resource { id, kind, name, .. } = resource;
        kind.check_name(name).map_err(|form| {
            format!(
                "`{id}` would be called `{name}`, and the name of a {} has {form}",
                kind.label()
            )
        })?;
        match self.other_owner(*kind, name, stage) {
            Some(other) => {
                Err(format!("`{id}` would be called `{name}`, as in the stage `{other}`"))
            }
            None => Ok(()),
        }
    }

    /// Another stage that has a resource of this kind and name.
    pub(crate) fn other_owner(&self, kind: Kind, name: &str, stage: &str) -> Option<String> {
        let mut templates: Vec<(&Template, &StageEntry)> = Vec::new();
        for entry in &self.stages {
            match kind {
                Kind::Worker => templates.push((&entry.worker, entry)),
                Kind::Domain => {
                    templates.extend(entry.domain.as_ref().map(|domain| (domain, entry)))
                }
                // A class is its Worker's.
                Kind::DurableObject => {}
                kind => {
                    let same = self.resources.iter().filter(|other| other.kind == kind);
                    templates.extend(same.map(|other| (&other.name, entry)));
                }
            }
        }
        let owner = |(template, entry): (&Template, &StageEntry)| {
            if !entry.pattern.is_wild() {
                let other = entry.pattern.text();
                return (other != stage && template.name(other) == name).then(|| other.to_owned());
            }
            let other = template.stage_of(name)?;
            let is_other =
                other != stage && entry.pattern.matches(other) && other.len() <= stage.len();
            // A name of its own comes before the pattern.
            let is_entry = self.entry(other).is_some_and(|found| found.pattern == entry.pattern);
            (is_other && is_entry).then(|| other.to_owned())
        };
        templates.into_iter().find_map(owner)
    }

    /// The checks across the whole manifest.
    pub(super) fn check(&self, faults: &FaultList) {
        self.check_default(faults);
        self.check_aliases(faults);
        self.check_patterns(faults);
        self.check_resources(faults);
        self.check_names(faults);
    }

    fn check_default(&self, faults: &FaultList) {
        let Some(default) = &self.default else { return };
        let is_there =
            |entry: &StageEntry| entry.pattern.text() == default && !entry.pattern.is_wild();
        if !self.stages.iter().any(is_there) {
            faults.add("default", format!("`{default}` is not the name of a stage"));
        }
    }

    fn check_aliases(&self, faults: &FaultList) {
        let mut seen: Vec<&str> = Vec::new();
        for entry in &self.stages {
            let place = format!("stages.{}.aliases", entry.pattern.text());
            for alias in &entry.aliases {
                let is_stage = self.stages.iter().any(|other| other.pattern.matches(alias));
                if !is_stage_name(alias) {
                    faults.add(&place, format!("`{alias}` is no name of a stage"));
                } else if is_stage {
                    faults.add(&place, format!("`{alias}` is a stage of its own"));
                } else if seen.contains(&alias.as_str()) {
                    faults.add(&place, format!("`{alias}` is given twice"));
                }
                seen.push(alias);
            }
        }
    }

    fn check_patterns(&self, faults: &FaultList) {
        for (at, entry) in self.stages.iter().enumerate() {
            let place = format!("stages.{}", entry.pattern.text());
            for other in self.stages.iter().take(at) {
                let both_wild = entry.pattern.is_wild() && other.pattern.is_wild();
                if both_wild && entry.pattern.overlaps(&other.pattern) {
                    let other = other.pattern.text();
                    faults.add(&place, format!("a stage may match this pattern and `{other}`"));
                }
            }
            let shared = [("worker", Some(&entry.worker)), ("domain", entry.domain.as_ref())];
            for (key, template) in shared {
                if entry.pattern.is_wild() && template.is_some_and(|name| !name.has_stage()) {
                    let what = "`{stage}` is missing: all stages of the pattern would share it";
                    faults.add(&format!("{place}.{key}"), what);
                }
            }
        }
    }

    fn check_resources(&self, faults: &FaultList) {
        let mut words: BTreeMap<(Kind, &str), &str> = BTreeMap::new();
        for resource in &self.resources {
            let place = format!("resources.{}", resource.id);
            if resource.kind != Kind::DurableObject && !resource.name.has_stage() {
                let what = "`{stage}` is missing in the name: all stages would share it";
                faults.add(&place, what);
            }
            for word in [Some(&resource.id), resource.class.as_ref()].into_iter().flatten() {
                let earlier = words.insert((resource.kind, word), &resource.id);
                if let Some(earlier) = earlier.filter(|earlier| *earlier != resource.id) {
                    faults.add(&place, format!("`{word}` is already the name of `{earlier}`"));
                }
            }
            for retain in &resource.retain {
                if !self.stages.iter().any(|stage| stage.pattern.overlaps(retain)) {
                    let what = format!("`{}` is no stage", retain.text());
                    faults.add(&format!("{place}.retain"), what);
                }
            }
        }
    }

    /// Checks the names in every stage that has a name of its own, and in the longest of each pattern.
    fn check_names(&self, faults: &FaultList) {
        for entry in &self.stages {
            let name = entry.pattern.longest();
            let stage = self.resolved(entry, &name);
            for (at, resource) in stage.resources.iter().enumerate() {
                let place = match resource.id.as_str() {
                    own @ ("worker" | "domain") => format!("stages.{}.{own}", entry.pattern.text()),
                    id => format!("resources.{id}"),
                };
                if let Err(why) = self.check_name(resource, &name) {
                    faults.add(&place, why);
                }
                let is_same =
                    |other: &&Resource| other.kind == resource.kind && other.name == resource.name;
                if let Some(other) = stage.resources.iter().take(at).find(is_same) {
                    let (other, name) = (&other.id, &resource.name);
                    faults.add(
                        &place,
                        format!(
                            "in the stage `{}` it has the name of `{other}`, `{name}`",
                            stage.name
                        ),
                    );
                }
            }
        }
    }
}

fn resource_in(entry: &ResourceEntry, stage: &str) -> Resource {
    Resource {
        id: entry.id.clone(),
        kind: entry.kind,
        name: entry.name.name(stage),
        is_retained: entry.retain.iter().any(|pattern| pattern.matches(stage)),
        settings: entry.settings.clone(),
        class: entry.class.clone(),
        binding: entry.binding.clone(),
        may_query: entry.may_query,
        may_trigger: entry.may_trigger,
        message_path: entry.message_path.clone(),
    }
}

/// A resource of the stage itself.
fn own(id: &str, kind: Kind, name: String) -> Resource {
    Resource {
        id: id.to_owned(),
        kind,
        name,
        is_retained: false,
        settings: BTreeMap::new(),
        class: None,
        binding: None,
        may_query: false,
        may_trigger: false,
        message_path: None,
    }
}

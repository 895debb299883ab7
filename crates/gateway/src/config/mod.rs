//! The configuration of upstreams: `UPSTREAMS`, a JSON object by name, and the same settings for one of them.
//!
//! ```json
//! {"tickets": {"url": "https://tickets.example/mcp", "auth": {"kind": "static", "secret": "TICKETS_TOKEN"}, "deny": ["delete_*"]}}
//! ```
//!
//! Invariant: an upstream with a fault is left out, and the others work. All faults are found at once; each names the
//! field, what was expected and what came, and none repeats a secret. [`Upstream`] lists the fields and their defaults.

mod credential;
mod error;
mod header;
mod object;
mod stacks;
mod template;
mod templated;
#[cfg(test)]
mod templated_tests;
#[cfg(test)]
mod tests;
mod timeouts;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};

use mcp_auth::secret::Secret;
use mcp_protocol::{fields::fields, raw};

use self::object::Object;
use crate::{address::Surroundings, pins::PinPolicy};

pub(crate) use self::header::is_value;
pub use self::{
    credential::{Credential, KeyHeader, NamedSecret},
    error::ConfigError,
    stacks::{MAX_STACKS, Stack},
    template::Template,
    upstream::Upstream,
};

/// Upstreams that a server may have.
pub const MAX_UPSTREAMS: usize = 64;
/// The variable, as faults name it.
const VARIABLE: &str = "UPSTREAMS";

/// What an upstream's settings are checked against.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The first words of the names of this server's own tools, such as `sitebay`.
    pub reserved: &'a [&'a str],
    /// This server's own addresses, and whether this is development.
    pub surroundings: Surroundings<'a>,
    /// Finds a secret by its name.
    pub secret: &'a dyn Fn(&str) -> Option<Secret>,
}

/// The upstreams of this server.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    all: BTreeMap<String, Upstream>,
    /// Names that the variable has, those of upstreams that were left out included.
    claimed: BTreeSet<String>,
    /// What those that were left out may have been meant for: their names and their templates, without case and spaces.
    refused: BTreeSet<String>,
    /// Whether the variable is no object, so that it is not known what it says of any upstream.
    pub is_unreadable: bool,
    /// What is wrong, in the order of the settings.
    pub errors: Vec<ConfigError>,
}

impl Upstreams {
    /// Reads `UPSTREAMS`. Without a value, or with one of spaces, there are none.
    pub fn read(setting: Option<&str>, rules: &Rules<'_>) -> Self {
        let mut upstreams = Self::default();
        let Some(setting) = setting.filter(|setting| !setting.trim().is_empty()) else {
            return upstreams;
        };
        let Some(object) = Object::open(VARIABLE, setting, &mut upstreams.errors) else {
            upstreams.is_unreadable = true;
            return upstreams;
        };
        let entries = object.entries();
        if entries.len() > MAX_UPSTREAMS {
            upstreams.fault(VARIABLE, format!("at most {MAX_UPSTREAMS} upstreams"), entries.len());
        }
        upstreams.claimed = entries.iter().map(|(name, _)| name.clone()).collect();
        for (place, (name, settings)) in entries.iter().enumerate() {
            let count = entries.iter().filter(|(other, _)| other == name).count();
            let at = object.path(name);
            let faults = upstreams.errors.len();
            if count > 1 {
                let is_first = entries.iter().position(|(other, _)| other == name) == Some(place);
                if is_first {
                    upstreams.fault(&at, "a name of its own".to_owned(), count);
                }
            } else if place < MAX_UPSTREAMS {
                upstreams.add(Upstream::read(name, settings.get(), &at, rules));
            }
            if !upstreams.all.contains_key(name) || upstreams.errors.len() > faults {
                let [template] = fields(settings.get(), ["template"]).unwrap_or([None]);
                let template = template.and_then(raw::string);
                upstreams.refused.extend(template.iter().chain([name]).map(|word| folded(word)));
            }
        }
        upstreams
    }

    /// Adds an upstream that the admin API stored, unless the variable has that name: then it is not even read.
    pub fn add_stored(
        &mut self,
        name: &str,
        read: impl FnOnce() -> Result<Upstream, Vec<ConfigError>>,
    ) {
        if self.claimed.contains(name) {
            return;
        }
        let at = error::below("upstreams", name);
        if self.all.len() >= MAX_UPSTREAMS {
            self.fault(
                &at,
                format!("at most {MAX_UPSTREAMS} upstreams"),
                MAX_UPSTREAMS.saturating_add(1),
            );
            return;
        }
        self.add(read());
    }

    /// Has an upstream of this name with these settings, where the variable has none. Where an entry was left out that may
    /// have been meant for it there is none, so that what the entry was to deny is not allowed.
    pub fn add_usual(&mut self, name: &str, settings: &str, rules: &Rules<'_>) {
        if !self.claimed.insert(name.to_owned()) {
            return;
        }
        let at = error::below(VARIABLE, name);
        if self.refused.contains(name) {
            let expected = "an entry without a fault, because one with a fault may be meant for it; it is left out";
            self.errors.push(ConfigError::new(&at, expected, None));
            return;
        }
        match self.all.len() < MAX_UPSTREAMS {
            true => self.add(Upstream::read(name, settings, &at, rules)),
            false => self.fault(
                &at,
                format!("at most {MAX_UPSTREAMS} upstreams"),
                MAX_UPSTREAMS.saturating_add(1),
            ),
        }
    }

    /// Leaves out the upstream of this name; a stored one, too. Returns whether there was one.
    pub fn leave_out(&mut self, name: &str) -> bool {
        self.all.remove(name);
        !self.claimed.insert(name.to_owned())
    }

    /// Has this server answer in the place of the upstream of this name, which is of the template of that name and called
    /// with people's keys. One that is not is left out.
    pub fn answer_here(&mut self, name: &str) {
        let Some(mut upstream) = self.all.remove(name) else { return };
        let at = error::below(VARIABLE, name);
        let is_of_template = upstream.template.is_some_and(|template| template.name == name);
        if !is_of_template {
            let field = error::below(&at, "template");
            let expected = format!("\"{name}\", because this server answers in its place");
            self.errors.push(ConfigError::new(&field, expected, None));
        } else if !matches!(upstream.credential, Credential::Subject { .. }) {
            let field = error::below(&error::below(&at, "auth"), "kind");
            let expected = "\"subject\", because this server answers in its place";
            let got = Some(format!("\"{}\"", upstream.credential.kind()));
            self.errors.push(ConfigError::new(&field, expected, got));
        } else {
            upstream.is_answered_here = true;
            // Its definitions are this server's own.
            upstream.pins = PinPolicy::Off;
            self.all.insert(name.to_owned(), upstream);
        }
    }

    /// The upstream of this name.
    pub fn get(&self, name: &str) -> Option<&Upstream> {
        self.all.get(name)
    }

    /// Whether the variable has this name, so that the admin API cannot change it.
    pub fn is_claimed(&self, name: &str) -> bool {
        self.claimed.contains(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.all.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether any of them gets headers of callers.
    pub fn wants_headers(&self) -> bool {
        self.iter().any(|upstream| !upstream.forward_headers.is_empty())
    }

    fn add(&mut self, read: Result<Upstream, Vec<ConfigError>>) {
        match read {
            Ok(upstream) => {
                self.all.insert(upstream.name.clone(), upstream);
            }
            Err(faults) => self.errors.extend(faults),
        }
    }

    fn fault(&mut self, at: &str, expected: String, got: usize) {
        self.errors.push(ConfigError::new(at, expected, Some(got.to_string())));
    }
}

/// A word without case and spaces.
fn folded(word: &str) -> String {
    word.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

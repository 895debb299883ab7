//! The stacks of a template: places of which a person has one, each with an API and an MCP server of its own.
//!
//! Invariant: a stack is one that the operator or the template names. Outside development its API is at
//! `https://connection.` and a host of the template's domain, with nothing else in the address.

use mcp_platform::{host_name::is_stack, url::Url};
use mcp_protocol::{
    object::{Object as Written, array},
    raw::{self, elements},
};
use serde_json::value::RawValue;

use super::{
    Rules,
    error::{ConfigError, kind_of, shown_text},
    object::{Faults, Object},
    template::Template,
};
use crate::{address, text::is_plain};

/// Stacks that an upstream may have.
pub const MAX_STACKS: usize = 32;
const EXPECTED: &str = "the end of a stack's hosts, such as \"eu-central-1.keboola.com\", or an object with `name`, \
                        `connection` and `mcp`";
const EXPECTED_NAME: &str = "a name of 1 to 64 characters that no other stack has";
/// What the host of an API begins with.
const API: &str = "connection.";

/// One stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its name: the end of its hosts, where it has no other.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Where its API is, without a slash at the end.
    pub connection: String,
    /// Where its MCP server is.
    pub mcp: Url,
}

impl Stack {
    /// Its name for people, with the end of its hosts.
    pub fn label(&self) -> String {
        match self.title == self.name {
            true => self.name.clone(),
            false => format!("{} ({})", self.title, self.name),
        }
    }

    fn to_json(&self, mcp: &str) -> String {
        Written::new()
            .text("name", &self.name)
            .text("title", &self.title)
            .text("connection", &self.connection)
            .text("mcp", mcp)
            .end()
    }
}

/// The text of a list that [`read`] reads back. `shown` writes an address, whose query may be secret.
pub(super) fn to_json(stacks: &[Stack], shown: fn(&Url) -> String) -> String {
    let texts: Vec<String> = stacks.iter().map(|stack| stack.to_json(&shown(&stack.mcp))).collect();
    array(&texts)
}

/// Reads `stacks`; without it, all that the template knows. `url`: the one MCP server for all of them.
pub(super) fn read(
    of: &Object<'_>,
    template: &Template,
    url: Option<&Url>,
    rules: &Rules<'_>,
    faults: &mut Faults,
) -> Vec<Stack> {
    let reading = Reading { template, url, rules };
    let expected = format!("a list of 1 to {MAX_STACKS} stacks");
    let listed = of.read("stacks", &expected, faults, |raw| {
        elements(raw.get()).ok().filter(|all| (1..=MAX_STACKS).contains(&all.len()))
    });
    let mut stacks: Vec<Stack> = Vec::new();
    if of.get("stacks").is_none() {
        let known = template.stacks.iter();
        stacks.extend(known.filter_map(|(suffix, _)| reading.named(suffix)));
    }
    for (place, element) in listed.unwrap_or_default().into_iter().enumerate() {
        let at = format!("{}[{place}]", of.path("stacks"));
        let Some(stack) = reading.stack(&at, element, faults) else { continue };
        let is_there =
            |other: &Stack| other.name == stack.name || other.connection == stack.connection;
        match stacks.iter().any(is_there) {
            true => {
                let got = Some(shown_text(&stack.name, 64));
                faults.push(ConfigError::new(&at, "a stack that is there once", got));
            }
            false => stacks.push(stack),
        }
    }
    stacks
}

struct Reading<'a> {
    template: &'a Template,
    url: Option<&'a Url>,
    rules: &'a Rules<'a>,
}

impl Reading<'_> {
    /// The stack of these hosts.
    fn named(&self, suffix: &str) -> Option<Stack> {
        if !is_stack(suffix, self.template.domain) {
            return None;
        }
        let mcp = match self.url {
            Some(url) => url.clone(),
            None => address::check(&format!("https://mcp.{suffix}/mcp"), self.rules.surroundings)
                .ok()?,
        };
        let title = self.template.stacks.iter().find(|(known, _)| *known == suffix);
        Some(Stack {
            name: suffix.to_owned(),
            title: title.map_or(suffix, |(_, title)| *title).to_owned(),
            connection: format!("https://{API}{suffix}"),
            mcp,
        })
    }

    fn stack(&self, at: &str, raw: &RawValue, faults: &mut Faults) -> Option<Stack> {
        if let Some(suffix) = raw::text(raw) {
            let stack = self.named(&suffix);
            if stack.is_none() {
                // It may be a URL with a user name.
                faults.push(ConfigError::new(at, EXPECTED, Some("another text".to_owned())));
            }
            return stack;
        }
        if !raw.get().starts_with('{') {
            faults.push(ConfigError::new(at, EXPECTED, Some(kind_of(raw).to_owned())));
            return None;
        }
        let of = Object::open(at, raw.get(), faults)?;
        of.allow_only(&["name", "title", "connection", "mcp"], faults);
        let named = |raw: &RawValue| {
            raw::string(raw).filter(|text| {
                (1..=64).contains(&text.chars().count())
                    && text.trim() == text
                    && text.chars().all(is_plain)
            })
        };
        if of.get("name").is_none() {
            faults.push(ConfigError::new(&of.path("name"), EXPECTED_NAME, None));
        }
        let name = of.read("name", EXPECTED_NAME, faults, named);
        let title = of.read("title", "a name of 1 to 64 characters", faults, named);
        let connection = self.connection(&of, faults);
        let mcp = match (of.get("mcp"), self.url) {
            (None, Some(url)) => Some(url.clone()),
            _ => self.address(&of, "mcp", faults),
        };
        let name = name?;
        Some(Stack {
            title: title.unwrap_or_else(|| name.clone()),
            name,
            connection: connection?,
            mcp: mcp?,
        })
    }

    /// Where the API is: on this machine with any path, elsewhere by its exact host.
    fn connection(&self, of: &Object<'_>, faults: &mut Faults) -> Option<String> {
        let url = self.address(of, "connection", faults)?;
        let base = url.href.trim_end_matches('/');
        let is_exact = base
            .strip_prefix("https://")
            .and_then(|host| host.strip_prefix(API))
            .is_some_and(|suffix| self.named(suffix).is_some());
        let is_local = url.href.starts_with("http://") && !url.href.contains('?');
        if is_exact || is_local {
            return Some(base.to_owned());
        }
        let expected = format!(
            "https://{API} and a host of {}, without port, path and query",
            self.template.domain
        );
        faults.push(ConfigError::new(&of.path("connection"), expected, None));
        None
    }

    /// A URL is not repeated.
    fn address(&self, of: &Object<'_>, field: &str, faults: &mut Faults) -> Option<Url> {
        let got = match of.get(field).map(raw::text) {
            None => None,
            Some(None) => Some("no text".to_owned()),
            Some(Some(text)) => match address::check(&text, self.rules.surroundings) {
                Ok(url) => return Some(url),
                Err(error) => Some(error.to_string()),
            },
        };
        faults.push(ConfigError::new(&of.path(field), address::EXPECTED, got));
        None
    }
}

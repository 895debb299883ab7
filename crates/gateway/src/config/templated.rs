//! What an upstream of a template is sent besides its credential, and what its settings may not say.
//!
//! Invariant: a person's key goes to the stack that the person chose, with the address of that stack, and to no other.

use std::{borrow::Cow, collections::BTreeMap};

use mcp_auth::secret::Secret;
use mcp_client::endpoint::RefusalError;
use mcp_platform::url::Url;
use mcp_protocol::raw;

use super::{
    Rules, Upstream,
    credential::Credential,
    error::ConfigError,
    header::is_value,
    object::{Faults, Object},
    stacks::{self, Stack},
    template::Template,
};
use crate::filter::Glob;

/// Characters that the value of an option may have.
const MAX_OPTION: usize = 256;
/// Bytes of the names of tools in one header. Longer lists are kept to here alone.
const MAX_FILTER: usize = 4_096;

/// Headers that are sent to an upstream.
pub(crate) type SentHeaders = Vec<(Cow<'static, str>, Secret)>;

impl Upstream {
    /// Whether a person who connects a key chooses a stack.
    pub const fn asks_stack(&self) -> bool {
        matches!(self.credential, Credential::Subject { .. }) && !self.stacks.is_empty()
    }

    /// The stack of this name.
    pub fn stack(&self, name: &str) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.name == name)
    }

    /// What a person's key is bound to: the name, the origin, and the kind of the credential, because an account must not be
    /// sent as a key; where the person chose a stack, the API at which the key was verified and the origin of that stack's
    /// MCP server. None: there is no such stack, or the person must choose one.
    pub fn key_binding(&self, stack: Option<&str>) -> Option<String> {
        let kind = self.credential.kind();
        match (self.asks_stack(), stack) {
            (false, None) => Some(format!("{} {} {kind}", self.name, self.url.origin)),
            (true, Some(stack)) => {
                let Stack { mcp, connection, .. } = self.stack(stack)?;
                Some(format!("{} {} {kind} {connection}", self.name, mcp.origin))
            }
            _ => None,
        }
    }

    /// Where it is, for people: its host, or the name of its template where people are at several hosts or this server
    /// answers in its place.
    pub fn place(&self) -> &str {
        let is_elsewhere = |stack: &Stack| stack.mcp.host != self.url.host;
        match self.template {
            Some(template) if self.is_answered_here || self.stacks.iter().any(is_elsewhere) => {
                template.title
            }
            _ => &self.url.host,
        }
    }

    /// The address, and the headers that are sent to it: the operator's credential, or a person's key with its stack; and what
    /// the template adds.
    pub(crate) fn called_with(&self, key: Option<(&Secret, Option<&str>)>) -> (&str, SentHeaders) {
        let mut headers = self.credential.headers();
        let mut url = self.url.href.as_str();
        match key {
            Some((key, stack)) if self.asks_stack() => {
                if let Some(stack) = stack.and_then(|stack| self.stack(stack)) {
                    url = &stack.mcp.href;
                    headers.extend(self.credential.personal_header(key));
                    headers.extend(self.template.map(|template| {
                        (Cow::Borrowed(template.stack_header), Secret::new(&*stack.connection))
                    }));
                }
            }
            Some((key, _)) => headers.extend(self.credential.personal_header(key)),
            None => {}
        }
        headers.extend(self.template.into_iter().flat_map(|template| self.fixed(template)));
        (url, headers)
    }

    /// The header, and its value, with which the upstream offers a caller only what reads.
    pub(crate) fn read_only_header(&self) -> Option<(&'static str, &'static str)> {
        self.template.map(|template| template.read_only)
    }

    /// The JSON-RPC error that says that the upstream refuses the credential.
    pub(crate) fn refusal(&self) -> Option<RefusalError> {
        self.template.and_then(|template| template.refusal)
    }

    /// The headers that say the same for every caller: options, and the names of tools that are shown.
    fn fixed(&self, template: &Template) -> SentHeaders {
        let sent = |(field, header): &(&str, &'static str)| {
            Some((Cow::Borrowed(*header), Secret::new(self.options.get(field)?.as_str())))
        };
        let (allowed, denied) = template.filters;
        let options = template.options.iter().filter_map(sent);
        let filters = [(allowed, &self.filter.allow, true), (denied, &self.filter.deny, false)];
        let filters = filters.into_iter().filter_map(|(header, globs, whole)| {
            Some((Cow::Borrowed(header), Secret::new(names(globs, whole)?)))
        });
        options.chain(filters).collect()
    }
}

/// The names among patterns, with commas in between. None: there is none, or `whole` and one is no name.
fn names(globs: &[Glob], whole: bool) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    let is_name = |glob: &&str| glob.bytes().all(plain);
    let all: Vec<&str> = globs.iter().map(Glob::as_str).filter(is_name).collect();
    let is_complete = !whole || all.len() == globs.len();
    let text = all.join(",");
    (is_complete && !text.is_empty() && text.len() <= MAX_FILTER).then_some(text)
}

/// Reads the stacks and the further fields of a template, beside `url` and `auth`.
pub(super) fn read(
    of: &Object<'_>,
    template: &Template,
    (url, credential): (Option<&Url>, Option<&Credential>),
    rules: &Rules<'_>,
    faults: &mut Faults,
) -> (Vec<Stack>, BTreeMap<&'static str, String>) {
    let stacks = stacks::read(of, template, url, rules, faults);
    check(of, template, (credential, &stacks, url.is_some()), faults);
    (stacks, read_options(of, template, faults))
}

fn read_options(
    of: &Object<'_>,
    template: &Template,
    faults: &mut Faults,
) -> BTreeMap<&'static str, String> {
    let expected = format!("a text of 1 to {MAX_OPTION} visible ASCII characters");
    let fits = |text: &String| !text.is_empty() && text.len() <= MAX_OPTION && is_value(text);
    let mut read = |field: &'static str| {
        of.read(field, &expected, faults, |raw| raw::string(raw).filter(fits))
    };
    template.options.iter().filter_map(|(field, _)| Some((*field, read(field)?))).collect()
}

/// What the settings of a template may not say of the credential.
fn check(
    of: &Object<'_>,
    template: &Template,
    (credential, stacks, has_url): (Option<&Credential>, &[Stack], bool),
    faults: &mut Faults,
) {
    let at = of.path("auth");
    match credential {
        Some(Credential::Subject { header })
            if !header.name.eq_ignore_ascii_case(template.key_header)
                || !header.prefix.is_empty() =>
        {
            let expected = format!("the header {} without a prefix, or none", template.key_header);
            faults.push(ConfigError::new(&at, expected, None));
        }
        Some(Credential::OAuth { .. }) if !has_url && stacks.len() > 1 => {
            let expected = "one stack, or `url`, because people sign in at one of them";
            let got = Some(format!("{} stacks", stacks.len()));
            faults.push(ConfigError::new(&of.path("stacks"), expected, got));
        }
        Some(Credential::Subject { .. } | Credential::OAuth { .. }) | None => {}
        Some(other) => {
            let expected = "the kind subject, or oauth";
            faults.push(ConfigError::new(&at, expected, Some(other.kind().to_owned())));
        }
    }
}

//! One upstream as the operator configured it.

use std::{collections::BTreeMap, fmt};

use mcp_client::{endpoint::Timeouts, era::Era};
use mcp_platform::url::Url;
use mcp_protocol::{
    object::{Object as Written, array},
    raw,
};
use mcp_server::toolset::Effect;

use super::{
    Rules,
    credential::{Credential, scope},
    error::ConfigError,
    header::may_be_forwarded,
    object::{Faults, Object, chosen},
    stacks::{self, Stack},
    template::{TEMPLATES, Template},
    templated, timeouts,
};
use crate::{
    address::{self, Surroundings},
    description::Descriptions,
    filter::{Filter, Glob},
    names::{MAX_EXPOSED, is_upstream_name},
    pins::{PinPolicy, UnknownTools},
};

/// The fields of an upstream.
const FIELDS: [&str; 14] = [
    "template",
    "url",
    "era",
    "auth",
    "allow",
    "deny",
    "rename",
    "effects",
    "scope",
    "pins",
    "unknown",
    "descriptions",
    "timeouts",
    "forward_headers",
];
/// Headers that may be forwarded.
const MAX_FORWARDED: usize = 16;
/// Tools that may be renamed or given an effect.
const MAX_MAPPED: usize = 256;

/// One upstream.
#[derive(Clone, PartialEq)]
pub struct Upstream {
    /// Its name: up to 16 small letters, digits and hyphens after a letter.
    pub name: String,
    /// `template`: the known server that it is. Default: none.
    pub template: Option<&'static Template>,
    /// `stacks`: those of its template of which a person has one. Default: all that the template knows.
    pub stacks: Vec<Stack>,
    /// Further settings of its template: fields and values.
    pub options: BTreeMap<&'static str, String>,
    /// `url`: where it is. Its query may be secret. Default with a template: the MCP server of the first stack.
    pub url: Url,
    /// `era`: the wire that it speaks. None, which is `auto` and the default: this is found out.
    pub era: Option<Era>,
    /// `auth`: how it is called. Default: without a credential.
    pub credential: Credential,
    /// `allow` and `deny`: which of its tools and prompts are shown, by patterns of their names there. Default: all.
    pub filter: Filter,
    /// `rename`: names of tools there, and the names to show instead. Default: none.
    pub rename: BTreeMap<String, String>,
    /// `effects`: patterns of names, and the effect (`read`, `write`, `destructive`) of the tools that fit; the one with
    /// most characters besides `*` counts. Default: none, so that annotations count.
    pub effects: Vec<(Glob, Effect)>,
    /// `scope`: the scope that a caller needs. Default: `upstream:` and the name.
    pub scope: String,
    /// `pins`: what happens to tools whose definition changed. Default: `warn`.
    pub pins: PinPolicy,
    /// `unknown`: what happens to tools that were not there before. Default: `allow`.
    pub unknown: UnknownTools,
    /// `descriptions`: whether descriptions are cleaned. Default: `clean`.
    pub descriptions: Descriptions,
    /// `timeouts`: how long it may take, in seconds. Defaults: `headers` 10, `idle` 60, `whole` 300, `lists` 5.
    pub timeouts: Timeouts,
    /// `forward_headers`: headers of a caller that are passed on, in small letters. Default: none.
    pub forward_headers: Vec<String>,
    /// Whether this server answers in its place. No settings of an upstream say so, but [`Upstreams::answer_here`].
    ///
    /// [`Upstreams::answer_here`]: super::Upstreams::answer_here
    pub is_answered_here: bool,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.url.origin;
        write!(f, "Upstream({} at {origin}, auth {})", self.name, self.credential.kind())
    }
}

impl Upstream {
    /// Reads one upstream: its name, and the text of its settings. `at` is the path by which faults name it.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(
        name: &str,
        json: &str,
        at: &str,
        rules: &Rules<'_>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut faults = Vec::new();
        check_name(name, at, rules, &mut faults);
        let Some(of) = Object::open(at, json, &mut faults) else {
            return Err(faults);
        };
        let words = TEMPLATES.map(|template| (template.name, template));
        let template = of.choice("template", &words, &mut faults);
        let (of, known) = match template {
            Some(template) => {
                (of.over(template.settings), FIELDS.into_iter().chain(template.fields()).collect())
            }
            None => (of, FIELDS.to_vec()),
        };
        of.allow_only(&known, &mut faults);
        let is_unknown = of.get("template").is_some() && template.is_none();
        if is_unknown {
            return Err(faults);
        }
        let read = Self::read_fields((name, template), &of, rules, &mut faults);
        match (read, faults.is_empty()) {
            (Some(upstream), true) => Ok(upstream),
            _ => Err(faults),
        }
    }

    fn read_fields(
        (name, template): (&str, Option<&'static Template>),
        of: &Object<'_>,
        rules: &Rules<'_>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let has_url = of.get("url").is_some() || template.is_none();
        let own_url = has_url.then(|| read_url(of, rules.surroundings, faults)).flatten();
        let usual = template.map(|template| template.key_header);
        let credential = Credential::read(of, usual, rules, faults);
        let (stacks, options) = template.map_or_else(Default::default, |template| {
            let set = (own_url.as_ref(), credential.as_ref());
            templated::read(of, template, set, rules, faults)
        });
        let url = match has_url {
            true => own_url,
            false => stacks.first().map(|stack| stack.mcp.clone()),
        };
        let eras = [
            ("auto", None),
            ("stateless", Some(Era::Stateless)),
            ("session", Some(Era::Session)),
            ("sse", Some(Era::Sse)),
        ];
        let era = of.choice("era", &eras, faults).flatten();
        let filter = read_filter(of, faults);
        let rename = read_renames(of, name, faults);
        let effects = read_effects(of, faults);
        let expected = "a scope (RFC 6749 §3.3) of at most 128 characters";
        let scope = of.read("scope", expected, faults, |raw| scope(&raw::text(raw)?));
        let pins = of.choice("pins", &PinPolicy::WORDS, faults).unwrap_or_default();
        let unknown = of.choice("unknown", &UnknownTools::WORDS, faults).unwrap_or_default();
        let descriptions = of.choice("descriptions", &Descriptions::WORDS, faults);
        let usual = template.map_or_else(Timeouts::default, |template| template.timeouts);
        let timeouts = timeouts::read(of, usual, faults);
        let forward_headers = read_forwarded(of, (credential.as_ref(), template), faults);
        Some(Self {
            name: name.to_owned(),
            template,
            stacks,
            options,
            url: url?,
            era,
            credential: credential?,
            filter,
            rename,
            effects,
            scope: scope.unwrap_or_else(|| format!("upstream:{name}")),
            pins,
            unknown,
            descriptions: descriptions.unwrap_or_default(),
            timeouts,
            forward_headers,
            is_answered_here: false,
        })
    }

    /// The name to show for one of its tools: what `rename` says, else its own.
    pub fn shown_name<'a>(&'a self, tool: &'a str) -> &'a str {
        self.rename.get(tool).map_or(tool, String::as_str)
    }

    /// The address without its query, which may hold a key.
    pub fn shown_url(&self) -> String {
        without_query(&self.url)
    }

    /// The text that [`Self::read`] reads back. It has names of secrets and none of their values, and the whole URL.
    pub fn to_json(&self) -> String {
        self.written(|url| url.href.clone())
    }

    /// The same for people: without the queries of URLs.
    pub fn to_shown_json(&self) -> String {
        self.written(without_query)
    }

    /// `shown` writes an address.
    fn written(&self, shown: fn(&Url) -> String) -> String {
        let word =
            |glob: &Glob, effect: &Effect, all: Written| all.text(glob.as_str(), effect.name());
        let renames = self.rename.iter().fold(Written::new(), |all, (from, to)| all.text(from, to));
        let effects =
            self.effects.iter().fold(Written::new(), |all, (glob, effect)| word(glob, effect, all));
        let globs = |globs: &[Glob]| {
            let all: Vec<String> =
                globs.iter().map(|glob| mcp_protocol::object::quoted(glob.as_str())).collect();
            array(&all)
        };
        let begun = match self.template {
            Some(template) => self.options.iter().fold(
                Written::new()
                    .text("template", template.name)
                    .raw("stacks", &stacks::to_json(&self.stacks, shown)),
                |all, (field, value)| all.text(field, value),
            ),
            None => Written::new(),
        };
        begun
            .text("url", &shown(&self.url))
            .text("era", self.era.map_or("auto", Era::as_str))
            .raw("auth", &self.credential.to_json())
            .raw("allow", &globs(&self.filter.allow))
            .raw("deny", &globs(&self.filter.deny))
            .raw("rename", &renames.end())
            .raw("effects", &effects.end())
            .text("scope", &self.scope)
            .text("pins", self.pins.word())
            .text("unknown", self.unknown.word())
            .text("descriptions", self.descriptions.word())
            .raw("timeouts", &timeouts::to_json(&self.timeouts))
            .texts("forward_headers", self.forward_headers.iter().map(String::as_str))
            .end()
    }
}

#[cfg(test)]
impl Upstream {
    /// `tickets` at this address, with this `auth`.
    pub(crate) fn tickets(url: &str, auth: &serde_json::Value) -> Self {
        let settings = serde_json::json!({ "url": url, "auth": auth }).to_string();
        let secret = |_: &str| Some(mcp_auth::secret::Secret::new("s3cret"));
        let rules = Rules { reserved: &[], surroundings: Surroundings::default(), secret: &secret };
        Self::read("tickets", &settings, "tickets", &rules).unwrap()
    }

    /// `keboola` with these settings.
    pub(crate) fn keboola(settings: &serde_json::Value) -> Result<Self, Vec<ConfigError>> {
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        Self::read("keboola", &settings.to_string(), "keboola", &rules)
    }
}

fn without_query(url: &Url) -> String {
    format!("{}{}", url.origin, url.path)
}

fn check_name(name: &str, at: &str, rules: &Rules<'_>, faults: &mut Faults) {
    let mut fault = |expected: &str, got: String| {
        faults.push(ConfigError::new(at, expected, Some(got)));
    };
    if !is_upstream_name(name) {
        let expected =
            "a name of 1 to 16 small letters, digits and hyphens that begins with a letter";
        fault(expected, super::error::shown_text(name, 32));
    } else if rules.reserved.contains(&name) {
        let expected =
            "a name with which no tool of this server begins, and no word for several toolsets";
        fault(expected, super::error::shown_text(name, 32));
    }
}

fn read_url(of: &Object<'_>, around: Surroundings<'_>, faults: &mut Faults) -> Option<Url> {
    let at = of.path("url");
    let Some(raw) = of.get("url") else {
        faults.push(ConfigError::new(&at, address::EXPECTED, None));
        return None;
    };
    // A URL is not repeated: its user name, password and query may be secret.
    let got = match raw::text(raw) {
        None => Some("no text".to_owned()),
        Some(text) => match address::check(&text, around) {
            Ok(url) => return Some(url),
            Err(error) => Some(error.to_string()),
        },
    };
    faults.push(ConfigError::new(&at, address::EXPECTED, got));
    None
}

fn read_filter(of: &Object<'_>, faults: &mut Faults) -> Filter {
    let expected = "a pattern of 1 to 128 characters, in which `*` stands for any others";
    let allow = of.list("allow", expected, faults, Glob::parse);
    let deny = of.list("deny", expected, faults, Glob::parse);
    for (place, allowed) in allow.iter().enumerate() {
        if let Some(denied) = deny.iter().find(|denied| denied.covers(allowed)) {
            let expected = format!(
                "a pattern that `deny` leaves something of, but {} denies all of it",
                super::error::shown_text(denied.as_str(), 64),
            );
            let at = format!("{}[{place}]", of.path("allow"));
            let got = super::error::shown_text(allowed.as_str(), 64);
            faults.push(ConfigError::new(&at, expected, Some(got)));
        }
    }
    Filter { allow, deny }
}

fn read_renames(of: &Object<'_>, name: &str, faults: &mut Faults) -> BTreeMap<String, String> {
    let most = MAX_EXPOSED.saturating_sub(name.len().saturating_add(1));
    let expected = format!("a name of 1 to {most} characters of [A-Za-z0-9_-]");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let Some(object) = of.object("rename", faults) else {
        return all;
    };
    check_count(of, "rename", &object, faults);
    for (from, raw) in object.entries() {
        let fits = |to: &String| (1..=most).contains(&to.len()) && to.bytes().all(plain);
        let Some(to) = object.read(from, &expected, faults, |raw| raw::string(raw).filter(fits))
        else {
            continue;
        };
        if all.values().any(|other| *other == to) || all.contains_key(from) {
            let expected = "a name that no other tool is renamed to, and one for each tool";
            let got = Some(super::error::shown(raw));
            faults.push(ConfigError::new(&object.path(from), expected, got));
        }
        all.insert(from.clone(), to);
    }
    all
}

fn read_effects(of: &Object<'_>, faults: &mut Faults) -> Vec<(Glob, Effect)> {
    let words =
        [Effect::Read, Effect::Write, Effect::Destructive].map(|effect| (effect.name(), effect));
    let Some(object) = of.object("effects", faults) else {
        return Vec::new();
    };
    check_count(of, "effects", &object, faults);
    let mut all = Vec::new();
    for (pattern, raw) in object.entries() {
        match (Glob::parse(pattern), chosen(&words, raw)) {
            (Some(glob), Some(effect)) => all.push((glob, effect)),
            _ => {
                let expected = "a pattern of names with one of read, write, destructive";
                let got = Some(super::error::shown(raw));
                faults.push(ConfigError::new(&object.path(pattern), expected, got));
            }
        }
    }
    all
}

fn check_count(of: &Object<'_>, field: &str, object: &Object<'_>, faults: &mut Faults) {
    let count = object.entries().len();
    if count > MAX_MAPPED {
        let expected = format!("at most {MAX_MAPPED} names");
        faults.push(ConfigError::new(&of.path(field), expected, Some(count.to_string())));
    }
}

fn read_forwarded(
    of: &Object<'_>,
    (credential, template): (Option<&Credential>, Option<&Template>),
    faults: &mut Faults,
) -> Vec<String> {
    let expected = match template {
        None => "the name of a header that carries no credential and belongs to no single hop"
            .to_owned(),
        Some(template) => format!("one of {}", template.forwardable.join(", ")),
    };
    let is_free = |name: &str| {
        credential.is_none_or(|credential| !credential.uses(name))
            && template.is_none_or(|template| template.may_forward(&name.to_ascii_lowercase()))
    };
    let all = of.list("forward_headers", &expected, faults, |name| {
        (may_be_forwarded(name) && is_free(name)).then(|| name.to_ascii_lowercase())
    });
    if all.len() > MAX_FORWARDED {
        let expected = format!("at most {MAX_FORWARDED} headers");
        let got = Some(all.len().to_string());
        faults.push(ConfigError::new(&of.path("forward_headers"), expected, got));
    }
    all
}

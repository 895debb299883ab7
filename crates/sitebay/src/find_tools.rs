//! `sitebay_find_tools`: the tools that fit what one wants to do, for callers who chose `dynamic`. The tools of upstreams
//! are found as well, each upstream being a toolset of its name.
//!
//! Invariant: what is found may be called by name at once, listed or not; enabling a toolset changes
//! the list of a session, and of nothing else. A definition of an upstream stays as the upstream sent it.

use std::{rc::Rc, sync::LazyLock};

use serde_json::{Map, Value, value::RawValue};

use mcp_auth::refusal::UnknownToolset;
use mcp_protocol::{
    bytes::cut_text,
    content::CallToolResult,
    fields::fields,
    object::{Object, array},
    raw,
};
use mcp_server::toolset::{Tool, Visibility};
use mcp_server::{
    arguments::{Problems, Schema},
    context::Context,
    remote::FoundThere,
    upstream_selection::UpstreamSelection,
};

/// The tool's name.
pub(super) const NAME: &str = "sitebay_find_tools";

/// The tool as MCP lists it.
const DEFINITION: &str = concat!(
    r#"{"name":"sitebay_find_tools","title":"Find tools","description":"Finds the tools that fit what you want to do, "#,
    r#"with all you need to call them. Say it in a few words, such as `add a DNS record` or `read PHP errors`. The "#,
    r#"tools that it finds can be called by name at once. `enable` also puts whole toolsets on the list of tools, for the rest of a "#,
    r#"session.","inputSchema":{"type":"object","additionalProperties":false,"properties":{"query":{"type":"string","#,
    r#""maxLength":500,"description":"What you want to do."},"enable":{"type":"array","items":{"type":"string"},"#,
    r#""maxItems":20,"description":"Names of toolsets, such as dns or backups; all for everything."},"limit":{"type":"#,
    r#""integer","minimum":1,"maximum":20,"default":5,"description":"How many tools to show."}}},"outputSchema":{"#,
    r#""type":"object","required":["tools","enabled"],"properties":{"tools":{"type":"array","items":{"type":"object"},"#,
    r#""description":"Whole definitions, best first."},"enabled":{"type":"array","items":{"type":"string"},"description":"#,
    r#""The toolsets that are listed from now on."}}},"annotations":{"title":"Find tools","readOnlyHint":true,"#,
    r#""destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}"#,
);

/// The tool.
pub(super) const TOOL: Tool =
    Tool { name: NAME, visibility: Visibility::Finder, ..Tool::quick(DEFINITION) };

/// Words that say the same in a request as others do in the catalogue.
const SAME: [(&str, &str); 8] = [
    ("remov", "delet"),
    ("revert", "restor"),
    ("rollback", "restor"),
    ("undo", "restor"),
    ("snapshot", "checkpoint"),
    ("clone", "stag"),
    ("wp", "wordpress"),
    ("purg", "clear"),
];
/// A word that few tools have counts for as much as this one that many have.
const RAREST: usize = 16;

/// Bytes of definitions of upstreams that one search reads.
const MAX_SEARCHED: usize = 8 << 20;
/// Bytes of definitions that one answer shows.
const MAX_SHOWN: usize = 256 << 10;
/// Bytes of a description that are searched.
const MAX_DESCRIPTION: usize = 4 << 10;

/// The request.
struct FindArguments {
    query: String,
    enable: Vec<String>,
    limit: usize,
}

/// A tool that can be found.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    name: &'a str,
    /// The toolset that it belongs to.
    set: &'a str,
    definition: &'a str,
    /// Whether an upstream has it.
    is_there: bool,
}

impl<'a> From<&'a Tool> for Candidate<'a> {
    fn from(tool: &'a Tool) -> Self {
        let (name, set, definition) = (tool.name, tool.group, tool.definition);
        Self { name, set, definition, is_there: false }
    }
}

impl<'a> From<&'a FoundThere> for Candidate<'a> {
    fn from(tool: &'a FoundThere) -> Self {
        Self { name: &tool.name, set: &tool.upstream, definition: &tool.definition, is_there: true }
    }
}

/// The toolsets to enable: bits of groups, and names of upstreams.
#[derive(Default)]
struct Enabled {
    bits: u32,
    upstreams: Vec<String>,
}

impl Enabled {
    fn read(ctx: &Context, names: &[String], servers: &[Rc<str>]) -> Result<Self, UnknownToolset> {
        if names.is_empty() {
            return Ok(Self::default());
        }
        let known: Vec<&str> = servers.iter().map(AsRef::as_ref).collect();
        let chosen = ctx.registry.choose_among(&names.join(","), &known)?;
        let upstreams = match &chosen.upstreams {
            UpstreamSelection::All => known.into_iter().map(str::to_owned).collect(),
            UpstreamSelection::Named(names) => names.to_vec(),
        };
        Ok(Self { bits: chosen.tools.sets, upstreams })
    }

    fn is_any(&self) -> bool {
        self.bits != 0 || !self.upstreams.is_empty()
    }
}

/// Runs the tool.
pub(super) async fn run(ctx: &Context, arguments: Option<&RawValue>) -> CallToolResult {
    let wanted = match FindArguments::read(arguments) {
        Ok(wanted) => wanted,
        Err(problems) => return problems.into_result(NAME),
    };
    let servers = ctx.remote.as_ref().map(|remote| remote.servers(ctx)).unwrap_or_default();
    let enabled = match Enabled::read(ctx, &wanted.enable, &servers) {
        Ok(enabled) => enabled,
        Err(unknown) => return Problems::one("enable", &unknown.to_string()).into_result(NAME),
    };
    let listed =
        enabled.is_any() && ctx.notifier.enable(enabled.bits, enabled.upstreams.clone()).await;
    let (there, missing) = of_upstreams(ctx, &wanted, &enabled).await;
    let mut all: Vec<Candidate<'_>> = own(ctx, &wanted, &enabled).map(Candidate::from).collect();
    all.extend(there.iter().map(Candidate::from));
    let found = match wanted.query.is_empty() {
        true => all,
        false => best(all, &wanted.query, wanted.limit),
    };
    let answer = Answer {
        found: shown_at_once(found),
        enabled: if listed { wanted.enable } else { Vec::new() },
        wanted: enabled.is_any(),
        servers,
        missing,
    };
    answer.into_result(ctx)
}

/// The tools of this server among which is searched, or which were enabled.
fn own(
    ctx: &Context,
    wanted: &FindArguments,
    enabled: &Enabled,
) -> impl Iterator<Item = &'static Tool> {
    let choice = ctx.choice.within(ctx.principal.scopes);
    let (registry, offered, searches) =
        (ctx.registry, choice.with(enabled.bits), !wanted.query.is_empty());
    registry.all().filter(move |tool| {
        let fits = if searches { choice.may_offer(tool) } else { registry.offers(offered, tool) };
        !tool.group.is_empty() && fits
    })
}

/// The same of upstreams, and what is missing.
async fn of_upstreams(
    ctx: &Context,
    wanted: &FindArguments,
    enabled: &Enabled,
) -> (Vec<FoundThere>, Vec<String>) {
    let searches = !wanted.query.is_empty();
    let Some(remote) = ctx.remote.as_ref().filter(|_| searches || !enabled.upstreams.is_empty())
    else {
        return (Vec::new(), Vec::new());
    };
    let (mut there, mut missing) = remote.callable(ctx).await;
    let is_named = |tool: &FoundThere| enabled.upstreams.iter().any(|name| *name == *tool.upstream);
    there.retain(|tool| searches || is_named(tool));
    let (mut bytes, all) = (0_usize, there.len());
    there.retain(|tool| {
        bytes = bytes.saturating_add(tool.definition.len());
        bytes <= MAX_SEARCHED
    });
    let left_out = all.saturating_sub(there.len());
    if left_out > 0 {
        missing.push(format!("{left_out} tools, because there are too many to search"));
    }
    (there, missing)
}

/// Those whose definitions fit an answer.
fn shown_at_once(found: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    let mut bytes = 0_usize;
    let mut fits = |tool: &Candidate<'_>| {
        let with = bytes.saturating_add(tool.definition.len());
        let fits = with <= MAX_SHOWN;
        bytes = if fits { with } else { bytes };
        fits
    };
    found.into_iter().filter(|tool| fits(tool)).collect()
}

impl FindArguments {
    fn read(arguments: Option<&RawValue>) -> Result<Self, Problems> {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::of_definition(DEFINITION));
        let checked = SCHEMA.check(arguments)?;
        let query = checked.get("query").and_then(Value::as_str).unwrap_or_default();
        let enable = checked.get("enable").and_then(Value::as_array).into_iter().flatten();
        let limit = checked.get("limit").and_then(Value::as_u64).unwrap_or_default();
        let wanted = Self {
            query: query.trim().to_owned(),
            enable: enable.filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
            limit: usize::try_from(limit).unwrap_or_default(),
        };
        if wanted.query.is_empty() && wanted.enable.is_empty() {
            let problem = "say what you want to do, or name toolsets in enable";
            return Err(Problems::one("query", problem));
        }
        Ok(wanted)
    }
}

/// The tools that fit best, best first.
fn best<'a>(tools: Vec<Candidate<'a>>, query: &str, limit: usize) -> Vec<Candidate<'a>> {
    let texts: Vec<[String; 2]> = tools.iter().map(Candidate::texts).collect();
    let mut scores = vec![0_usize; tools.len()];
    for word in words(query) {
        let hits: Vec<usize> = texts.iter().map(|texts| hit(texts, &word)).collect();
        let having = hits.iter().filter(|hit| **hit > 0).count().max(1);
        let weight = tools.len().checked_div(having).unwrap_or(1).clamp(1, RAREST);
        for (score, hit) in scores.iter_mut().zip(hits) {
            *score = score.saturating_add(hit.saturating_mul(weight));
        }
    }
    let mut ranked: Vec<(usize, Candidate<'_>)> = scores.into_iter().zip(tools).collect();
    ranked.retain(|(score, _)| *score > 0);
    ranked.sort_by_key(|(score, _)| usize::MAX.saturating_sub(*score));
    ranked.into_iter().take(limit).map(|(_, tool)| tool).collect()
}

/// How well a word fits: what names a tool counts more than what describes it.
fn hit([name, description]: &[String; 2], word: &str) -> usize {
    let has = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric()).any(|known| known.starts_with(word))
    };
    match (has(name), has(description)) {
        (true, _) => 4,
        (false, true) => 1,
        (false, false) => 0,
    }
}

impl Candidate<'_> {
    /// Its name and title, and its description, in lower case.
    fn texts(&self) -> [String; 2] {
        let [title, description] = self.fields(["title", "description"]);
        let name = self.name.strip_prefix("sitebay_").unwrap_or(self.name);
        let description = cut_text(&description, MAX_DESCRIPTION);
        [format!("{name} {title} {}", self.set).to_lowercase(), description.to_lowercase()]
    }

    /// Texts in its definition.
    fn fields<const N: usize>(&self, names: [&'static str; N]) -> [String; N] {
        let found = fields(self.definition, names).unwrap_or([None; N]);
        found.map(|text| text.and_then(raw::string).unwrap_or_default())
    }

    /// The definition that a model needs to call it.
    fn shown(&self) -> String {
        let [description] = self.fields(["description"]);
        let [schema] = fields(self.definition, ["inputSchema"]).unwrap_or_default();
        let schema = schema.map_or("{}", RawValue::get);
        let (name, set) = (self.name, self.set);
        format!("\n\n{name} (toolset {set}): {description}\nArguments: {schema}")
    }
}

/// The words of a text that say something, without their endings.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let meaning = words.filter(|word| word.len() > 1 && !EMPTY.contains(word)).map(stem);
    meaning.map(|word| same(word).to_owned()).take(40).collect()
}

/// Words that say nothing here.
const EMPTY: [&str; 18] = [
    "the", "an", "of", "to", "for", "in", "on", "my", "me", "and", "or", "is", "it", "with",
    "from", "site", "sites", "sitebay",
];

fn stem(word: &str) -> &str {
    let endings = ["ing", "ed", "es", "s", "e"];
    let cut = endings.iter().find_map(|ending| word.strip_suffix(ending));
    cut.filter(|stem| stem.len() >= 3).unwrap_or(word)
}

fn same(word: &str) -> &str {
    let known = SAME.iter().find(|(asked, _)| word.starts_with(asked));
    known.map_or(word, |(_, said)| said)
}

/// What was found.
struct Answer<'a> {
    found: Vec<Candidate<'a>>,
    /// The toolsets that are listed from now on.
    enabled: Vec<String>,
    /// Whether any were to be.
    wanted: bool,
    servers: Vec<Rc<str>>,
    /// What is missing, for people.
    missing: Vec<String>,
}

impl Answer<'_> {
    fn into_result(self, ctx: &Context) -> CallToolResult {
        let mut text = match (self.found.len(), self.enabled.is_empty(), self.wanted) {
            (0, ..) => {
                let mut sets: Vec<&str> = ctx.registry.groups().collect();
                sets.extend(self.servers.iter().map(|server| &**server));
                let again = "No tool fits. Say it in other words, or enable a toolset: ";
                again.to_owned() + &sets.join(", ")
            }
            (_, false, _) => format!("Listed from now on: {}.", self.enabled.join(", ")),
            (_, true, true) => {
                "Without a session the list stays as it is; call these by name.".into()
            }
            (_, true, false) => "Call these by name.".to_owned(),
        };
        if !self.missing.is_empty() {
            text.push_str(&format!(" Not searched: {}.", self.missing.join("; ")));
        }
        self.found.iter().for_each(|tool| text.push_str(&tool.shown()));
        if self.found.iter().any(|tool| tool.is_there) {
            let tools: Vec<String> =
                self.found.iter().map(|tool| tool.definition.to_owned()).collect();
            let enabled = self.enabled.iter().map(String::as_str);
            let data = Object::new().raw("tools", &array(&tools)).texts("enabled", enabled).end();
            return CallToolResult { structured_text: Some(data), ..CallToolResult::text(text) };
        }
        let tools: Vec<Value> =
            self.found.iter().filter_map(|tool| raw::value(tool.definition).ok()).collect();
        let enabled = self.enabled.into_iter().map(Value::from).collect();
        let mut data = Map::new();
        data.insert("tools".to_owned(), tools.into());
        data.insert("enabled".to_owned(), Value::Array(enabled));
        CallToolResult::structured(Value::Object(data), text)
    }
}

#[cfg(test)]
#[path = "find_tools_tests.rs"]
mod tests;

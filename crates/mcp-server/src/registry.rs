//! The tools, resources and prompts that a server has, over all its toolsets.
//!
//! Invariant: a list's text is put together once per isolate; answering it is a copy. Where two
//! toolsets have a tool of the same name, the first has it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::future::{Either, select};
use mcp_auth::{refusal::UnknownToolset, scope::Scopes};
use mcp_protocol::{
    content::{GetPromptResult, ResourceContents},
    raw,
    stateless::param_declarations::ParamHeader,
    uri::canonical,
};
use serde_json::{Map, Value};

use crate::{
    client_request::Stop,
    context::Context,
    paged_list::PagedList,
    result_store::{self, RESULT},
    tool_selection::{ALL, DEFAULT, DYNAMIC, ToolSelection},
    toolset::{
        Arguments, CallResult, Effect, ResourceState, TAKE_BACK_WITHIN, Tool, Toolset, Visibility,
    },
    upstream_selection::{Selection, UpstreamSelection},
};

/// The word that stands for all upstreams.
pub const UPSTREAMS: &str = "upstreams";
/// Words that stand for many toolsets, so that none has such a name.
pub const WORDS: [&str; 4] = ["all", "default", "dynamic", UPSTREAMS];

/// Lists of choices that an isolate keeps.
const MAX_CHOICES: usize = 32;

/// Why a resource was not read.
#[derive(Debug)]
pub enum ReadError {
    /// There is none at this URI.
    NotFound,
    /// It is there and could not be read.
    Failed(String),
}

/// Why a prompt was not made.
#[derive(Debug)]
pub enum PromptError {
    /// There is none of this name.
    NotFound,
    /// An argument is missing or wrong.
    Arguments(String),
    /// It asks the client first.
    Stopped(Stop),
}

impl From<Stop> for PromptError {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// The subject of a completion request.
#[derive(Debug, Clone)]
pub struct Completion<'a> {
    /// The prompt or template that has the argument.
    pub reference: Reference<'a>,
    /// The argument's name.
    pub argument: &'a str,
    /// The text typed so far.
    pub so_far: &'a str,
    /// The site that another argument names already.
    pub site: Option<String>,
}

/// The reference of a completion request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A prompt by name.
    Prompt(&'a str),
    /// A resource template by URI.
    Resource(&'a str),
}

/// A tool and the toolset that runs it.
#[derive(Clone, Copy)]
pub struct FoundTool {
    /// The tool.
    pub tool: &'static Tool,
    toolset: &'static dyn Toolset,
}

impl FoundTool {
    /// The tool of this name in a toolset, which need not be in a registry.
    pub fn of(toolset: &'static dyn Toolset, name: &str) -> Option<Self> {
        Some(Self { tool: toolset.find(name)?, toolset })
    }

    /// The scopes needed to call it.
    pub fn needs(&self) -> Scopes {
        if self.tool.effect == Effect::Read { Scopes::READ } else { Scopes::WRITE }
    }

    /// Runs it.
    ///
    /// # Errors
    /// Where it stops at a question to the client.
    pub async fn call(&self, ctx: &Context, arguments: Arguments<'_>) -> CallResult {
        self.toolset.call(ctx, self.tool, arguments).await
    }

    /// Whether a task of it has to be taken back where it is cancelled.
    pub fn takes_back(&self) -> bool {
        self.toolset.takes_back(self.tool)
    }

    /// Ends what a cancelled task of it began elsewhere, in bounded time. Returns what was done.
    ///
    /// # Errors
    /// Where it may go on: why.
    pub async fn take_back(&self, ctx: &Context) -> Result<String, String> {
        let ended = self.toolset.take_back(ctx, self.tool);
        match select(ended, ctx.platform.sleep(TAKE_BACK_WITHIN)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => {
                Err("What was begun may go on: it was not ended in time.".to_owned())
            }
        }
    }

    /// The thing that the arguments of a call name.
    pub fn target(&self, arguments: Arguments<'_>) -> Option<String> {
        self.toolset.target(arguments)
    }
}

/// The toolsets of a server.
pub struct Registry {
    toolsets: &'static [&'static dyn Toolset],
    default: OnceLock<PagedList>,
    resources: OnceLock<PagedList>,
    templates: OnceLock<PagedList>,
    prompts: OnceLock<PagedList>,
    headers: OnceLock<Vec<(String, Vec<ParamHeader>)>>,
    chosen: Mutex<Vec<(ToolSelection, Arc<PagedList>)>>,
}

impl Registry {
    /// A registry of these toolsets. Their groups have their places in choices in this order, so a
    /// toolset with groups is added at the end.
    pub const fn new(toolsets: &'static [&'static dyn Toolset]) -> Self {
        Self {
            toolsets,
            default: OnceLock::new(),
            resources: OnceLock::new(),
            templates: OnceLock::new(),
            prompts: OnceLock::new(),
            headers: OnceLock::new(),
            chosen: Mutex::new(Vec::new()),
        }
    }

    /// All tools of all toolsets.
    pub fn all(&self) -> impl Iterator<Item = &'static Tool> + use<> {
        self.toolsets.iter().flat_map(|toolset| toolset.tools())
    }

    /// The tool of this name.
    pub fn find(&self, name: &str) -> Option<FoundTool> {
        self.toolsets.iter().find_map(|toolset| FoundTool::of(*toolset, name))
    }

    /// The groups by which tools can be chosen.
    pub fn groups(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.toolsets.iter().flat_map(|toolset| toolset.groups()).copied()
    }

    /// The bits of a group, or of a name that stands for many.
    ///
    /// # Errors
    /// Where it does not exist.
    pub fn bits(&self, name: &str) -> Result<u32, UnknownToolset> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "default" => Ok(DEFAULT),
            "dynamic" => Ok(DYNAMIC),
            "all" => Ok(ALL),
            _ => self.bit(&name).ok_or_else(|| {
                let known: Vec<&str> = self.groups().collect();
                UnknownToolset { name, known: known.join(", ") }
            }),
        }
    }

    fn bit(&self, group: &str) -> Option<u32> {
        let place = self.groups().position(|known| known == group)?;
        1_u32.checked_shl(u32::try_from(place).ok()?)
    }

    /// Reads names of groups, separated by commas; `all` and `default` stand for many, `dynamic` for
    /// the tool that finds others.
    ///
    /// # Errors
    /// Where one of them does not exist.
    pub fn choose(&self, names: &str) -> Result<ToolSelection, UnknownToolset> {
        self.choose_among(names, &[]).map(|selection| selection.tools)
    }

    /// The same where a toolset may also be one of these upstreams; `all` and `upstreams` stand for all of them. A name
    /// that both a group and an upstream have means both. No name at all is no choice.
    ///
    /// # Errors
    /// Where one of them does not exist.
    pub fn choose_among(
        &self,
        names: &str,
        upstreams: &[&str],
    ) -> Result<Selection, UnknownToolset> {
        let names = names.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
        if names.is_empty() {
            return Ok(Selection::default());
        }
        let (mut sets, mut chosen, mut all) = (0, Vec::new(), false);
        for name in names {
            let is_upstream = upstreams.contains(&name.as_str());
            all |= name == UPSTREAMS || name == "all";
            match self.bits(&name) {
                Ok(bits) => sets |= bits,
                Err(_) if is_upstream || name == UPSTREAMS => {}
                Err(unknown) => return Err(unknown.or_upstreams(upstreams)),
            }
            if is_upstream {
                chosen.push(name);
            }
        }
        let upstreams = match all {
            true => UpstreamSelection::All,
            false => UpstreamSelection::of(chosen),
        };
        Ok(Selection { tools: ToolSelection { sets, ..ToolSelection::default() }, upstreams })
    }

    /// Whether a tool is offered to those who made this choice.
    pub fn offers(&self, choice: ToolSelection, tool: &Tool) -> bool {
        let named = || choice.sets & self.bit(tool.group).unwrap_or_default() != 0;
        let chosen = match tool.visibility {
            Visibility::Always => return true,
            Visibility::Finder => return choice.is_dynamic(),
            Visibility::Default => choice.sets & DEFAULT != 0 || named(),
            Visibility::Chosen | Visibility::Retired => named(),
        };
        chosen && choice.may_offer(tool)
    }

    /// The tools listed by default.
    pub fn default_tools(&self) -> &PagedList {
        self.default.get_or_init(|| self.listed(ToolSelection::default()))
    }

    /// The tools of a choice; put together once per isolate.
    pub fn tools(&self, choice: ToolSelection) -> Arc<PagedList> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, listing)) = chosen.iter().find(|(known, _)| *known == choice) {
            return listing.clone();
        }
        let listing = Arc::new(self.listed(choice));
        if chosen.len() >= MAX_CHOICES {
            chosen.clear();
        }
        chosen.push((choice, listing.clone()));
        listing
    }

    fn listed(&self, choice: ToolSelection) -> PagedList {
        let offered = self.all().filter(|tool| self.offers(choice, tool));
        let texts: Vec<&str> = offered.map(|tool| tool.definition).collect();
        PagedList::new("tools", &texts)
    }

    /// The resources that have one URI.
    pub fn resources(&self) -> &PagedList {
        self.resources.get_or_init(|| self.put_together("resources", |set| set.resources()))
    }

    /// The resources whose URI has parameters.
    pub fn resource_templates(&self) -> &PagedList {
        let of = |set: &'static dyn Toolset| set.resource_templates();
        self.templates.get_or_init(|| self.put_together("resourceTemplates", of))
    }

    /// The prompts.
    pub fn prompts(&self) -> &PagedList {
        self.prompts.get_or_init(|| self.put_together("prompts", |set| set.prompts()))
    }

    fn put_together(
        &self,
        field: &'static str,
        of: impl Fn(&'static dyn Toolset) -> &'static [&'static str],
    ) -> PagedList {
        let parts: Vec<&str> = self.toolsets.iter().flat_map(|set| of(*set)).copied().collect();
        PagedList::new(field, &parts)
    }

    /// The headers that repeat arguments of a tool (2026-07-28 `x-mcp-header`).
    pub fn param_headers(&self, name: &str) -> &[ParamHeader] {
        let marked = self.headers.get_or_init(|| self.all().filter_map(marked).collect());
        marked.iter().find(|(known, _)| known == name).map_or(&[], |(_, headers)| headers)
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub async fn read(&self, ctx: &Context, uri: &str) -> Result<ResourceContents, ReadError> {
        if uri.starts_with(RESULT) {
            return result_store::read(ctx, uri).await.ok_or(ReadError::NotFound);
        }
        for toolset in self.toolsets {
            match toolset.read(ctx, uri).await {
                Err(ReadError::NotFound) => {}
                read => return read,
            }
        }
        Err(ReadError::NotFound)
    }

    /// Whether a resource changes by itself, so that the server has to look at it.
    pub fn is_watchable(&self, uri: &str) -> bool {
        let uri = canonical(uri);
        self.toolsets.iter().any(|toolset| toolset.is_watchable(&uri))
    }

    /// Looks at such a resource. None: it could not be read just now.
    pub async fn look(&self, ctx: &Context, uri: &str) -> Option<ResourceState> {
        let uri = canonical(uri);
        let toolset = self.toolsets.iter().find(|toolset| toolset.is_watchable(&uri))?;
        toolset.look(ctx, &uri).await
    }

    /// Makes a prompt.
    ///
    /// # Errors
    /// Where there is none, an argument does not fit, or the client must be asked.
    pub async fn prompt(
        &self,
        ctx: &Context,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<GetPromptResult, PromptError> {
        for toolset in self.toolsets {
            match toolset.prompt(ctx, name, arguments).await {
                Err(PromptError::NotFound) => {}
                made => return made,
            }
        }
        Err(PromptError::NotFound)
    }

    /// Values for an argument of a prompt or of a resource template, best first. None: there is no
    /// such prompt or template.
    pub async fn complete(&self, ctx: &Context, asked: &Completion<'_>) -> Option<Vec<String>> {
        if let Reference::Resource(uri) = asked.reference
            && !self.resource_templates().whole().contains(&format!("\"{uri}\""))
        {
            return None;
        }
        for toolset in self.toolsets {
            if let Some(values) = toolset.complete(ctx, asked).await {
                return Some(values);
            }
        }
        None
    }
}

fn marked(tool: &'static Tool) -> Option<(String, Vec<ParamHeader>)> {
    if !tool.definition.contains("x-mcp-header") {
        return None;
    }
    let definition = raw::value(tool.definition).ok()?;
    // A definition that breaks the rules marks nothing; clients drop such a tool.
    let headers = ParamHeader::all_in(definition.get("inputSchema")?).ok()?;
    Some((tool.name.to_owned(), headers))
}

//! Tools, prompts and resources of other MCP servers, as one caller sees them.
//!
//! Invariant: what comes from another server is text that is passed on as it came. A request that
//! may have been carried out there is never sent again.

use std::rc::Rc;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_protocol::{
    fields::fields,
    initialize,
    jsonrpc::RpcError,
    object::Object,
    stateless::{discover, param_declarations::ParamHeader, result::CacheHint},
    version::Version,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{context::Context, outcome::Outcome, toolset::Effect};

/// A list of MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `tools/list`.
    Tools,
    /// `prompts/list`.
    Prompts,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    ResourceTemplates,
}

impl ListKind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Tools, Self::Prompts, Self::Resources, Self::ResourceTemplates];

    /// The method that asks for it.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::ResourceTemplates => "resources/templates/list",
        }
    }

    /// The field of the result that holds the items.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
        }
    }
}

/// The items of a list.
#[derive(Debug, Clone, Default)]
pub struct RemoteList {
    /// Each item as the caller sees it: the text of a JSON object.
    pub items: Vec<Rc<str>>,
    /// How long the list may be kept. None: the other servers do not say.
    pub hint: Option<CacheHint>,
    /// What is missing from it, for people: one line for each server that did not answer.
    pub notes: Vec<String>,
}

/// A tool of another server.
#[derive(Debug, Clone)]
pub struct RemoteTool {
    /// Its name as the caller sees it.
    pub name: Rc<str>,
    /// The configured name of its server.
    pub upstream: Rc<str>,
    /// Its name there.
    pub name_there: Rc<str>,
    /// Its effect, by configuration or as its server claims.
    pub effect: Effect,
    /// The arguments that headers repeat (2026-07-28 `x-mcp-header`).
    pub param_headers: Vec<ParamHeader>,
}

/// A tool of another server, as a search finds it.
#[derive(Debug, Clone)]
pub struct FoundThere {
    /// Its name as the caller sees it.
    pub name: Rc<str>,
    /// The configured name of its server.
    pub upstream: Rc<str>,
    /// Its definition as the caller sees it: the text of a JSON object.
    pub definition: Rc<str>,
}

/// What another server says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct About {
    /// Its `Implementation`: the text of a JSON object.
    pub server_info: Option<String>,
    /// Its instructions.
    pub instructions: Option<String>,
    /// Its capabilities: the text of a JSON object.
    pub capabilities: String,
}

/// The capabilities that a server behind a door keeps in front: those whose methods are passed on.
const KEPT: [&str; 5] = ["completions", "logging", "prompts", "resources", "tools"];

impl About {
    /// The same with the capabilities that it has behind a door of its own.
    #[must_use]
    pub fn behind_a_door(self) -> Self {
        let declared = fields(&self.capabilities, KEPT).unwrap_or([None; KEPT.len()]);
        let kept = KEPT.iter().zip(declared).filter(|(_, declared)| declared.is_some());
        // Neither subscriptions nor announcements of changes are passed on.
        let capabilities = kept.fold(Object::new(), |all, (name, _)| all.raw(name, "{}")).end();
        Self { capabilities, ..self }
    }

    /// The result of `initialize`.
    pub fn initialized(&self, version: Version) -> String {
        initialize::result_of(
            version,
            &self.capabilities,
            self.server_info.as_deref(),
            self.instructions.as_deref(),
        )
    }

    /// The result of `server/discover`.
    pub fn discovered(&self) -> String {
        discover::result_of(
            &self.capabilities,
            self.server_info.as_deref(),
            self.instructions.as_deref(),
        )
    }
}

/// Other servers behind the door through which a caller came.
pub trait Remote {
    /// The one server behind the door, where it has but one: what it says of itself. None: several are.
    ///
    /// # Errors
    /// Where it does not answer.
    fn about<'a>(&'a self, ctx: &'a Context)
    -> LocalBoxFuture<'a, Result<Option<About>, RpcError>>;

    /// The items of a list. A server that does not answer in time is missing from it.
    fn list<'a>(&'a self, ctx: &'a Context, kind: ListKind) -> LocalBoxFuture<'a, RemoteList>;

    /// The names of the servers of which the caller may use anything here.
    fn servers(&self, _ctx: &Context) -> Vec<Rc<str>> {
        Vec::new()
    }

    /// The tools that the caller may call, listed or not, for a search among them; and what is missing, for people. No
    /// server is asked for more than its list.
    fn callable<'a>(
        &'a self,
        _ctx: &'a Context,
    ) -> LocalBoxFuture<'a, (Vec<FoundThere>, Vec<String>)> {
        ready((Vec::new(), Vec::new())).boxed_local()
    }

    /// The tool of this name, where the caller may see it.
    ///
    /// # Errors
    /// Where its server does not say whether it has one, how the call ends.
    fn tool<'a>(
        &'a self,
        ctx: &'a Context,
        name: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<RemoteTool>, Outcome>>;

    /// Calls a tool. `params`: the parameters as they came.
    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a RemoteTool,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Outcome>;

    /// Answers `resources/read`, `prompts/get` or `completion/complete`. None: no server behind the
    /// door has what the parameters name.
    fn request<'a>(
        &'a self,
        ctx: &'a Context,
        method: &'a str,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Option<Outcome>>;
}

/// What a stateless request brought back that another server must read: that server's state, and the
/// client's answers.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The state that was given to [`Notifier::relay`](crate::notifier::Notifier::relay).
    pub state: String,
    /// The client's responses by the keys that were asked, as they came.
    pub responses: Vec<(String, Box<RawValue>)>,
}

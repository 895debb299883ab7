//! A toolset: tools, and what belongs to them (resources, prompts, completions), as one value.
//!
//! [`Registry`](crate::registry::Registry) is handed the toolsets that a server has. Everything but
//! [`Toolset::tools`] and [`Toolset::call`] has a default, so that a toolset of one tool is small:
//!
//! ```
//! use futures_util::{FutureExt as _, future::LocalBoxFuture};
//! use mcp_protocol::content::CallToolResult;
//! use mcp_server::{context::Context, toolset::{Arguments, CallResult, Effect, Tool, Toolset, Visibility}};
//!
//! struct Greetings;
//!
//! static TOOLS: [Tool; 1] = [Tool {
//!     name: "greet",
//!     group: "greetings",
//!     effect: Effect::Read,
//!     visibility: Visibility::Default,
//!     ..Tool::quick(r#"{"name":"greet","description":"Greets.","inputSchema":{"type":"object"}}"#)
//! }];
//!
//! impl Toolset for Greetings {
//!     fn tools(&self) -> &[Tool] {
//!         &TOOLS
//!     }
//!
//!     fn call<'a>(&'a self, _: &'a Context, _: &'a Tool, _: Arguments<'a>) -> LocalBoxFuture<'a, CallResult> {
//!         async { Ok(CallToolResult::text("hello")) }.boxed_local()
//!     }
//! }
//! ```

use std::time::Duration;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_protocol::content::{CallToolResult, GetPromptResult, ResourceContents};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    client_request::Stop,
    context::Context,
    registry::{Completion, PromptError, ReadError},
    tasks::TaskPolicy,
};

/// How long it may take to end what a cancelled task began elsewhere.
pub const TAKE_BACK_WITHIN: Duration = Duration::from_secs(20);

/// The arguments of a call, as they came.
pub type Arguments<'a> = Option<&'a RawValue>;

/// How a call of a tool ends: with a result, or at a question to the client.
pub type CallResult = Result<CallToolResult, Stop>;

/// The effect of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// It changes something.
    Write,
    /// It may destroy something.
    Destructive,
}

impl Effect {
    /// Its name in the log and in the audit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

/// When `tools/list` includes a tool. Every tool can be called by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Always.
    Always,
    /// Callers who chose nothing, and those who chose its group.
    Default,
    /// Callers who chose its group.
    Chosen,
    /// The same, where the operator wants retired operations.
    Retired,
    /// Callers who chose `dynamic`: it finds other tools.
    Finder,
}

/// A tool as a toolset declares it.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// The group by which callers choose it; empty: it belongs to none.
    pub group: &'static str,
    /// Its effect.
    pub effect: Effect,
    /// When it is listed.
    pub visibility: Visibility,
    /// When its work becomes a task.
    pub task_policy: TaskPolicy,
    /// The tool as MCP lists it, as JSON.
    pub definition: &'static str,
}

impl Tool {
    /// A quick, read-only tool that is always listed; the base for other declarations.
    pub const fn quick(definition: &'static str) -> Self {
        let (effect, visibility, task_policy) =
            (Effect::Read, Visibility::Always, TaskPolicy::Never);
        Self { name: "", group: "", effect, visibility, task_policy, definition }
    }
}

/// One look at a resource that changes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceState {
    /// Stands for what is there; empty where nothing is.
    pub digest: String,
    /// The service is at work on it.
    pub busy: bool,
}

/// Tools and what belongs to them.
pub trait Toolset: Sync {
    /// The tools, in the order in which they are listed.
    fn tools(&self) -> &[Tool];

    /// The groups by which its tools can be chosen, in an order that never changes: session ids
    /// carry places in it.
    fn groups(&self) -> &[&'static str] {
        &[]
    }

    /// The tool of this name.
    fn find(&self, name: &str) -> Option<&Tool> {
        self.tools().iter().find(|tool| tool.name == name)
    }

    /// Runs one of its tools.
    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
        arguments: Arguments<'a>,
    ) -> LocalBoxFuture<'a, CallResult>;

    /// Whether a task of this tool may have begun something elsewhere that ends with it: then a task that is cancelled, or
    /// fails before its tool ends, is taken back by [`Self::take_back`].
    fn takes_back(&self, _tool: &Tool) -> bool {
        false
    }

    /// Ends what a cancelled task began elsewhere, as its recorded steps say. Its tool runs no more. It may be asked
    /// twice, and has [`TAKE_BACK_WITHIN`]. Returns what was done, for the person.
    ///
    /// # Errors
    /// Where it may go on: why, for the person.
    fn take_back<'a>(
        &'a self,
        _ctx: &'a Context,
        _tool: &'a Tool,
    ) -> LocalBoxFuture<'a, Result<String, String>> {
        ready(Ok(String::new())).boxed_local()
    }

    /// The thing that arguments name, such as a site's host name: for the audit.
    fn target(&self, _arguments: Arguments<'_>) -> Option<String> {
        None
    }

    /// The resources that have one URI: texts of JSON objects, separated by commas.
    fn resources(&self) -> &[&'static str] {
        &[]
    }

    /// The resources whose URI has parameters, in the same form.
    fn resource_templates(&self) -> &[&'static str] {
        &[]
    }

    /// Reads a resource.
    fn read<'a>(
        &'a self,
        _ctx: &'a Context,
        _uri: &'a str,
    ) -> LocalBoxFuture<'a, Result<ResourceContents, ReadError>> {
        ready(Err(ReadError::NotFound)).boxed_local()
    }

    /// Whether a resource changes by itself, so that the server has to look at it for those who
    /// watch it.
    fn is_watchable(&self, _uri: &str) -> bool {
        false
    }

    /// Looks at such a resource. None: it could not be read just now.
    fn look<'a>(
        &'a self,
        _ctx: &'a Context,
        _uri: &'a str,
    ) -> LocalBoxFuture<'a, Option<ResourceState>> {
        ready(None).boxed_local()
    }

    /// The prompts: texts of JSON objects, separated by commas.
    fn prompts(&self) -> &[&'static str] {
        &[]
    }

    /// Makes a prompt.
    fn prompt<'a>(
        &'a self,
        _ctx: &'a Context,
        _name: &'a str,
        _arguments: &'a Map<String, Value>,
    ) -> LocalBoxFuture<'a, Result<GetPromptResult, PromptError>> {
        ready(Err(PromptError::NotFound)).boxed_local()
    }

    /// Values for an argument of a prompt or of a resource template, best first. None: it has no
    /// such prompt or template.
    fn complete<'a>(
        &'a self,
        _ctx: &'a Context,
        _asked: &'a Completion<'a>,
    ) -> LocalBoxFuture<'a, Option<Vec<String>>> {
        ready(None).boxed_local()
    }
}

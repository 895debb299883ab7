//! The tools that work with a project on Keboola.
//!
//! A tool is an entry in `catalogue/*.toml` (rendered by `build.rs`, run by the crate `catalogue`) and a
//! file under `tools/`, whose core is a function over a call: checked arguments, and the services.
//! Names, arguments and answers of tools that Keboola's own MCP server has as well are the same as
//! there. Invariant: nothing is sent to Keboola before every argument of the call was checked, and nothing
//! is changed before the person agreed to what it may destroy.

mod api;
#[cfg(test)]
mod asking_tests;
#[cfg(test)]
mod audit_tests;
mod bound;
#[cfg(test)]
mod branch_tests;
mod call;
pub mod configuration;
mod connection;
#[cfg(test)]
mod doubt_tests;
mod links;
mod metadata;
mod moment;
mod operations;
mod own_door;
#[cfg(test)]
mod parity_tests;
#[cfg(test)]
mod refusal_tests;
mod resumed;
#[cfg(test)]
mod resumed_tests;
mod service;
mod target;
#[cfg(test)]
mod testing;
mod tools;
#[cfg(test)]
mod toolset_tests;

use std::sync::LazyLock;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use mcp_protocol::{content::CallToolResult, raw};
use mcp_server::{
    context::Context,
    result_store,
    toolset::{Arguments, CallResult, Tool, Toolset},
};

pub use api::{Stack, StackError};
pub use connection::{Connection, Connections};
use operations::Operation;
pub use own_door::OwnDoor;
use service::KeboolaService;

/// What a client is told at the toolset's own door.
pub const INSTRUCTIONS: &str = "Tools for the Keboola project of the person who calls. Begin with get_project_info, which has the \
     instructions for this project, and find things with search. Tools that change or run something ask the person first: \
     where the client cannot ask, call them without `confirm`, show the person what they say, and pass `confirm: true` only \
     with their consent. A failed tool says what was wrong and what to do next.";

/// The toolset.
#[derive(Debug)]
pub struct Keboola {
    service: KeboolaService,
}

impl Keboola {
    /// The toolset of a server that keeps people's connections here.
    pub const fn new(connections: &'static dyn Connections) -> Self {
        Self { service: KeboolaService { connections } }
    }

    /// Runs the tool of that name.
    async fn called(&self, ctx: &Context, name: &str, arguments: Arguments<'_>) -> CallResult {
        match catalogue::find::<KeboolaService>(name) {
            Some(operation) => catalogue::run(&self.service, ctx, operation, arguments).await,
            None => Ok(CallToolResult::error("There is no such tool.")),
        }
    }
}

impl Toolset for Keboola {
    fn tools(&self) -> &[Tool] {
        static TOOLS: LazyLock<Vec<Tool>> =
            LazyLock::new(|| operations::OPERATIONS.iter().map(Operation::tool).collect());
        &TOOLS
    }

    fn groups(&self) -> &[&'static str] {
        static GROUPS: LazyLock<Vec<&'static str>> =
            LazyLock::new(catalogue::groups::<KeboolaService>);
        &GROUPS
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
        arguments: Arguments<'a>,
    ) -> LocalBoxFuture<'a, CallResult> {
        let called = async move {
            let result = self.called(ctx, tool.name, arguments).await?;
            Ok(result_store::fit(ctx, result).await)
        };
        called.boxed_local()
    }

    fn takes_back(&self, tool: &Tool) -> bool {
        let operation = catalogue::find::<KeboolaService>(tool.name);
        operation.is_some_and(|operation| tools::takes_back(operation.behaviour))
    }

    fn take_back<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
    ) -> LocalBoxFuture<'a, Result<String, String>> {
        async move {
            match catalogue::find::<KeboolaService>(tool.name) {
                Some(operation) => tools::take_back(ctx, self.service.connections, operation).await,
                None => Ok(String::new()),
            }
        }
        .boxed_local()
    }

    /// As far as the arguments say it. A call says the rest once it knows its project.
    fn target(&self, arguments: Arguments<'_>) -> Option<String> {
        let arguments = raw::value(arguments?.get()).ok()?;
        let argument = |name: &str| arguments.get(name);
        let (branch, thing) = (target::asked_branch(argument), target::thing(argument, None));
        (!thing.is_empty()).then(|| target::whole(None, &branch, &thing))
    }
}

//! The tools that work with a project on Keboola.
//!
//! A tool is an entry in `catalogue/*.toml` (rendered by `build.rs`) and a file under `tools/`, whose
//! core is a function over a [`call::Call`]: checked arguments, and clients of the services. Names,
//! arguments and answers of tools that Keboola's own MCP server has as well are the same as there.
//! Invariant: nothing is sent to Keboola before every argument of the call was checked, and nothing
//! is changed before the person agreed to what it may destroy.

mod api;
mod call;
mod catalogue;
pub mod configuration;
mod connection;
mod consent;
mod links;
mod metadata;
mod moment;
#[cfg(test)]
mod testing;
mod tools;
#[cfg(test)]
mod toolset_tests;

use std::sync::LazyLock;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use mcp_protocol::{content::CallToolResult, fields::fields, raw};
use mcp_server::{
    context::Context,
    result_store,
    toolset::{Arguments, CallResult, Tool, Toolset},
};
use serde_json::{Value, json};

pub use api::{Stack, StackError};
use call::{Call, ShortCircuit};
use catalogue::Operation;
pub use connection::{Connection, Connections};

/// The toolset.
pub struct Keboola {
    connections: &'static dyn Connections,
}

impl Keboola {
    /// The toolset of a server that keeps people's connections here.
    pub const fn new(connections: &'static dyn Connections) -> Self {
        Self { connections }
    }
}

impl Toolset for Keboola {
    fn tools(&self) -> &[Tool] {
        static TOOLS: LazyLock<Vec<Tool>> =
            LazyLock::new(|| catalogue::OPERATIONS.iter().map(Operation::tool).collect());
        &TOOLS
    }

    fn groups(&self) -> &[&'static str] {
        static GROUPS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
            let mut groups: Vec<&'static str> =
                catalogue::OPERATIONS.iter().map(|operation| operation.toolset).collect();
            groups.dedup();
            groups
        });
        &GROUPS
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
        arguments: Arguments<'a>,
    ) -> LocalBoxFuture<'a, CallResult> {
        let called = async move {
            let result = called(self.connections, ctx, tool.name, arguments).await?;
            Ok(result_store::fit(ctx, result).await)
        };
        called.boxed_local()
    }

    fn target(&self, arguments: Arguments<'_>) -> Option<String> {
        let names = ["configuration_id", "component_id", "table_id", "job_id"];
        let found = fields(arguments?.get(), names).ok()?;
        found.into_iter().flatten().find_map(|of| raw::text(of).map(std::borrow::Cow::into_owned))
    }
}

/// Runs the tool of that name.
async fn called(
    connections: &dyn Connections,
    ctx: &Context,
    name: &str,
    arguments: Arguments<'_>,
) -> CallResult {
    let Some(operation) = catalogue::find(name) else {
        return Ok(CallToolResult::error("There is no such tool."));
    };
    if !ctx.choice.allows(operation.effect) {
        let text = "Nothing was changed: this connection only reads (readonly).";
        return Ok(CallToolResult::error(text));
    }
    let arguments = match call::checked(operation, arguments) {
        Ok(arguments) => arguments,
        Err(refused) => return Ok(refused),
    };
    let outcome = async {
        let call = Call::open(ctx, connections, operation, arguments).await?;
        consent::given(&call).await?;
        tools::run(&call).await
    };
    match outcome.await {
        Ok(answer) => Ok(rendered(operation, answer)),
        Err(ShortCircuit::Failed(why)) => Ok(CallToolResult::error(why)),
        Err(ShortCircuit::Stop(stop)) => Err(stop),
    }
}

/// An answer as data, and as the text of the same.
fn rendered(operation: &Operation, answer: Value) -> CallToolResult {
    let data = if operation.wrapped { json!({ "result": answer }) } else { answer };
    let text = data.to_string();
    CallToolResult::structured(data, text)
}

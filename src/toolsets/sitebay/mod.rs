//! The tools and resources that manage sites on SiteBay.
//!
//! Operations are data (`catalogue/*.toml`, rendered by `build.rs`); one executor runs them all.
//! Those with behaviour of their own have a file under `tools/`. Invariant: nothing is sent to
//! SiteBay before every argument of the call was checked.

mod arguments;
mod blocks;
mod call;
mod catalogue;
#[cfg(test)]
mod catalogue_rules;
mod checkpoint;
mod complete;
mod conform;
mod consent;
mod content_path;
#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod every_tool_tests;
mod explain;
mod find;
mod fqdn;
mod generations;
mod kinds;
mod long;
mod news;
mod place;
mod prompts;
mod render;
mod resources;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tools;
#[cfg(test)]
mod toolset_tests;

use std::sync::LazyLock;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::value::RawValue;

use crate::{
    protocol::content::ToolResult,
    server::{ask::Stop, context::Context, tasks::Becomes},
};
use arguments::Arguments;
use call::{Call, Early, Outcome};

pub use catalogue::Effect;

pub use fqdn::normalise as host_name;

pub use complete::complete;
pub use find::FINDER;
pub use prompts::{PROMPTS_JSON, prompt};
pub use resources::{
    Look, RESOURCE_TEMPLATES_JSON, RESOURCES_JSON, ResourceError, ResourceText, is_watchable, look,
    read,
};

/// A tool as it is offered.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// The toolset that it belongs to.
    pub toolset: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it is offered where nobody chose toolsets.
    pub default: bool,
    /// Whether it is offered only where the operator wants retired routes.
    pub hidden: bool,
    /// The tool as MCP lists it, as JSON.
    pub text: &'static str,
}

/// All tools in catalogue order: those that clients know first, then by toolset.
pub fn definitions() -> impl Iterator<Item = Definition> {
    catalogue::OPERATIONS.iter().map(|operation| Definition {
        name: operation.name,
        toolset: operation.toolset,
        effect: operation.effect,
        default: operation.default,
        hidden: operation.hidden,
        text: operation.definition,
    })
}

/// The toolsets, in catalogue order.
pub fn toolsets() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let mut names = Vec::new();
        for operation in catalogue::OPERATIONS {
            if !names.contains(&operation.toolset) {
                names.push(operation.toolset);
            }
        }
        names
    });
    &NAMES
}

/// The name of a tool. None: there is no such tool.
pub fn known(name: &str) -> Option<&'static str> {
    match name {
        find::NAME => Some(find::NAME),
        name => catalogue::find(name).map(|operation| operation.name),
    }
}

/// What a tool does to the world. None: there is no such tool.
pub fn effect(name: &str) -> Option<Effect> {
    catalogue::find(name).map(|operation| operation.effect)
}

/// Whether the work of a tool becomes a task.
pub fn becomes(name: &str) -> Becomes {
    match catalogue::find(name) {
        Some(operation) if operation.long => Becomes::AtBegin,
        _ => Becomes::Never,
    }
}

/// Runs the tool of that name. None: there is no such tool. Boxed, as resources run tools too.
pub fn call<'a>(
    ctx: &'a Context,
    name: &'a str,
    arguments: Option<&'a RawValue>,
) -> LocalBoxFuture<'a, Option<Result<ToolResult, Stop>>> {
    run(ctx, name, arguments).boxed_local()
}

async fn run(
    ctx: &Context,
    name: &str,
    arguments: Option<&RawValue>,
) -> Option<Result<ToolResult, Stop>> {
    if name == find::NAME {
        return Some(Ok(find::run(ctx, arguments).await));
    }
    let operation = catalogue::find(name)?;
    if !ctx.choice.allows(operation.effect) {
        let text = "Nothing was changed: this connection only reads (readonly).";
        return Some(Ok(ToolResult::error(text)));
    }
    let arguments = match Arguments::check(operation, arguments) {
        Ok(arguments) => arguments,
        Err(problems) => return Some(Ok(problems.into_result(operation.name))),
    };
    let call = Call { ctx, operation, arguments };
    Some(match agreed(&call).await {
        Ok(result) | Err(Early::Result(result)) => Ok(result),
        Err(Early::Stop(stop)) => Err(stop),
    })
}

/// Runs a call once the person agreed to what it destroys, if it does.
async fn agreed(call: &Call<'_>) -> Outcome {
    consent::given(call).await?;
    let result = tools::run(call).await?;
    news::announce(call, &result);
    Ok(result)
}

//! The tools and resources that manage sites on SiteBay.
//!
//! Operations are data (`catalogue/*.toml`, rendered by `build.rs`); the crate `catalogue` runs them all.
//! Those with behaviour of their own have a file under `tools/`. Invariant: nothing is sent to
//! SiteBay before every argument of the call was checked.

mod announcements;
pub mod api;
#[cfg(test)]
mod arguments_tests;
mod blocks;
mod call;
#[cfg(test)]
mod catalogue_rules;
mod checkpoint;
mod complete;
#[cfg(test)]
mod conform_tests;
#[cfg(test)]
mod consent_tests;
mod content_path;
#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod every_tool_tests;
mod explain;
mod find_tools;
mod generations;
#[cfg(test)]
mod leaving_tests;
mod long_running;
mod losses;
mod operations;
mod prompts;
mod resources;
mod service;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tool_selection_tests;
mod tools;
#[cfg(test)]
mod toolset_tests;

use std::{iter, sync::LazyLock};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use mcp_protocol::{
    content::{GetPromptResult, ResourceContents},
    fields::fields,
    raw,
};
use mcp_server::{
    context::Context,
    registry::{Completion, PromptError, ReadError},
    result_store,
    toolset::{Arguments as RawArguments, CallResult, ResourceState, Tool, Toolset},
};
use serde_json::{Map, Value};

use catalogue::fqdn;
use resources::ResourceError;
use service::SitebayService;

/// The toolset.
#[derive(Debug)]
pub struct Sitebay;

/// The groups by which its tools can be chosen, in catalogue order.
fn groups() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(catalogue::groups::<SitebayService>);
    &NAMES
}

/// All tools in catalogue order: those that clients know first, then by group; before them the one
/// that finds others.
fn tools() -> &'static [Tool] {
    static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
        let operations = operations::OPERATIONS.iter().map(operations::Operation::tool);
        iter::once(find_tools::TOOL).chain(operations).collect()
    });
    &TOOLS
}

impl Toolset for Sitebay {
    fn tools(&self) -> &[Tool] {
        tools()
    }

    fn groups(&self) -> &[&'static str] {
        groups()
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a Tool,
        arguments: RawArguments<'a>,
    ) -> LocalBoxFuture<'a, CallResult> {
        let called = async move {
            match call(ctx, tool.name, arguments).await {
                Ok(result) => Ok(result_store::fit(ctx, result).await),
                stopped => stopped,
            }
        };
        called.boxed_local()
    }

    fn target(&self, arguments: RawArguments<'_>) -> Option<String> {
        let [fqdn] = fields(arguments?.get(), ["fqdn"]).ok()?;
        fqdn::normalise(&raw::text(fqdn?)?)
    }

    fn resources(&self) -> &[&'static str] {
        resources::RESOURCES_JSON
    }

    fn resource_templates(&self) -> &[&'static str] {
        resources::RESOURCE_TEMPLATES_JSON
    }

    fn read<'a>(
        &'a self,
        ctx: &'a Context,
        uri: &'a str,
    ) -> LocalBoxFuture<'a, Result<ResourceContents, ReadError>> {
        let read = async move {
            match resources::read(ctx, uri).await {
                Ok(resource) => {
                    let contents = ResourceContents::text(uri, resource.mime_type, resource.text);
                    Ok(result_store::fit_contents(ctx, contents).await)
                }
                Err(ResourceError::NotFound) => Err(ReadError::NotFound),
                Err(ResourceError::Failed(why)) => Err(ReadError::Failed(why)),
            }
        };
        read.boxed_local()
    }

    fn is_watchable(&self, uri: &str) -> bool {
        resources::is_watchable(uri)
    }

    fn look<'a>(
        &'a self,
        ctx: &'a Context,
        uri: &'a str,
    ) -> LocalBoxFuture<'a, Option<ResourceState>> {
        resources::look(ctx, uri).boxed_local()
    }

    fn prompts(&self) -> &[&'static str] {
        prompts::LISTED
    }

    fn prompt<'a>(
        &'a self,
        _ctx: &'a Context,
        name: &'a str,
        arguments: &'a Map<String, Value>,
    ) -> LocalBoxFuture<'a, Result<GetPromptResult, PromptError>> {
        let made = prompts::prompt(name, arguments);
        async { made }.boxed_local()
    }

    fn complete<'a>(
        &'a self,
        ctx: &'a Context,
        asked: &'a Completion<'a>,
    ) -> LocalBoxFuture<'a, Option<Vec<String>>> {
        complete::complete(ctx, asked).boxed_local()
    }
}

/// Runs the tool of that name.
async fn call(ctx: &Context, name: &str, arguments: RawArguments<'_>) -> CallResult {
    match operations::find(name) {
        Some(operation) => catalogue::run(&SitebayService, ctx, operation, arguments).await,
        None => Ok(find_tools::run(ctx, arguments).await),
    }
}

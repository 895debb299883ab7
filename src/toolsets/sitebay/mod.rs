//! The tools and resources that manage sites on SiteBay.
//!
//! Operations are data (`catalogue/*.toml`, rendered by `build.rs`); one executor runs them all.
//! Those with behaviour of their own have a file under `tools/`. Invariant: nothing is sent to
//! SiteBay before every argument of the call was checked.

mod arguments;
mod call;
mod catalogue;
#[cfg(test)]
mod catalogue_rules;
mod conform;
mod explain;
mod fqdn;
mod kinds;
mod place;
mod render;
mod resources;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::value::RawValue;

use crate::{
    protocol::content::ToolResult,
    server::{ask::Stop, context::Context},
};
use arguments::Arguments;
use call::{Call, Early};

pub use resources::{RESOURCE_TEMPLATES_JSON, RESOURCES_JSON, ResourceError, ResourceText, read};

/// The tool definitions in catalogue order, separated by commas, without brackets around them.
pub static TOOLS_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/sitebay_tools.json"));

/// Runs the tool of that name. None: there is no such tool.
pub async fn call(
    ctx: &Context,
    name: &str,
    arguments: Option<&RawValue>,
) -> Option<Result<ToolResult, Stop>> {
    let operation = catalogue::find(name)?;
    let arguments = match Arguments::check(operation, arguments) {
        Ok(arguments) => arguments,
        Err(problems) => return Some(Ok(problems.into_result(operation))),
    };
    let call = Call { ctx, operation, arguments };
    Some(match tools::run(&call).await {
        Ok(result) | Err(Early::Result(result)) => Ok(result),
        Err(Early::Stop(stop)) => Err(stop),
    })
}

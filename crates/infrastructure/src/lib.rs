//! The toolset that operates stages on Cloudflare.
//!
//! | module | content |
//! |---|---|
//! | [`manifest`] | the stages of a system and their resources, as data |
//! | [`query`] | queries that read a D1 database and cannot change it |
//! | [`plan`] | what an apply or a destroy would do |
//! | [`state`] | what is kept of a stage, and its lock |
//! | [`apply`] | carries a plan out, step by step |
//! | [`operate`] | the two tools that deploy and destroy: plan, consent, a task |
//! | [`api`] | the client of Cloudflare's REST API |
//! | [`bound`] | the ways by binding: databases, buckets and Workflows that are bound to the server |
//! | [`host`] | what the server around the toolset has for it |
//!
//! A tool is an entry in `catalogue/*.toml` (rendered by `build.rs`, run by the crate `catalogue`) and a file under `tools/`.
//!
//! Invariant: callers name stages and resources of the manifest. What Cloudflare calls them, and their ids, are
//! looked up and never leave.

mod access;
pub mod api;
pub mod apply;
pub mod bound;
mod call;
pub mod host;
pub mod manifest;
pub mod operate;
mod operations;
pub mod plan;
pub mod query;
mod service;
pub mod state;
mod target;
#[cfg(test)]
mod testing;
mod tools;
#[cfg(test)]
mod tools_testing;
#[cfg(test)]
mod toolset_tests;

use std::{
    fmt,
    sync::{LazyLock, OnceLock},
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use mcp_protocol::{content::CallToolResult, raw};
use mcp_server::{
    context::{Consent, Context},
    result_store,
    toolset::{Arguments, CallResult, Effect, Tool, Toolset},
};

pub use access::is_scope;
use host::Host;
use manifest::Manifest;
use operations::{Behaviour, Operation};
use service::InfrastructureService;

/// The toolset.
pub struct Infrastructure {
    manifest: &'static str,
    host: &'static dyn Host,
    service: OnceLock<Option<InfrastructureService>>,
}

impl fmt::Debug for Infrastructure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Infrastructure")
    }
}

impl Infrastructure {
    /// The toolset for the stages of a manifest, which the build checked. Where it is empty there are no tools.
    pub const fn new(manifest: &'static str, host: &'static dyn Host) -> Self {
        Self { manifest, host, service: OnceLock::new() }
    }

    /// The stages.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.service().map(|service| &service.manifest)
    }

    fn service(&self) -> Option<&InfrastructureService> {
        let read = || {
            let manifest = Manifest::parse(self.manifest).ok()?;
            Some(InfrastructureService { manifest, host: self.host })
        };
        self.service.get_or_init(read).as_ref()
    }

    /// Runs the tool of that name.
    async fn called(&self, ctx: &Context, name: &str, arguments: Arguments<'_>) -> CallResult {
        match (self.service(), catalogue::find::<InfrastructureService>(name)) {
            (Some(service), Some(operation)) => {
                let stricter = self.stricter(ctx, operation, arguments);
                let ctx = stricter.as_ref().unwrap_or(ctx);
                catalogue::run(service, ctx, operation, arguments).await
            }
            _ => Ok(CallToolResult::error("There is no such tool.")),
        }
    }

    /// The context of a change in a protected stage: there the person is asked wherever they can be, also where the operator
    /// lets the model agree elsewhere (`MCP_CONSENT=argument`).
    fn stricter(
        &self,
        ctx: &Context,
        operation: &Operation,
        arguments: Arguments<'_>,
    ) -> Option<Context> {
        if ctx.consent != Consent::Argument || operation.effect == Effect::Read {
            return None;
        }
        // Read as the check of the arguments reads them: of a name that comes twice the last value counts.
        let arguments = raw::value(arguments?.get()).ok()?;
        let stage = self.manifest()?.stage(arguments.get("stage")?.as_str()?).ok()?;
        stage.is_protected.then(|| Context { consent: Consent::Person, ..ctx.clone() })
    }
}

impl Toolset for Infrastructure {
    fn tools(&self) -> &[Tool] {
        static TOOLS: LazyLock<Vec<Tool>> =
            LazyLock::new(|| operations::OPERATIONS.iter().map(Operation::tool).collect());
        if self.service().is_some() { &TOOLS } else { &[] }
    }

    fn groups(&self) -> &[&'static str] {
        static GROUPS: LazyLock<Vec<&'static str>> =
            LazyLock::new(catalogue::groups::<InfrastructureService>);
        if self.service().is_some() { &GROUPS } else { &[] }
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
        let operation = catalogue::find::<InfrastructureService>(tool.name);
        let behaviour = operation.map(|operation| operation.behaviour);
        matches!(behaviour, Some(Behaviour::Deploy | Behaviour::Destroy))
    }

    fn take_back<'a>(
        &'a self,
        ctx: &'a Context,
        _tool: &'a Tool,
    ) -> LocalBoxFuture<'a, Result<String, String>> {
        operate::take_back(ctx).boxed_local()
    }

    /// As far as the arguments say it. A change says the rest once it knows its stage.
    fn target(&self, arguments: Arguments<'_>) -> Option<String> {
        let arguments = raw::value(arguments?.get()).ok()?;
        let text = |name: &str| arguments.get(name)?.as_str().map(str::to_owned);
        let target = target::of(None, text);
        (!target.is_empty()).then_some(target)
    }
}

//! SiteBay as a service of the engine that runs catalogues.

use serde_json::Value;

use super::{
    announcements,
    api::KEYS,
    call::{Call, CallOutcome, Requests as _, ShortCircuit},
    checkpoint,
    operations::{Behaviour, OPERATIONS, Operation, OwnKind},
    tools,
};
use catalogue::{Listing, SecretKeys, Service, arguments::Arguments};
use mcp_protocol::content::CallToolResult;
use mcp_server::context::Context;

/// The service of this toolset.
#[derive(Debug)]
pub(crate) struct SitebayService;

impl Service for SitebayService {
    const NAME: &'static str = "SiteBay";
    const SECRETS: SecretKeys = KEYS;
    const UNSETTLED: &'static str = "Nothing was changed: the site changed each time while the person was asked. Wait until it is \
         idle, then call again.";

    type Behaviour = Behaviour;
    type Kind = OwnKind;
    type State<'a> = ();

    fn operations() -> &'static [Operation] {
        OPERATIONS
    }

    async fn open(
        &self,
        _ctx: &Context,
        _operation: &'static Operation,
        _arguments: &Arguments,
    ) -> Result<(), ShortCircuit> {
        Ok(())
    }

    async fn run(call: &Call<'_>) -> CallOutcome {
        tools::run(call).await
    }

    async fn answer(call: &Call<'_>) -> Result<Value, ShortCircuit> {
        Ok(call.sent().await?.json)
    }

    async fn list(call: &Call<'_>, name: &'static str) -> Result<Listing, ShortCircuit> {
        call.listing(name).await
    }

    async fn losses(call: &Call<'_>) -> Result<String, ShortCircuit> {
        tools::losses(call).await
    }

    async fn checkpoint(call: &Call<'_>) -> Result<(), ShortCircuit> {
        checkpoint::make(call).await
    }

    fn is_dry(call: &Call<'_>) -> bool {
        call.arguments.flag("dry_run") || call.arguments.flag("is_dry_run")
    }

    fn announce(call: &Call<'_>, result: &CallToolResult) {
        announcements::announce(call, result);
    }
}

//! The keys of people for the tools for Keboola: those that they connected for the upstream `keboola`.
//!
//! Invariant: a token is asked for in each call, and kept by the [door](gateway::door) alone; one that Keboola refuses is
//! not given out again.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use keboola::{Connection, Connections};
use mcp_server::{
    context::Context,
    remote::{KeyError, PersonKey, Remote},
};

use super::KEBOOLA;

/// The option of the upstream that names the branch of every call.
const BRANCH: &str = "branch";

/// The keys of the people who call.
pub(super) struct PeoplesKeys;

/// Where the keys are. The door through which the call came has them; a task has one of its own.
fn door(ctx: &Context) -> Result<&dyn Remote, KeyError> {
    let none = || KeyError::Lasting("this server has no Keboola any more".to_owned());
    ctx.remote.as_deref().ok_or_else(none)
}

impl Connections for PeoplesKeys {
    fn connection<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<Connection>, KeyError>> {
        async move {
            let PersonKey { key, api, options } = door(ctx)?.key(ctx, KEBOOLA).await?;
            let branch = options.into_iter().find(|(field, _)| *field == BRANCH);
            let branch = branch.map(|(_, branch)| branch);
            Ok(Some(Connection { stack: api, token: key, branch }))
        }
        .boxed_local()
    }

    fn refused<'a>(
        &'a self,
        ctx: &'a Context,
        connection: &'a Connection,
    ) -> LocalBoxFuture<'a, ()> {
        async move {
            if let Ok(door) = door(ctx) {
                door.refuse_key(ctx, KEBOOLA, &connection.token).await;
            }
        }
        .boxed_local()
    }
}

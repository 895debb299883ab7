//! The tools that do more than place, send and show: one file each.

mod checkout;
mod delete_site;
mod edit_file;
mod list_commits;
pub(crate) mod logs;
mod proxy;
mod restore;
mod screenshot;
mod shell;
mod update;

use futures_util::future::{LocalBoxFuture, ready};

use super::{
    call::{Call, CallOutcome, ShortCircuit},
    losses::of_site,
    operations::Behaviour,
};
use mcp_server::cold::cold;

/// The content that a call would destroy, as it is now.
pub(crate) fn losses<'a>(call: &'a Call<'_>) -> LocalBoxFuture<'a, Result<String, ShortCircuit>> {
    match call.operation.behaviour {
        Behaviour::DeleteSite => cold(delete_site::losses(call)),
        Behaviour::Restore => cold(restore::losses(call)),
        Behaviour::EditFile => match edit_file::checked(call) {
            Ok(_) => cold(of_site(call)),
            Err(refused) => cold(ready(Err(refused.into()))),
        },
        _ => cold(of_site(call)),
    }
}

/// Runs a call as its operation says.
pub(crate) async fn run(call: &Call<'_>) -> CallOutcome {
    let special = match call.operation.behaviour {
        Behaviour::Plain => return call.plain().await,
        Behaviour::Update => cold(update::run(call)),
        Behaviour::DeleteSite => cold(delete_site::run(call)),
        Behaviour::Shell => cold(shell::run(call)),
        Behaviour::EditFile => cold(edit_file::run(call)),
        Behaviour::Proxy => cold(proxy::run(call)),
        Behaviour::ListCommits => cold(list_commits::run(call)),
        Behaviour::Restore => cold(restore::run(call)),
        Behaviour::Checkout => cold(checkout::run(call)),
        Behaviour::Screenshot => cold(screenshot::run(call)),
        Behaviour::Logs => cold(logs::run(call)),
    };
    special.await
}

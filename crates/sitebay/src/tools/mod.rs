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
    call::{Call, Early, Outcome},
    catalogue::Behaviour,
    consent,
};
use mcp_server::apart::compiled_apart;

/// What a call would destroy, as it is now.
pub(crate) fn losses<'a>(call: &'a Call<'_>) -> LocalBoxFuture<'a, Result<String, Early>> {
    match call.operation.behaviour {
        Behaviour::DeleteSite => compiled_apart(delete_site::losses(call)),
        Behaviour::Restore => compiled_apart(restore::losses(call)),
        Behaviour::EditFile => match edit_file::checked(call) {
            Ok(_) => compiled_apart(consent::losses(call)),
            Err(refused) => compiled_apart(ready(Err(refused.into()))),
        },
        _ => compiled_apart(consent::losses(call)),
    }
}

/// Runs a call as its operation says.
pub(crate) async fn run(call: &Call<'_>) -> Outcome {
    let special = match call.operation.behaviour {
        Behaviour::Plain => return call.run().await,
        Behaviour::Update => compiled_apart(update::run(call)),
        Behaviour::DeleteSite => compiled_apart(delete_site::run(call)),
        Behaviour::Shell => compiled_apart(shell::run(call)),
        Behaviour::EditFile => compiled_apart(edit_file::run(call)),
        Behaviour::Proxy => compiled_apart(proxy::run(call)),
        Behaviour::ListCommits => compiled_apart(list_commits::run(call)),
        Behaviour::Restore => compiled_apart(restore::run(call)),
        Behaviour::Checkout => compiled_apart(checkout::run(call)),
        Behaviour::Screenshot => compiled_apart(screenshot::run(call)),
        Behaviour::Logs => compiled_apart(logs::run(call)),
    };
    special.await
}

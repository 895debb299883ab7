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

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};

use super::{
    call::{Call, Early, Outcome},
    catalogue::Behaviour,
    consent,
};

/// What a call would destroy, as it is now.
pub(crate) fn losses<'a>(call: &'a Call<'_>) -> LocalBoxFuture<'a, Result<String, Early>> {
    match call.operation.behaviour {
        Behaviour::DeleteSite => delete_site::losses(call).boxed_local(),
        Behaviour::Restore => restore::losses(call).boxed_local(),
        Behaviour::EditFile => match edit_file::checked(call) {
            Ok(_) => consent::losses(call).boxed_local(),
            Err(refused) => ready(Err(refused.into())).boxed_local(),
        },
        _ => consent::losses(call).boxed_local(),
    }
}

/// Runs a call as its operation says.
pub(crate) async fn run(call: &Call<'_>) -> Outcome {
    let special = match call.operation.behaviour {
        Behaviour::Plain => return call.run().await,
        Behaviour::Update => update::run(call).boxed_local(),
        Behaviour::DeleteSite => delete_site::run(call).boxed_local(),
        Behaviour::Shell => shell::run(call).boxed_local(),
        Behaviour::EditFile => edit_file::run(call).boxed_local(),
        Behaviour::Proxy => proxy::run(call).boxed_local(),
        Behaviour::ListCommits => list_commits::run(call).boxed_local(),
        Behaviour::Restore => restore::run(call).boxed_local(),
        Behaviour::Checkout => checkout::run(call).boxed_local(),
        Behaviour::Screenshot => screenshot::run(call).boxed_local(),
        Behaviour::Logs => logs::run(call).boxed_local(),
    };
    special.await
}

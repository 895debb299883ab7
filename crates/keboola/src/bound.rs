//! What a task was asked for: its stack, project and branch.
//!
//! Invariant: a call that becomes a task starts its job where it was made, or not at all, whatever project the person
//! connects meanwhile.

use std::{fmt, future::ready};

use mcp_server::{client_request::Stop, context::Context, execution::BOUND};
use serde::{Deserialize, Serialize};

use crate::{
    call::{Branch, ShortCircuit, State, failed},
    configuration::printable::foreign,
};

/// Where a call works.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bound {
    stack: String,
    project: String,
    /// Its name, for people.
    name: String,
    branch: Branch,
}

impl Bound {
    fn of(state: &State<'_>) -> Self {
        Self {
            stack: state.client.connection().to_owned(),
            project: state.project.id(),
            name: state.project.name.clone(),
            branch: state.branch.clone(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        let place =
            |bound: &Self| (bound.stack.clone(), bound.project.clone(), bound.branch.clone());
        place(self) == place(other)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stack, project, name, branch } = self;
        write!(f, "the project {} ({project}) at {stack}, branch ", foreign(name))?;
        f.write_str(branch.id().unwrap_or("main"))
    }
}

/// Goes on where the call works in the project for which it was made. The first run writes that down, and the call in
/// front of a task hands it on.
pub(crate) async fn check(ctx: &Context, state: &State<'_>) -> Result<(), ShortCircuit> {
    let now = Bound::of(state);
    let asked: Bound = ctx.once(BOUND, ready(Ok::<_, Stop>(now.clone()))).await?;
    if asked.is(&now) {
        return Ok(());
    }
    failed(format!(
        "Nothing was started: this was asked for in {asked}, and the person has connected {now} since. Call again if it \
         is to run there."
    ))
}

#[cfg(test)]
#[path = "bound_tests.rs"]
mod tests;

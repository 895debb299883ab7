//! Calls whose work goes on in a task: handed over when it begins, and waited for where the client
//! cannot follow tasks itself.
//!
//! Invariant: what the client has answered goes with the work, so that it is not asked again.

use std::rc::Rc;

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    protocol::{
        content::{Contents, ToolResult},
        jsonrpc::{INTERNAL_ERROR, RpcError},
    },
    server::{
        ask::{Reason, Stop},
        context::Context,
        dispatch::Outcome,
        registry,
        tasks::{Becomes, Ended, Follows, OPERATION, Start, TaskFault, Tasks},
        work::InPlace,
    },
};

/// Calls a tool whose work may become a task.
pub(super) async fn call(
    ctx: &Context,
    tasks: &Rc<dyn Tasks>,
    becomes: Becomes,
    name: &str,
    arguments: Option<&RawValue>,
) -> Result<Outcome, RpcError> {
    if becomes == Becomes::AtOnce && ctx.notifier.follows() == Follows::Handle {
        return Ok(move_on(ctx, tasks, name, arguments).await);
    }
    let work = InPlace { platform: ctx.platform.clone(), moves: true };
    let here = Context { work: Rc::new(work), ..ctx.clone() };
    match registry::call(&here, name, arguments).await {
        Some(Err(Stop(Reason::Moves))) => Ok(move_on(ctx, tasks, name, arguments).await),
        Some(called) => Ok(called.map_or_else(Outcome::Stopped, Outcome::Tool)),
        None => Err(RpcError::new(INTERNAL_ERROR, format!("no tool `{name}`"))),
    }
}

async fn move_on(
    ctx: &Context,
    tasks: &Rc<dyn Tasks>,
    name: &str,
    arguments: Option<&RawValue>,
) -> Outcome {
    let follows = ctx.notifier.follows();
    let start = Start {
        tool: name.to_owned(),
        arguments: arguments.map(ToOwned::to_owned),
        answers: ctx.notifier.answered(),
        capabilities: ctx.notifier.capabilities(),
        // A request without a session that waits cannot ask any more.
        can_ask: follows != Follows::Owns,
        trace: Some(ctx.record.trace().to_text(Uuid::new_v4())),
        nonce: ctx.notifier.nonce(),
    };
    let seen = match tasks.start(start).await {
        Ok(seen) => seen,
        Err(fault) => return failed(&fault).into(),
    };
    if follows == Follows::Handle {
        return Outcome::Task(seen);
    }
    ctx.notifier.moved(&seen.id);
    let owner = follows == Follows::Owns;
    ended(&seen.id, tasks.follow(&seen.id, owner, ctx.notifier.clone()).await)
}

/// The outcome of a task that was waited for.
pub fn ended(id: &str, ended: Result<Ended, TaskFault>) -> Outcome {
    match ended {
        Ok(Ended::Completed(result)) => Outcome::Text(result),
        Ok(Ended::Failed(code, message)) => RpcError::new(code, message).into(),
        Ok(Ended::Cancelled) => Outcome::Tool(ToolResult::error("The work was cancelled.")),
        Err(_) => Outcome::Tool(ToolResult::error(format!(
            "The work goes on, but this call can no longer wait for it. Read {OPERATION}{id} to see \
             how it ended; do not start it again before."
        ))),
    }
}

fn failed(fault: &TaskFault) -> RpcError {
    let why = match fault {
        TaskFault::Unknown => "it is not known",
        TaskFault::Refused(why) | TaskFault::Failed(why) => why,
    };
    let message = format!("the task was not started: {why}. Nothing was changed");
    RpcError::new(INTERNAL_ERROR, message)
}

/// A task as a resource.
pub(super) async fn read(tasks: &Rc<dyn Tasks>, id: &str, uri: &str) -> Result<Outcome, RpcError> {
    match tasks.look(id).await {
        Ok(task) => {
            let contents = Contents::text(uri, "application/json", task);
            Ok(Outcome::Result(contents.to_result()))
        }
        Err(TaskFault::Unknown) => Ok(Outcome::NoResource(uri.to_owned())),
        Err(TaskFault::Refused(why) | TaskFault::Failed(why)) => {
            Err(RpcError::new(INTERNAL_ERROR, why))
        }
    }
}

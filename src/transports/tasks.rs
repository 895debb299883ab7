//! The requests of clients that follow tasks (MCP 2026-07-28, SEP-2663): `tasks/get`, `tasks/update` and `tasks/cancel`.
//!
//! Invariant: an id says whose task it is. This server's own are asked for in their objects, and those of upstreams
//! where the upstream is; every other id gets the same refusal.

use mcp_auth::scope::Scopes;
use mcp_protocol::{
    jsonrpc::{RequestId, result_text},
    stateless::{error::StatelessError, method::Method, result::complete},
};
use mcp_server::{
    channel::Reply,
    outcome::beyond_text,
    tasks::{self, TaskError},
};

use crate::{
    error::AppResult as Answered,
    platform::{
        disconnect::Disconnect,
        http::{Request, Response},
    },
    response,
    transports::{
        endpoint::AdmittedRequest,
        stateless::{ValidatedRequest, execute, failed},
    },
};

/// Looks at a task, answers or cancels it. `streams`: whether the client takes a stream.
pub(super) async fn answer(
    endpoint: AdmittedRequest<'_>,
    id: RequestId,
    opened: ValidatedRequest,
    (http, streams): (&Request, bool),
) -> Answered<Response> {
    // Tasks change something: who may only look at them neither answers nor cancels.
    if opened.method != Method::TasksGet
        && let Err(beyond) = endpoint.principal.scopes.require(Scopes::WRITE)
    {
        let reply = Reply::Forbidden(beyond, beyond_text(&id, beyond));
        return Ok(response::reply(reply, endpoint.caller)?);
    }
    let task = opened.params.name.clone().unwrap_or_default();
    if endpoint.is_task_of_upstream(&task) {
        let departure = Disconnect::of(http.inner());
        return execute(endpoint, id, opened, (None, http), (streams, departure)).await;
    }
    let tended = tend(&endpoint, &task, opened).await;
    let (status, body) = match tended {
        Ok(text) => (200, result_text(&id, &complete(text, None))),
        Err(TaskError::Unknown) => failed(&id, &StatelessError::Params(tasks::unknown(&task))),
        Err(TaskError::Refused(why)) => failed(&id, &StatelessError::Params(why)),
        Err(TaskError::Failed(why)) => failed(&id, &StatelessError::Internal(why)),
    };
    Ok(response::json(status, &body, endpoint.caller)?)
}

/// The text of the result for a task of this server.
async fn tend(
    endpoint: &AdmittedRequest<'_>,
    task: &str,
    opened: ValidatedRequest,
) -> Result<String, TaskError> {
    let tasks = endpoint.tasks(opened.envelope.client).ok_or(TaskError::Unknown)?;
    match opened.method {
        Method::TasksUpdate => {
            let missing = || TaskError::Refused("`inputResponses` is missing".into());
            let responses = opened.envelope.responses.ok_or_else(missing)?;
            tasks.update(task, responses.get().to_owned()).await?;
        }
        Method::TasksCancel => tasks.cancel(task).await?,
        _ => return tasks.look(task).await,
    }
    Ok("{}".to_owned())
}

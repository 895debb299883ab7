//! A later run of a task whose job is under way at Keboola.
//!
//! Invariant: project and branch are written down before the request that starts the job. A run that
//! finds that request written down asks nobody whether it may still begin: it only looks at the job.

use std::time::Duration;

use mcp_server::{
    client_request::Stop,
    context::Context,
    execution::{Execution, Recorded},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    api::{Project, plain},
    call::{Branch, ShortCircuit, State, failed},
    connection::{Connection, Connections},
    operations::{Behaviour, Operation},
};

/// The key of the project and the branch.
const OPENED: &str = "opened";
/// The key of the request that starts a job of the queue.
pub(crate) const START: &str = "start";
/// The key of a job that was found because the answer to its start was lost.
pub(crate) const FOUND: &str = "found";
/// The key of the request that submits a query.
pub(crate) const QUERY: &str = "query";
/// The key of how often the connection could not be got in a row.
const UNCONNECTED: &str = "unconnected";
/// So often is it asked for. An error may mean that there will be none: it cannot be told apart.
const TRIES: u32 = 4;
/// After the first time; it doubles.
const PAUSE: Duration = Duration::from_secs(1);

/// What a task writes down before it starts a job.
#[derive(Debug, Serialize, Deserialize)]
struct Opened {
    project: Project,
    branch: Branch,
}

/// A task that has a job.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) project: Project,
    pub(crate) branch: Branch,
    /// The job, and how to look at it.
    about: String,
}

/// Writes down what later runs need. Outside a task nothing is kept.
pub(crate) async fn remember(ctx: &Context, state: &State<'_>) -> Result<(), Stop> {
    let opened = Opened { project: (*state.project).clone(), branch: state.branch.clone() };
    let text = serde_json::to_string(&opened).unwrap_or_default();
    ctx.execution.record(OPENED, Some(text)).await
}

impl Resumed {
    /// The job that an earlier run of this task started, if there is one.
    pub(crate) fn of(ctx: &Context, operation: &Operation) -> Option<Self> {
        let about = under_way(&*ctx.execution, operation)?;
        let opened = outcome(&*ctx.execution, OPENED)?;
        let Opened { project, branch } = serde_json::from_value(opened).ok()?;
        Some(Self { project, branch, about })
    }

    /// The connection. One that cannot be got just now is asked for again a little later.
    pub(crate) async fn connection(
        &self,
        ctx: &Context,
        connections: &dyn Connections,
    ) -> Result<Connection, ShortCircuit> {
        let missed = outcome(&*ctx.execution, UNCONNECTED).and_then(|missed| missed.as_u64());
        let mut missed = missed.and_then(|missed| u32::try_from(missed).ok()).unwrap_or_default();
        loop {
            let why = match connections.connection(ctx).await {
                Ok(Some(connection)) => {
                    if missed > 0 {
                        ctx.execution.record(UNCONNECTED, Some("0".to_owned())).await?;
                    }
                    return Ok(connection);
                }
                Ok(None) => {
                    let advice = connections.advice();
                    return self
                        .over(&format!("No Keboola project is connected any more. {advice}"));
                }
                Err(why) => why,
            };
            missed = missed.saturating_add(1);
            if missed >= TRIES {
                return self.over(&format!("It cannot be followed from here any longer: {why}."));
            }
            // A longer pause ends this run, and the next one goes on counting.
            ctx.execution.record(UNCONNECTED, Some(missed.to_string())).await?;
            let factor = 2_u32.saturating_pow(missed.saturating_sub(1));
            ctx.execution.pause(PAUSE.saturating_mul(factor)).await;
        }
    }

    /// The end of a call whose job goes on.
    pub(crate) fn over<T>(&self, why: &str) -> Result<T, ShortCircuit> {
        failed(format!("{} {why}", self.about))
    }
}

fn outcome(execution: &dyn Execution, key: &str) -> Option<Value> {
    match execution.recorded(key) {
        Recorded::Outcome(text) => serde_json::from_str(&text).ok(),
        _ => None,
    }
}

/// What is known of the job that the call started. None: none was.
fn under_way(execution: &dyn Execution, operation: &Operation) -> Option<String> {
    let key = match operation.behaviour {
        Behaviour::RunJob => START,
        Behaviour::QueryData => QUERY,
        _ => return None,
    };
    if execution.recorded(key) == Recorded::Nothing {
        return None;
    }
    let sent = outcome(execution, key).unwrap_or_default();
    if sent.get("Refused").or(sent.get("Err")).is_some() {
        return None;
    }
    if key == QUERY {
        let job = sent.get("Ok").map(plain).unwrap_or_default();
        return Some(match job.is_empty() {
            true => "A query MAY have been submitted; it only reads.".to_owned(),
            false => format!("The query's job {job} may go on at Keboola; it only reads."),
        });
    }
    let started = sent.pointer("/Job/id").map(plain);
    let found = || Some(plain(outcome(execution, FOUND)?.pointer("/Ok/id")?));
    Some(match (started, found()) {
        (Some(id), _) => format!("Job {id} was started and goes on at Keboola. {}", look_at(&id)),
        (None, Some(id)) => format!("Job {id} was found and goes on at Keboola. {}", look_at(&id)),
        (None, None) => {
            let check = operation.check.unwrap_or_default();
            format!("The job MAY have been started. {check}")
        }
    })
}

/// How a job of the queue is read.
pub(crate) fn look_at(id: &str) -> String {
    format!("Read it with keboola_get_jobs (job_ids: [\"{id}\"]); do not start it again.")
}

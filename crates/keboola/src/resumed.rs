//! A later run of a task whose job is under way at Keboola.
//!
//! Invariant: project and branch are written down before the request that starts the job. A run that
//! finds that request written down asks nobody whether it may still begin: it only looks at the job, and
//! only in the project in which that was started.

use mcp_server::{
    client_request::Stop,
    context::Context,
    execution::{Execution, Recorded},
    remote::KeyError,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    api::{Client, Project, plain},
    call::{Branch, ShortCircuit, State, failed, sentence},
    configuration::printable::foreign,
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

/// What a task writes down before it starts a job.
#[derive(Debug, Serialize, Deserialize)]
struct Opened {
    project: Project,
    branch: Branch,
    /// The address of the stack; empty: an earlier version did not write it down.
    #[serde(default)]
    stack: String,
    /// Stands for the credential, and says nothing of it.
    #[serde(default)]
    credential: String,
}

/// A task that has a job.
#[derive(Debug)]
pub(crate) struct Resumed {
    opened: Opened,
    job: UnderWay,
}

/// What is known of the job that a task started.
#[derive(Debug)]
struct UnderWay {
    /// Its name in a sentence.
    name: String,
    /// That it goes on, and how to look at it.
    about: String,
}

/// Writes down what later runs need. Outside a task nothing is kept.
pub(crate) async fn remember(ctx: &Context, state: &State<'_>) -> Result<(), Stop> {
    let opened = Opened {
        project: (*state.project).clone(),
        branch: state.branch.clone(),
        stack: state.client.connection().to_owned(),
        credential: state.client.key().text(),
    };
    let text = serde_json::to_string(&opened).unwrap_or_default();
    ctx.execution.record(OPENED, Some(text)).await
}

impl Resumed {
    /// The job that an earlier run of this task started, if there is one.
    pub(crate) fn of(ctx: &Context, operation: &Operation) -> Option<Self> {
        let job = under_way(&*ctx.execution, operation)?;
        let opened = serde_json::from_value(outcome(&*ctx.execution, OPENED)?).ok()?;
        Some(Self { opened, job })
    }

    /// The project and the branch of the job.
    pub(crate) fn into_place(self) -> (Project, Branch) {
        (self.opened.project, self.opened.branch)
    }

    /// The id of a query's job, where that is known.
    pub(crate) fn query_job(&self, ctx: &Context) -> Option<String> {
        let sent = outcome(&*ctx.execution, QUERY)?;
        sent.get("Ok").map(plain).filter(|job| !job.is_empty())
    }

    /// The connection. Where it cannot be got just now the task is held back, and asks again later.
    pub(crate) async fn connection(
        &self,
        ctx: &Context,
        connections: &dyn Connections,
    ) -> Result<Connection, ShortCircuit> {
        match connections.connection(ctx).await {
            Ok(Some(connection)) => Ok(connection),
            Ok(None) => {
                let advice = connections.advice();
                self.over(&format!("No Keboola project is connected any more. {advice}"))
            }
            Err(KeyError::Lasting(why)) => {
                self.over(&format!("It cannot be followed from here any longer: {why}."))
            }
            Err(KeyError::Passing(why)) => Err(self.held(&why)),
        }
    }

    /// Goes on where the connection opens the project in which the job was started. The same credential does; of
    /// another one Keboola is asked.
    pub(crate) async fn check(&self, client: &Client<'_>) -> Result<(), ShortCircuit> {
        let Opened { project, stack, credential, .. } = &self.opened;
        let here = client.connection();
        if !stack.is_empty() && stack != here {
            return self
                .over(&format!("By now a project at {here} is connected, and not at {stack}."));
        }
        if credential.is_empty() || *credential == client.key().text() {
            return Ok(());
        }
        match Project::of(client).await {
            Ok(now) if now.id() == project.id() => Ok(()),
            Ok(now) => {
                let (is, was) = (foreign(&now.name), foreign(&project.name));
                let (is_id, was_id) = (now.id(), project.id());
                self.over(&format!(
                    "By now the project {is} ({is_id}) is connected, and not {was} ({was_id})."
                ))
            }
            Err(error) if error.is_passing() => Err(self.held(&error.to_string())),
            Err(error) => self.over(&sentence(&error)),
        }
    }

    /// The end of a call whose job goes on.
    pub(crate) fn over<T>(&self, why: &str) -> Result<T, ShortCircuit> {
        failed(format!("{} {why}", self.job.about))
    }

    fn held(&self, why: &str) -> ShortCircuit {
        Stop::held(format!("{} cannot be looked at: {why}", self.job.name)).into()
    }
}

fn outcome(execution: &dyn Execution, key: &str) -> Option<Value> {
    match execution.recorded(key) {
        Recorded::Outcome(text) => serde_json::from_str(&text).ok(),
        _ => None,
    }
}

/// What is known of the job that the call started. None: none was.
fn under_way(execution: &dyn Execution, operation: &Operation) -> Option<UnderWay> {
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
    let known = |name: String, about: String| Some(UnderWay { name, about });
    if key == QUERY {
        let job = sent.get("Ok").map(plain).unwrap_or_default();
        return match job.is_empty() {
            true => {
                let about = "A query MAY have been submitted; it only reads.".to_owned();
                known("the query".to_owned(), about)
            }
            false => {
                let about = format!("The query's job {job} may go on at Keboola; it only reads.");
                known(format!("the query's job {job}"), about)
            }
        };
    }
    let started = sent.pointer("/Job/id").map(plain);
    let found = || Some(plain(outcome(execution, FOUND)?.pointer("/Ok/id")?));
    let (id, how) = match (started, found()) {
        (Some(id), _) => (id, "started"),
        (None, Some(id)) => (id, "found"),
        (None, None) => {
            let check = operation.check.unwrap_or_default();
            let about = format!("The job MAY have been started. {check}");
            return known("the job".to_owned(), about);
        }
    };
    let about = format!("Job {id} was {how} and goes on at Keboola. {}", look_at(&id));
    known(format!("job {id}"), about)
}

/// How a job of the queue is read.
pub(crate) fn look_at(id: &str) -> String {
    format!("Read it with keboola_get_jobs (job_ids: [\"{id}\"]); do not start it again.")
}

//! The run of an operation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::executor::{Executor, Failure, FailureKind, Halt, Journal};
use crate::{
    plan::{Action, Observed, Verb},
    state::{Operation, Progress, Row, RowChange, StageState, Status},
};

/// How one action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The resource, by its name in the manifest.
    pub resource: String,
    /// What was to be done.
    pub verb: Verb,
    /// How it ended.
    pub progress: Progress,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Every action, in the order of the plan.
    pub actions: Vec<Ended>,
}

impl Report {
    /// Whether everything is done.
    pub fn is_done(&self) -> bool {
        self.actions.iter().all(|ended| ended.progress == Progress::Done)
    }

    /// The actions that failed, with the reason and Cloudflare's code.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str, Option<i64>)> {
        self.actions.iter().filter_map(|ended| match &ended.progress {
            Progress::Failed { why, code } => Some((ended.resource.as_str(), why.as_str(), *code)),
            _ => None,
        })
    }
}

/// How a step ended: with what becomes of the record, or with a failure.
type Outcome = Result<Result<RowChange, Failure>, Halt>;

/// Carries out the operation of a state, from where it stopped. The state is the answer to the beginning or the
/// continuation, under whose lease the journal writes.
///
/// # Errors
/// Why it stopped before its end.
pub async fn run(
    state: &StageState,
    executor: &impl Executor,
    journal: &impl Journal,
) -> Result<Report, Halt> {
    let Some(operation) = &state.operation else { return Ok(Report { actions: Vec::new() }) };
    let mut ended = operation.progress.clone();
    for action in &operation.plan.actions {
        if ended.get(&action.resource) == Some(&Progress::Done) {
            continue;
        }
        if executor.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        let (row, progress) = match blocked_by(action, operation, &ended) {
            Some(by) => (RowChange::Same, Progress::Blocked { by }),
            None => {
                let step =
                    Step { action, row: state.rows.get(&action.resource), executor, journal };
                match step.run().await? {
                    Ok(row) => (row, Progress::Done),
                    Err(Failure { kind: FailureKind::Later(wait), .. }) => {
                        return Err(Halt::Wait(wait));
                    }
                    Err(Failure { why, code, .. }) => {
                        (RowChange::Same, Progress::Failed { why, code })
                    }
                }
            }
        };
        journal.record(&action.resource, row, Some(progress.clone())).await?;
        ended.insert(action.resource.clone(), progress);
    }
    Ok(report(operation, &ended))
}

fn report(operation: &Operation, ended: &BTreeMap<String, Progress>) -> Report {
    let end = |action: &Action| {
        let progress = ended.get(&action.resource).cloned()?;
        Some(Ended { resource: action.resource.clone(), verb: action.verb, progress })
    };
    Report { actions: operation.plan.actions.iter().filter_map(end).collect() }
}

/// The failed action that this one needs.
fn blocked_by(
    action: &Action,
    operation: &Operation,
    ended: &BTreeMap<String, Progress>,
) -> Option<String> {
    let failed = |other: &&Action| {
        let is_done = ended.get(&other.resource) == Some(&Progress::Done);
        action.needs(other) && !is_done
    };
    operation.plan.actions.iter().find(failed).map(|other| other.resource.clone())
}

/// One action that is being carried out.
struct Step<'a, E, J> {
    action: &'a Action,
    row: Option<&'a Row>,
    executor: &'a E,
    journal: &'a J,
}

impl<E: Executor, J: Journal> Step<'_, E, J> {
    async fn run(&self) -> Outcome {
        match self.action.verb {
            Verb::Keep | Verb::Await => Ok(Ok(self.refreshed())),
            Verb::Adopt => Ok(Ok(self.put(Status::Ready, self.action.id.clone()))),
            Verb::Retain | Verb::Forget => Ok(Ok(RowChange::Drop)),
            Verb::Create => self.create().await,
            Verb::Update => self.update().await,
            Verb::Delete => self.delete().await,
        }
    }

    /// The record of a resource that is as it should be. Whether it is retained may have changed.
    fn refreshed(&self) -> RowChange {
        let is_retained = self.action.is_retained;
        match self.row {
            Some(row) if row.is_retained != is_retained => {
                RowChange::Put { row: Row { is_retained, ..row.clone() } }
            }
            _ => RowChange::Same,
        }
    }

    fn put(&self, status: Status, id: Option<String>) -> RowChange {
        let action = self.action;
        // The time of the first intent: what is older was not made by it.
        let intent = self.row.filter(|row| row.status == Status::Creating && row.id.is_none());
        let at_ms = match (status, intent) {
            (Status::Creating, Some(row)) => row.at_ms,
            _ => self.executor.now_ms(),
        };
        let deletes = action.verb == Verb::Delete;
        let settings = match self.row {
            Some(row) if deletes => row.settings.clone(),
            _ => action.settings.clone(),
        };
        RowChange::Put {
            row: Row {
                kind: action.kind,
                name: action.name.clone(),
                id,
                settings,
                status,
                is_retained: action.is_retained,
                at_ms,
            },
        }
    }

    async fn intend(&self, status: Status, id: Option<String>) -> Result<(), Halt> {
        self.journal.record(&self.action.resource, self.put(status, id), None).await
    }

    /// Whether an earlier life had this intent.
    fn was_intended(&self, status: Status) -> bool {
        self.row.is_some_and(|row| row.status == status)
    }

    async fn create(&self) -> Outcome {
        let earlier = self.row.filter(|row| row.status == Status::Creating && row.id.is_none());
        if let Some(row) = earlier {
            match self.made(row).await {
                Ok(Some(id)) => return Ok(Ok(self.put(Status::Ready, Some(id)))),
                Ok(None) => {}
                Err(failure) => return Ok(Err(failure)),
            }
        } else {
            self.intend(Status::Creating, None).await?;
        }
        let failure = match self.executor.create(self.action).await {
            Ok(id) => return Ok(Ok(self.put(Status::Ready, Some(id)))),
            Err(failure) => failure,
        };
        match failure.kind {
            FailureKind::Doubt => self.after_doubt(failure).await,
            // A request of an earlier life came late. Without one it is a stranger's.
            FailureKind::Exists if earlier.is_some() => self.after_doubt(failure).await,
            _ if earlier.is_some() => Ok(Err(failure)),
            // Nothing was made: a resource of the name that comes later is a stranger's.
            _ => {
                self.journal.record(&self.action.resource, RowChange::Drop, None).await?;
                Ok(Err(failure))
            }
        }
    }

    /// Looks whether a step that may have made it did.
    async fn after_doubt(&self, failure: Failure) -> Outcome {
        let RowChange::Put { row } = self.put(Status::Creating, None) else {
            return Ok(Err(failure));
        };
        match self.made(&row).await {
            Ok(Some(id)) => Ok(Ok(self.put(Status::Ready, Some(id)))),
            // The intent stays: the next life looks again.
            Ok(None) | Err(_) => Ok(Err(failure)),
        }
    }

    /// The id of what an intent has made.
    async fn made(&self, intent: &Row) -> Result<Option<String>, Failure> {
        let found = self.executor.find(self.action.kind, &self.action.name).await?;
        let named: Vec<&Observed> = found
            .iter()
            .filter(|one| one.kind == self.action.kind && one.name == self.action.name)
            .collect();
        match named.as_slice() {
            [] => Ok(None),
            [only] if intent.may_have_made(only) => Ok(Some(only.id.clone())),
            [_] => Err(refused(format!(
                "`{}` is there and was not made by this server",
                self.action.name
            ))),
            _ => Err(refused(format!("several resources are called `{}`", self.action.name))),
        }
    }

    async fn update(&self) -> Outcome {
        let action = self.action;
        let Some(id) = &action.id else {
            return Ok(Err(refused("its id is not known".to_owned())));
        };
        let ready = || self.put(Status::Ready, Some(id.clone()));
        if self.was_intended(Status::Updating) {
            match self.executor.read(action.kind, id).await {
                Ok(Some(observed)) if is_as_wanted(action, &observed) => return Ok(Ok(ready())),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Err(refused(format!("`{}` is gone", action.name)))),
                Err(failure) => return Ok(Err(failure)),
            }
        } else {
            self.intend(Status::Updating, Some(id.clone())).await?;
        }
        Ok(self.executor.update(action, id).await.map(|()| ready()))
    }

    async fn delete(&self) -> Outcome {
        let action = self.action;
        let Some(id) = &action.id else {
            return Ok(Err(refused("its id is not known".to_owned())));
        };
        if self.was_intended(Status::Deleting) {
            match self.executor.read(action.kind, id).await {
                Ok(None) => return Ok(Ok(RowChange::Drop)),
                // An id that leads to another name by now is left alone.
                Ok(Some(observed)) if observed.name != action.name => {
                    let why = format!("it is called `{}` by now", observed.name);
                    return Ok(Err(refused(why)));
                }
                Ok(Some(_)) => {}
                Err(failure) => return Ok(Err(failure)),
            }
        } else {
            self.intend(Status::Deleting, Some(id.clone())).await?;
        }
        if action.empties
            && let Err(failure) = self.executor.empty(action, id).await
            && failure.kind != FailureKind::Gone
        {
            return Ok(Err(failure));
        }
        match self.executor.delete(action, id).await {
            Ok(()) => Ok(Ok(RowChange::Drop)),
            Err(failure) if failure.kind == FailureKind::Gone => Ok(Ok(RowChange::Drop)),
            Err(failure) => Ok(Err(failure)),
        }
    }
}

fn is_as_wanted(action: &Action, observed: &Observed) -> bool {
    action.changes.iter().all(|change| {
        let found = observed.settings.get(&change.setting);
        found.is_some_and(|found| found.eq_ignore_ascii_case(&change.to))
    })
}

const fn refused(why: String) -> Failure {
    Failure { kind: FailureKind::Refused, code: None, why }
}

//! The run of an operation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::executor::{Executor, Failure, FailureKind, Halt, Journal, Made};
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
            Verb::Adopt => Ok(Ok(self.planned(Status::Ready))),
            Verb::Retain | Verb::Forget => Ok(Ok(RowChange::Drop)),
            Verb::Create => self.create().await,
            Verb::Update => self.update().await,
            Verb::Delete => self.delete().await,
        }
    }

    /// The record of a resource that is as it should be. Whether it is retained may have changed, and when it was made may be known by
    /// now.
    fn refreshed(&self) -> RowChange {
        let Some(row) = self.row else { return RowChange::Same };
        let made_ms = row.made_ms.or(self.action.made_ms);
        let now = Row { is_retained: self.action.is_retained, made_ms, ..row.clone() };
        if now == *row { RowChange::Same } else { RowChange::Put { row: now } }
    }

    /// The record of the resource that the plan found.
    fn planned(&self, status: Status) -> RowChange {
        let Action { id, made_ms, .. } = self.action;
        self.put(status, id.clone().map(|id| Made { id, made_ms: *made_ms }))
    }

    fn put(&self, status: Status, made: Option<Made>) -> RowChange {
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
        let (id, made_ms) = made.map(|made| (made.id, made.made_ms)).unzip();
        RowChange::Put {
            row: Row {
                kind: action.kind,
                name: action.name.clone(),
                id,
                made_ms: made_ms.flatten(),
                settings,
                status,
                is_retained: action.is_retained,
                at_ms,
            },
        }
    }

    /// Records an intent before each request that changes something. It renews the lease, which is longer than a request, and ends where
    /// another task has taken over.
    async fn intend(&self, change: RowChange) -> Result<(), Halt> {
        self.journal.record(&self.action.resource, change, None).await
    }

    async fn create(&self) -> Outcome {
        let earlier = self.row.filter(|row| row.status == Status::Creating && row.id.is_none());
        let looked = match earlier {
            Some(row) => self.made(row).await,
            None if self.action.kind.is_put() => self.is_free().await.map(|()| None),
            None => Ok(None),
        };
        match looked {
            Ok(Some(made)) => return Ok(Ok(self.put(Status::Ready, Some(made)))),
            Ok(None) => {}
            Err(failure) => return Ok(Err(failure)),
        }
        self.intend(self.put(Status::Creating, None)).await?;
        let failure = match self.executor.create(self.action).await {
            Ok(made) => return Ok(Ok(self.put(Status::Ready, Some(made)))),
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
            Ok(Some(made)) => Ok(Ok(self.put(Status::Ready, Some(made)))),
            // The intent stays: the next life looks again.
            Ok(None) | Err(_) => Ok(Err(failure)),
        }
    }

    /// The resources that have its name.
    async fn named(&self) -> Result<Vec<Observed>, Failure> {
        let Action { kind, name, .. } = self.action;
        let mut found = self.executor.find(*kind, name).await?;
        found.retain(|one| one.kind == *kind && one.name == *name);
        Ok(found)
    }

    /// Goes on where nothing has its name.
    async fn is_free(&self) -> Result<(), Failure> {
        if self.named().await?.is_empty() { Ok(()) } else { Err(self.foreign()) }
    }

    fn foreign(&self) -> Failure {
        refused(format!("`{}` is there and was not made by this server", self.action.name))
    }

    /// What an intent has made.
    async fn made(&self, intent: &Row) -> Result<Option<Made>, Failure> {
        match self.named().await?.as_slice() {
            [] => Ok(None),
            [only] if intent.may_have_made(only) => {
                Ok(Some(Made { id: only.id.clone(), made_ms: only.made_ms }))
            }
            [_] => Err(self.foreign()),
            _ => Err(refused(format!("several resources are called `{}`", self.action.name))),
        }
    }

    async fn update(&self) -> Outcome {
        let action = self.action;
        let Some(id) = &action.id else {
            return Ok(Err(refused("its id is not known".to_owned())));
        };
        let ready = || self.planned(Status::Ready);
        match self.found(id).await {
            Ok(Some(observed)) if is_as_wanted(action, &observed) => return Ok(Ok(ready())),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Err(refused(format!("`{}` is gone", action.name)))),
            Err(failure) => return Ok(Err(failure)),
        }
        self.intend(self.planned(Status::Updating)).await?;
        Ok(self.executor.update(action, id).await.map(|()| ready()))
    }

    /// The resource that the plan found. None: it is gone, also where another has its name, and so its id, by now. An id that leads to
    /// another name is left alone.
    async fn found(&self, id: &str) -> Result<Option<Observed>, Failure> {
        let Action { kind, name, made_ms, .. } = self.action;
        match self.executor.read(*kind, id).await? {
            Some(found) if found.name != *name => {
                Err(refused(format!("it is called `{}` by now", found.name)))
            }
            found => Ok(found.filter(|found| found.was_made(*made_ms))),
        }
    }

    async fn delete(&self) -> Outcome {
        let action = self.action;
        let Some(id) = &action.id else {
            return Ok(Err(refused("its id is not known".to_owned())));
        };
        match self.found(id).await {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Ok(RowChange::Drop)),
            Err(failure) => return Ok(Err(failure)),
        }
        self.intend(self.planned(Status::Deleting)).await?;
        if action.empties {
            match self.executor.empty(action, id).await {
                Err(failure) if failure.kind != FailureKind::Gone => return Ok(Err(failure)),
                _ => self.intend(self.planned(Status::Deleting)).await?,
            }
        }
        match self.executor.delete(action, id).await {
            Ok(()) => Ok(Ok(RowChange::Drop)),
            Err(failure) if failure.kind == FailureKind::Gone => Ok(Ok(RowChange::Drop)),
            Err(failure) if failure.kind == FailureKind::Doubt => match self.found(id).await {
                Ok(None) => Ok(Ok(RowChange::Drop)),
                // The intent stays: the next life looks again.
                Ok(Some(_)) | Err(_) => Ok(Err(failure)),
            },
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

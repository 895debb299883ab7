//! The plan that ends a stage. It goes by what is recorded, and by ids.

use super::{
    action::{Action, Drift, Obstacle, Verb},
    make::Plan,
    observed::{Account, Observed},
};
use crate::{
    manifest::{Kind, Stage},
    state::{Row, StageState},
};

pub(super) fn plan_destroy(
    plan: &mut Plan,
    stage: Option<&Stage>,
    state: &StageState,
    account: &Account,
    empty: &[String],
    own_worker: Option<&str>,
) {
    for (id, row) in &state.rows {
        if account.unseen(row.kind).is_some() {
            continue;
        }
        let in_manifest = stage.and_then(|stage| stage.resource(id));
        let is_retained = in_manifest.is_some_and(|resource| resource.is_retained);
        leave(plan, id, row, account, is_retained, empty, own_worker);
    }
    let is_own = |obstacle: &Obstacle| matches!(obstacle, Obstacle::Own { .. });
    let runs_here = own_worker.is_some() && stage.and_then(Stage::worker) == own_worker;
    if runs_here && !plan.obstacles.iter().any(is_own) {
        plan.obstacles.push(Obstacle::Own { resource: "worker".to_owned() });
    }
    if stage.is_none() {
        let serving = state.rows.iter().filter(|(_, row)| row.kind == Kind::Domain);
        plan.obstacles.extend(
            serving.map(|(id, row)| Obstacle::Serving {
                resource: id.clone(),
                name: row.name.clone(),
            }),
        );
    }
    for resource in empty {
        let is_emptied = |action: &Action| action.resource == *resource && action.empties;
        if !plan.actions.iter().any(is_emptied) {
            plan.obstacles.push(Obstacle::NothingToEmpty { resource: resource.clone() });
        }
    }
    let unrecorded = stage.into_iter().flat_map(|stage| &stage.resources).filter(|resource| {
        !state.rows.contains_key(&resource.id)
            && !account.by_name(resource.kind, &resource.name).is_empty()
    });
    for resource in unrecorded {
        let (label, name) = (resource.kind.label(), &resource.name);
        plan.warnings.push(format!(
            "{}: there is the {label} `{name}`, which this server did not make; it stays",
            resource.id
        ));
    }
}

/// Plans that a recorded resource leaves its stage.
pub(super) fn leave(
    plan: &mut Plan,
    id: &str,
    row: &Row,
    account: &Account,
    is_retained: bool,
    empty: &[String],
    own_worker: Option<&str>,
) {
    let action = |verb| Action::new(verb, id, row.kind, &row.name);
    // A declaration that was removed does not delete what it protected.
    if is_retained || row.is_retained {
        plan.actions.push(action(Verb::Retain));
        return;
    }
    let observed = match &row.id {
        Some(recorded) => {
            let found = account.by_id(row.kind, recorded);
            if found.is_some_and(|found| !found.was_made(row.made_ms)) {
                plan.warnings.push(format!(
                    "{id}: the recorded {} is gone; the one that is called `{}` by now was made later, and it stays",
                    row.kind.label(),
                    row.name
                ));
            }
            found.filter(|found| found.was_made(row.made_ms))
        }
        None => match account.by_name(row.kind, &row.name).as_slice() {
            [only] if row.may_have_made(only) => Some(*only),
            _ => None,
        },
    };
    let Some(observed) = observed else {
        if row.id.is_some() {
            plan.drift.push(Drift::Missing { resource: id.to_owned() });
        }
        plan.actions.push(action(Verb::Forget));
        return;
    };
    if let Some(owner) = other_owner(plan, observed) {
        let (label, name) = (row.kind.label(), &row.name);
        plan.warnings
            .push(format!("{id}: the {label} `{name}` belongs to {owner} by now, and it stays"));
        plan.actions.push(action(Verb::Retain));
        return;
    }
    let empties = row.kind == Kind::R2 && empty.iter().any(|name| name == id);
    plan.obstacles.extend(obstacles(id, row, observed, empties, own_worker));
    plan.actions.push(Action {
        id: Some(observed.id.clone()),
        made_ms: observed.made_ms,
        contents: observed.contents.clone(),
        empties,
        ..action(Verb::Delete)
    });
}

/// To whom else a recorded resource belongs by now: another stage of the manifest, the stage that it is marked with, or the Worker
/// that a domain or a Workflow was given to.
fn other_owner(plan: &Plan, observed: &Observed) -> Option<String> {
    let marked = observed.mark.as_ref().map(|mark| &mark.stage);
    let stage = observed.owner.as_ref().or_else(|| marked.filter(|stage| **stage != plan.stage));
    let worker = || observed.foreign_worker().map(|worker| format!("the Worker `{worker}`"));
    stage.map(|stage| format!("the stage `{stage}`")).or_else(worker)
}

fn obstacles(
    id: &str,
    row: &Row,
    observed: &Observed,
    empties: bool,
    own_worker: Option<&str>,
) -> Vec<Obstacle> {
    let resource = || id.to_owned();
    let mut found = Vec::new();
    if row.kind == Kind::R2 && !empties && observed.contents.count != Some(0) {
        found.push(Obstacle::NotEmpty { resource: resource(), count: observed.contents.count });
    }
    if row.kind == Kind::Worker && own_worker == Some(row.name.as_str()) {
        found.push(Obstacle::Own { resource: resource() });
    }
    if observed.name != row.name {
        let what = format!("it is called `{}` by now, and so it", observed.name);
        found.push(Obstacle::Replace { resource: resource(), what });
    }
    let mut by: Vec<String> = observed.dependents.clone();
    by.retain(|dependent| *dependent != row.name);
    if !by.is_empty() {
        by.sort();
        found.push(Obstacle::Dependents { resource: resource(), by });
    }
    found
}

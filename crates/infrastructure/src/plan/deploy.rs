//! The plan that makes a stage as the manifest has it.

use std::collections::BTreeMap;

use super::{
    action::{Action, Change, Drift, Obstacle, Verb},
    destroy::leave,
    make::Plan,
    observed::{Account, Mark, Observed},
};
use crate::{
    manifest::{Kind, Resource, Stage},
    state::{Row, StageState},
};

/// Whether a resource stays when its stage goes. It is recorded here, and no setting of Cloudflare's.
const RETAIN: &str = "retain";
/// Settings that a resource keeps for life.
const FOR_LIFE: [&str; 1] = ["location"];

pub(super) fn plan_deploy(
    plan: &mut Plan,
    stage: Option<&Stage>,
    state: &StageState,
    account: &Account,
    adopt: bool,
) {
    let Some(stage) = stage else { return };
    let has_worker =
        stage.worker().is_some_and(|worker| !account.by_name(Kind::Worker, worker).is_empty());
    let mut planning = Deploy { plan, stage, account, adopt, has_worker };
    for resource in stage.resources.iter().filter(|one| one.kind != Kind::DurableObject) {
        if account.unseen(resource.kind).is_none() {
            planning.resource(resource, state.rows.get(&resource.id));
        }
    }
    for (id, row) in &state.rows {
        // What the manifest no longer has.
        if stage.resource(id).is_none() && account.unseen(row.kind).is_none() {
            leave(planning.plan, id, row, account, false, &[], None);
        }
    }
}

struct Deploy<'a> {
    plan: &'a mut Plan,
    stage: &'a Stage,
    account: &'a Account,
    adopt: bool,
    has_worker: bool,
}

impl Deploy<'_> {
    fn resource(&mut self, resource: &Resource, row: Option<&Row>) {
        if let Some(row) = row.filter(|row| row.kind != resource.kind || row.name != resource.name)
        {
            let what = format!("`{}`, a {},", row.name, row.kind.label());
            self.plan.obstacles.push(Obstacle::Replace { resource: resource.id.clone(), what });
            return;
        }
        let recorded = row.and_then(|row| Some((row.id.as_deref()?, row.made_ms)));
        let Some((id, made_ms)) = recorded else { return self.by_name(resource, row) };
        match self.account.by_id(resource.kind, id).filter(|found| found.was_made(made_ms)) {
            Some(observed) => self.compare(resource, row, observed),
            None => {
                self.plan.drift.push(Drift::Missing { resource: resource.id.clone() });
                self.by_name(resource, None);
            }
        }
    }

    /// A resource whose id is not recorded, or is gone.
    fn by_name(&mut self, resource: &Resource, row: Option<&Row>) {
        let found = self.account.by_name(resource.kind, &resource.name);
        let (id, name) = (resource.id.clone(), resource.name.clone());
        match found.as_slice() {
            [] => {
                let needs_worker =
                    matches!(resource.kind, Kind::Workflow | Kind::Domain) && !self.has_worker;
                let awaits = resource.kind == Kind::Worker || needs_worker;
                self.push(if awaits { Verb::Await } else { Verb::Create }, resource, None);
            }
            [only] if only.foreign_worker().is_some() => {
                self.plan
                    .obstacles
                    .push(Obstacle::Dependents { resource: id, by: only.dependents.clone() });
            }
            [only] if self.may_take(only, row) => self.push(Verb::Adopt, resource, Some(only)),
            [_] => self.plan.obstacles.push(Obstacle::Foreign { resource: id, name }),
            _ => self.plan.obstacles.push(Obstacle::Ambiguous { resource: id, name }),
        }
    }

    /// Whether a resource of the right name is this stage's: it is marked so, was made by a step whose answer was lost,
    /// or the caller adopts it.
    fn may_take(&self, found: &Observed, row: Option<&Row>) -> bool {
        let mark = Mark { app: self.stage.app.clone(), stage: self.stage.name.clone() };
        match &found.mark {
            Some(marked) if *marked != mark => false,
            Some(_) => true,
            None => self.adopt || row.is_some_and(|row| row.may_have_made(found)),
        }
    }

    fn compare(&mut self, resource: &Resource, row: Option<&Row>, observed: &Observed) {
        let id = resource.id.clone();
        if observed.name != resource.name {
            let found = observed.name.clone();
            self.plan.drift.push(Drift::Renamed { resource: id.clone(), found });
            let what = "its name".to_owned();
            self.plan.obstacles.push(Obstacle::Replace { resource: id, what });
            return;
        }
        if let Some(worker) = observed.foreign_worker() {
            self.plan.drift.push(Drift::Changed {
                resource: id.clone(),
                setting: "its Worker".to_owned(),
                found: Some(worker.to_owned()),
            });
        }
        let changes = changes(&resource.settings, &observed.settings);
        for change in &changes {
            let recorded = row.and_then(|row| row.settings.get(&change.setting));
            if recorded == Some(&change.to) {
                self.plan.drift.push(Drift::Changed {
                    resource: id.clone(),
                    setting: change.setting.clone(),
                    found: change.from.clone(),
                });
            }
        }
        if let Some(fixed) = changes.iter().find(|it| FOR_LIFE.contains(&it.setting.as_str())) {
            let what = fixed.setting.clone();
            self.plan.obstacles.push(Obstacle::Replace { resource: id, what });
            return;
        }
        let retains = row.filter(|row| row.is_retained != resource.is_retained).map(|row| Change {
            setting: RETAIN.to_owned(),
            from: Some(row.is_retained.to_string()),
            to: resource.is_retained.to_string(),
        });
        let (verb, changes) = match (changes.is_empty(), retains) {
            (false, _) => (Verb::Update, changes),
            // It has to be recorded: a later manifest may no longer say it.
            (true, Some(retains)) => (Verb::Adopt, vec![retains]),
            (true, None) => (Verb::Keep, changes),
        };
        self.push(verb, resource, Some(observed));
        if let Some(action) = self.plan.actions.last_mut() {
            action.changes = changes;
        }
    }

    fn push(&mut self, verb: Verb, resource: &Resource, observed: Option<&Observed>) {
        self.plan.actions.push(Action {
            id: observed.map(|observed| observed.id.clone()),
            made_ms: observed.and_then(|observed| observed.made_ms),
            settings: resource.settings.clone(),
            is_retained: resource.is_retained,
            ..Action::new(verb, &resource.id, resource.kind, &resource.name)
        });
    }
}

/// The declared settings that differ. What Cloudflare fills in by itself is not compared, nor a setting for life that it does
/// not report.
pub(crate) fn changes(
    declared: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<Change> {
    let differs = |(setting, to): (&String, &String)| {
        let from = found.get(setting);
        let is_same = from.is_some_and(|from| from.eq_ignore_ascii_case(to));
        let is_unknown = from.is_none() && FOR_LIFE.contains(&setting.as_str());
        let change = || Change { setting: setting.clone(), from: from.cloned(), to: to.clone() };
        (!is_same && !is_unknown).then(change)
    };
    declared.iter().filter_map(differs).collect()
}

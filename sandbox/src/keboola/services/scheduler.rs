//! The scheduler.
//!
//! Chosen: activating a configuration again replaces its schedule; a configuration without
//! `schedule` and `target` is a 400.

use serde_json::Value;

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Schedule, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get("schedules", list),
    post("schedules", activate),
    get("schedules/{schedule}", one),
    delete("configurations/{config}", remove),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    let wanted = |name: &str, value: &Value| {
        params.get(name).is_none_or(|wanted| value.as_str() == Some(wanted))
    };
    let schedules = world.project(ask.project)?.schedules.iter().filter(|schedule| {
        wanted("componentId", schedule.target.field("componentId"))
            && wanted("configurationId", schedule.target.field("configurationId"))
    });
    Ok(Reply::ok(&schedules.map(Schedule::view).collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("schedule");
    let mut schedules = world.project(ask.project)?.schedules.iter();
    let found = schedules.find(|schedule| schedule.id.to_string() == id);
    let none = || Problem::missing(format!("Schedule \"{id}\" not found"));
    Ok(Reply::ok(&found.ok_or_else(none)?.view()))
}

fn activate(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.body()?.required("configurationId")?;
    let new = world.next_id();
    let token = ask.token()?.id;
    let project = world.project_mut(ask.project)?;
    let config = project.config(ask.branch, "keboola.scheduler", &id)?;
    let content = &config.now.configuration;
    let (schedule, target) = (content.field("schedule").clone(), content.field("target").clone());
    if !schedule.is_object() || !target.is_object() {
        let text = format!("Configuration \"{id}\" has no schedule or no target");
        return Err(Problem::invalid(text));
    }
    let version = config.now.version;
    let mut schedule = Schedule { id: new, token, config: id, version, schedule, target };
    let old = project.schedules.iter().position(|old| old.config == schedule.config);
    if let Some(at) = old {
        schedule.id = project.schedules.remove(at).id;
    }
    let view = schedule.view();
    project.schedules.push(schedule);
    Ok(Reply::json(201, &view))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("config");
    let schedules = &mut world.project_mut(ask.project)?.schedules;
    let at = schedules.iter().position(|schedule| schedule.config == id);
    let none = || Problem::missing(format!("No schedule of configuration \"{id}\""));
    schedules.remove(at.ok_or_else(none)?);
    Ok(Reply::empty(204))
}

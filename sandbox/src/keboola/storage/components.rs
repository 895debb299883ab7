//! Components, with their configurations where asked for.

use serde_json::Value;

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{COMPONENTS, World, component};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] =
    &[get("components", list).in_branch(), get("components/{component}", one).in_branch()];

/// Only components that have configurations are listed.
fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    let include = params.list("include");
    let kind = params.get("componentType").filter(|kind| !kind.is_empty());
    let configs = world.project(ask.project)?.configs_in(ask.branch, params.flag("isDeleted"));
    let (token, storage) = (ask.token()?, ask.place.url("connection"));
    let components = COMPONENTS.iter().filter(|one| kind.is_none_or(|kind| one.kind == kind));
    let components = components.filter(|one| token.may_use(one.id));
    let views = components.filter_map(|one| {
        let own = configs.iter().filter(|config| config.component == one.id);
        let own: Vec<Value> = own.map(|config| config.view_with(&include)).collect();
        let mut view = (!own.is_empty()).then(|| one.view(&storage))?;
        view.set("configurations", own);
        Some(view)
    });
    Ok(Reply::ok(&views.collect()))
}

fn one(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("component");
    known(&id)?;
    ask.may_use(&id)?;
    let view = component(&id).map(|component| component.view(&ask.place.url("connection")));
    Ok(Reply::ok(&view.unwrap_or_default()))
}

/// Fails for a component that there is not.
pub(super) fn known(id: &str) -> Result<(), Problem> {
    let text = || format!("Component \"{id}\" not found");
    let found = component(id).map(|_| ());
    found.ok_or_else(|| Problem::new(404, "storage.components.notFound", text()))
}

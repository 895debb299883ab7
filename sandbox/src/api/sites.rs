//! Sites: the list, one of them, its stage, and its end.

use serde_json::json;

use super::Outcome;
use crate::call::Call;
use crate::check::uuid4;
use crate::data::World;
use crate::form::Form;
use crate::paging::page;
use crate::reply::Reply;

/// All sites, or those of one team; none for a team that does not exist.
pub(super) fn list(world: &World, call: &Call) -> Outcome {
    let mut form = Form::query(call);
    let team = form.given("team_id", uuid4);
    form.finish()?;
    let sites = world.sites.iter();
    let sites: Vec<_> = sites.filter(|site| team.is_none_or(|team| site.team_id == team)).collect();
    page(call, "/site/", &sites, |site| world.show(site))
}

/// One site.
pub(super) fn get(world: &World, fqdn: &str) -> Outcome {
    Ok(Reply::ok(&world.show(world.site(fqdn)?)))
}

/// Removes a site at once.
pub(super) fn delete(world: &mut World, fqdn: &str) -> Outcome {
    let site = world.site(fqdn)?;
    site.require_idle()?;
    let id = site.id;
    world.sites.retain(|site| site.id != id);
    Ok(Reply::ok(&json!({ "message": "Site deleted" })))
}

/// A site's stage.
pub(super) fn stage(world: &World, fqdn: &str) -> Outcome {
    match world.site(fqdn)?.stage() {
        Some(stage) => Ok(Reply::ok(&stage)),
        None => Err(Reply::detail(404, "Stage site not found")),
    }
}

//! Lists of what has happened, newest first; the later generation's.

use serde_json::Value;

use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::World;
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[
    get("/event", all).since_october(),
    get("/site/{fqdn}/event", of_site).since_october(),
    get("/team/{team_id}/event", of_team).since_october(),
];

fn all(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let fqdn = form.given("fqdn", string);
    form.finish()?;
    if let Some(fqdn) = &fqdn {
        world.site(fqdn)?;
    }
    let fqdn = fqdn.map(|fqdn| fqdn.to_lowercase());
    listed(world, ask, "/event", |site| fqdn.as_ref().is_none_or(|fqdn| site.fqdn == *fqdn))
}

fn of_site(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let (id, path) = (site.id, format!("/site/{}/event", site.fqdn));
    listed(world, ask, &path, |site| site.id == id)
}

fn of_team(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("team_id")?;
    world.team(id)?;
    listed(world, ask, &format!("/team/{id}/event"), |site| site.team_id == id)
}

fn listed(
    world: &World,
    ask: &Ask<'_>,
    path: &str,
    wanted: impl Fn(&crate::sitebay::data::Site) -> bool,
) -> Outcome {
    let sites = world.sites.iter().filter(|site| wanted(site));
    let events = sites.flat_map(|site| site.events.all().iter().map(move |event| (site, event)));
    let mut events: Vec<_> = events.collect();
    events.sort_by_key(|(_, event)| std::cmp::Reverse(event.at));
    page(ask, path, &events, |(site, event)| -> Value { event.view(&site.fqdn) })
}

//! The ready-made sites.

use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::data::{TEMPLATES, World, template};
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] =
    &[get("/ready_made_site", list), get("/ready_made_site/{name}", one).since_october()];

fn list(_: &mut World, ask: &Ask<'_>) -> Outcome {
    page(ask, "/ready_made_site", &TEMPLATES, template)
}

fn one(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let found = TEMPLATES.iter().find(|one| one.name == ask.argument("name"));
    let found = found.map(|one| Reply::ok(&template(one)));
    found.ok_or_else(|| Reply::detail(404, "Ready made site not found"))
}

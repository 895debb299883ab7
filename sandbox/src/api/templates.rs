//! The ready-made sites.

use crate::ask::Ask;
use crate::data::{TEMPLATES, World, template};
use crate::paging::page;
use crate::reply::Reply;
use crate::route::{Outcome, Route, get};

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

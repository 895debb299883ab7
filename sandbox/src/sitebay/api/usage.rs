//! How much a site is used; the later generation's.

use serde_json::{Value, json};

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::between;
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/usage", usage).since_october(),
    get("/site/{fqdn}/visits", visits).since_october(),
    get("/site/{fqdn}/dashboard", dashboard).since_october(),
    get("/site/{fqdn}/thumbnail", thumbnail).since_october(),
    get("/site_live/{fqdn}/images", images).since_october(),
];

fn usage(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let files = world.site(ask.fqdn())?.live.files();
    Ok(Reply::ok(&json!({
        "current_cycle_visits": 120,
        "current_storage": 512,
        "file_bytes": files.values().map(String::len).sum::<usize>(),
        "files": files.len(),
    })))
}

/// Visits by the hour: five and then one more for every hour of the day.
fn visits(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let hours = form.given("hours", between(1, 720)).unwrap_or(24);
    form.finish()?;
    world.site(ask.fqdn())?;
    let hour = clock::now().timestamp().div_euclid(3_600);
    let back = i64::try_from(hours).unwrap_or(24);
    let entries = (hour.saturating_sub(back)..hour).map(|hour| {
        let at = clock::Time::from_timestamp(hour.saturating_mul(3_600), 0).map(clock::text);
        json!({ "hour": at, "visits": hour.rem_euclid(24).saturating_add(5) })
    });
    Ok(Reply::ok(&json!({ "hours": hours, "visits": entries.collect::<Vec<Value>>() })))
}

fn dashboard(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    Ok(Reply::ok(&json!({
        "site": world.show(site),
        "stage": site.stage.as_ref().map(|stage| stage.view(&site.fqdn)),
        "checkpoints": site.checkpoints.len(),
        "restores": site.restores.len(),
        "custom_hostnames": site.hostnames.len(),
    })))
}

fn thumbnail(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let url = format!("https://thumbnails.example.com/{}.png", site.id);
    Ok(Reply::ok(&json!({ "url": url })))
}

fn images(world: &mut World, ask: &Ask<'_>) -> Outcome {
    world.site(ask.fqdn())?;
    Ok(Reply::ok(&json!([])))
}

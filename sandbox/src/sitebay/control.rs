//! The control routes that only SiteBay's stand-in has.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::call::Call;
use crate::engine::control::{done, read};
use crate::engine::reply::Reply;
use crate::engine::service::Inner;
use crate::sitebay::SiteBay;
use crate::sitebay::api;
use crate::sitebay::data::{Place, STOCK};
use crate::sitebay::options::Generation;

#[derive(Deserialize)]
struct Switch {
    generation: Generation,
}

/// Answers a control request; `None` where there is no such route.
pub(crate) fn answer(inner: &mut Inner<SiteBay>, name: &str, call: &Call) -> Option<Reply> {
    let world = &mut inner.service.world;
    Some(match (call.method.as_str(), name) {
        ("GET", "routes") => Reply::ok(&routes(world.generation)),
        ("POST", "finish") => {
            world.finish();
            done()
        }
        ("GET", "state") => Reply::ok(&state(inner)),
        ("POST", "generation") => match read::<Switch>(call) {
            Ok(switch) => {
                world.generation = switch.generation;
                done()
            }
            Err(reply) => reply,
        },
        _ => return None,
    })
}

/// The operations of a generation, as templates; those that only say they are gone are marked.
fn routes(generation: Generation) -> Value {
    let known = api::routes(generation);
    known
        .map(|route| {
            json!({
                "method": route.method,
                "path": route.path,
                "retired": route.is_gone(generation),
            })
        })
        .collect()
}

/// The state as a test may want to check it: names and what has changed, not whole objects.
fn state(inner: &mut Inner<SiteBay>) -> Value {
    inner.service.world.settle("");
    let world = &inner.service.world;
    let teams = world
        .teams
        .iter()
        .map(|team| json!({ "id": team.id, "name": team.name, "is_default": team.is_default }));
    let sites = world.sites.iter().map(|site| {
        json!({
            "id": site.id,
            "fqdn": site.fqdn,
            "team_id": site.team_id,
            "status": site.status().name(),
            "git_url": site.git_url,
            "edited_files": edited(&site.live),
            "restores": site.restores.len(),
            "checkpoints": site.checkpoints.len(),
            "stage": site.stage.as_ref().map(|stage| stage.fqdn(&site.fqdn)),
            "edited_stage_files": site.stage.as_ref().map(|stage| edited(&stage.place)),
        })
    });
    json!({
        "generation": world.generation,
        "teams": teams.collect::<Vec<_>>(),
        "sites": sites.collect::<Vec<_>>(),
        "faults": inner.faults.waiting(),
        "requests": inner.log.len(),
    })
}

/// The files that differ from what every site starts with; null for one that is gone.
fn edited(place: &Place) -> Value {
    let (now, stock) = (place.files(), &STOCK.content.files);
    let paths = now.keys().chain(stock.keys());
    let differ = paths.filter(|path| now.get(*path) != stock.get(*path));
    differ.map(|path| (format!("wp-content/{path}"), json!(now.get(path)))).collect()
}

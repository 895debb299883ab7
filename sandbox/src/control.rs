//! The routes tests in another process steer the sandbox with. They need no token and are not
//! recorded.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api;
use crate::call::Call;
use crate::data::{Place, STOCK};
use crate::fault::Fault;
use crate::options::Generation;
use crate::reply::Reply;
use crate::shared::Shared;

/// The prefix of the control routes' paths.
pub(crate) const PREFIX: &str = "/__control/";

#[derive(Deserialize)]
struct Switch {
    generation: Generation,
}

/// Answers a control request.
pub(crate) fn answer(shared: &Shared, call: &Call) -> Reply {
    let name = call.path.strip_prefix(PREFIX).unwrap_or_default();
    match (call.method.as_str(), name) {
        ("POST", "fault") => match read::<Fault>(call) {
            Ok(fault) => {
                shared.lock().faults.add(fault);
                done()
            }
            Err(reply) => reply,
        },
        ("GET", "requests") => Reply::ok(&json!(shared.lock().log.all())),
        ("POST", "reset") => {
            shared.reset();
            done()
        }
        ("GET", "routes") => Reply::ok(&routes(shared.lock().world.generation)),
        ("POST", "finish") => {
            shared.lock().world.finish();
            done()
        }
        ("GET", "state") => Reply::ok(&state(shared)),
        ("POST", "generation") => match read::<Switch>(call) {
            Ok(switch) => {
                shared.lock().world.generation = switch.generation;
                done()
            }
            Err(reply) => reply,
        },
        _ => Reply::detail(404, "Not Found"),
    }
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    serde_json::from_slice(&call.body).map_err(|error| Reply::detail(400, &error.to_string()))
}

fn done() -> Reply {
    Reply::ok(&json!({ "ok": true }))
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
fn state(shared: &Shared) -> Value {
    let mut inner = shared.lock();
    inner.world.settle("");
    let world = &inner.world;
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

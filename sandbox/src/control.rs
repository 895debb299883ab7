//! The routes tests in another process steer the sandbox with. They need no token and are not
//! recorded.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call::Call;
use crate::fault::Fault;
use crate::options::Generation;
use crate::reply::Reply;
use crate::shared::Shared;

/// What the control routes' paths start with.
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

/// The state as a test may want to check it: names and what has changed, not whole objects.
fn state(shared: &Shared) -> Value {
    let inner = shared.lock();
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
            "edited_files": site.edits,
            "restores": site.restores.len(),
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

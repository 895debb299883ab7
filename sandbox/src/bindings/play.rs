//! Bindings as a service of the engine.

use serde_json::json;

use crate::bindings::kind::Kind;
use crate::bindings::world::World;
use crate::bindings::{analytics, assets, control, d1, kv, r2};
use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::engine::service::{Inner, Service};

/// The state of all bindings.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) world: World,
}

impl Service for Play {
    /// Assets may be asked for with a credential.
    const RECORDS_CREDENTIALS: bool = false;

    fn answer(&mut self, call: &Call) -> Reply {
        let world = &mut self.world;
        match Kind::of(call) {
            Some((Kind::Kv, name)) => kv::answer(world, name, call),
            Some((Kind::D1, name)) => d1::answer(world, name, call),
            Some((Kind::R2, name)) => r2::answer(world, name, call),
            Some((Kind::Analytics, name)) => analytics::answer(world, name, call),
            Some((Kind::Assets, name)) => assets::answer(world, name, call),
            None => Reply::json(404, &json!({ "detail": "no binding is named" })),
        }
    }

    fn control(inner: &mut Inner<Self>, name: &str, call: &Call) -> Option<Reply> {
        control::answer(inner, name, call)
    }

    /// `/kv/NAME/KEY`, `/d1/NAME/query`, `/r2/NAME/get`, `/analytics/NAME/`, `/assets/NAME/PATH`.
    fn fault_paths(call: &Call) -> Vec<String> {
        match Kind::of(call) {
            Some((kind @ Kind::R2, name)) => {
                let method = r2::method(call).unwrap_or_default();
                vec![format!("/{}/{method}", kind.designation(name))]
            }
            Some((kind, name)) => vec![format!("/{}{}", kind.designation(name), call.path)],
            None => vec![call.path.clone()],
        }
    }

    fn failure(call: &Call, status: u16, reason: &str) -> Reply {
        match Kind::of(call) {
            Some((Kind::D1, _)) => d1::refusal(status, reason),
            Some((Kind::R2, _)) => r2::failure(status, reason),
            _ => Reply::empty(status).saying(reason),
        }
    }

    fn reset(&mut self) {
        // Migrations that passed at the start pass again; a folder that is gone leaves things as they are.
        if let Ok(world) = World::new(&self.world.options) {
            self.world = world;
        }
    }
}

//! Keboola as a service of the engine.

use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::engine::service::{Inner, Service};
use crate::keboola::data::World;
use crate::keboola::place::Place;
use crate::keboola::problem::{Problem, maintenance};
use crate::keboola::{control, dispatch};

/// Keboola's state.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) world: World,
}

impl Service for Play {
    /// Tests assert on which credential went where; all of them are invented.
    const RECORDS_CREDENTIALS: bool = true;

    fn answer(&mut self, call: &Call) -> Reply {
        dispatch::answer(&mut self.world, call)
    }

    fn control(inner: &mut Inner<Self>, name: &str, call: &Call) -> Option<Reply> {
        control::answer(inner, name, call)
    }

    fn fault_paths(call: &Call) -> Vec<String> {
        Place::of(call).map(|place| place.fault_paths()).unwrap_or_default()
    }

    fn failure(call: &Call, status: u16, reason: &str) -> Reply {
        if status == 503 {
            return maintenance(call);
        }
        let service = Place::of(call).map_or("connection", |place| place.service);
        let code = if status == 429 { "tooManyRequests" } else { "application" };
        Problem::new(status, code, reason).reply(service, call)
    }

    fn reset(&mut self) {
        self.world = World::new(&self.world.options);
    }
}

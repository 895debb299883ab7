//! Cloudflare as a service of the engine.

use crate::cloudflare::data::World;
use crate::cloudflare::problem::Problem;
use crate::cloudflare::{control, dispatch};
use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::engine::service::{Inner, Service};

/// Cloudflare's state.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) world: World,
}

impl Service for Play {
    /// Tests assert on which token went where; all of them are invented.
    const RECORDS_CREDENTIALS: bool = true;

    fn answer(&mut self, call: &Call) -> Reply {
        dispatch::answer(&mut self.world, call)
    }

    fn control(inner: &mut Inner<Self>, name: &str, call: &Call) -> Option<Reply> {
        control::answer(inner, name, call)
    }

    fn fault_paths(call: &Call) -> Vec<String> {
        dispatch::fault_paths(call)
    }

    fn failure(_: &Call, status: u16, reason: &str) -> Reply {
        let code = match status {
            401 | 403 => 10000,
            429 => 10013,
            _ => 10001,
        };
        Problem::new(status, code, reason).reply()
    }

    fn reset(&mut self) {
        self.world = World::new(&self.world.options);
    }
}

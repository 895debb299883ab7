//! The stand-in for SiteBay's REST API.
//!
//! It keeps teams and sites in memory, each site with its files, its database, their past and a
//! stage. Changes persist: an edit is seen by the shell, the browser and the WordPress proxy, and
//! a restore or a checkpoint takes it back. Work that the service takes a while for keeps a site
//! busy for [`Options::working_for`], or until [`Sandbox::finish`].
//!
//! Where the contract is silent (error texts, what a proxy answers, the busy rules' exact
//! bounds) the choice made is said in the module that makes it.

mod api;
mod ask;
mod auth;
mod check;
mod control;
mod data;
mod form;
mod options;
mod paging;
mod replies;
mod route;
mod sandbox;

use data::World;

use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::engine::service::{Inner, Service};

pub use options::{Generation, Options};
pub use sandbox::Sandbox;

/// Where the API lives below the origin.
const PREFIX: &str = "/f/api/v1";

/// SiteBay's state.
#[derive(Debug)]
struct SiteBay {
    options: Options,
    world: World,
}

impl Service for SiteBay {
    const RECORDS_CREDENTIALS: bool = false;

    fn answer(&mut self, call: &Call) -> Reply {
        api::answer(&mut self.world, &self.options, call)
    }

    fn control(inner: &mut Inner<Self>, name: &str, call: &Call) -> Option<Reply> {
        control::answer(inner, name, call)
    }

    fn fault_paths(call: &Call) -> Vec<String> {
        api_path(call).map(str::to_owned).into_iter().collect()
    }

    fn failure(_: &Call, status: u16, reason: &str) -> Reply {
        Reply::detail(status, reason)
    }

    fn reset(&mut self) {
        self.world = World::new(&self.options);
    }
}

/// The encoded path after the prefix; `None` outside the API.
fn api_path(call: &Call) -> Option<&str> {
    let rest = call.path.strip_prefix(PREFIX)?;
    rest.starts_with('/').then_some(rest)
}

//! What a cron starts: a look of the alarms.
//!
//! Invariant: while they are off it reads nothing and asks nothing.

use futures_util::{FutureExt as _, TryFutureExt as _, future::LocalBoxFuture};
use worker::Env;

use crate::{
    platform::{
        stores::{STORE, Store as Namespace},
        workers::WorkersPlatform,
    },
    state,
};
use alarms::watch::{Store, look};

/// The key of the incidents in the namespace.
const INCIDENTS: &str = "alarms:incidents";

/// The incidents in the KV namespace. One cron is their only writer, and comes later than KV is behind.
struct Incidents(Namespace);

impl Store for Incidents {
    fn get(&self) -> LocalBoxFuture<'_, Result<Option<String>, String>> {
        self.0.get(INCIDENTS).map_err(|error| error.to_string()).boxed_local()
    }

    fn put(&self, text: String) -> LocalBoxFuture<'_, Result<(), String>> {
        async move { self.0.put(INCIDENTS, &text).await.map_err(|error| error.to_string()) }
            .boxed_local()
    }
}

/// Looks once, where the alarms are on.
pub async fn run(env: &Env) {
    let config = state::config(env);
    let Some(settings) = &config.alarms else { return };
    let Some(namespace) = Namespace::of(env, STORE) else {
        log::error!("the alarms need the KV namespace {STORE}, which says what was posted");
        return;
    };
    match look(&WorkersPlatform, &Incidents(namespace), settings).await {
        Ok(0) => {}
        Ok(posted) => log::warn!("the alarms posted {posted} messages"),
        Err(error) => log::error!("{error}"),
    }
}

//! The objects of upstreams, which have one class and several parts, by their names.
//!
//! One speaks to an upstream which has sessions, for one caller whose client has none: it keeps the sessions, runs the calls,
//! and parks those whose upstream asks. Route: [`ObjectRequest`]. State: the rows of sessions
//! ([`upstream_sessions`](super::upstream_sessions)).
//!
//! One keeps the pins of an upstream. Route: [`PinsRequest`]. State: their row (`upstream_pins`).
//!
//! Invariant: it holds no connection and no timer but those of calls that run or wait for their client.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::{pin::pin, rc::Rc};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{LocalBoxFuture, select},
    stream,
};
use uuid::Uuid;
use worker::{Env, Result, State};

use crate::{
    objects::{
        class::class,
        rows::Rows,
        upstream_pins::StoredPins,
        upstream_sessions::{KeptSessions, UPSTREAM, end_rows},
    },
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object::wait_until,
        workers::WorkersPlatform,
    },
    response, state,
    stubs::{keys, stored_upstreams, upstream},
};
use gateway::{
    door::address_for,
    pin_store::PinsRequest,
    relay::{
        self,
        park::{Ended, ParkNotifier, ParkedCall, Parks},
        place::{Caller, ObjectRequest, RelayedCall},
        pool::{Pool, Route},
    },
};
use mcp_platform::{SharedPlatform, record::Record as _};
use mcp_protocol::{
    capabilities::ClientCapabilities,
    jsonrpc::{INTERNAL_ERROR, RpcError},
};
use mcp_server::notifier::Notifier;

class! {
    /// Speaks to one upstream for one caller, or keeps its pins.
    UpstreamAgent(requests, alarm)
}

/// How long a row outlives its end at least while its session is used, in seconds.
const LOOK_AGAIN: u64 = 300;

struct Inner {
    state: Rc<State>,
    env: Env,
    rows: Rc<Rows>,
    pool: Rc<Pool>,
    parks: Rc<Parks>,
    pins: StoredPins,
}

impl Inner {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        let rows = Rc::new(Rows::key_value(state.clone()));
        let keeper = Rc::new(KeptSessions::new(env.clone(), rows.clone(), String::new()));
        let pool = Pool::new(Rc::new(WorkersPlatform), state::upstreams(), keeper);
        let name = state.id().name().unwrap_or_default();
        let life = upstream::life(&name, &Uuid::new_v4().simple().to_string());
        let parks = Rc::new(Parks::new(life, state::relay_room()));
        let pins = StoredPins::new(rows.clone());
        Self { state, env, rows, pool: Rc::new(pool), parks, pins }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        let body = request.text().await?;
        if body.is_empty() {
            // It is awake.
            return http::text(200, "");
        }
        let Some(asked) = ObjectRequest::from_json(&body) else {
            return self.receive_about_pins(&body).await;
        };
        match self.answer(asked).await {
            Ok(response) => response,
            Err(ended) => {
                let frames = ended.into_frames().into_iter().map(|frame| Ok(frame.to_bytes()));
                response::stream_to_worker(stream::iter(frames.collect::<Vec<_>>()))
            }
        }
    }

    async fn receive_about_pins(&self, body: &str) -> Result<Response> {
        match PinsRequest::from_json(body) {
            Some(asked) => http::text(200, &self.pins.answer(asked).await?.to_json()),
            None => http::text(404, "not for an upstream"),
        }
    }

    /// The alarm: the end of rows, and of their sessions. One in which a call runs or waits goes on.
    async fn due(self: Rc<Self>) -> Result<()> {
        let now = now_s();
        let is_over = |row: &str, until: u64| until.max(self.in_use_until(row)) <= now;
        match end_rows(&self.env, &self.rows, &is_over).await {
            // The keys begin with the owner, who has no name here.
            Ok(ended) => {
                ended.iter().filter_map(|key| key.strip_prefix(':')).for_each(|key| {
                    self.pool.release(key);
                });
            }
            Err(error) => log::error!("sessions with an upstream could not be ended: {error}"),
        }
        self.rows.clear(&|row| self.in_use_until(row)).await
    }

    fn in_use_until(&self, row: &str) -> u64 {
        let is_used = self.pool.is_in_use() || !self.parks.is_empty();
        match row.starts_with(UPSTREAM) && is_used {
            true => now_s().saturating_add(LOOK_AGAIN),
            false => 0,
        }
    }

    async fn answer(
        self: &Rc<Self>,
        asked: ObjectRequest,
    ) -> std::result::Result<Result<Response>, Ended> {
        match asked {
            ObjectRequest::About { upstream, capabilities, caller } => {
                let capabilities = ClientCapabilities::from_bits(capabilities);
                let route = self.route(&upstream, capabilities, &caller).await?;
                let (parked, frames) = self.parks.start(capabilities, None, 0)?;
                let (pool, with_key) = (self.pool.clone(), caller.key.is_some());
                self.run(parked, relay::about_for_worker(pool, route, with_key).boxed_local());
                Ok(response::stream_to_worker(frames.map(Ok)))
            }
            ObjectRequest::Call(call) => {
                let route = self.route(&call.upstream, call.capabilities(), &call.caller).await?;
                let (capabilities, bytes) = (call.capabilities(), call.params.get().len());
                let (parked, frames) = self.parks.start(capabilities, call.log_level, bytes)?;
                let back: Rc<dyn Notifier> = Rc::new(ParkNotifier(parked.clone()));
                self.run(parked, self.work(route, call, back));
                Ok(response::stream_to_worker(frames.map(Ok)))
            }
            ObjectRequest::Resume { epoch, park, round, responses } => {
                let frames = self.parks.resume(&epoch, (park, round), &responses)?;
                Ok(response::stream_to_worker(frames.map(Ok)))
            }
        }
    }

    /// Runs a call to its end, whoever reads it. While it waits for its client the object asks itself from time to time: the
    /// runtime drops one that is asked nothing for 70 s and more, whatever runs in it (tried with workerd 1.20261117.1).
    fn run(self: &Rc<Self>, parked: Rc<ParkedCall>, work: LocalBoxFuture<'static, Ended>) {
        let platform: SharedPlatform = Rc::new(WorkersPlatform);
        let awake = upstream::stay_awake(self.env.clone(), self.state.id().name(), parked.clone());
        let run = self.parks.clone().run(parked, work, platform);
        let core = self.clone();
        let run = async move {
            select(pin!(run), pin!(awake)).await;
            if upstream::runs_one_call(&core.state.id().name().unwrap_or_default()) {
                core.pool.end().await;
            }
        };
        wait_until(&self.state, run.boxed_local());
    }

    fn work(
        &self,
        route: Route,
        call: RelayedCall,
        back: Rc<dyn Notifier>,
    ) -> LocalBoxFuture<'static, Ended> {
        relay::for_worker(self.pool.clone(), route, call, back, Rc::new(WorkersPlatform))
            .boxed_local()
    }

    async fn route(
        &self,
        name: &str,
        capabilities: ClientCapabilities,
        caller: &Caller,
    ) -> std::result::Result<Route, RpcError> {
        let config = stored_upstreams::current(&self.env).await;
        let keys = keys::keys(&self.env, &config).await;
        let keys = keys.map_err(|_| failed("the keys of this server cannot be read"))?;
        let trail = upstream::trail(caller.trail.as_deref(), &keys);
        let trail = trail.map_err(|refusal| failed(&refusal.to_string()))?;
        let found = config.upstreams.get(name).ok_or_else(|| failed("it is not configured"))?;
        let headers = caller.headers.for_upstream(found);
        let headers = headers.map_err(|unfit| failed(&unfit.to_string()))?;
        let platform: SharedPlatform = Rc::new(WorkersPlatform);
        let person = caller.person(found)?;
        Ok(Route {
            name: name.into(),
            stack: person.and_then(|person| person.stack.clone()),
            address: address_for(found, person, &trail, &platform, headers),
            era: found.era,
            capabilities,
            client_info: caller.client_info.as_str().into(),
            generation: state::upstreams().generation(&config.upstreams, name),
        })
    }
}

fn failed(why: &str) -> RpcError {
    RpcError::new(INTERNAL_ERROR, why)
}

//! Requests of a door: where each is sent from, and what is noted of it.

use std::rc::Rc;

use mcp_client::{
    connection::Connection,
    era::{Era, Verdict, after_discover, may_have_changed},
    error::UpstreamError,
    request::first_id,
    stateless::discover,
};
use mcp_protocol::{
    capabilities::ClientCapabilities,
    fields::fields,
    jsonrpc::{INTERNAL_ERROR, RpcError},
    raw,
    stateless::error::MISSING_CLIENT_CAPABILITY,
    version::Version,
};
use mcp_server::{
    client_request::{Stop, StopReason},
    context::Context,
    notifier::{NoClient, Notifier},
    outcome::Outcome,
    remote::About,
    toolset::Effect,
};

use super::{Door, Place, connect, taken_back};
use crate::{
    config::Upstream,
    connect::{Connected, Unconnected},
    errors, memory,
    relay::{
        self, Asked, Failure, Peer,
        place::{Carriage, ObjectRequest, UpstreamObjects},
        pool::Route,
    },
};

impl Door {
    /// Sends a request to an upstream: as the person who calls, where it is called so. One that it refused to a key is
    /// sent once more where another key was connected since.
    pub(super) async fn send(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
    ) -> Result<String, Failure> {
        let person = self.person(ctx, upstream).await.map_err(Failure::Unconnected)?;
        let sent = self.send_as(ctx, (upstream, person.as_ref()), asked, back).await;
        let Some(person) = person.filter(|_| connect::is_refused(&sent)) else {
            return sent;
        };
        let newer = self.connections.refused(ctx, upstream, &person).await;
        let newer = newer.map_err(Failure::Unconnected)?;
        // A call that was parked went on in its object, and is not begun anew.
        if back.carried().is_some() {
            return Err(Failure::Unconnected(Unconnected::replaced()));
        }
        let sent = self.send_as(ctx, (upstream, Some(&newer)), asked, back).await;
        self.unless_refused(ctx, (upstream, &newer), sent).await
    }

    /// What was sent with the second key. A third one is not tried: an account could be renewed without end.
    async fn unless_refused<T>(
        &self,
        ctx: &Context,
        (upstream, newer): (&Upstream, &Connected),
        sent: Result<T, Failure>,
    ) -> Result<T, Failure> {
        if !connect::is_refused(&sent) {
            return sent;
        }
        Err(Failure::Unconnected(self.connections.given_up(ctx, upstream, newer).await))
    }

    async fn send_as(
        &self,
        ctx: &Context,
        (upstream, person): (&Upstream, Option<&Connected>),
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
    ) -> Result<String, Failure> {
        let route = self.route(ctx, (upstream, person), &**back)?;
        let began = ctx.platform.now_ms();
        // A round that comes back belongs to a call that was let through.
        let _running = match back.carried().is_none() && !self.is_noted_there(&route, began) {
            true => Some(route.admit(&self.memory, began).map_err(Failure::Paused)?),
            false => None,
        };
        let sent = match &self.place {
            Place::Object(pool) => relay::in_object(pool, &route, asked, back, &ctx.platform).await,
            Place::Worker(objects) => {
                self.send_here(ctx, (&route, person), asked, back, &**objects).await
            }
        };
        let took = ctx.platform.now_ms().saturating_sub(began);
        let bytes = sent.as_ref().map_or(0, String::len);
        let cell = self.cell(&route, ctx.platform.now_ms());
        let end = match &sent {
            Ok(_) | Err(Failure::Task { .. }) => "answered",
            Err(failure) if failure.upstream().is_some() => "failed",
            Err(_) => "stopped",
        };
        ctx.record.add_upstream_call(
            &route.name,
            (cell, end),
            took,
            u64::try_from(bytes).unwrap_or(u64::MAX),
        );
        let now_ms = ctx.platform.now_ms();
        if !self.is_noted_there(&route, now_ms) {
            relay::note_end(&self.memory, route.target(), &sent, now_ms);
        }
        sent
    }

    /// The eras in front and behind.
    fn cell(&self, route: &Route, now_ms: u64) -> &'static str {
        match (&self.place, self.known_wire(route, now_ms)) {
            (Place::Object(_), Some(Era::Stateless)) => "session-stateless",
            (Place::Object(_), _) => "session-session",
            (Place::Worker(_), Some(Era::Stateless)) => "stateless-stateless",
            (Place::Worker(_), _) => "stateless-session",
        }
    }

    /// Whether the upstream's object asks the breaker and notes how requests end.
    fn is_noted_there(&self, route: &Route, now_ms: u64) -> bool {
        matches!(&self.place, Place::Worker(_))
            && self.known_wire(route, now_ms).is_some_and(|era| era != Era::Stateless)
    }

    /// The wire, as far as it is known here.
    fn known_wire(&self, route: &Route, now_ms: u64) -> Option<Era> {
        let known = route.era.or_else(|| self.memory.era(&route.name, now_ms));
        // An older one, of which only its object knows more.
        known.or_else(|| self.memory.is_older(&route.name, now_ms).then_some(Era::Session))
    }

    /// Sends a request of a client without a session: from here to a stateless upstream, else from an
    /// object that has a session with the upstream.
    async fn send_here(
        &self,
        ctx: &Context,
        (route, person): (&Route, Option<&Connected>),
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
        objects: &dyn UpstreamObjects,
    ) -> Result<String, Failure> {
        let carried = back.carried().and_then(|carried| Carriage::read(&carried.state));
        let era = match &carried {
            // A call goes on where it began, whatever is spoken there now.
            Some(Carriage::Park(..)) => Era::Session,
            Some(Carriage::State(_)) => Era::Stateless,
            Some(Carriage::Connect(..)) | None => {
                self.wire(ctx, route).await.map_err(Failure::NotSent)?
            }
        };
        match era {
            Era::Stateless => {
                let first = first_id(ctx.platform.now_ms());
                let (address, declaration) = (route.address.clone(), route.stateless_declaration());
                let version = Version::V2026_07_28;
                let peer = Peer::Http(Connection::new(address, declaration, version, None, first));
                let answered = peer.ask(asked, back, &ctx.platform).await;
                match &answered {
                    Err(Failure::Upstream(error)) if asked.may_repeat(error) => {
                        peer.ask(asked, back, &ctx.platform).await
                    }
                    // Another wire is spoken there now, so nothing ran.
                    Err(Failure::Upstream(error))
                        if carried.is_none()
                            && route.era.is_none()
                            && may_have_changed(Era::Stateless, error) =>
                    {
                        self.memory.forget_era(&route.name);
                        match self.wire(ctx, route).await.map_err(Failure::NotSent)? {
                            Era::Stateless => answered,
                            _ => {
                                let to = (route, person);
                                self.send_through_object(ctx, to, asked, back, objects).await
                            }
                        }
                    }
                    _ => answered,
                }
            }
            Era::Session | Era::Sse => {
                self.send_through_object(ctx, (route, person), asked, back, objects).await
            }
        }
    }

    async fn send_through_object(
        &self,
        ctx: &Context,
        (route, person): (&Route, Option<&Connected>),
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
        objects: &dyn UpstreamObjects,
    ) -> Result<String, Failure> {
        let to = (&*route.name, self.caller(ctx, person));
        relay::remote::ask(objects, to, asked, &**back, &ctx.platform).await
    }

    /// The wire of an upstream, as far as the Worker must know it: whether it is stateless.
    async fn wire(&self, ctx: &Context, route: &Route) -> Result<Era, UpstreamError> {
        let now_ms = ctx.platform.now_ms();
        if let Some(era) = self.known_wire(route, now_ms) {
            return Ok(era);
        }
        match after_discover(discover(&route.address, &route.declaration()).await) {
            Verdict::Known(found) => {
                self.memory.note_handshake(&route.name, route.generation, &found, now_ms);
                Ok(Era::Stateless)
            }
            Verdict::Older => {
                self.memory.note_older(&route.name, route.generation, now_ms);
                // It answered; from here on its object asks the breaker.
                self.memory.note_end(route.target(), None, now_ms);
                Ok(Era::Session)
            }
            Verdict::Failed(error) => Err(error),
        }
    }

    /// A request, as its failures name it.
    pub(super) fn named<'a>(
        &self,
        ctx: &Context,
        upstream: &'a Upstream,
        (method, effect): (&'a str, Option<Effect>),
    ) -> errors::Asked<'a> {
        let behind = match self.memory.era(&upstream.name, ctx.platform.now_ms()) {
            Some(Era::Stateless) => Some(Version::V2026_07_28),
            Some(Era::Session | Era::Sse) => Some(Version::V2025_11_25),
            None => None,
        };
        let version = match &self.place {
            Place::Object(_) => Version::V2025_11_25,
            Place::Worker(_) => Version::V2026_07_28,
        };
        let upstream = &upstream.name;
        errors::Asked { upstream, method, effect, version, behind, is_begun: false }
    }

    /// How a request to an upstream ended, for its caller.
    pub(super) fn outcome(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        (method, effect): (&str, Option<Effect>),
        sent: Result<String, Failure>,
    ) -> Outcome {
        let asked = self.named(ctx, upstream, (method, effect));
        match sent {
            Ok(text) => Outcome::Relayed(text),
            Err(Failure::Stopped(stop)) => Outcome::Stopped(stop),
            Err(Failure::TakenBack) => Outcome::Stopped(taken_back()),
            Err(Failure::Unknown(outcome)) => outcome,
            // Only a call becomes one, and that was taken before.
            Err(Failure::Task { .. }) => {
                let error = UpstreamError::bad_answer("it handed out a task", b"");
                errors::Answer::of(asked, &error).into()
            }
            Err(Failure::Upstream(error)) => match missing_capability(&error) {
                // The upstream is told what this client declared, so that the client lacks it.
                Some(needs) => Outcome::Stopped(Stop(StopReason::MissingCapability(needs))),
                None => errors::Answer::of(asked, &error).into(),
            },
            Err(Failure::NotSent(error)) => errors::Answer::not_sent(asked, &error).into(),
            Err(Failure::Interrupted(error)) => errors::Answer::interrupted(asked, &error).into(),
            Err(Failure::Paused(refused)) => errors::Answer::refused(asked, refused).into(),
            Err(Failure::Unconnected(why)) => errors::Answer::unconnected(asked, &why, None).into(),
        }
    }

    /// What the caller of a method is told where its upstream gave no list to look up what it names.
    pub(super) fn unlisted(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        method: &str,
        failure: Failure,
    ) -> Outcome {
        // A tool that is not known did nothing.
        let effect = (method == "tools/call").then_some(Effect::Read);
        let asked = errors::Asked {
            is_begun: is_begun(&*ctx.notifier),
            ..self.named(ctx, upstream, (method, effect))
        };
        match failure {
            Failure::Upstream(error) | Failure::NotSent(error) => {
                errors::Answer::unlisted(asked, &error).into()
            }
            Failure::Paused(refused) => errors::Answer::refused(asked, refused).into(),
            Failure::Stopped(Stop(StopReason::Refused(error))) => {
                let message = errors::held_up(asked, error.message);
                Outcome::Stopped(Stop::refused(RpcError { message, ..error }))
            }
            other => self.outcome(ctx, upstream, (method, effect), Err(other)),
        }
    }

    /// Asks an upstream what it says of itself.
    pub(super) async fn ask_about(
        &self,
        ctx: &Context,
        upstream: &Upstream,
    ) -> Result<About, Failure> {
        let person = self.person(ctx, upstream).await.map_err(Failure::Unconnected)?;
        let about = self.ask_about_as(ctx, (upstream, person.as_ref())).await;
        let Some(person) = person.filter(|_| connect::is_refused(&about)) else {
            return about;
        };
        let newer = self.connections.refused(ctx, upstream, &person).await;
        let newer = newer.map_err(Failure::Unconnected)?;
        let about = self.ask_about_as(ctx, (upstream, Some(&newer))).await;
        self.unless_refused(ctx, (upstream, &newer), about).await
    }

    async fn ask_about_as(
        &self,
        ctx: &Context,
        (upstream, person): (&Upstream, Option<&Connected>),
    ) -> Result<About, Failure> {
        let route = self.route(ctx, (upstream, person), &*ctx.notifier)?;
        let objects = match &self.place {
            Place::Object(pool) => {
                let opened = pool.peer(&route).await;
                // An object with an open stream never sleeps.
                pool.close_idle();
                return Ok(opened?.about());
            }
            Place::Worker(objects) => objects,
        };
        if self.wire(ctx, &route).await? == Era::Stateless {
            // A wire that the configuration names was not asked for.
            return match after_discover(discover(&route.address, &route.declaration()).await) {
                Verdict::Known(found) => {
                    let now_ms = ctx.platform.now_ms();
                    self.memory.note_handshake(&route.name, route.generation, &found, now_ms);
                    Ok(memory::about(&found))
                }
                Verdict::Older => {
                    let why = "it does not speak 2026-07-28";
                    Err(UpstreamError::bad_answer(why, b"").into())
                }
                Verdict::Failed(error) => Err(error.into()),
            };
        }
        let asked = ObjectRequest::About {
            upstream: upstream.name.clone(),
            capabilities: ctx.notifier.capabilities().bits(),
            caller: self.caller(ctx, person),
        };
        let body = objects.send(&upstream.name, asked).await;
        let body = body
            .map_err(|why| Failure::Stopped(Stop::refused(RpcError::new(INTERNAL_ERROR, why))))?;
        let text = relay::remote::read(body, &NoClient, &ctx.platform).await?;
        serde_json::from_str(&text)
            .map_err(|_| UpstreamError::bad_answer("it says nothing", b"").into())
    }
}

/// Whether a request comes back to an upstream that asked in the round before.
pub(super) fn is_begun(back: &dyn Notifier) -> bool {
    let carried = back.carried().and_then(|carried| Carriage::read(&carried.state));
    matches!(carried, Some(Carriage::Park(..) | Carriage::State(_)))
}

/// What the client in front would have to declare, where the upstream says so (2026-07-28, −32021).
fn missing_capability(error: &UpstreamError) -> Option<ClientCapabilities> {
    let UpstreamError::Rpc(failure) = error else {
        return None;
    };
    if failure.code != i64::from(MISSING_CLIENT_CAPABILITY) {
        return None;
    }
    let [required] = fields(failure.data.as_ref()?.get(), ["requiredCapabilities"]).ok()?;
    let required = raw::value(required?.get()).ok()?;
    let needs = ClientCapabilities::from_declared(&required);
    (!needs.is_empty()).then_some(needs)
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;

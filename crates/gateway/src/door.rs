//! The upstreams behind a door, as one caller sees them: lists put together, requests sent where they
//! belong.
//!
//! Invariant: what a caller may not use, or what is not shown, is as unknown as what is not there. At the
//! common door (`/mcp`) names and URIs begin with their upstream's; at the door of one upstream
//! (`/u/{name}/mcp`) nothing is rewritten.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{Either, LocalBoxFuture, join_all, select},
};
use mcp_auth::principal::Principal;
use mcp_client::{
    connection::Connection,
    endpoint::{Endpoint, Limits},
    era::{Era, Verdict, after_discover},
    error::UpstreamError,
    headers::Trail,
    lists::{self, Caps, Pages},
    request::first_id,
    stateless::discover,
    upstream::Upstream as Address,
};
use mcp_protocol::{
    fields::fields,
    jsonrpc::{INTERNAL_ERROR, RpcError},
    object::Object,
    raw,
    stateless::result::{CacheHint, CacheScope},
    version::Version,
};
use mcp_server::{
    client_request::{Stop, StopReason},
    context::Context,
    notifier::{NoClient, Notifier},
    outcome::Outcome,
    remote::{About, ListKind, Remote, RemoteList, RemoteTool},
    toolset::Effect,
};
use serde_json::value::RawValue;

use crate::{
    config::{Upstream, Upstreams},
    definition::Kind,
    errors,
    listing::{Entry, Listing},
    memory::{KnownList, Memory},
    names, relay,
    relay::{
        Asked, Failure, Peer,
        place::{Caller, ObjectRequest, UpstreamObjects},
        pool::{Pool, Route},
    },
    request, result,
};

/// Bytes of one answer: an object holds a few of them at a time.
const MAX_ANSWER: usize = 16 << 20;

/// Where a caller's requests to upstreams run.
pub enum Place {
    /// In an object that keeps sessions with upstreams: that of the caller's session.
    Object(Rc<Pool>),
    /// In the Worker; upstreams that have sessions are asked in objects.
    Worker(Rc<dyn UpstreamObjects>),
}

/// The upstreams behind a door.
pub struct Door {
    /// All that are configured.
    pub upstreams: Rc<Upstreams>,
    /// The upstream that the door is for; empty: all of them.
    pub name: String,
    /// Where requests run.
    pub place: Place,
    /// What the isolate knows.
    pub memory: Rc<Memory>,
    /// The gateways that the caller's request passed, this one included.
    pub trail: Trail,
    /// Those that it passed before this one.
    pub passed: Option<String>,
    /// Whether a caller may use an upstream.
    pub may_use: fn(&Principal, &Upstream) -> bool,
}

/// The address of an upstream, with the operator's credential.
pub fn address(
    upstream: &Upstream,
    trail: &Trail,
    platform: &mcp_platform::SharedPlatform,
) -> Address {
    let endpoint = Endpoint {
        credential: upstream.credential.headers(),
        timeouts: upstream.timeouts,
        limits: Limits { answer: MAX_ANSWER, ..Limits::default() },
        trail: Some(trail.clone()),
        ..Endpoint::new(upstream.url.href.clone())
    };
    Address::new(platform.clone(), endpoint)
}

impl Door {
    /// The upstreams that a caller may use here.
    fn usable(&self, principal: &Principal) -> impl Iterator<Item = &Upstream> {
        let here = |upstream: &&Upstream| self.name.is_empty() || upstream.name == self.name;
        self.upstreams
            .iter()
            .filter(here)
            .filter(move |upstream| (self.may_use)(principal, upstream))
    }

    fn find(&self, principal: &Principal, name: &str) -> Option<&Upstream> {
        self.usable(principal).find(|upstream| upstream.name == name)
    }

    fn is_common(&self) -> bool {
        self.name.is_empty()
    }

    fn caller(&self, ctx: &Context) -> Caller {
        Caller { client_info: client_info(ctx), trail: self.passed.clone() }
    }

    fn route(&self, ctx: &Context, upstream: &Upstream, back: &dyn Notifier) -> Route {
        Route {
            name: upstream.name.as_str().into(),
            address: address(upstream, &self.trail, &ctx.platform),
            era: upstream.era,
            capabilities: back.capabilities(),
            client_info: client_info(ctx).into(),
        }
    }

    /// Sends a request to an upstream.
    async fn send(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
    ) -> Result<String, Failure> {
        if upstream.credential.is_personal() {
            let why = format!("no credential for `{}` is known", upstream.name);
            return Err(Failure::Stopped(Stop::refused(RpcError::new(INTERNAL_ERROR, why))));
        }
        let route = self.route(ctx, upstream, &**back);
        let began = ctx.platform.now_ms();
        // A round that comes back belongs to a call that was let through.
        if back.carried().is_none() && !self.is_noted_there(&route, began) {
            self.memory.admit(&upstream.name, began).map_err(Failure::Paused)?;
        }
        let sent = match &self.place {
            Place::Object(pool) => relay::in_object(pool, &route, asked, back, &ctx.platform).await,
            Place::Worker(objects) => self.from_worker(ctx, &route, asked, back, &**objects).await,
        };
        let took = ctx.platform.now_ms().saturating_sub(began);
        let bytes = sent.as_ref().map_or(0, String::len);
        let cell = self.cell(&upstream.name, ctx.platform.now_ms());
        ctx.record.add_upstream_call(
            &route.name,
            cell,
            took,
            u64::try_from(bytes).unwrap_or(u64::MAX),
        );
        let now_ms = ctx.platform.now_ms();
        if !self.is_noted_there(&route, now_ms) {
            let failed = sent.as_ref().err().and_then(Failure::upstream);
            self.memory.note_end(&upstream.name, failed, now_ms);
        }
        sent
    }

    /// The eras in front and behind.
    fn cell(&self, upstream: &str, now_ms: u64) -> &'static str {
        match (&self.place, self.memory.era(upstream, now_ms)) {
            (Place::Object(_), Some(Era::Stateless)) => "session-stateless",
            (Place::Object(_), _) => "session-session",
            (Place::Worker(_), Some(Era::Stateless)) => "stateless-stateless",
            (Place::Worker(_), _) => "stateless-session",
        }
    }

    /// Whether the upstream's object asks the breaker and notes how requests end.
    fn is_noted_there(&self, route: &Route, now_ms: u64) -> bool {
        let era = route.era.or_else(|| self.memory.era(&route.name, now_ms));
        matches!((&self.place, era), (Place::Worker(_), Some(Era::Session | Era::Sse)))
    }

    /// Sends a request of a client without a session: from here to a stateless upstream, else from an
    /// object that has a session with the upstream.
    async fn from_worker(
        &self,
        ctx: &Context,
        route: &Route,
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
        objects: &dyn UpstreamObjects,
    ) -> Result<String, Failure> {
        match self.wire(ctx, route).await? {
            Era::Stateless => {
                let first = first_id(ctx.platform.now_ms());
                let (address, declaration) = (route.address.clone(), route.declaration());
                let version = Version::V2026_07_28;
                let peer = Peer::Http(Connection::new(address, declaration, version, None, first));
                let mut answered = peer.ask(asked, back, &ctx.platform).await;
                if let Err(Failure::Upstream(error)) = &answered
                    && asked.may_repeat(error)
                {
                    answered = peer.ask(asked, back, &ctx.platform).await;
                }
                answered
            }
            Era::Session | Era::Sse => {
                let to = (&*route.name, self.caller(ctx));
                relay::remote::ask(objects, to, asked, &**back, &ctx.platform).await
            }
        }
    }

    /// The wire of an upstream, as far as the Worker must know it: whether it is stateless.
    async fn wire(&self, ctx: &Context, route: &Route) -> Result<Era, UpstreamError> {
        let now_ms = ctx.platform.now_ms();
        if let Some(era) = route.era.or_else(|| self.memory.era(&route.name, now_ms)) {
            return Ok(era);
        }
        match after_discover(discover(&route.address, &route.declaration()).await) {
            Verdict::Known(found) => {
                self.memory.note_handshake(&route.name, &found, now_ms);
                Ok(Era::Stateless)
            }
            Verdict::Older => {
                self.memory.note_era(&route.name, Era::Session, now_ms);
                // It answered; from here on its object asks the breaker.
                self.memory.note_end(&route.name, None, now_ms);
                Ok(Era::Session)
            }
            Verdict::Failed(error) => Err(error),
        }
    }

    /// A list of an upstream: one that is known, or a new one.
    async fn known(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
        is_good: fn(&KnownList, u64) -> bool,
    ) -> Result<Rc<KnownList>, Failure> {
        let subject = ctx.principal.subject;
        let before = self.memory.list(&upstream.name, kind, subject);
        if let Some(known) = &before
            && is_good(known, ctx.platform.now_ms())
        {
            return Ok(known.clone());
        }
        let list = self.fetch(ctx, upstream, kind).await?;
        Ok(list)
    }

    /// Asks an upstream for a list, with all its pages.
    async fn fetch(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
    ) -> Result<Rc<KnownList>, Failure> {
        let pages = UpstreamPages { door: self, ctx, upstream, failed: RefCell::default() };
        let limit = upstream.timeouts.lists;
        let listing = std::pin::pin!(lists::list_from(&pages, wire_kind(kind), Caps::default()));
        let listed = match select(listing, ctx.platform.sleep(limit)).await {
            Either::Left((listed, _)) => {
                listed.map_err(|error| pages.failed.take().unwrap_or(Failure::Upstream(error)))?
            }
            Either::Right(_) => return Err(late(limit).into()),
        };
        let name: Rc<str> = upstream.name.as_str().into();
        let is_public =
            listed.hint.is_some_and(|hint| hint.public) && !upstream.credential.is_personal();
        let ttl_ms =
            listed.hint.map(|hint| u32::try_from(hint.ttl.as_millis()).unwrap_or(u32::MAX));
        let listing =
            Listing::new(upstream, kind_of(kind), listed.items.iter().map(|item| &**item));
        let left_out = listing.left_out.iter();
        let left_out =
            left_out.map(|item| format!("`{}` is left out: {}", item.key, item.reason()));
        let warnings = listed.warnings.into_iter().chain(left_out).collect();
        let items = listing.entries;
        let asked_ms = ctx.platform.now_ms();
        let list = Rc::new(KnownList { items, asked_ms, ttl_ms, warnings });
        let whose = (!is_public).then_some(ctx.principal.subject);
        self.memory.note_list(&name, kind, whose, list.clone());
        Ok(list)
    }

    /// The list to show: a fresh one, else the last good one with a note.
    async fn to_show(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
    ) -> (Option<Rc<KnownList>>, Option<String>) {
        match self.known(ctx, upstream, kind, KnownList::is_fresh).await {
            Ok(list) => {
                let warning = list.warnings.first().map(|why| format!("{}: {why}", upstream.name));
                (Some(list), warning)
            }
            Err(failure) => {
                let why = format!("{}: {}", upstream.name, reason(&failure));
                let last = self.memory.list(&upstream.name, kind, ctx.principal.subject);
                let last = last.filter(|list| list.is_last_good(ctx.platform.now_ms()));
                (last, Some(why))
            }
        }
    }

    /// An item by the name or URI under which the caller knows it; the upstream is asked once more where
    /// it is not known.
    async fn locate<'a>(
        &'a self,
        ctx: &Context,
        kind: ListKind,
        name: &str,
    ) -> Option<(&'a Upstream, Entry)> {
        let upstream = match self.is_common() {
            true => self.find(&ctx.principal, names::split(name)?.0)?,
            false => self.find(&ctx.principal, &self.name)?,
        };
        let known = self.known(ctx, upstream, kind, KnownList::is_usable).await.ok()?;
        if let Some(item) = self.item(&known, name) {
            return Some((upstream, item));
        }
        // What was listed a moment ago has no new items.
        if ctx.platform.now_ms().saturating_sub(known.asked_ms) < 1_000 {
            return None;
        }
        let anew = self.fetch(ctx, upstream, kind).await.ok()?;
        self.item(&anew, name).map(|item| (upstream, item))
    }

    fn item(&self, list: &KnownList, name: &str) -> Option<Entry> {
        let named = |item: &&Entry| match self.is_common() {
            true => *item.exposed == *name,
            false => *item.shown == *name,
        };
        list.items.iter().find(named).cloned()
    }

    /// The parameters and the upstream of a request that names something.
    async fn routed<'a>(
        &'a self,
        ctx: &Context,
        method: &str,
        params: &str,
    ) -> Option<(&'a Upstream, String)> {
        if !self.is_common() {
            let upstream = self.find(&ctx.principal, &self.name)?;
            return Some((upstream, params.to_owned()));
        }
        let prompt = prompt_name(method, params);
        let located = match &prompt {
            Some(name) => Some(self.locate(ctx, ListKind::Prompts, name).await?),
            None => None,
        };
        let find = |_: &str| {
            let (upstream, item) = located.as_ref()?;
            let (upstream, name) = (upstream.name.clone(), item.key.to_string());
            Some(request::Located { upstream, name })
        };
        let routed = match method {
            "prompts/get" => request::by_name(params, find),
            "completion/complete" => request::by_reference(params, find),
            _ => request::by_uri(params),
        }?;
        let upstream = self.find(&ctx.principal, &routed.upstream)?;
        Some((upstream, routed.params))
    }
}

impl Remote for Door {
    fn about<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<About>, RpcError>> {
        async move {
            let Some(upstream) = self.find(&ctx.principal, &self.name) else {
                return Ok(None);
            };
            if let Some(about) = self.memory.about(&upstream.name, ctx.platform.now_ms()) {
                return Ok(Some(about));
            }
            let found = self.ask_about(ctx, upstream).await;
            found.map(Some).map_err(|failure| {
                let why = format!("`{}` did not answer: {}", upstream.name, reason(&failure));
                RpcError::new(INTERNAL_ERROR, why)
            })
        }
        .boxed_local()
    }

    fn list<'a>(&'a self, ctx: &'a Context, kind: ListKind) -> LocalBoxFuture<'a, RemoteList> {
        async move {
            let asked =
                self.usable(&ctx.principal).map(|upstream| self.to_show(ctx, upstream, kind));
            let shown = join_all(asked).await;
            let mut list = RemoteList::default();
            let mut ttl: Option<u32> = None;
            for (known, note) in shown {
                list.notes.extend(note);
                let Some(known) = known else { continue };
                let hint = known.ttl_ms.unwrap_or_default();
                ttl = Some(ttl.map_or(hint, |before| before.min(hint)));
                let mut items: Vec<&Entry> = known.items.iter().collect();
                if self.is_common() {
                    items.sort_by(|one, other| one.exposed.cmp(&other.exposed));
                }
                let allowed =
                    |item: &&&Entry| kind != ListKind::Tools || ctx.choice.allows(item.effect);
                let text = |item: &Entry| match self.is_common() {
                    true => item.common.clone(),
                    false => item.own.clone(),
                };
                list.items.extend(items.iter().filter(allowed).map(|item| text(item)));
            }
            let hint = |ttl_ms| CacheHint { ttl_ms, scope: CacheScope::Private };
            list.hint = ttl.map(hint);
            list
        }
        .boxed_local()
    }

    fn tool<'a>(
        &'a self,
        ctx: &'a Context,
        name: &'a str,
    ) -> LocalBoxFuture<'a, Option<RemoteTool>> {
        async move {
            let (upstream, item) = self.locate(ctx, ListKind::Tools, name).await?;
            if !ctx.choice.allows(item.effect) {
                return None;
            }
            Some(RemoteTool {
                name: name.into(),
                upstream: upstream.name.as_str().into(),
                name_there: item.key,
                effect: item.effect,
                param_headers: item.headers,
            })
        }
        .boxed_local()
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a RemoteTool,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Outcome> {
        async move {
            let Some(upstream) = self.find(&ctx.principal, &tool.upstream) else {
                return Outcome::Failed(RpcError::new(INTERNAL_ERROR, "its server is gone"));
            };
            let there = request::by_name(params, |_| {
                let (upstream, name) = (tool.upstream.to_string(), tool.name_there.to_string());
                Some(request::Located { upstream, name })
            });
            let Some(there) = there else {
                return Outcome::Failed(RpcError::new(INTERNAL_ERROR, "the call names no tool"));
            };
            let asked = Asked {
                method: "tools/call",
                params: &there.params,
                param_headers: &tool.param_headers,
                log_level: ctx.notifier.log_level(),
                reads: false,
                changes: tool.effect != Effect::Read,
            };
            if tool.effect != Effect::Read {
                ctx.changes.sent();
            }
            let sent = self.send(ctx, upstream, &asked, &ctx.notifier).await;
            if tool.effect != Effect::Read && is_certain(&sent) {
                ctx.changes.answered();
            }
            let rewritten = |text: String| match self.is_common() {
                true => result::of_tool(&upstream.name, &text).into_owned(),
                false => text,
            };
            self.outcome(ctx, upstream, ("tools/call", Some(tool.effect)), sent.map(rewritten))
        }
        .boxed_local()
    }

    fn request<'a>(
        &'a self,
        ctx: &'a Context,
        method: &'a str,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Option<Outcome>> {
        async move {
            let (upstream, params) = self.routed(ctx, method, params).await?;
            let asked = Asked {
                method,
                params: &params,
                param_headers: &[],
                log_level: ctx.notifier.log_level(),
                reads: true,
                changes: false,
            };
            let sent = self.send(ctx, upstream, &asked, &ctx.notifier).await;
            let rewritten = |text: String| match (self.is_common(), method) {
                (true, "prompts/get") => result::of_prompt(&upstream.name, &text).into_owned(),
                (true, "resources/read") => result::of_read(&upstream.name, &text).into_owned(),
                _ => text,
            };
            Some(self.outcome(ctx, upstream, (method, None), sent.map(rewritten)))
        }
        .boxed_local()
    }
}

impl Door {
    /// How a request to an upstream ended, for its caller.
    fn outcome(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        (method, effect): (&str, Option<Effect>),
        sent: Result<String, Failure>,
    ) -> Outcome {
        let behind = match self.memory.era(&upstream.name, ctx.platform.now_ms()) {
            Some(Era::Stateless) => Some(Version::V2026_07_28),
            Some(Era::Session | Era::Sse) => Some(Version::V2025_11_25),
            None => None,
        };
        let version = match &self.place {
            Place::Object(_) => Version::V2025_11_25,
            Place::Worker(_) => Version::V2026_07_28,
        };
        let name = &upstream.name;
        let asked =
            errors::Asked { upstream: name, method, effect, version, behind, connect: None };
        match sent {
            Ok(text) => Outcome::Relayed(text),
            Err(Failure::Stopped(stop)) => Outcome::Stopped(stop),
            Err(Failure::TakenBack) => Outcome::Stopped(taken_back()),
            Err(Failure::Upstream(error)) => errors::Answer::of(asked, &error).into(),
            Err(Failure::Paused(refused)) => errors::Answer::refused(asked, refused).into(),
        }
    }

    async fn ask_about(&self, ctx: &Context, upstream: &Upstream) -> Result<About, Failure> {
        let route = self.route(ctx, upstream, &*ctx.notifier);
        match &self.place {
            Place::Object(pool) => {
                pool.peer(&route).await?;
            }
            Place::Worker(objects) => {
                if self.wire(ctx, &route).await? != Era::Stateless {
                    let asked = ObjectRequest::About {
                        upstream: upstream.name.clone(),
                        capabilities: ctx.notifier.capabilities().bits(),
                        caller: self.caller(ctx),
                    };
                    let body = objects.send(&upstream.name, asked).await;
                    let body = body.map_err(|why| {
                        Failure::Stopped(Stop::refused(RpcError::new(INTERNAL_ERROR, why)))
                    })?;
                    let text = relay::remote::read(body, &NoClient, &ctx.platform).await?;
                    return serde_json::from_str(&text)
                        .map_err(|_| UpstreamError::bad_answer("it says nothing", b"").into());
                }
            }
        }
        let known = self.memory.about(&upstream.name, ctx.platform.now_ms());
        Ok(known.unwrap_or_default())
    }
}

/// The pages of a list, over whatever way leads to the upstream.
struct UpstreamPages<'a> {
    door: &'a Door,
    ctx: &'a Context,
    upstream: &'a Upstream,
    /// Why there is no page, where that is more than an error of the upstream.
    failed: RefCell<Option<Failure>>,
}

impl Pages for UpstreamPages<'_> {
    fn page(
        &self,
        method: &'static str,
        params: Option<String>,
    ) -> LocalBoxFuture<'_, Result<Box<RawValue>, UpstreamError>> {
        async move {
            let params = params.unwrap_or_else(|| "{}".to_owned());
            let asked = Asked { method, params: &params, reads: true, ..Asked::default() };
            // A list is the same whatever its client can be asked, and asks nothing.
            let back: Rc<dyn Notifier> = match &self.door.place {
                Place::Object(_) => self.ctx.notifier.clone(),
                Place::Worker(_) => Rc::new(NoClient),
            };
            let sent = self.door.send(self.ctx, self.upstream, &asked, &back).await;
            let text = sent.map_err(|failure| match failure {
                Failure::Upstream(error) => error,
                other => {
                    self.failed.replace(Some(other));
                    UpstreamError::Cut
                }
            })?;
            RawValue::from_string(text).map_err(|_| UpstreamError::bad_answer("it is no JSON", b""))
        }
        .boxed_local()
    }
}

fn kind_of(kind: ListKind) -> Kind {
    match kind {
        ListKind::Tools => Kind::Tool,
        ListKind::Prompts => Kind::Prompt,
        ListKind::Resources => Kind::Resource,
        ListKind::ResourceTemplates => Kind::Template,
    }
}

fn wire_kind(kind: ListKind) -> lists::ListKind {
    match kind {
        ListKind::Tools => lists::ListKind::Tools,
        ListKind::Prompts => lists::ListKind::Prompts,
        ListKind::Resources => lists::ListKind::Resources,
        ListKind::ResourceTemplates => lists::ListKind::Templates,
    }
}

/// The name of the prompt that a request is about.
fn prompt_name(method: &str, params: &str) -> Option<String> {
    let of = |text: &str, name: &'static str| {
        let [found] = fields(text, [name]).ok()?;
        found.and_then(raw::string)
    };
    match method {
        "prompts/get" => of(params, "name"),
        "completion/complete" => {
            let [reference] = fields(params, ["ref"]).ok()?;
            let reference = reference?.get();
            of(reference, "name").filter(|_| of(reference, "type").as_deref() == Some("ref/prompt"))
        }
        _ => None,
    }
}

/// Whether an answer says what happened: also that nothing did.
fn is_certain(sent: &Result<String, Failure>) -> bool {
    match sent {
        Ok(_) | Err(Failure::Stopped(_) | Failure::Paused(_)) => true,
        Err(Failure::Upstream(error)) => !error.may_have_run(),
        Err(Failure::TakenBack) => false,
    }
}

fn taken_back() -> Stop {
    Stop::refused(RpcError::new(INTERNAL_ERROR, "the client took its request back"))
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Upstream(error) => error.to_string(),
        Failure::TakenBack => "the request was taken back".to_owned(),
        Failure::Paused(_) => "it failed several times in a row".to_owned(),
        Failure::Stopped(Stop(StopReason::Refused(error))) => error.message.clone(),
        Failure::Stopped(_) => "it asks its client".to_owned(),
    }
}

fn late(limit: Duration) -> UpstreamError {
    UpstreamError::TimedOut { phase: mcp_client::error::Phase::Whole, after: limit }
}

/// `clientInfo` for upstreams: the program in front, through this server.
fn client_info(ctx: &Context) -> String {
    let name = match ctx.client.name.as_str() {
        "" => "sitebay-mcp",
        name => name,
    };
    let version = match ctx.client.version.as_str() {
        "" => mcp_protocol::initialize::SERVER_VERSION,
        version => version,
    };
    Object::new().text("name", name).text("version", version).end()
}

//! The upstreams behind a door, as one caller sees them: lists put together, requests sent where they
//! belong.
//!
//! Invariant: what a caller may not use, or what is not shown, is as unknown as what is not there. At the
//! common door (`/mcp`) names and URIs begin with their upstream's; at the door of one upstream
//! (`/u/{name}/mcp`) nothing is rewritten but ids of tasks.

mod address;
mod changes;
mod chosen;
mod connect;
#[cfg(test)]
mod keboola_headers_tests;
mod lists;
mod native;
#[cfg(test)]
mod native_tests;
mod pinned;
#[cfg(test)]
mod pinned_tests;
mod send;
#[cfg(test)]
mod stacks_tests;
pub mod status;
mod tasks;
#[cfg(test)]
mod tasks_tests;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, rc::Rc};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, join_all},
};
use mcp_auth::{keys::Keyring, principal::Principal, secret::Secret};
use mcp_client::headers::Trail;
use mcp_protocol::{
    fields::fields,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, RpcError},
    list_kind::ListKind,
    raw,
    stateless::result::{CacheHint, CacheScope},
};
use mcp_server::{
    client_request::{Stop, StopReason},
    context::Context,
    notifier::Notifier,
    outcome::Outcome,
    remote::{About, FoundThere, KeyError, PersonKey, Remote, RemoteList, RemoteTool},
    toolset::Effect,
};

pub(crate) use self::changes::Digest;
use self::lists::Shown;
pub use self::{
    address::{address, address_for},
    native::{Native, Natives},
};
use crate::{
    config::{Upstream, Upstreams},
    connect::{Connected, Connections},
    forwarded::Forwarded,
    listing::Entry,
    memory::Memory,
    pin_store::PinStore,
    relay::{
        self, Asked, Failure,
        place::{Caller, LentKey, UpstreamObjects},
        pool::{Pool, Route},
    },
    request, result,
};

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
    /// Where definitions are pinned.
    pub pins: Rc<dyn PinStore>,
    /// The gateways that the caller's request passed, this one included.
    pub trail: Trail,
    /// Those that it passed before this one.
    pub passed: Option<String>,
    /// The caller's headers that upstreams want.
    pub forwarded: Forwarded,
    /// The keys of the ids of tasks.
    pub keys: Rc<Keyring>,
    /// Whether a caller may use an upstream.
    pub may_use: fn(&Principal, &Upstream) -> bool,
    /// The keys of the person who calls.
    pub connections: Rc<dyn Connections>,
    /// The toolsets with which this server answers in the place of an upstream.
    pub natives: Natives,
}

impl Door {
    pub(crate) fn is_common(&self) -> bool {
        self.name.is_empty()
    }

    fn caller(&self, ctx: &Context, person: Option<&Connected>) -> Caller {
        let (trail, headers) = (self.passed.clone(), self.headers(ctx).into_owned());
        let key = person.cloned().map(LentKey);
        Caller { client_info: address::client_info(ctx), trail, headers, key }
    }

    /// The caller's headers that upstreams want, with a mark where the caller may only read.
    pub(crate) fn headers(&self, ctx: &Context) -> Cow<'_, Forwarded> {
        let choice = ctx.choice.within(ctx.principal.scopes);
        match choice.allows(Effect::Write) {
            true => Cow::Borrowed(&self.forwarded),
            false => Cow::Owned(self.forwarded.clone().reading_only()),
        }
    }

    /// The way to an upstream for a request; as the person who calls, where it is called so.
    ///
    /// # Errors
    /// Where a header of the caller cannot be passed on.
    pub(crate) fn route(
        &self,
        ctx: &Context,
        (upstream, person): (&Upstream, Option<&Connected>),
        back: &dyn Notifier,
    ) -> Result<Route, Failure> {
        let forwarded = self.headers(ctx).for_upstream(upstream).map_err(|unfit| {
            Failure::Stopped(Stop::refused(RpcError::new(INVALID_REQUEST, unfit.to_string())))
        })?;
        Ok(Route {
            name: upstream.name.as_str().into(),
            stack: person.and_then(|person| person.stack.clone()),
            address: address_for(upstream, person, &self.trail, &ctx.platform, forwarded),
            era: upstream.era,
            capabilities: back.capabilities(),
            client_info: address::client_info(ctx).into(),
            generation: self.memory.generation(&self.upstreams, &upstream.name),
        })
    }

    /// The parameters and the upstream of a request that names something. None: it names nothing that is here.
    ///
    /// # Errors
    /// Where the upstream does not say whether it has it, what the caller is told.
    async fn routed<'a>(
        &'a self,
        ctx: &Context,
        method: &str,
        params: &str,
    ) -> Result<Option<(&'a Upstream, String)>, Outcome> {
        let prompt = prompt_name(method, params);
        if !self.is_common() {
            let is_shown =
                |upstream: &&Upstream| prompt.is_none_or(|name| upstream.filter.shows(&name));
            let upstream = self.find(ctx, &self.name).filter(is_shown);
            let upstream = upstream.filter(|_| request::is_plain(method, params));
            return Ok(upstream.map(|upstream| (upstream, params.to_owned())));
        }
        let located = match &prompt {
            Some(name) => match self.locate(ctx, ListKind::Prompts, name).await {
                Ok(located) => located,
                Err((upstream, Failure::Unconnected(why))) => {
                    let what = (method, None);
                    return Err(match self.require(ctx, upstream, what).await {
                        Err(outcome) => outcome,
                        Ok(_) => self.unconnected(ctx, upstream, what, why).await,
                    });
                }
                Err((upstream, failure)) => {
                    return Err(self.unlisted(ctx, upstream, method, failure));
                }
            },
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
        };
        let found =
            routed.and_then(|routed| Some((self.find(ctx, &routed.upstream)?, routed.params)));
        Ok(found)
    }
}

impl Remote for Door {
    fn about<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<About>, RpcError>> {
        async move {
            let Some(upstream) = self.find(ctx, &self.name) else {
                return Ok(None);
            };
            if let Some(native) = self.native(upstream) {
                return Ok(Some(self.about_native(ctx, upstream, native).await));
            }
            // What an upstream says to one person is not for others.
            if !upstream.credential.is_personal()
                && let Some(about) = self.memory.about(&upstream.name, ctx.platform.now_ms())
            {
                return Ok(Some(about));
            }
            match self.ask_about(ctx, upstream).await {
                Ok(about) => Ok(Some(about)),
                // The door opens, so that the client can be told where to connect.
                Err(Failure::Unconnected(why)) => Ok(Some(connect::about(&upstream.name, &why))),
                Err(failure) => {
                    let why = format!("`{}` did not answer: {}", upstream.name, reason(&failure));
                    Err(RpcError::new(INTERNAL_ERROR, why))
                }
            }
        }
        .boxed_local()
    }

    fn list<'a>(&'a self, ctx: &'a Context, kind: ListKind) -> LocalBoxFuture<'a, RemoteList> {
        async move {
            let asked = self.listed(ctx, kind).map(|upstream| self.to_show(ctx, upstream, kind));
            let shown = join_all(asked).await;
            let mut list = RemoteList::default();
            if kind == ListKind::Resources && self.is_common() {
                list.items.push(status::DEFINITION.into());
            }
            let mut ttl: Option<u32> = None;
            for Shown { list: known, note, stand_in } in shown {
                list.notes.extend(note);
                list.items.extend(stand_in);
                let Some(known) = known else { continue };
                let hint = known.ttl_ms.unwrap_or_default();
                ttl = Some(ttl.map_or(hint, |before| before.min(hint)));
                let text = |item: &Entry| match self.is_common() {
                    true => item.common.clone(),
                    false => item.own.clone(),
                };
                list.items.extend(self.visible(ctx, kind, &known).into_iter().map(text));
            }
            let hint = |ttl_ms| CacheHint { ttl_ms, scope: CacheScope::Private };
            list.hint = ttl.map(hint);
            list
        }
        .boxed_local()
    }

    fn servers(&self, ctx: &Context) -> Vec<Rc<str>> {
        self.usable(ctx).map(|upstream| upstream.name.as_str().into()).collect()
    }

    fn callable<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, (Vec<FoundThere>, Vec<String>)> {
        self.all_tools(ctx).boxed_local()
    }

    fn tool<'a>(
        &'a self,
        ctx: &'a Context,
        name: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<RemoteTool>, Outcome>> {
        async move {
            if let Some(stand_in) = self.connecting_tool(ctx, name) {
                return Ok(Some(stand_in));
            }
            let located = match self.locate(ctx, ListKind::Tools, name).await {
                Ok(located) => located,
                // The call leads to the page: who looks something up may be unable to ask.
                Err((upstream, Failure::Unconnected(why))) if why.can_connect() => {
                    return Ok(Some(connect::stand_in(upstream, name)));
                }
                Err((upstream, failure)) => {
                    return Err(self.unlisted(ctx, upstream, "tools/call", failure));
                }
            };
            if located.is_none()
                && let Some(upstream) = self.upstream_of(ctx, name)
                && let Some(blocked) = self.blocked(ctx, upstream, name).await
            {
                return Err(blocked);
            }
            let allowed = located.filter(|(_, item)| ctx.choice.allows(item.effect));
            Ok(allowed.map(|(upstream, item)| RemoteTool {
                name: name.into(),
                upstream: upstream.name.as_str().into(),
                name_there: item.key,
                effect: item.effect,
                param_headers: item.headers,
            }))
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
            let Some(upstream) = self.find(ctx, &tool.upstream) else {
                return Outcome::Failed(RpcError::new(INTERNAL_ERROR, "its server is gone"));
            };
            let what = ("tools/call", Some(tool.effect));
            let back = match self.require(ctx, upstream, what).await {
                Ok(back) => back,
                Err(outcome) => return outcome,
            };
            if connect::is_connecting(upstream, tool) {
                return connect::done(&upstream.name);
            }
            if !upstream.filter.shows(&tool.name_there) {
                let why = format!("no tool `{}`: see tools/list", tool.name);
                return Outcome::Failed(RpcError::new(INVALID_PARAMS, why));
            }
            if let Some(native) = self.native(upstream) {
                return self.answer_here(ctx, (upstream, native, tool), params, &back).await;
            }
            let there = request::by_name(params, |_| {
                let (upstream, name) = (tool.upstream.to_string(), tool.name_there.to_string());
                Some(request::Located { upstream, name })
            });
            let Some(there) = there else {
                let why = "the call names no tool, or names it twice";
                return Outcome::Failed(RpcError::new(INVALID_PARAMS, why));
            };
            let there = request::without_task(there.params);
            let asked = Asked {
                method: "tools/call",
                params: &there,
                param_headers: &tool.param_headers,
                log_level: ctx.notifier.log_level(),
                reads: false,
                changes: tool.effect != Effect::Read,
                takes_task: self.takes_tasks(ctx),
            };
            if tool.effect != Effect::Read {
                ctx.changes.sent();
            }
            let sent = self.send(ctx, upstream, &asked, &back).await;
            if let Err(Failure::Task { id, text }) = &sent {
                return self.begun(ctx, (upstream, tool), id, text);
            }
            if tool.effect != Effect::Read && relay::is_certain(&sent) {
                ctx.changes.answered();
            }
            let rewritten = |text: String| match self.is_common() {
                true => result::of_tool(&upstream.name, &text).into_owned(),
                false => text,
            };
            match sent {
                Err(Failure::Unconnected(why)) => self.unconnected(ctx, upstream, what, why).await,
                sent => self.outcome(ctx, upstream, what, sent.map(rewritten)),
            }
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
            if self.is_common() && method == "resources/read" && names_status(params) {
                return Some(Outcome::Text(self.status(ctx).await));
            }
            let (upstream, params) = match self.routed(ctx, method, params).await {
                Ok(routed) => routed?,
                Err(outcome) => return Some(outcome),
            };
            // It has tools alone.
            if self.native(upstream).is_some() {
                return None;
            }
            let back = match self.require(ctx, upstream, (method, None)).await {
                Ok(back) => back,
                Err(outcome) => return Some(outcome),
            };
            let log_level = ctx.notifier.log_level();
            let asked =
                Asked { method, params: &params, log_level, reads: true, ..Asked::default() };
            let sent = self.send(ctx, upstream, &asked, &back).await;
            let rewritten = |text: String| match (self.is_common(), method) {
                (true, "prompts/get") => result::of_prompt(&upstream.name, &text).into_owned(),
                (true, "resources/read") => result::of_read(&upstream.name, &text).into_owned(),
                _ => text,
            };
            Some(match sent {
                Err(Failure::Unconnected(why)) => {
                    self.unconnected(ctx, upstream, (method, None), why).await
                }
                sent => self.outcome(ctx, upstream, (method, None), sent.map(rewritten)),
            })
        }
        .boxed_local()
    }

    fn task<'a>(
        &'a self,
        ctx: &'a Context,
        method: &'a str,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Option<Outcome>> {
        self.about_task(ctx, method, params).boxed_local()
    }

    fn key<'a>(
        &'a self,
        ctx: &'a Context,
        server: &'a str,
    ) -> LocalBoxFuture<'a, Result<PersonKey, KeyError>> {
        self.person_key(ctx, server).boxed_local()
    }

    fn refuse_key<'a>(
        &'a self,
        ctx: &'a Context,
        server: &'a str,
        key: &'a Secret,
    ) -> LocalBoxFuture<'a, ()> {
        self.refuse_person_key(ctx, server, key).boxed_local()
    }
}

/// Whether the parameters of `resources/read` name the state of all upstreams.
fn names_status(params: &str) -> bool {
    let [uri] = fields(params, ["uri"]).unwrap_or([None]);
    uri.and_then(raw::text).is_some_and(|uri| uri == status::URI)
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

fn taken_back() -> Stop {
    Stop::refused(RpcError::new(INTERNAL_ERROR, "the client took its request back"))
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Upstream(error) | Failure::NotSent(error) | Failure::Interrupted(error) => {
            error.to_string()
        }
        Failure::TakenBack => "the request was taken back".to_owned(),
        Failure::Paused(_) => "it failed several times in a row".to_owned(),
        Failure::Unconnected(why) => why.described("it"),
        Failure::Unknown(Outcome::Failed(error)) => error.message.clone(),
        Failure::Unknown(_) => "its outcome is not known".to_owned(),
        Failure::Task { .. } => "it became a task".to_owned(),
        Failure::Stopped(Stop(StopReason::Refused(error))) => error.message.clone(),
        Failure::Stopped(_) => "it asks its client".to_owned(),
    }
}

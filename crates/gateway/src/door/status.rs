//! `gateway://upstreams`: how the upstreams of a door are, for people and their assistants.
//!
//! Invariant: it names no secret, no session and no query of an upstream's URL. The link at which a caller connects, replaces or
//! removes a key of their own is for that caller only.

use std::rc::Rc;

use futures_util::future::join_all;
use mcp_platform::time::rfc3339;
use mcp_protocol::{
    list_kind::ListKind,
    object::{Object, array},
};
use mcp_server::context::Context;

use super::Door;
use crate::{config::Upstream, connect::Unconnected, memory::Memory, pin_marks};

/// The resource.
pub(super) const URI: &str = "gateway://upstreams";

/// The resource as lists have it.
pub(super) const DEFINITION: &str = r#"{"uri":"gateway://upstreams","name":"upstreams","title":"Servers behind this one","description":"How each server behind this one is, as far as this part of the server knows: the protocol that it speaks, its tools, and how the last request to it went.","mimeType":"application/json"}"#;

impl Door {
    /// The result of `resources/read`.
    pub(super) async fn status(&self, ctx: &Context) -> String {
        let all = self.usable(ctx).map(|upstream| self.status_of(ctx, upstream));
        let all = join_all(all).await;
        let text = Object::new().raw("upstreams", &array(&all)).end();
        let contents = Object::new()
            .text("uri", URI)
            .text("mimeType", "application/json")
            .text("text", &text)
            .end();
        Object::new().raw("contents", &array(&[contents])).end()
    }

    async fn status_of(&self, ctx: &Context, upstream: &Upstream) -> String {
        let mut status = summary(upstream, &self.memory, ctx.platform.now_ms());
        let whose = self.whose(ctx, upstream).await;
        let list = |whose| match self.native(upstream) {
            Some(native) => Some(self.native_list(ctx, (upstream, native), ListKind::Tools)),
            None => self.memory.list(&upstream.name, ListKind::Tools, whose),
        };
        if let Some(list) = whose.as_ref().ok().copied().and_then(list) {
            let count = u64::try_from(list.items.len()).unwrap_or_default();
            status = status
                .number("tools", count)
                .text("listed", &rfc3339(list.asked_ms))
                .texts("warnings", list.warnings.iter().map(String::as_str));
            if !list.marks.is_empty() {
                status = status.raw("changed", &pin_marks::shown(&list.marks));
            }
        }
        if upstream.credential.is_personal() {
            let found = whose.err();
            let can_connect = found.as_ref().is_none_or(Unconnected::can_connect);
            let page = self.connections.page(ctx, upstream).filter(|_| can_connect);
            let why = found.map(|why| why.described(&upstream.name));
            status = status
                .text("key", why.as_deref().unwrap_or("connected"))
                .text_if("connect", page.as_ref().map(|page| page.url.as_str()));
        }
        status.end()
    }
}

/// The state of the breaker; where the upstream has stacks, the gravest of their states, and those that are not closed.
fn with_breakers(status: Object, (upstream, memory): (&Upstream, &Memory), now_ms: u64) -> Object {
    let states = memory.breakers(&upstream.name, now_ms);
    let is_there = |wanted: &&str| states.iter().any(|(_, state)| state == wanted);
    let gravest = ["open", "half-open"].into_iter().find(is_there).unwrap_or("closed");
    let status = status.text("breaker", gravest);
    let named = states.iter().filter_map(|(stack, state)| Some((stack.as_ref()?, *state)));
    let of_stacks = named.filter(|(stack, _)| upstream.stack(stack).is_some());
    let of_stacks: Vec<(&Rc<str>, &str)> = of_stacks.collect();
    if of_stacks.is_empty() {
        return status;
    }
    let all =
        of_stacks.into_iter().fold(Object::new(), |all, (stack, state)| all.text(stack, state));
    status.raw("breakers", &all.end())
}

/// What an upstream is and how it is, as far as this isolate knows: name, address, wire, kind of credential, breaker, and how
/// the last request went.
pub fn summary(upstream: &Upstream, memory: &Memory, now_ms: u64) -> Object {
    let name = &upstream.name;
    let era = upstream.era.or_else(|| memory.era(name, now_ms));
    let status = Object::new().text("name", name);
    if upstream.is_answered_here {
        return status.flag("answeredHere", true).text("auth", upstream.credential.kind());
    }
    let status = status
        .text("url", &upstream.shown_url())
        .text("era", era.map_or("not asked yet", |era| era.as_str()))
        .text("auth", upstream.credential.kind());
    let status = with_breakers(status, (upstream, memory), now_ms);
    match memory.last(name) {
        Some(last) => {
            status.text("asked", &rfc3339(last.at_ms)).text_if("failure", last.why.as_deref())
        }
        None => status,
    }
}

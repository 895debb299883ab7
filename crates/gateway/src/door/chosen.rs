//! Which upstreams a caller has behind a door: those that it may use, and at the common door of them those that it chose.
//!
//! Invariant: an upstream that was not chosen is asked nothing.

use std::rc::Rc;

use futures_util::future::join_all;
use mcp_protocol::list_kind::ListKind;
use mcp_server::{context::Context, remote::FoundThere};

use super::{Door, lists::Shown};
use crate::{config::Upstream, listing::Entry, memory::KnownList};

impl Door {
    /// The upstreams of which a caller may use anything here.
    pub(crate) fn usable(&self, ctx: &Context) -> impl Iterator<Item = &Upstream> {
        let here = move |upstream: &&Upstream| match self.is_common() {
            true => ctx.upstreams.reaches(&upstream.name, ctx.choice),
            false => upstream.name == self.name,
        };
        let may_use = move |upstream: &&Upstream| (self.may_use)(&ctx.principal, upstream);
        self.upstreams.iter().filter(here).filter(may_use)
    }

    /// The upstreams whose part of a list a caller is shown. Tools of others are found and called, and not listed.
    pub(super) fn listed(&self, ctx: &Context, kind: ListKind) -> impl Iterator<Item = &Upstream> {
        let is_listed = move |upstream: &&Upstream| {
            kind != ListKind::Tools || !self.is_common() || ctx.upstreams.lists(&upstream.name)
        };
        self.usable(ctx).filter(is_listed)
    }

    /// The upstream of this name, where the caller may use it here.
    pub(crate) fn find(&self, ctx: &Context, name: &str) -> Option<&Upstream> {
        self.usable(ctx).find(|upstream| upstream.name == name)
    }

    /// The items of a list that a caller may see, in the order in which they are listed.
    pub(super) fn visible<'a>(
        &self,
        ctx: &Context,
        kind: ListKind,
        known: &'a KnownList,
    ) -> Vec<&'a Entry> {
        let choice = ctx.choice.within(ctx.principal.scopes);
        let allowed = |item: &&Entry| kind != ListKind::Tools || choice.allows(item.effect);
        let mut items: Vec<&Entry> = known.items.iter().filter(allowed).collect();
        if self.is_common() {
            items.sort_by(|one, other| one.exposed.cmp(&other.exposed));
        }
        items
    }

    /// The tools of all upstreams that a caller may use, and what is missing.
    pub(super) async fn all_tools(&self, ctx: &Context) -> (Vec<FoundThere>, Vec<String>) {
        let kind = ListKind::Tools;
        let asked = self
            .usable(ctx)
            .map(|upstream| async move { (upstream, self.to_show(ctx, upstream, kind).await) });
        let (mut tools, mut notes) = (Vec::new(), Vec::new());
        for (upstream, Shown { list: known, note, stand_in }) in join_all(asked).await {
            notes.extend(note);
            let name: Rc<str> = upstream.name.as_str().into();
            tools.extend(stand_in.map(|definition| FoundThere {
                name: self.connecting_name(upstream).into(),
                upstream: name.clone(),
                definition,
            }));
            let Some(known) = known else { continue };
            tools.extend(self.visible(ctx, kind, &known).into_iter().map(|item| {
                let (shown, definition) = match self.is_common() {
                    true => (&item.exposed, &item.common),
                    false => (&item.shown, &item.own),
                };
                FoundThere {
                    name: shown.clone(),
                    upstream: name.clone(),
                    definition: definition.clone(),
                }
            }));
        }
        (tools, notes)
    }
}

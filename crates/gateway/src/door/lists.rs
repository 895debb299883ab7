//! Lists of a door: asked for, remembered, and searched for what a request names.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{Either, LocalBoxFuture, select},
};
use mcp_client::{
    error::{Phase, UpstreamError},
    lists::{self, Caps, Pages},
};
use mcp_protocol::list_kind::ListKind;
use mcp_server::{
    context::Context,
    notifier::{Declared, Notifier},
};
use serde_json::value::RawValue;

use super::{Door, Place, connect, pinned, reason};
use crate::{
    config::Upstream,
    connect::{Connected, Unconnected},
    forwarded,
    listing::{Entry, Listing},
    memory::{KnownList, Whose},
    names,
    relay::{Asked, Failure},
};

/// For how long a list was asked for a moment ago, in milliseconds: clients list and listen when they begin.
pub(super) const LISTED_NOW_MS: u64 = 1_000;

/// When a list that somebody else asks for is looked for again at first, and later.
const SOONEST: Duration = Duration::from_millis(5);
const LATEST: Duration = Duration::from_millis(80);

/// A list of an upstream as it is shown.
pub(super) struct Shown {
    /// The list. None: there is none.
    pub(super) list: Option<Rc<KnownList>>,
    /// What is missing from it, for people.
    pub(super) note: Option<String>,
    /// The tool that stands in for those that are listed once the person has connected a key.
    pub(super) stand_in: Option<Rc<str>>,
}

impl Door {
    /// Whose lists of an upstream a caller sees.
    ///
    /// # Errors
    /// Where the caller needs a key and has none: what was listed with one is theirs no more.
    pub(super) async fn whose(
        &self,
        ctx: &Context,
        upstream: &Upstream,
    ) -> Result<Whose, Unconnected> {
        let person = self.person(ctx, upstream).await?;
        Ok(self.whose_with(ctx, upstream, person.as_ref()))
    }

    fn whose_with(&self, ctx: &Context, upstream: &Upstream, person: Option<&Connected>) -> Whose {
        let key = person.map(|person| person.connection);
        Whose { key, ..self.whose_without_key(ctx, upstream) }
    }

    /// The same where the upstream is called with no key of the caller's.
    pub(super) fn whose_without_key(&self, ctx: &Context, upstream: &Upstream) -> Whose {
        let headers = self.headers(ctx).for_upstream(upstream).unwrap_or_default();
        Whose {
            subject: Some(ctx.principal.subject),
            capabilities: ctx.notifier.capabilities(),
            headers: forwarded::digest(&headers),
            key: None,
        }
    }

    /// A list of an upstream: one that is known, or a new one.
    pub(super) async fn known(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
        is_good: fn(&KnownList, u64) -> bool,
    ) -> Result<Rc<KnownList>, Failure> {
        let whose = self.whose(ctx, upstream).await.map_err(Failure::Unconnected)?;
        if let Some(native) = self.native(upstream) {
            return Ok(self.native_list(ctx, (upstream, native), kind));
        }
        let good = || {
            let known = self.memory.list(&upstream.name, kind, whose);
            known.filter(|known| is_good(known, ctx.platform.now_ms()))
        };
        if let Some(known) = good() {
            return Ok(known);
        }
        let limit = upstream.timeouts.lists;
        let now_ms = ctx.platform.now_ms();
        let until_ms = now_ms.saturating_add(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        let list = (&*upstream.name, kind, whose);
        let _asking = match self.memory.ask_for(list, now_ms, until_ms) {
            Ok(asking) => Some(asking),
            Err(elsewhere) => {
                let mut pause = SOONEST;
                while self.memory.is_asked_for(elsewhere, ctx.platform.now_ms()) {
                    ctx.platform.sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LATEST);
                }
                if let Some(known) = good() {
                    return Ok(known);
                }
                None
            }
        };
        let left_ms = until_ms.saturating_sub(ctx.platform.now_ms());
        if left_ms == 0 {
            return Err(late(limit).into());
        }
        self.fetch_within(ctx, upstream, kind, Duration::from_millis(left_ms)).await
    }

    /// Asks an upstream for a list, with all its pages.
    pub(super) async fn fetch(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
    ) -> Result<Rc<KnownList>, Failure> {
        if let Some(native) = self.native(upstream) {
            self.person(ctx, upstream).await.map_err(Failure::Unconnected)?;
            return Ok(self.native_list(ctx, (upstream, native), kind));
        }
        self.fetch_within(ctx, upstream, kind, upstream.timeouts.lists).await
    }

    async fn fetch_within(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
        limit: Duration,
    ) -> Result<Rc<KnownList>, Failure> {
        let generation = self.memory.generation(&self.upstreams, &upstream.name);
        let person = self.person(ctx, upstream).await.map_err(Failure::Unconnected)?;
        let own = self.whose_with(ctx, upstream, person.as_ref());
        let pages = UpstreamPages { door: self, ctx, upstream, failed: RefCell::default() };
        let listing = Box::pin(lists::list_from(&pages, kind, Caps::default()));
        let listed = match select(listing, ctx.platform.sleep(limit)).await {
            Either::Left((listed, _)) => {
                listed.map_err(|error| pages.failed.take().unwrap_or(Failure::Upstream(error)))?
            }
            Either::Right(((), listing)) => {
                // Its request is dropped and notes nothing.
                drop(listing);
                let late = late(upstream.timeouts.lists);
                let stack = person.as_ref().and_then(|person| person.stack.as_deref());
                let target = (&*upstream.name, stack);
                self.memory.note_end(target, Some(&late), ctx.platform.now_ms());
                return Err(late.into());
            }
        };
        let name: Rc<str> = upstream.name.as_str().into();
        let is_public =
            listed.hint.is_some_and(|hint| hint.public) && !upstream.credential.is_personal();
        let ttl_ms =
            listed.hint.map(|hint| u32::try_from(hint.ttl.as_millis()).unwrap_or(u32::MAX));
        let asked_ms = ctx.platform.now_ms();
        let mut listing = Listing::new(upstream, kind, listed.items.iter().map(|item| &**item));
        let left_out = listing.left_out.iter();
        let left_out =
            left_out.map(|item| format!("`{}` is left out: {}", item.key, item.reason()));
        let mut warnings: Vec<String> = listed.warnings.into_iter().chain(left_out).collect();
        let marks = match kind {
            ListKind::Tools => self.check_pins(ctx, (upstream, generation), &mut listing).await?,
            _ => Vec::new(),
        };
        // Lists show the first.
        if let Some(note) = pinned::note(&marks) {
            warnings.insert(0, note);
        }
        let items = listing.entries;
        let outdated = Cell::default();
        let list = Rc::new(KnownList { items, asked_ms, ttl_ms, warnings, marks, outdated });
        // Another one may be right by now, where the settings or the pins were changed while the upstream was asked. Where the
        // key was replaced it is not known with which one each page was asked for.
        let has_same_key = self.whose(ctx, upstream).await == Ok(own);
        if has_same_key && self.memory.is_current(&name, generation) {
            let whose = Whose { subject: own.subject.filter(|_| !is_public), ..own };
            self.memory.note_list(&name, kind, whose, list.clone());
        }
        Ok(list)
    }

    /// The list to show: a fresh one, else the last good one with a note.
    pub(super) async fn to_show(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
    ) -> Shown {
        match self.known(ctx, upstream, kind, KnownList::is_fresh).await {
            Ok(list) => {
                let note = list.warnings.first().map(|why| format!("{}: {why}", upstream.name));
                Shown { list: Some(list), note, stand_in: None }
            }
            Err(Failure::Unconnected(why)) => {
                let note = Some(format!("{}: {}", upstream.name, why.described("it")));
                let is_offered = kind == ListKind::Tools && why.can_connect();
                let stand_in = is_offered.then(|| connect::definition(self, upstream));
                Shown { list: None, note, stand_in }
            }
            Err(failure) => {
                let note = Some(format!("{}: {}", upstream.name, reason(&failure)));
                let whose = self.whose(ctx, upstream).await.ok();
                let last = whose.and_then(|whose| self.memory.list(&upstream.name, kind, whose));
                let list = last.filter(|list| list.is_last_good(ctx.platform.now_ms()));
                Shown { list, note, stand_in: None }
            }
        }
    }

    /// The upstream whose items have names like this one.
    pub(super) fn upstream_of(&self, ctx: &Context, name: &str) -> Option<&Upstream> {
        match self.is_common() {
            true => names::split(name).and_then(|(upstream, _)| self.find(ctx, upstream)),
            false => self.find(ctx, &self.name),
        }
    }

    /// An item by the name or URI under which the caller knows it; the upstream is asked once more where
    /// it is not known. None: there is none.
    ///
    /// # Errors
    /// Where the upstream does not say: which one, and why.
    pub(super) async fn locate<'a>(
        &'a self,
        ctx: &Context,
        kind: ListKind,
        name: &str,
    ) -> Result<Option<(&'a Upstream, Entry)>, (&'a Upstream, Failure)> {
        let Some(upstream) = self.upstream_of(ctx, name) else {
            return Ok(None);
        };
        let found = self.look_up(ctx, upstream, kind, name).await;
        found.map(|found| found.map(|item| (upstream, item))).map_err(|failure| (upstream, failure))
    }

    async fn look_up(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        kind: ListKind,
        name: &str,
    ) -> Result<Option<Entry>, Failure> {
        let is_named = matches!(kind, ListKind::Tools | ListKind::Prompts);
        let is_shown = |item: &Entry| !is_named || upstream.filter.shows(&item.key);
        let known = self.known(ctx, upstream, kind, KnownList::is_usable).await?;
        let item = self.item(&known, name).filter(is_shown);
        // What was listed a moment ago has no new items.
        let age_ms = ctx.platform.now_ms().saturating_sub(known.asked_ms);
        if item.is_some() || age_ms < LISTED_NOW_MS {
            return Ok(item);
        }
        let anew = self.fetch(ctx, upstream, kind).await?;
        Ok(self.item(&anew, name).filter(is_shown))
    }

    fn item(&self, list: &KnownList, name: &str) -> Option<Entry> {
        let named = |item: &&Entry| match self.is_common() {
            true => *item.exposed == *name,
            false => *item.shown == *name,
        };
        list.items.iter().find(named).cloned()
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
            // A list asks nothing, but some servers choose their tools by what their client can be asked.
            let back: Rc<dyn Notifier> = match &self.door.place {
                Place::Object(_) => self.ctx.notifier.clone(),
                Place::Worker(_) => Rc::new(Declared::new(self.ctx.notifier.capabilities())),
            };
            let sent = self.door.send(self.ctx, self.upstream, &asked, &back).await;
            let text = sent.map_err(|failure| match failure {
                Failure::Upstream(error) | Failure::NotSent(error) => error,
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

fn late(limit: Duration) -> UpstreamError {
    UpstreamError::TimedOut { phase: Phase::Whole, after: limit }
}

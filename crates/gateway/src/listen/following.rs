//! From what one upstream announces to what the listener is told.
//!
//! Invariant: the changes of a burst are told once. A list that the upstream calls changed is asked for again, and told of
//! only where the listener would see another one; one that cannot be had is asked for again a few times first.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{LocalBoxFuture, join_all, pending},
    stream::{self, LocalBoxStream},
};
use mcp_protocol::{list_kind::ListKind, stateless::listen::SubscriptionFilter};
use mcp_server::notifier::ChangeEvent;

use super::{
    Listener, News,
    notice::Notice,
    parts::{Part, exposed},
    pending::{Pace, Pending},
    source::{Heard, Source},
};
use crate::door::Digest;

/// How long the listener's wishes must stay the same before the upstream is told.
const SETTLED: Duration = Duration::from_millis(200);
/// The first pause before a list is asked for again that could not be had.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How often a list is asked for that cannot be had.
const MAX_TRIES: u32 = 5;

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// What the upstream agreed to, with its own URIs.
    Agreed(Rc<str>, SubscriptionFilter),
    /// Something changed.
    News(News),
}

/// Lists as the listener would see them now. None: one could not be had.
type Compared = Vec<(ListKind, Option<Digest>)>;

type Slot<T> = Option<LocalBoxFuture<'static, T>>;

/// One upstream.
pub(super) struct Following {
    listener: Rc<Listener>,
    upstream: Rc<str>,
    source: Source,
    watched: UnboundedReceiver<SubscriptionFilter>,
    wished: Option<SubscriptionFilter>,
    agreed: SubscriptionFilter,
    /// The lists as the listener knows them.
    seen: Vec<(ListKind, Digest)>,
    /// Lists that were announced before they were seen: whether they changed cannot be known.
    unseen: Vec<ListKind>,
    pending: Pending,
    pace: Pace,
    tries: u32,
    ready: VecDeque<Told>,
    /// What the upstream agreed to, which is told once its lists were seen.
    agreement: Option<Told>,
    settling: Slot<()>,
    window: Slot<()>,
    /// Lists that are seen for the first time.
    first_look: Slot<Compared>,
    comparison: Slot<Compared>,
}

enum Step {
    Settled,
    WindowOver,
    FirstSeen(Compared),
    Compared(Compared),
    Wished(SubscriptionFilter),
    Heard(Heard),
}

impl Following {
    /// Follows an upstream. `watched`: other wishes of the listener, as they come.
    pub(super) fn new(
        listener: Rc<Listener>,
        part: Part,
        watched: UnboundedReceiver<SubscriptionFilter>,
    ) -> Self {
        let source = Source::new(listener.clone(), part.upstream.clone(), part.filter);
        Self {
            listener,
            upstream: part.upstream,
            source,
            watched,
            wished: None,
            agreed: SubscriptionFilter::default(),
            seen: Vec::new(),
            unseen: Vec::new(),
            pending: Pending::default(),
            pace: Pace::default(),
            tries: 0,
            ready: VecDeque::new(),
            agreement: None,
            settling: None,
            window: None,
            first_look: None,
            comparison: None,
        }
    }

    /// What the listener is told, without an end.
    pub(super) fn into_stream(self) -> LocalBoxStream<'static, Told> {
        let next = |mut following: Self| async move {
            let told = following.next().await;
            Some((told, following))
        };
        stream::unfold(self, next).boxed_local()
    }

    async fn next(&mut self) -> Told {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return told;
            }
            match self.step().await {
                Step::Heard(heard) => self.hear(heard),
                Step::WindowOver => self.tell(),
                Step::FirstSeen(lists) => self.see(lists),
                Step::Compared(lists) => self.compare(lists),
                Step::Wished(wished) => {
                    self.wished = Some(wished);
                    self.settling = Some(self.listener.ctx.platform.sleep(SETTLED));
                }
                Step::Settled => {
                    if let Some(wished) = self.wished.take() {
                        self.source.want(wished);
                    }
                }
            }
            self.begin_window();
        }
    }

    /// Waits for whatever comes first. The upstream is read last, and not while too much of it waits.
    async fn step(&mut self) -> Step {
        let may_read = self.pending.has_room();
        let Self { source, watched, settling, window, first_look, comparison, .. } = self;
        let mut heard =
            pin!(async { if may_read { source.next().await } else { pending().await } });
        poll_fn(|cx| {
            if done(settling, cx).is_some() {
                return Poll::Ready(Step::Settled);
            }
            if done(window, cx).is_some() {
                return Poll::Ready(Step::WindowOver);
            }
            if let Some(lists) = done(first_look, cx) {
                return Poll::Ready(Step::FirstSeen(lists));
            }
            if let Some(lists) = done(comparison, cx) {
                return Poll::Ready(Step::Compared(lists));
            }
            if let Poll::Ready(Some(wished)) = watched.poll_next_unpin(cx) {
                return Poll::Ready(Step::Wished(wished));
            }
            heard.as_mut().poll(cx).map(Step::Heard)
        })
        .await
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Agreed { filter, has_gap } => self.agreed_to(filter, has_gap),
            Heard::Refused => {
                let nothing = SubscriptionFilter::default();
                self.ready.push_back(Told::Agreed(self.upstream.clone(), nothing));
            }
            Heard::Notice(notice) => {
                if let Notice::Lists(kinds) = &notice {
                    self.outdate(kinds);
                    for kind in *kinds {
                        if !self.has_seen(*kind) && !self.unseen.contains(kind) {
                            self.unseen.push(*kind);
                        }
                    }
                }
                self.pending.hear(notice);
            }
        }
    }

    fn agreed_to(&mut self, filter: SubscriptionFilter, has_gap: bool) {
        let before = std::mem::replace(&mut self.agreed, filter.clone());
        let mut lists = lists(&filter);
        let older = self.recall(&lists);
        if has_gap {
            // What happened in between is found out.
            self.outdate(&lists);
            self.pending.compare(&lists);
            let watched = match before.is_empty() {
                true => filter.clone(),
                false => before.intersection(&filter),
            };
            for uri in watched.resource_subscriptions {
                self.pending.hear(Notice::Updated(uri));
            }
        } else {
            self.pending.compare(&older);
            lists.retain(|kind| !self.has_seen(*kind));
            if !lists.is_empty() && self.first_look.is_none() {
                self.first_look = Some(self.look(lists, false));
            }
        }
        self.agreement = Some(Told::Agreed(self.upstream.clone(), filter));
        if self.first_look.is_none() {
            self.ready.extend(self.agreement.take());
        }
    }

    fn has_seen(&self, kind: ListKind) -> bool {
        self.seen.iter().any(|(seen, _)| *seen == kind)
    }

    /// Takes those of the lists as seen that are known from before the stream was there: what changed until then was not
    /// announced to this listener. Returns them.
    fn recall(&mut self, lists: &[ListKind]) -> Vec<ListKind> {
        let (door, ctx) = (&self.listener.door, &self.listener.ctx);
        let new = lists.iter().copied().filter(|kind| !self.has_seen(*kind));
        let digest = |kind| Some((kind, door.known_digest(ctx, &self.upstream, kind)?));
        let known: Vec<(ListKind, Digest)> = new.filter_map(digest).collect();
        let kinds = known.iter().map(|(kind, _)| *kind).collect();
        self.seen.extend(known);
        kinds
    }

    /// Begins a window where something waits and nothing is done about it yet.
    fn begin_window(&mut self) {
        // What is seen for the first time is not compared.
        let is_looking = self.first_look.is_some() && !self.unseen.is_empty();
        let is_busy = self.window.is_some() || self.comparison.is_some() || is_looking;
        if !is_busy && !self.pending.is_empty() {
            let platform = &self.listener.ctx.platform;
            let window = match self.tries {
                0 => self.pace.next(platform.now_ms()),
                tries => ASK_AGAIN.saturating_mul(1 << tries.saturating_sub(1).min(8)),
            };
            self.window = Some(platform.sleep(window));
        }
    }

    /// Tells of the resources that changed, and compares the lists that may have.
    fn tell(&mut self) {
        self.pace.told(self.listener.ctx.platform.now_ms());
        for uri in self.pending.take_uris() {
            let uri = exposed(self.listener.door.is_common(), &self.upstream, &uri);
            self.say(ChangeEvent::ResourceUpdated(uri));
        }
        let lists = self.pending.take_lists();
        if !lists.is_empty() {
            self.comparison = Some(self.look(lists, true));
        }
    }

    fn see(&mut self, lists: Compared) {
        self.ready.extend(self.agreement.take());
        for (kind, digest) in lists {
            if let Some(digest) = digest
                && !self.has_seen(kind)
            {
                self.seen.push((kind, digest));
            }
        }
    }

    fn compare(&mut self, lists: Compared) {
        let mut changed = Vec::new();
        let mut failed = Vec::new();
        for (kind, digest) in lists {
            let Some(digest) = digest else {
                failed.push(kind);
                continue;
            };
            let before = self.seen.iter().position(|(seen, _)| *seen == kind);
            let before = before.map(|place| self.seen.swap_remove(place).1);
            self.seen.push((kind, digest));
            if self.unseen.contains(&kind) || before.is_some_and(|before| before != digest) {
                changed.push(kind);
            }
            self.unseen.retain(|unseen| *unseen != kind);
        }
        self.tries = match failed.is_empty() {
            true => 0,
            false => self.tries.saturating_add(1),
        };
        if self.tries >= MAX_TRIES {
            self.tries = 0;
            self.seen.retain(|(kind, _)| !failed.contains(kind));
            changed.append(&mut failed);
        }
        self.pending.compare(&failed);
        for (kinds, change) in [
            (&[ListKind::Tools][..], ChangeEvent::ToolsChanged),
            (&[ListKind::Prompts], ChangeEvent::PromptsChanged),
            (&[ListKind::Resources, ListKind::ResourceTemplates], ChangeEvent::ResourcesChanged),
        ] {
            if kinds.iter().any(|kind| changed.contains(kind)) {
                self.say(change);
            }
        }
    }

    fn say(&mut self, change: ChangeEvent) {
        self.ready.push_back(Told::News(News { upstream: self.upstream.clone(), change }));
    }

    fn outdate(&self, kinds: &[ListKind]) {
        let subject = self.listener.ctx.principal.subject;
        for kind in kinds {
            self.listener.door.memory.outdate(&self.upstream, *kind, subject);
        }
    }

    /// Looks at lists. `anew`: the upstream is asked, whatever is known.
    fn look(&self, kinds: Vec<ListKind>, anew: bool) -> LocalBoxFuture<'static, Compared> {
        let (listener, upstream) = (self.listener.clone(), self.upstream.clone());
        async move {
            let (door, ctx) = (&listener.door, &listener.ctx);
            let looked = kinds.into_iter().map(|kind| {
                let digest = door.digest(ctx, &upstream, kind, anew);
                digest.map(move |digest| (kind, digest))
            });
            join_all(looked).await
        }
        .boxed_local()
    }
}

/// The outcome of work that is done, which is then forgotten.
fn done<T>(slot: &mut Slot<T>, cx: &mut TaskContext<'_>) -> Option<T> {
    match slot.as_mut()?.poll_unpin(cx) {
        Poll::Ready(outcome) => {
            *slot = None;
            Some(outcome)
        }
        Poll::Pending => None,
    }
}

/// The lists whose changes are wanted.
fn lists(filter: &SubscriptionFilter) -> Vec<ListKind> {
    let wanted = |kind: &ListKind| match kind {
        ListKind::Tools => filter.tools_list_changed,
        ListKind::Prompts => filter.prompts_list_changed,
        ListKind::Resources | ListKind::ResourceTemplates => filter.resources_list_changed,
    };
    ListKind::ALL.into_iter().filter(wanted).collect()
}

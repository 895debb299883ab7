//! What upstreams say outside of calls, for one listener: changes of their lists and of resources.
//!
//! ```text
//! upstream ──► source ──► following ──► Listening ──► the stream of the listener
//!              opens,      merges bursts,   as far as it was
//!              reopens     compares lists   agreed on
//! ```
//!
//! - `parts`: which part of a listener's filter concerns which upstream.
//! - `wire`: one stream of one upstream, in each era.
//! - `notice`: which messages on it are heard.
//! - `source`: the stream with its end and its beginning again.
//! - `pending`: what was heard and is not told yet.
//! - `following`: from what is heard to what is told.
//! - `outdated`: how another isolate is told that a list is old.
//!
//! Invariant: everything here lives as long as the listener, and nothing runs without one. What waits is bounded: an
//! upstream that says more than can be told is not read. A listener is told of a list only where it is another one for the
//! listener.

mod following;
mod notice;
pub mod outdated;
pub mod parts;
mod pending;
mod source;
#[cfg(test)]
mod tests;
mod wire;

use std::{rc::Rc, time::Duration};

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::{
    StreamExt as _,
    future::{Either, ready, select},
    stream::{self, LocalBoxStream, SelectAll},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::stateless::listen::{Change, SubscriptionFilter};
use mcp_server::{changes::WaitUntil, context::Context, notifier::ChangeEvent};

use self::{
    following::{Following, Told},
    parts::Part,
};
use crate::door::Door;

/// How long the upstreams' agreement is awaited before the listener hears what was agreed on.
const AGREE_WITHIN: Duration = Duration::from_secs(2);
/// News that may come while the agreement is awaited.
const MAX_EARLY: usize = 1_000;

/// A listener, as its streams from upstreams see it.
pub struct Listener {
    /// The door through which it came.
    pub door: Rc<Door>,
    /// The caller.
    pub ctx: Context,
    /// Keeps the end of a session with an upstream running after the listener left.
    pub finish: WaitUntil,
}

/// News of an upstream, as the listener knows its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The configured name of the upstream.
    pub upstream: Rc<str>,
    /// What changed.
    pub change: ChangeEvent,
}

/// The streams of all upstreams that concern a listener.
pub struct Listening {
    streams: SelectAll<LocalBoxStream<'static, Told>>,
    platform: SharedPlatform,
    is_common: bool,
    parts: Vec<(Part, Option<SubscriptionFilter>)>,
    early: Vec<News>,
}

/// The way to name other resources while the listener listens.
pub struct Watcher(Vec<(Rc<str>, UnboundedSender<SubscriptionFilter>)>);

impl Watcher {
    /// Watches what these parts name from now on, and nothing else.
    pub fn watch(&self, parts: &[Part]) {
        for (upstream, of_upstream) in &self.0 {
            if let Some(part) = parts.iter().find(|part| part.upstream == *upstream) {
                // One that needs nothing any more has ended.
                let _ = of_upstream.unbounded_send(part.filter.clone());
            }
        }
    }
}

impl Listening {
    /// Opens the streams when they are first polled.
    pub fn new(listener: Listener, parts: Vec<Part>) -> (Self, Watcher) {
        let (platform, is_common) = (listener.ctx.platform.clone(), listener.door.is_common());
        let listener = Rc::new(listener);
        let (mut streams, mut watchers) = (SelectAll::new(), Vec::with_capacity(parts.len()));
        for part in &parts {
            let (watcher, watched) = unbounded();
            watchers.push((part.upstream.clone(), watcher));
            streams.push(Following::new(listener.clone(), part.clone(), watched).into_stream());
        }
        let parts = parts.into_iter().map(|part| (part, None)).collect();
        (Self { streams, platform, is_common, parts, early: Vec::new() }, Watcher(watchers))
    }

    /// Waits until every upstream has agreed or refused, for 2 s at most.
    pub async fn agree(&mut self) {
        let mut over = self.platform.sleep(AGREE_WITHIN);
        while self.parts.iter().any(|(_, agreed)| agreed.is_none()) {
            match select(self.streams.next(), &mut over).await {
                Either::Left((Some(told), _)) => self.note(told),
                Either::Left((None, _)) | Either::Right(_) => return,
            }
        }
    }

    fn note(&mut self, told: Told) {
        match told {
            Told::Agreed(upstream, filter) => {
                let of = |(part, _): &&mut (Part, _)| part.upstream == upstream;
                if let Some((_, agreed)) = self.parts.iter_mut().find(of) {
                    agreed.get_or_insert(filter);
                }
            }
            Told::News(news) if self.early.len() < MAX_EARLY && !self.early.contains(&news) => {
                self.early.push(news);
            }
            Told::News(_) => {}
        }
    }

    /// What is agreed on with the listener: its own part, and what the upstreams agreed to. Of one that has not answered
    /// yet that is all that was asked.
    pub fn agreed(&self, own: &SubscriptionFilter) -> SubscriptionFilter {
        let mut all = own.clone();
        for (part, agreed) in &self.parts {
            let agreed = agreed.as_ref().unwrap_or(&part.filter);
            all.tools_list_changed |= agreed.tools_list_changed;
            all.prompts_list_changed |= agreed.prompts_list_changed;
            all.resources_list_changed |= agreed.resources_list_changed;
            let uris = agreed.resource_subscriptions.iter();
            all.resource_subscriptions
                .extend(uris.map(|uri| parts::exposed(self.is_common, &part.upstream, uri)));
        }
        all.resource_subscriptions.sort_unstable();
        all.resource_subscriptions.dedup();
        all
    }

    /// The news from now on, of whatever the listener watches by then.
    pub fn all_news(self) -> LocalBoxStream<'static, News> {
        let later = self.streams.filter_map(|told| match told {
            Told::News(news) => ready(Some(news)),
            Told::Agreed(..) => ready(None),
        });
        stream::iter(self.early).chain(later).boxed_local()
    }

    /// The news from now on, as far as they were agreed on.
    pub fn news(self, agreed: SubscriptionFilter) -> LocalBoxStream<'static, News> {
        let is_agreed = move |news: &News| ready(is_agreed(&agreed, &news.change));
        self.all_news().filter(is_agreed).boxed_local()
    }
}

/// Whether a listener may hear of a change.
fn is_agreed(filter: &SubscriptionFilter, change: &ChangeEvent) -> bool {
    match change {
        ChangeEvent::ToolsChanged => filter.wants(&Change::Tools),
        ChangeEvent::PromptsChanged => filter.wants(&Change::Prompts),
        ChangeEvent::ResourcesChanged => filter.wants(&Change::Resources),
        ChangeEvent::ResourceUpdated(uri) => filter.concerns(uri),
        ChangeEvent::Task(..) => false,
    }
}

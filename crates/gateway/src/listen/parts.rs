//! Which part of what a listener wants to hear concerns which server behind the door.
//!
//! Invariant: an upstream is asked for what the listener named, and for nothing else.

use std::rc::Rc;

use mcp_protocol::stateless::listen::{MAX_NAMED, SubscriptionFilter};
use mcp_server::context::Context;

use crate::{
    door::Door,
    names::{exposed_uri, split_uri},
};

/// What is wanted of one upstream, with its own URIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its configured name.
    pub upstream: Rc<str>,
    /// The changes.
    pub filter: SubscriptionFilter,
}

/// The URI of an upstream's resource as the listener knows it.
pub(super) fn exposed(is_common: bool, upstream: &str, uri: &str) -> String {
    if is_common { exposed_uri(upstream, uri) } else { uri.to_owned() }
}

impl Door {
    /// Divides a filter: what concerns this server itself, and what concerns each upstream that the caller may use.
    pub fn parts(
        &self,
        ctx: &Context,
        filter: &SubscriptionFilter,
    ) -> (SubscriptionFilter, Vec<Part>) {
        let wants = |upstream: &str| {
            let there = |uri: &String| match self.is_common() {
                false => Some(uri.clone()),
                true => {
                    let (name, uri) = split_uri(uri)?;
                    (name == upstream).then(|| uri.to_owned())
                }
            };
            let watched = filter.resource_subscriptions.iter().filter_map(there).collect();
            fitting(SubscriptionFilter {
                resource_subscriptions: watched,
                task_ids: Vec::new(),
                ..filter.clone()
            })
        };
        // No credential is known of a person who listens.
        let usable = self.usable(ctx).filter(|upstream| !upstream.credential.is_personal());
        let parts = usable.map(|upstream| Part {
            upstream: upstream.name.as_str().into(),
            filter: wants(&upstream.name),
        });
        let parts: Vec<Part> = parts.filter(|part| !part.filter.is_empty()).collect();
        (self.own(filter, &parts), parts)
    }

    /// What concerns this server itself. Behind the door of an upstream it has nothing but tasks.
    fn own(&self, filter: &SubscriptionFilter, parts: &[Part]) -> SubscriptionFilter {
        if !self.is_common() {
            let task_ids = filter.task_ids.clone();
            return SubscriptionFilter { task_ids, ..SubscriptionFilter::default() };
        }
        let is_own = |uri: &&String| {
            let upstream = split_uri(uri).map(|(upstream, _)| upstream);
            upstream.is_none_or(|name| parts.iter().all(|part| *part.upstream != *name))
        };
        let watched = filter.resource_subscriptions.iter().filter(is_own).cloned().collect();
        SubscriptionFilter { resource_subscriptions: watched, ..filter.clone() }
    }
}

/// The same with as many resources as one subscription may name: a session may watch more.
fn fitting(mut filter: SubscriptionFilter) -> SubscriptionFilter {
    // Quotes and a comma around each.
    let mut room = MAX_NAMED.saturating_sub(256);
    filter.resource_subscriptions.retain(|uri| {
        let takes = uri.len().saturating_add(3);
        let fits = takes <= room;
        room = room.saturating_sub(if fits { takes } else { 0 });
        fits
    });
    filter
}

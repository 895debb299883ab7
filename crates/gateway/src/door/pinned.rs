//! Pins at a door: each new list of tools is compared with them, and a tool that is hidden because of them is told from one
//! that is not there.
//!
//! Invariant: a tool that must not be seen is neither listed nor called. Where the pins cannot be asked, tools that could be
//! hidden are not listed at all, and others are listed as if nothing had changed. A call of a tool that is listed asks nothing.

use std::{collections::BTreeMap, rc::Rc};

use mcp_protocol::{
    content::CallToolResult,
    jsonrpc::{INTERNAL_ERROR, RpcError},
    list_kind::ListKind,
};
use mcp_server::{client_request::Stop, context::Context, outcome::Outcome, telemetry::metrics};

use super::{Door, send::is_begun};
use crate::{
    config::Upstream,
    listing::{Entry, Listing},
    memory::Generation,
    pin_marks::Mark,
    pin_store::{PinsAnswer, PinsRequest, name_of_pins},
    pins::{Change, Finding, PinPolicy, UnknownTools, digest_of_list},
    relay::Failure,
};

/// Lines that one list may log.
const MAX_LOGGED: usize = 20;

impl Door {
    /// Compares a list of tools with the pins of its upstream, takes out what must not be seen, and returns what differs.
    /// `asked`: what was forgotten before the upstream was asked for the list.
    ///
    /// # Errors
    /// Where tools may have to be hidden and the pins cannot be asked.
    pub(super) async fn check_pins(
        &self,
        ctx: &Context,
        (upstream, asked): (&Upstream, Generation),
        listing: &mut Listing,
    ) -> Result<Vec<Mark>, Failure> {
        if upstream.pins == PinPolicy::Off || listing.entries.is_empty() {
            return Ok(Vec::new());
        }
        let is_personal = upstream.credential.is_personal();
        let list = digest_of_list(listing.digests());
        let now_ms = ctx.platform.now_ms();
        if !is_personal && self.memory.pins.is_equal(&upstream.name, list, now_ms) {
            return Ok(Vec::new());
        }
        let own = |(tool, digest): (&str, &str)| (tool.to_owned(), digest.to_owned());
        let request = PinsRequest::ComparePins {
            tools: listing.digests().map(own).collect(),
            unknown_wait: upstream.unknown == UnknownTools::Block,
        };
        let person = is_personal.then_some(ctx.principal.subject);
        let compared = self.pins.ask(&name_of_pins(&upstream.name, person), request).await;
        let why = match compared {
            Ok(PinsAnswer::Findings(findings)) => {
                let is_current = self.memory.is_current(&upstream.name, asked);
                if findings.is_empty() && !is_personal && is_current {
                    self.memory.pins.note_equal(&upstream.name, list, now_ms);
                }
                return Ok(marks(upstream, listing, findings));
            }
            Ok(_) => "they answer something else".to_owned(),
            Err(why) => why,
        };
        log::error!("the pins of the upstream `{}` cannot be read: {why}", upstream.name);
        if upstream.pins == PinPolicy::Warn && upstream.unknown == UnknownTools::Allow {
            return Ok(Vec::new());
        }
        let why = format!(
            "the tools of `{}` are pinned, and none is called while their pins cannot be read. Try again in a few seconds",
            upstream.name
        );
        Err(Failure::Stopped(Stop::refused(RpcError::new(INTERNAL_ERROR, why))))
    }

    /// What the caller of a tool is told that is there and hidden because of its definition. None: it is not hidden.
    pub(super) async fn blocked(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        name: &str,
    ) -> Option<Outcome> {
        let whose = self.whose(ctx, upstream).await.ok()?;
        let known = self.memory.list(&upstream.name, ListKind::Tools, whose)?;
        let is_it = |mark: &&Mark| match self.is_common() {
            true => *mark.exposed == *name,
            false => *mark.shown == *name,
        };
        let mark = known.marks.iter().filter(|mark| mark.is_hidden).find(is_it)?;
        // What the caller may not see otherwise is unknown to it.
        let refused = || Outcome::Tool(refusal(upstream, name, mark, is_begun(&*ctx.notifier)));
        ctx.choice.allows(mark.effect).then(refused)
    }
}

/// What the caller reads of a tool that is hidden. `is_begun`: its call was sent in an earlier round.
fn refusal(upstream: &Upstream, name: &str, mark: &Mark, is_begun: bool) -> CallToolResult {
    let why = match mark.finding.change {
        Change::Changed => "its definition there is no longer the one that was approved",
        Change::Unknown => "it is new there, and new tools wait for approval",
    };
    let there = &upstream.name;
    let what = match is_begun {
        true => format!(
            "the answers to the questions of {there} were not passed on, so that the outcome of the call is unknown"
        ),
        false => format!("nothing was sent to {there}"),
    };
    CallToolResult::error(format!(
        "`{name}` is blocked, and {what}: {why}. An administrator of this server can look at it with \
         GET /admin/upstreams/{there} and approve it"
    ))
}

/// The marks of what a comparison found. What is hidden leaves the list, and what is new goes into the log and the counters.
fn marks(upstream: &Upstream, listing: &mut Listing, findings: Vec<Finding>) -> Vec<Mark> {
    let by_key: BTreeMap<&str, &Entry> =
        listing.entries.iter().map(|entry| (&*entry.key, entry)).collect();
    let marked = findings.into_iter().filter_map(|finding| {
        let entry = by_key.get(finding.tool.as_str())?;
        let (exposed, shown) = (Rc::clone(&entry.exposed), Rc::clone(&entry.shown));
        let is_hidden = finding.hides(upstream.pins, upstream.unknown);
        Some(Mark { finding, exposed, shown, effect: entry.effect, is_hidden })
    });
    let marks: Vec<Mark> = marked.collect();
    report(upstream, &marks);
    let hidden = marks.iter().filter(|mark| mark.is_hidden);
    listing.hide(&hidden.map(|mark| mark.finding.tool.as_str()).collect());
    marks
}

/// Logs and counts what was found for the first time.
fn report(upstream: &Upstream, marks: &[Mark]) {
    let news: Vec<&Mark> = marks.iter().filter(|mark| mark.finding.is_new).collect();
    for mark in &news {
        metrics::pin(&upstream.name, mark.finding.change.word());
    }
    for Mark { finding, exposed, is_hidden, .. } in news.iter().take(MAX_LOGGED) {
        let pinned = finding.pinned.as_deref().unwrap_or("none");
        let what = match is_hidden {
            true => "hidden until an administrator approves it",
            false => "still offered",
        };
        let (name, change, seen) = (&upstream.name, finding.change.word(), &finding.seen);
        log::warn!(
            "the definition of `{exposed}` at the upstream `{name}` is {change}, and the tool is {what}: pinned {pinned}, \
             seen {seen}"
        );
    }
    let more = news.len().saturating_sub(MAX_LOGGED);
    if more > 0 {
        log::warn!(
            "{more} more definitions at the upstream `{}` differ from their pins",
            upstream.name
        );
    }
}

/// What is missing from a list because of pins, for people. None: nothing.
pub(super) fn note(marks: &[Mark]) -> Option<String> {
    let mut hidden = marks.iter().filter(|mark| mark.is_hidden);
    let first = hidden.next()?;
    let others = match hidden.count() {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    Some(format!(
        "`{}`{others} wait for an administrator to approve their definitions",
        first.shown
    ))
}

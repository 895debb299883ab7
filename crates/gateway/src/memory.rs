//! What an isolate knows of upstreams: the wires that they speak, what they say of themselves, their lists,
//! and how the last request to each went.
//!
//! Invariant: values only, bounded in number and bytes. A list belongs to one subject, unless its upstream
//! says that it is the same for everybody.

mod about;
mod asking;
mod breakers;
mod forget;
mod generations;
mod whose;

pub use self::about::about;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use mcp_client::{era::Era, error::UpstreamError};
use mcp_protocol::list_kind::ListKind;
use mcp_server::remote::About;

use self::{asking::AskedFor, breakers::Breakers, generations::Generations};
pub use self::{
    breakers::{Running, Target},
    generations::Generation,
    whose::Whose,
};
use crate::{
    breaker,
    config::MAX_UPSTREAMS,
    listing::Entry,
    pin_marks::{KnownPins, Mark},
};

/// How long a wire is known, in milliseconds: an upstream may be deployed anew with another one.
const ERA_FOR: u64 = 600_000;
/// How long a list is as good as a new one.
pub const FRESH: Duration = Duration::from_secs(60);
/// How long a list may be used to find the tool of a call.
const USABLE: u64 = 600_000;
/// How long a list stands in for one that cannot be had.
const LAST_GOOD: u64 = 24 * 60 * 60 * 1_000;
/// Bytes of all lists.
const MAX_BYTES: usize = 16 << 20;
/// Lists.
const MAX_LISTS: usize = 2_000;

/// A list of an upstream.
#[derive(Debug, Clone, Default)]
pub struct KnownList {
    /// The items.
    pub items: Vec<Entry>,
    /// When it was asked for, in milliseconds since 1970.
    pub asked_ms: u64,
    /// For how long the upstream says that it may be kept, in milliseconds.
    pub ttl_ms: Option<u32>,
    /// What was left out, for people.
    pub warnings: Vec<String>,
    /// Tools whose definitions are not the pinned ones, those included that are not among the items.
    pub marks: Vec<Mark>,
    /// Whether the upstream said since then that the list changed: it only stands in for one that cannot be had.
    pub outdated: Cell<bool>,
}

impl KnownList {
    /// Whether it is as good as a new one.
    pub fn is_fresh(&self, now_ms: u64) -> bool {
        let fresh = u64::try_from(FRESH.as_millis()).unwrap_or_default();
        !self.outdated.get() && self.is_younger(now_ms, fresh)
    }

    /// Whether it says well enough which tools there are.
    pub fn is_usable(&self, now_ms: u64) -> bool {
        !self.outdated.get() && self.is_younger(now_ms, USABLE)
    }

    /// Whether it may stand in for one that cannot be had.
    pub fn is_last_good(&self, now_ms: u64) -> bool {
        self.is_younger(now_ms, LAST_GOOD)
    }

    fn is_younger(&self, now_ms: u64, limit: u64) -> bool {
        now_ms.abs_diff(self.asked_ms) < limit
    }

    fn bytes(&self) -> usize {
        let texts = |item: &Entry| {
            let names = [&item.key, &item.exposed, &item.shown, &item.common, &item.own];
            let names = names.iter().map(|text| text.len());
            names.chain([size_of::<Entry>()]).sum::<usize>()
        };
        let items = self.items.iter().map(texts);
        let other = self.warnings.iter().map(String::len).chain(self.marks.iter().map(Mark::bytes));
        items.chain(other).chain([size_of::<Self>()]).sum()
    }
}

/// How the last request to an upstream went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastOutcome {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What went wrong, in words of this server that quote nobody: every caller may read them. None: nothing.
    pub why: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    era: Option<(Era, u64)>,
    /// When it was found out that it is older than 2026-07-28, in milliseconds since 1970.
    older: Option<u64>,
    about: Option<(About, u64)>,
    breakers: Breakers,
    last: Option<LastOutcome>,
}

/// A list, and whose it is.
struct Kept {
    upstream: Rc<str>,
    kind: ListKind,
    whose: Whose,
    bytes: usize,
    list: Rc<KnownList>,
}

impl Kept {
    fn is_of(&self, upstream: &str, kind: ListKind) -> bool {
        *self.upstream == *upstream && self.kind == kind
    }
}

/// The memory of an isolate.
#[derive(Default)]
pub struct Memory {
    upstreams: RefCell<BTreeMap<String, Known>>,
    /// The oldest is the first.
    lists: RefCell<Vec<Kept>>,
    asked_for: AskedFor,
    generations: Generations,
    /// What is known of pins.
    pub pins: KnownPins,
}

impl Memory {
    /// The wire of an upstream.
    pub fn era(&self, upstream: &str, now_ms: u64) -> Option<Era> {
        let upstreams = self.upstreams.borrow();
        let (era, noted) = upstreams.get(upstream)?.era?;
        (now_ms.abs_diff(noted) < ERA_FOR).then_some(era)
    }

    /// What an upstream says of itself.
    pub fn about(&self, upstream: &str, now_ms: u64) -> Option<About> {
        let upstreams = self.upstreams.borrow();
        let (about, noted) = upstreams.get(upstream)?.about.as_ref()?;
        (now_ms.abs_diff(*noted) < ERA_FOR).then(|| about.clone())
    }

    /// Whether an upstream is known not to speak 2026-07-28.
    pub fn is_older(&self, upstream: &str, now_ms: u64) -> bool {
        let upstreams = self.upstreams.borrow();
        let noted = upstreams.get(upstream).and_then(|known| known.older);
        noted.is_some_and(|noted| now_ms.abs_diff(noted) < ERA_FOR)
    }

    /// Has the wire found out again.
    pub fn forget_era(&self, upstream: &str) {
        self.with(upstream, |known| {
            (known.era, known.older, known.about) = (None, None, None);
        });
    }

    /// Notes how a request ended: for the breaker, and for people. `failed`: why the upstream gave nothing.
    pub fn note_end(&self, target: Target<'_>, failed: Option<&UpstreamError>, at_ms: u64) {
        // Nothing was sent, which says nothing of the upstream.
        if let Some(UpstreamError::Unsendable(_)) = failed {
            return;
        }
        let ended = match failed {
            Some(error) if error.counts_against_health() => breaker::Outcome::Failed,
            _ => breaker::Outcome::Answered,
        };
        self.ended(target, ended, at_ms);
        let why = failed.map(said_of);
        self.note_outcome(target.0, LastOutcome { at_ms, why });
    }

    /// Notes how a request went.
    pub fn note_outcome(&self, upstream: &str, outcome: LastOutcome) {
        self.with(upstream, |known| known.last = Some(outcome));
    }

    /// How the last request went.
    pub fn last(&self, upstream: &str) -> Option<LastOutcome> {
        self.upstreams.borrow().get(upstream)?.last.clone()
    }

    fn with(&self, upstream: &str, change: impl FnOnce(&mut Known)) {
        let mut upstreams = self.upstreams.borrow_mut();
        if let Some(known) = upstreams.get_mut(upstream) {
            return change(known);
        }
        // No more are configured at once, so that the one asked longest ago is gone.
        if upstreams.len() >= MAX_UPSTREAMS {
            let asked = |(_, known): &(&String, &Known)| known.last.as_ref().map(|last| last.at_ms);
            let oldest = upstreams.iter().min_by_key(asked).map(|(name, _)| name.clone());
            oldest.and_then(|name| upstreams.remove(&name));
        }
        change(upstreams.entry(upstream.to_owned()).or_default());
    }

    /// A list as it was seen last: the subject's own, or the one for everybody.
    pub fn list(&self, upstream: &str, kind: ListKind, whose: Whose) -> Option<Rc<KnownList>> {
        let lists = self.lists.borrow();
        let is_it = |kept: &&Kept| kept.is_of(upstream, kind) && whose.sees(kept.whose);
        lists.iter().rev().find(is_it).map(|kept| kept.list.clone())
    }

    /// Notes a list.
    pub fn note_list(&self, upstream: &Rc<str>, kind: ListKind, whose: Whose, list: Rc<KnownList>) {
        let mut lists = self.lists.borrow_mut();
        lists.retain(|kept| !kept.is_of(upstream, kind) || !whose.replaces(kept.whose));
        let bytes = list.bytes();
        lists.push(Kept { upstream: upstream.clone(), kind, whose, bytes, list });
        let mut bytes: usize = lists.iter().map(|kept| kept.bytes).sum();
        let mut dropped = 0_usize;
        for kept in lists.iter() {
            let left = lists.len().saturating_sub(dropped);
            if left <= 1 || (left <= MAX_LISTS && bytes <= MAX_BYTES) {
                break;
            }
            bytes = bytes.saturating_sub(kept.bytes);
            dropped = dropped.saturating_add(1);
        }
        lists.drain(..dropped);
    }
}

/// A failure in words of this server's: what an upstream sent to one caller is not for others.
fn said_of(error: &UpstreamError) -> String {
    let said = match error {
        UpstreamError::Rpc(_) => "it answered with an error",
        UpstreamError::Unauthorized { .. } => "it refused the credential (401)",
        UpstreamError::Forbidden { .. } => "it refused access (403)",
        UpstreamError::SessionGone => "it did not know the session",
        UpstreamError::NotFound { .. } => "there is no MCP server at its address",
        UpstreamError::Unreachable { .. } => "it could not be reached",
        UpstreamError::TimedOut { .. } => "it did not answer in time",
        UpstreamError::Cut => "an answer broke off",
        UpstreamError::BadAnswer { why, .. } => why,
        UpstreamError::NoAnswer { .. } => "it gave no answer",
        UpstreamError::TooLarge { .. } => "an answer was too large",
        UpstreamError::Redirect { .. } => "it redirected elsewhere",
        UpstreamError::Loop => "its address leads back to this server",
        UpstreamError::Unsendable(why) => why,
        UpstreamError::TooMany { status, .. } => return format!("it asked to wait ({status})"),
        UpstreamError::Refused { status, .. } => return format!("it refused a request ({status})"),
        UpstreamError::Unavailable { status, .. } => return format!("it failed ({status})"),
    };
    said.to_owned()
}

#[cfg(test)]
mod tests {
    use mcp_auth::subject::Subject;
    use mcp_protocol::capabilities::ClientCapabilities;
    use mcp_server::toolset::Effect;

    use super::*;

    const TICKETS: Target<'_> = ("tickets", None);

    fn list(asked_ms: u64, text: &str) -> Rc<KnownList> {
        let text: Rc<str> = text.into();
        let item = Entry {
            key: text.clone(),
            exposed: text.clone(),
            shown: text.clone(),
            common: text.clone(),
            own: text,
            effect: Effect::Read,
            headers: Vec::new(),
            digest: None,
        };
        Rc::new(KnownList { items: vec![item], asked_ms, ..KnownList::default() })
    }

    #[test]
    fn a_list_is_its_subjects_unless_it_is_for_everybody() {
        let memory = Memory::default();
        let name: Rc<str> = "tickets".into();
        let whose = |subject| Whose { subject, ..Whose::default() };
        let (one, other) = (whose(Some(Subject([1; 16]))), whose(Some(Subject([2; 16]))));
        memory.note_list(&name, ListKind::Tools, one, list(1, "a"));
        assert!(memory.list("tickets", ListKind::Tools, one).is_some());
        assert!(memory.list("tickets", ListKind::Tools, other).is_none());
        assert!(memory.list("tickets", ListKind::Prompts, one).is_none());
        memory.note_list(&name, ListKind::Prompts, whose(None), list(1, "b"));
        assert!(memory.list("tickets", ListKind::Prompts, other).is_some());
        let declares_more = Whose { capabilities: ClientCapabilities::SAMPLING, ..one };
        assert!(memory.list("tickets", ListKind::Tools, declares_more).is_none());
        let elsewhere = Whose { headers: Some(1), ..one };
        assert!(memory.list("tickets", ListKind::Tools, elsewhere).is_none());
    }

    #[test]
    fn lists_are_bounded_in_bytes_and_the_oldest_goes_first() {
        let memory = Memory::default();
        let name: Rc<str> = "tickets".into();
        let large = "x".repeat(3 << 20);
        let whose = |subject| Whose { subject: Some(Subject([subject; 16])), ..Whose::default() };
        for subject in 0..8 {
            let whose = whose(subject);
            memory.note_list(&name, ListKind::Tools, whose, list(1, &large));
        }
        assert!(memory.list("tickets", ListKind::Tools, whose(0)).is_none());
        assert!(memory.list("tickets", ListKind::Tools, whose(7)).is_some());
    }

    #[test]
    fn what_an_upstream_sent_to_one_caller_is_not_told_to_others() {
        let memory = Memory::default();
        let quoted = UpstreamError::Refused { status: 400, quote: "a secret of Ada".to_owned() };
        memory.note_end(TICKETS, Some(&quoted), 1);
        assert_eq!(memory.last("tickets").unwrap().why.unwrap(), "it refused a request (400)");
    }

    #[test]
    fn a_request_that_cannot_be_written_says_nothing_of_the_upstream() {
        let memory = Memory::default();
        let fails = |error| memory.note_end(TICKETS, Some(&error), 1_000);
        for _ in 0..5 {
            fails(UpstreamError::Unsendable("a header cannot carry a value"));
            fails(UpstreamError::Cut);
        }
        assert_eq!(memory.breaker(TICKETS, 1_000), "open");
        assert_eq!(memory.last("tickets").unwrap().why.unwrap(), "an answer broke off");
    }

    #[test]
    fn what_is_known_ages() {
        let memory = Memory::default();
        memory.note_era("tickets", Era::Session, 1_000);
        assert_eq!(memory.era("tickets", 1_000), Some(Era::Session));
        assert_eq!(memory.era("tickets", 1_000 + ERA_FOR), None);
        let known = list(1_000, "a");
        assert!(known.is_fresh(1_000) && !known.is_fresh(61_000));
        assert!(known.is_usable(61_000) && !known.is_usable(601_000));
        assert!(known.is_last_good(601_000) && !known.is_last_good(1_000 + LAST_GOOD));
    }

    /// Of a client that declared nothing.
    fn of(subject: Option<Subject>) -> Whose {
        Whose { subject, ..Whose::default() }
    }

    #[test]
    fn lists_are_bounded_in_number_even_where_they_are_empty() {
        let memory = Memory::default();
        let name: Rc<str> = "tickets".into();
        let whose = |n: u16| {
            let mut bytes = [0; 16];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            of(Some(Subject(bytes)))
        };
        for n in 0..=2_000 {
            memory.note_list(&name, ListKind::Tools, whose(n), Rc::default());
        }
        assert_eq!(memory.lists.borrow().len(), MAX_LISTS);
        assert!(memory.list("tickets", ListKind::Tools, whose(0)).is_none());
        assert!(memory.list("tickets", ListKind::Tools, whose(1)).is_some());
        assert!(KnownList::default().bytes() > 0);
    }

    #[test]
    fn no_more_upstreams_are_known_than_can_be_configured() {
        let memory = Memory::default();
        for n in 0..200_u64 {
            memory.note_end((&format!("up{n}"), None), None, n);
        }
        assert_eq!(memory.upstreams.borrow().len(), MAX_UPSTREAMS);
        assert!(memory.last("up199").is_some() && memory.last("up0").is_none());
    }

    #[test]
    fn a_list_that_becomes_private_is_nobody_elses_and_the_other_way_round() {
        let memory = Memory::default();
        let name: Rc<str> = "tickets".into();
        let (one, other) = (of(Some(Subject([1; 16]))), of(Some(Subject([2; 16]))));
        memory.note_list(&name, ListKind::Tools, of(None), list(1, "public"));
        memory.note_list(&name, ListKind::Prompts, of(None), list(1, "other kind"));
        memory.note_list(&name, ListKind::Tools, one, list(2, "private"));
        assert!(memory.list("tickets", ListKind::Tools, other).is_none());
        assert!(memory.list("tickets", ListKind::Prompts, other).is_some());
        memory.note_list(&name, ListKind::Tools, other, list(2, "private"));
        assert!(memory.list("tickets", ListKind::Tools, one).is_some(), "each has its own");
        memory.note_list(&name, ListKind::Tools, of(None), list(3, "public"));
        assert_eq!(memory.list("tickets", ListKind::Tools, one).unwrap().asked_ms, 3);
        assert_eq!(memory.lists.borrow().len(), 2);
    }

    #[test]
    fn a_request_that_is_dropped_gives_its_probe_back_and_is_no_failure() {
        let memory = Rc::<Memory>::default();
        let name: Rc<str> = "tickets".into();
        for _ in 0..9 {
            drop(memory.admit((&name, None), 1_000).unwrap());
        }
        assert_eq!(memory.breaker(TICKETS, 1_000), "closed");
        (0..5).for_each(|_| memory.note_end(TICKETS, Some(&UpstreamError::Cut), 1_000));
        assert!(memory.admit((&name, None), 1_000).is_err());
        let probe = memory.admit((&name, None), 31_000).unwrap();
        assert!(memory.admit((&name, None), 31_000).is_err(), "one at a time");
        drop(probe);
        let probe = memory.admit((&name, None), 31_000).unwrap();
        memory.note_end(TICKETS, None, 31_000);
        drop(probe);
        assert_eq!(memory.breaker(TICKETS, 31_000), "closed");
    }
}

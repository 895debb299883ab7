//! The audit: changes and refusals, with their callers.
//!
//! Invariant: no argument of a call is written down but the names of what it is about (a site's host name; a project, a
//! branch and ids of things in it), and no credential ever.
//! What is under way is noted however it ends, also where it is dropped. What waits to be written is bounded: refusals, which anybody can cause, are limited to so many a
//! minute, changes only by what fits.

use std::rc::Rc;

use crate::telemetry::record::UNKNOWN;
use mcp_auth::{
    principal::Principal,
    subject::{AuthMethod, Subject},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::bytes::cut_text;

/// Entries that wait in one isolate.
const MAX_WAITING: usize = 1_000;
/// Refusals that one isolate notes in a minute.
const MAX_REFUSALS: u32 = 300;
/// Entries that are written at a time.
pub const BATCH: usize = 100;
/// Bytes of a name chosen by a client.
pub(crate) const MAX_NAME: usize = 64;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The subject; empty if the caller was not admitted.
    pub subject: String,
    /// The authentication method.
    pub auth_method: &'static str,
    /// The name of their key or their token's client.
    pub key: String,
    /// The client program.
    pub client: String,
    /// The tool, the method and path of what was refused, or what became of an OAuth grant.
    pub action: String,
    /// What the call is about, such as a site's host name, where it says so.
    pub site: String,
    /// `read`, `write`, `destructive`; `refusal` for what was not let in.
    pub effect: &'static str,
    /// How it ended.
    pub outcome: &'static str,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl AuditEntry {
    /// A request that was refused before anything was done.
    pub fn refused(
        by: Option<&Principal>,
        action: &str,
        outcome: &'static str,
        at_ms: u64,
    ) -> Self {
        Self {
            at_ms,
            subject: by.map(|by| by.subject.to_text()).unwrap_or_default(),
            auth_method: by.map_or("", |by| by.auth_method.name()),
            key: by.map(|by| by.client.clone()).unwrap_or_default(),
            client: String::new(),
            action: cut_text(action, MAX_NAME).to_owned(),
            site: String::new(),
            effect: "refusal",
            outcome,
            duration_ms: 0,
        }
    }

    /// An event of an OAuth grant. `subject`: `None` if the person is not known.
    pub fn of_grant(
        happened: GrantEvent,
        subject: Option<Subject>,
        client: &str,
        at_ms: u64,
    ) -> Self {
        let (action, effect, outcome) = happened.words();
        Self {
            subject: subject.map(Subject::to_text).unwrap_or_default(),
            auth_method: AuthMethod::OAuth.name(),
            key: cut_text(client, MAX_NAME).to_owned(),
            effect,
            ..Self::refused(None, action, outcome, at_ms)
        }
    }
}

/// The events of OAuth grants, and of keys that persons connect to upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantEvent {
    /// A person agreed.
    Given,
    /// A person did not.
    Denied,
    /// A person entered a SiteBay token that is none.
    WrongToken,
    /// A code or a refresh token came a second time, and ended it.
    Reused,
    /// The app ended it.
    Revoked,
    /// The person ended it.
    RevokedByOwner,
    /// A person connected a key of theirs to an upstream.
    Connected,
    /// A person entered a key that the upstream does not accept.
    KeyRefused,
    /// A person removed their key for an upstream.
    Disconnected,
}

impl GrantEvent {
    /// Action, effect and outcome.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Given => ("oauth.grant", "write", "done"),
            Self::Denied => ("oauth.grant", "refusal", "denied"),
            Self::WrongToken => ("oauth.sign-in", "refusal", "wrong-credential"),
            Self::Reused => ("oauth.reuse", "write", "ended"),
            Self::Revoked => ("oauth.revoke", "write", "done"),
            Self::RevokedByOwner => ("oauth.take-back", "write", "done"),
            Self::Connected => ("upstream.connect", "write", "done"),
            Self::KeyRefused => ("upstream.connect", "refusal", "wrong-credential"),
            Self::Disconnected => ("upstream.disconnect", "write", "done"),
        }
    }
}

/// Where entries go.
pub trait Audit {
    /// Whether what only reads is noted too.
    fn wants_reads(&self) -> bool;

    /// Notes an entry. It is written later.
    fn note(&self, entry: AuditEntry);
}

/// Discards every entry.
#[derive(Debug, Clone, Copy)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn wants_reads(&self) -> bool {
        false
    }

    fn note(&self, _entry: AuditEntry) {}
}

/// Something that is under way and will be in the audit, however it ends: dropping it notes that.
pub struct PendingEntry {
    audit: Rc<dyn Audit>,
    /// None once it was noted, or where it is not to be.
    entry: Option<AuditEntry>,
    platform: SharedPlatform,
}

impl PendingEntry {
    /// Begins now. The entry's time is that of its end.
    pub fn begin(audit: Rc<dyn Audit>, entry: AuditEntry, platform: SharedPlatform) -> Self {
        let entry = Some(AuditEntry { at_ms: platform.now_ms(), ..entry });
        Self { audit, entry, platform }
    }

    /// It ended in this way.
    pub fn end(mut self, outcome: &'static str) {
        self.note(outcome);
    }

    /// It is about this, as is known by now.
    pub(crate) fn is_about(&mut self, target: String) {
        if let Some(entry) = &mut self.entry {
            entry.site = target;
        }
    }

    /// It is noted elsewhere, or comes again.
    pub(crate) fn forget(mut self) {
        self.entry = None;
    }

    fn note(&mut self, outcome: &'static str) {
        if let Some(entry) = self.entry.take() {
            let at_ms = self.platform.now_ms();
            let duration_ms = at_ms.saturating_sub(entry.at_ms);
            self.audit.note(AuditEntry { at_ms, outcome, duration_ms, ..entry });
        }
    }
}

impl Drop for PendingEntry {
    fn drop(&mut self) {
        self.note(UNKNOWN);
    }
}

/// The entries of one isolate that wait to be written.
#[derive(Debug, Default)]
pub struct AuditQueue {
    entries: Vec<AuditEntry>,
    minute: u64,
    refusals: u32,
    lost: u32,
}

impl AuditQueue {
    /// Adds an entry where there is room.
    pub fn push(&mut self, entry: AuditEntry) {
        let minute = entry.at_ms / 60_000;
        if minute != self.minute {
            (self.minute, self.refusals) = (minute, 0);
        }
        let is_refusal = entry.effect == "refusal";
        self.refusals = self.refusals.saturating_add(is_refusal.into());
        let too_many = is_refusal && self.refusals > MAX_REFUSALS;
        if too_many || self.entries.len() >= MAX_WAITING {
            self.lost = self.lost.saturating_add(1);
        } else {
            self.entries.push(entry);
        }
    }

    /// Takes what is written next, and how many were lost since the last time.
    pub fn take(&mut self) -> (Vec<AuditEntry>, u32) {
        let rest = self.entries.split_off(self.entries.len().min(BATCH));
        (std::mem::replace(&mut self.entries, rest), std::mem::take(&mut self.lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(effect: &'static str, at_ms: u64) -> AuditEntry {
        AuditEntry { effect, ..AuditEntry::refused(None, "POST /mcp", "wrong-credential", at_ms) }
    }

    #[test]
    fn what_waits_is_bounded_and_changes_are_not_crowded_out_by_refusals() {
        let mut waiting = AuditQueue::default();
        (0..5_000).for_each(|_| waiting.push(entry("refusal", 0)));
        (0..10).for_each(|_| waiting.push(entry("write", 0)));
        waiting.push(entry("refusal", 60_000));
        let mut taken = Vec::new();
        loop {
            let (entries, lost) = waiting.take();
            assert_eq!(lost, if taken.is_empty() { 4_700 } else { 0 });
            if entries.is_empty() {
                break;
            }
            assert!(entries.len() <= BATCH);
            taken.extend(entries);
        }
        assert_eq!(taken.len(), 311);
        (0..2_000).for_each(|_| waiting.push(entry("write", 0)));
        assert_eq!(waiting.entries.len(), MAX_WAITING);
    }
}

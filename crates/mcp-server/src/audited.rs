//! A call of a tool as the audit sees it.

use std::rc::Rc;

use mcp_protocol::bytes::cut_text;

use crate::{
    changes::Changes,
    context::Context,
    outcome::{ASKS, Outcome},
    registry::Found,
    telemetry::{
        audit::{Entry, MAX_NAME, Pending},
        record::{LEFT, PANICKED, Record, UNKNOWN},
    },
    toolset::{Arguments, Effect},
};

/// A call of a tool that goes on. Dropping it notes what is known by then.
pub struct AuditedCall {
    pending: Option<Pending>,
    changes: Rc<Changes>,
    record: Rc<Record>,
}

impl AuditedCall {
    /// Begins with the call. None: this call is not audited.
    pub fn begin(
        ctx: &Context,
        tool: &str,
        found: Option<Found>,
        arguments: Arguments<'_>,
    ) -> Option<Self> {
        let effect = found.map_or(Effect::Read, |found| found.tool.effect);
        let wanted = effect != Effect::Read || ctx.audit.wants_reads();
        wanted.then(|| {
            let entry = Entry {
                at_ms: 0,
                subject: ctx.principal.subject.to_text(),
                way: ctx.principal.way.name(),
                key: ctx.principal.client.clone(),
                client: cut_text(&ctx.client.name, MAX_NAME).to_owned(),
                action: cut_text(tool, MAX_NAME).to_owned(),
                site: found.and_then(|found| found.target(arguments)).unwrap_or_default(),
                effect: effect.name(),
                outcome: UNKNOWN,
                duration_ms: 0,
            };
            Self {
                pending: Some(Pending::begin(ctx.audit.clone(), entry, ctx.platform.clone())),
                changes: ctx.changes.clone(),
                record: ctx.record.clone(),
            }
        })
    }

    /// Notes how it ended. A call that waits for an answer has not: it comes again.
    pub fn end(mut self, outcome: &Outcome) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let word = outcome.word();
        if self.changes.is_unknown() {
            self.record.unknown();
            pending.end(UNKNOWN);
        } else if word == ASKS {
            pending.forget();
        } else {
            pending.end(word);
        }
    }
}

impl Drop for AuditedCall {
    fn drop(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let panicked = std::thread::panicking();
        if self.changes.is_begun() {
            pending.end(UNKNOWN);
            if !panicked {
                self.record.unknown();
            }
        } else {
            pending.end(if panicked { PANICKED } else { LEFT });
        }
    }
}

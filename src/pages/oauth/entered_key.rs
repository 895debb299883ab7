//! A key that a person entered for an upstream, from the form to what is kept.
//!
//! Invariant: a key is kept after the upstream accepted it, and not before; where the person chose a stack, after the API of
//! that stack said what it opens. Nothing that a person enters is shown, logged or repeated.

use std::rc::Rc;

use worker::Result;

use super::{
    Server,
    key_fields::{KEY, STACK},
};
use crate::{
    platform::{clock::now_s, workers::WorkersPlatform},
    state,
    stubs::{connect, upstream},
};
use gateway::{
    config::{Stack, Upstream},
    connect::{
        check::{self, Verdict, check},
        keboola::{self, Project, TokenFault},
    },
};
use mcp_auth::{secret::Secret, subject::Subject};
use mcp_platform::SharedPlatform;
use mcp_server::telemetry::audit::GrantEvent;

const NO_KEY: &str = "That cannot be a key: it is empty, longer than 8 KiB, or has characters that no header carries.";
pub(super) const NO_STACK: &str = "Choose one of the stacks.";

/// A key as a person entered it, or a token that was given out for them.
pub(super) struct EnteredKey<'a> {
    key: Secret,
    stack: Option<&'a Stack>,
}

/// Why a key is not kept.
pub(super) struct NotAccepted {
    /// Whether it was refused: it may be right otherwise.
    pub(super) is_refused: bool,
    /// Why, for the person.
    pub(super) why: String,
}

/// A key that is accepted.
pub(super) struct CheckedKey {
    key: Secret,
    /// What it opens, where the person chose a stack.
    pub(super) project: Option<Project>,
}

impl<'a> EnteredKey<'a> {
    /// A token that belongs to no stack.
    pub(super) const fn of(key: Secret) -> Self {
        Self { key, stack: None }
    }

    /// A token that a stack made for the person.
    pub(super) const fn of_stack(key: Secret, stack: &'a Stack) -> Self {
        Self { key, stack: Some(stack) }
    }

    /// Reads what was entered.
    ///
    /// # Errors
    /// The field that is wrong, and why, for the person.
    pub(super) fn read(
        upstream: &'a Upstream,
        key: &str,
        stack: Option<&str>,
    ) -> std::result::Result<Self, (&'static str, &'static str)> {
        let stack = match upstream.asks_stack() {
            true => {
                let stack = stack.and_then(|stack| upstream.stack(stack));
                Some(stack.ok_or((STACK, NO_STACK))?)
            }
            false => None,
        };
        Ok(Self { key: check::entered(key).ok_or((KEY, NO_KEY))?, stack })
    }

    /// Whether the upstream accepts it. `person`: whose it is, and who led them there.
    ///
    /// # Errors
    /// Where it does not: why, for the person.
    pub(super) async fn check(
        self,
        server: &Server<'_>,
        upstream: &Upstream,
        person: (Subject, &str),
    ) -> std::result::Result<CheckedKey, NotAccepted> {
        let unclear = |why: String| NotAccepted { is_refused: false, why };
        let refused = |why: String| {
            server.note_key(GrantEvent::KeyRefused, &upstream.name, person);
            NotAccepted { is_refused: true, why }
        };
        let platform: SharedPlatform = Rc::new(WorkersPlatform);
        let project = match self.stack {
            None => None,
            Some(stack) => match keboola::verify(stack, &self.key, &platform).await {
                Ok(project) => Some(project),
                Err(TokenFault::Refused(why)) => return Err(refused(why)),
                Err(TokenFault::Unclear(why)) => {
                    return Err(unclear(format!("{why} Nothing was kept.")));
                }
            },
        };
        // There is no server behind that could refuse it.
        if upstream.is_answered_here {
            return Ok(CheckedKey { key: self.key, project });
        }
        let trail = upstream::trail(None, &server.keys);
        let trail = trail.map_err(|refusal| unclear(refusal.to_string()))?;
        let era = state::upstreams().era(&upstream.name, now_s().saturating_mul(1_000));
        let key = (&self.key, self.stack.map(|stack| stack.name.as_str()));
        let name = &upstream.name;
        match check(upstream, key, era, &trail, &platform).await {
            Verdict::Accepted => Ok(CheckedKey { key: self.key, project }),
            Verdict::Refused => Err(refused(match (self.stack, upstream.template) {
                (Some(stack), Some(template)) => format!(
                    "{} accepts this token, but its MCP server at {} does not. Tell the operator of this server.",
                    template.title, stack.mcp.host,
                ),
                _ => format!("{name} does not accept this key."),
            })),
            Verdict::Unclear(why) => Err(unclear(format!(
                "{name} did not say whether it accepts this key: {why}. Nothing was kept."
            ))),
        }
    }
}

impl CheckedKey {
    /// An account whose token was accepted.
    pub(super) const fn of(key: Secret) -> Self {
        Self { key, project: None }
    }

    /// Seals it for its upstream, and for the stack that the person chose.
    ///
    /// # Errors
    /// Where no key is set under which that can be done, and where the runtime fails.
    pub(super) async fn seal(
        &self,
        server: &Server<'_>,
        subject: Subject,
        upstream: &Upstream,
    ) -> Result<String> {
        let stack = self.project.as_ref().map(|project| project.stack.as_str());
        connect::seal(server.config, subject, (upstream, stack), &self.key).await
    }
}

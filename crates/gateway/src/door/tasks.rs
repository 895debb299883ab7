//! Tasks of stateless upstreams (SEP-2663): calls that become one, and the requests of the clients that follow it.
//!
//! Invariant: an id in front names upstream, tool and task, and is signed for one subject. It leads nowhere else: neither for
//! others, nor at the door of another upstream, nor where its caller may no longer use the upstream or its tool is hidden.

use mcp_auth::upstream_task_id::UpstreamTaskId;
use mcp_client::error::UpstreamError;
use mcp_protocol::capabilities::ClientCapabilities;
use mcp_server::{
    context::Context, outcome::Outcome, remote::RemoteTool, tasks::TaskSnapshot, toolset::Effect,
};

use super::{Door, Place};
use crate::{
    config::Upstream,
    relay::{Asked, Failure},
    task::{self, Ids},
};

impl Door {
    /// Whether the caller is given tasks of upstreams: it has no session and says that it follows them.
    pub(super) fn takes_tasks(&self, ctx: &Context) -> bool {
        let follows = ctx.notifier.capabilities().has(ClientCapabilities::TASKS);
        follows && matches!(self.place, Place::Worker(_))
    }

    /// The name of an upstream whose URIs are rewritten.
    fn common<'a>(&self, upstream: &'a Upstream) -> Option<&'a str> {
        self.is_common().then_some(&*upstream.name)
    }

    /// The outcome of a call that became a task.
    pub(super) fn begun(
        &self,
        ctx: &Context,
        (upstream, tool): (&Upstream, &RemoteTool),
        there: &str,
        text: &str,
    ) -> Outcome {
        let claims = UpstreamTaskId {
            upstream: upstream.name.clone(),
            tool: tool.name_there.to_string(),
            task: there.to_owned(),
        };
        let exposed = claims.sign(&self.keys, ctx.principal.subject);
        let exposed = exposed.ok_or("the names of its task and its tool are too long together");
        let seen = exposed.and_then(|exposed| {
            let ids = Ids { there, exposed: &exposed };
            let task = task::of_task(ids, self.common(upstream), text)?;
            Ok(TaskSnapshot { id: exposed, task })
        });
        match seen {
            Ok(seen) => {
                if tool.effect != Effect::Read {
                    ctx.changes.answered();
                }
                Outcome::Task(seen)
            }
            Err(why) => {
                let error = UpstreamError::bad_answer(why, b"").into();
                self.outcome(ctx, upstream, ("tools/call", Some(tool.effect)), Err(error))
            }
        }
    }

    /// Answers a request about a task. None: there is no such task here for this caller.
    pub(super) async fn about_task(
        &self,
        ctx: &Context,
        method: &str,
        params: &str,
    ) -> Option<Outcome> {
        if !self.takes_tasks(ctx) {
            return None;
        }
        let exposed = task::id_of(params)?;
        let claims = UpstreamTaskId::verify(&exposed, &self.keys, ctx.principal.subject)?;
        let upstream = self.find(ctx, &claims.upstream)?;
        if !upstream.filter.shows(&claims.tool) {
            return None;
        }
        let there = task::with_id(params, &claims.task);
        let looks = method == "tasks/get";
        let asked = Asked { method, params: &there, reads: looks, ..Asked::default() };
        let sent = self.send(ctx, upstream, &asked, &ctx.notifier).await;
        let ids = Ids { there: &claims.task, exposed: &exposed };
        let read = if looks { task::of_task } else { task::of_acknowledgement };
        let seen = sent.and_then(|text| {
            let bad = |why| Failure::Upstream(UpstreamError::bad_answer(why, b""));
            read(ids, self.common(upstream), &text).map_err(bad)
        });
        Some(match seen {
            Ok(text) => Outcome::TaskState(text),
            Err(failure) => self.outcome(ctx, upstream, (method, None), Err(failure)),
        })
    }
}

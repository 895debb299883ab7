//! An upstream in whose place this server answers, with a toolset of its own.
//!
//! Invariant: nothing is sent to such an upstream's address. Everything in front is as if it were: names, filters, scopes,
//! and the person's key, without which no tool runs. Its tools run as this server's own: with consent, audit and tasks.

use std::rc::Rc;

use mcp_auth::secret::Secret;
use mcp_protocol::{
    content::CallToolResult,
    fields::fields,
    jsonrpc::{INVALID_PARAMS, RpcError},
    list_kind::ListKind,
};
use mcp_server::{
    context::Context,
    dispatch::execute,
    notifier::Notifier,
    outcome::Outcome,
    registry::FoundTool,
    remote::{About, KeyError, PersonKey, RemoteTool},
    toolset::{Tool, Toolset, Visibility},
};
use serde_json::value::RawValue;

use super::{Door, connect};
use crate::{
    config::Upstream,
    definition,
    listing::Listing,
    memory::{KnownList, Whose},
};

/// What such an upstream has: clients read the ends of tasks, and results that were kept, as resources.
const CAPABILITIES: &str =
    r#"{"logging":{},"resources":{},"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

/// A toolset in the place of an upstream.
#[derive(Clone, Copy)]
pub struct Native {
    /// The toolset at the common door: names begin with that of the upstream and `_`, and texts use these names.
    pub common: &'static dyn Toolset,
    /// The same at the upstream's own door: names without that beginning.
    pub own: &'static dyn Toolset,
    /// The instructions at its own door.
    pub instructions: &'static str,
}

/// Finds the toolset that stands in the place of the upstream of a name.
pub type Natives = fn(&str) -> Option<Native>;

impl Native {
    /// A tool as the common door has it, by its name at the own one.
    fn common_tool(&self, upstream: &Upstream, own: &str) -> Option<FoundTool> {
        FoundTool::of(self.common, &format!("{}_{own}", upstream.name))
    }
}

impl Door {
    /// The toolset that answers in the place of an upstream. None: the upstream itself does.
    pub(super) fn native(&self, upstream: &Upstream) -> Option<Native> {
        upstream.is_answered_here.then(|| (self.natives)(&upstream.name)).flatten()
    }

    /// Its list of this kind. It has tools alone, the same for everybody who has a key.
    pub(super) fn native_list(
        &self,
        ctx: &Context,
        (upstream, native): (&Upstream, Native),
        kind: ListKind,
    ) -> Rc<KnownList> {
        let asked_ms = ctx.platform.now_ms();
        if kind != ListKind::Tools {
            return Rc::new(KnownList { asked_ms, ..KnownList::default() });
        }
        let everybody = Whose::default();
        let known = self.memory.list(&upstream.name, kind, everybody);
        if let Some(known) = known.filter(|known| known.is_fresh(asked_ms)) {
            return known;
        }
        let items = listed(upstream, native).entries;
        let list = Rc::new(KnownList { items, asked_ms, ..KnownList::default() });
        self.memory.note_list(&upstream.name.as_str().into(), kind, everybody, list.clone());
        list
    }

    /// What this server says at the upstream's door.
    pub(super) async fn about_native(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        native: Native,
    ) -> About {
        let instructions = match self.person(ctx, upstream).await {
            Ok(_) => Some(native.instructions.to_owned()),
            Err(why) => connect::about(&upstream.name, &why).instructions,
        };
        About { server_info: None, instructions, capabilities: CAPABILITIES.to_owned() }
    }

    /// Runs a tool for a caller who has a key. Where the API refuses the key before anything was changed or a task was
    /// started, the person is led to the page, or the call is made again with a key that was connected since.
    pub(super) async fn answer_here(
        &self,
        ctx: &Context,
        (upstream, native, tool): (&Upstream, Native, &RemoteTool),
        params: &str,
        back: &Rc<dyn Notifier>,
    ) -> Outcome {
        let found = match self.is_common() {
            true => native.common_tool(upstream, &tool.name_there),
            false => FoundTool::of(native.own, &tool.name_there),
        };
        let (Some(found), Ok([arguments])) = (found, fields(params, ["arguments"])) else {
            let why = format!("no tool `{}`, or its arguments are there twice", tool.name);
            return Outcome::Failed(RpcError::new(INVALID_PARAMS, why));
        };
        let used = self.person(ctx, upstream).await;
        let here = Context { notifier: back.clone(), ..ctx.clone() };
        let outcome = execute(&here, found, arguments).await;
        let failed = matches!(&outcome, Outcome::Tool(CallToolResult { is_error: true, .. }));
        if !failed || ctx.changes.must_not_run_again() {
            return outcome;
        }
        match self.person(ctx, upstream).await {
            Err(why) if why.can_connect() => {
                self.unconnected(ctx, upstream, ("tools/call", Some(tool.effect)), why).await
            }
            Ok(newer) if used != Ok(newer.clone()) => execute(&here, found, arguments).await,
            _ => outcome,
        }
    }

    /// The caller's key for an upstream in whose place this server answers.
    ///
    /// # Errors
    /// Where there is none: why, for the caller.
    pub(super) async fn person_key(
        &self,
        ctx: &Context,
        name: &str,
    ) -> Result<PersonKey, KeyError> {
        let lasting = |why: String| KeyError::Lasting(why);
        let upstream = self.find(ctx, name).filter(|upstream| upstream.is_answered_here);
        let upstream = upstream
            .ok_or_else(|| lasting(format!("this server has no tools of {name} any more")))?;
        let person = self.person(ctx, upstream).await.map_err(|why| why.key_error(name))?;
        let person =
            person.ok_or_else(|| lasting(format!("{name} is not called with people's keys")))?;
        let stack = person.stack.as_deref().and_then(|stack| upstream.stack(stack));
        let stack = stack
            .ok_or_else(|| lasting(format!("the stack of the key for {name} is not there")))?;
        let options = upstream.options.iter().map(|(field, value)| (*field, value.clone()));
        Ok(PersonKey { key: person.key, api: stack.connection.clone(), options: options.collect() })
    }

    /// Notes that the API refused a key, unless another one is connected by now.
    pub(super) async fn refuse_person_key(&self, ctx: &Context, name: &str, key: &Secret) {
        let Some(upstream) = self.find(ctx, name) else { return };
        if let Ok(Some(person)) = self.person(ctx, upstream).await
            && person.key == *key
        {
            // The next call finds out what there is instead.
            let _ = self.connections.refused(ctx, upstream, &person).await;
        }
    }
}

/// The tools as callers see them at both doors.
fn listed(upstream: &Upstream, native: Native) -> Listing {
    let is_listed = |tool: &&Tool| tool.visibility != Visibility::Retired;
    let tools = native.own.tools().iter().filter(is_listed);
    let texts = tools.filter_map(|tool| serde_json::from_str::<&RawValue>(tool.definition).ok());
    let mut listing = Listing::new(upstream, ListKind::Tools, texts);
    for entry in &mut listing.entries {
        let common = native.common_tool(upstream, &entry.key);
        let common = common.and_then(|found| {
            let text = found.tool.definition;
            definition::named(ListKind::Tools, &upstream.name, &entry.exposed, text)
        });
        if let Some(common) = common {
            entry.common = common.into();
        }
    }
    listing
}

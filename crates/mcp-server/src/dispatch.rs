//! From a request's method to its outcome, alike in every era: `tools/call` and the other methods are carried out here.
//!
//! Invariant: every request ends in exactly one outcome; each era writes it in its own form.

use std::rc::Rc;

use serde_json::{Value, value::RawValue};

use crate::{
    changes::Changes,
    cold::cold,
    context::Context,
    outcome::{ASKS, Outcome},
    paged_list::PagedList,
    params::Params,
    registry::{Completion, FoundTool, PromptError, ReadError, Reference},
    relay, task_call,
    tasks::{OPERATION, TaskPolicy},
    telemetry::{
        audit::{AuditEntry, MAX_NAME, PendingEntry},
        record::{LEFT, LEFT_RUNNING, PANICKED, RequestRecord, UNKNOWN},
    },
    tool_selection::ToolSelection,
    toolset::{Arguments, Effect},
};
use mcp_protocol::{
    bytes::cut_text,
    content::ResourceContents,
    fields::fields,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError},
    list_kind::ListKind,
    object::Object,
    raw,
    uri::canonical,
};

/// Values that a completion may have (MCP `server/utilities/completion`).
const MAX_COMPLETIONS: usize = 100;

/// Carries out a request that means the same in every era.
pub async fn dispatch(ctx: &Context, method: &str, params: Params<'_>) -> Outcome {
    let outcome = match method {
        "tools/list" => tools(ctx, &params).await,
        "tools/call" => call_tool(ctx, params).await,
        "resources/list" => list(ctx, &params, ListKind::Resources, ctx.registry.resources()).await,
        "resources/templates/list" => {
            list(ctx, &params, ListKind::ResourceTemplates, ctx.registry.resource_templates()).await
        }
        "resources/read" => cold(read_resource(ctx, params)).await,
        "prompts/list" => list(ctx, &params, ListKind::Prompts, ctx.registry.prompts()).await,
        "prompts/get" => cold(get_prompt(ctx, params)).await,
        "completion/complete" => cold(complete(ctx, &params)).await,
        _ => Err(RpcError::new(METHOD_NOT_FOUND, format!("no method `{method}`"))),
    };
    outcome.unwrap_or_else(Outcome::from)
}

/// A list of this server and of those behind the same door.
async fn list(
    ctx: &Context,
    params: &Params<'_>,
    kind: ListKind,
    own: &'static PagedList,
) -> Result<Outcome, RpcError> {
    match &ctx.remote {
        Some(remote) => cold(relay::list(ctx, params, &**remote, (kind, own))).await,
        None => listed(ctx, params, own),
    }
}

fn listed(
    ctx: &Context,
    params: &Params<'_>,
    listing: &'static PagedList,
) -> Result<Outcome, RpcError> {
    let page = listing.page(params.cursor.as_deref(), ctx.page_size)?;
    Ok(page.map_or(Outcome::List(listing.whole()), Outcome::Text))
}

/// The tools that the caller may use, of those that it or the operator chose.
async fn tools(ctx: &Context, params: &Params<'_>) -> Result<Outcome, RpcError> {
    let choice = ctx.choice.within(ctx.principal.scopes);
    if let Some(remote) = &ctx.remote {
        let own = ctx.registry.tools(choice);
        return cold(relay::list(ctx, params, &**remote, (ListKind::Tools, &own))).await;
    }
    if choice == ToolSelection::default() {
        return listed(ctx, params, ctx.registry.default_tools());
    }
    let listing = ctx.registry.tools(choice);
    let page = listing.page(params.cursor.as_deref(), ctx.page_size)?;
    Ok(Outcome::Text(page.unwrap_or_else(|| listing.whole().to_owned())))
}

async fn call_tool(ctx: &Context, params: Params<'_>) -> Result<Outcome, RpcError> {
    let name = Params::required(params.name, "tools/call", "name")?;
    let found = ctx.registry.find(&name);
    if found.is_none()
        && let Some(remote) = &ctx.remote
    {
        return cold(relay::call(ctx, &**remote, &name, params.whole)).await;
    }
    ctx.record.set_tool(found.map(|found| found.tool.name));
    let effect = found.map_or(Effect::Read, |found| found.tool.effect);
    let target = || found.and_then(|found| found.target(params.arguments));
    let noted = AuditedCall::begin(ctx, &name, effect, target);
    let outcome = match found {
        Some(found) => execute(ctx, found, params.arguments).await,
        None => no_tool(&name),
    };
    noted.end(&outcome);
    Ok(outcome)
}

pub(crate) fn no_tool(name: &str) -> Outcome {
    Outcome::Failed(RpcError::new(INVALID_PARAMS, format!("no tool `{name}`: see tools/list")))
}

/// Runs a tool of this server, in a task where its work becomes one.
pub async fn execute(ctx: &Context, found: FoundTool, arguments: Arguments<'_>) -> Outcome {
    if let Err(beyond) = ctx.principal.scopes.require(found.needs()) {
        return Outcome::Beyond(beyond);
    }
    let called = match &ctx.tasks {
        Some(tasks) if found.tool.task_policy != TaskPolicy::Never => {
            return cold(task_call::call(ctx, tasks, found, arguments)).await;
        }
        _ => found.call(ctx, arguments).await,
    };
    called.map_or_else(Outcome::Stopped, Outcome::Tool)
}

/// Begins an entry in the audit of something that a tool changes. Dropping it notes that its outcome is not known.
pub fn note_change(ctx: &Context, action: &str, effect: Effect, target: String) -> PendingEntry {
    let entry = AuditEntry {
        at_ms: 0,
        subject: ctx.principal.subject.to_text(),
        auth_method: ctx.principal.auth_method.name(),
        key: ctx.principal.client.clone(),
        client: cut_text(&ctx.client.name, MAX_NAME).to_owned(),
        action: cut_text(action, MAX_NAME).to_owned(),
        site: target,
        effect: effect.name(),
        outcome: UNKNOWN,
        duration_ms: 0,
    };
    PendingEntry::begin(ctx.audit.clone(), entry, ctx.platform.clone())
}

/// A call of a tool that goes on, and its entry in the audit. Dropping it notes what is known by then.
pub(crate) struct AuditedCall {
    /// None: this call is not audited.
    pending: Option<PendingEntry>,
    ended: bool,
    changes: Rc<Changes>,
    record: Rc<RequestRecord>,
}

impl AuditedCall {
    /// Begins with the call.
    pub(crate) fn begin(
        ctx: &Context,
        tool: &str,
        effect: Effect,
        target: impl FnOnce() -> Option<String>,
    ) -> Self {
        let wanted = effect != Effect::Read || ctx.audit.wants_reads();
        let entry = || note_change(ctx, tool, effect, target().unwrap_or_default());
        Self {
            pending: wanted.then(entry),
            ended: false,
            changes: ctx.changes.clone(),
            record: ctx.record.clone(),
        }
    }

    /// Notes how it ended. A call that waits for an answer has not: it comes again.
    pub(crate) fn end(mut self, outcome: &Outcome) {
        self.ended = true;
        if self.changes.is_unknown() {
            self.record.set_unknown();
        }
        let Some(pending) = self.taken() else {
            return;
        };
        let word = outcome.word();
        if self.changes.is_unknown() {
            pending.end(UNKNOWN);
        } else if word == ASKS {
            pending.forget();
        } else {
            pending.end(word);
        }
    }
}

impl AuditedCall {
    /// The entry, with what the call is about as far as its tool has said so.
    fn taken(&mut self) -> Option<PendingEntry> {
        let mut pending = self.pending.take()?;
        if let Some(target) = self.changes.target() {
            pending.is_about(target);
        }
        Some(pending)
    }
}

impl Drop for AuditedCall {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let panicked = std::thread::panicking();
        let word = match (self.changes.is_begun(), self.changes.outlives_client()) {
            (true, _) => UNKNOWN,
            _ if panicked => PANICKED,
            // It was given up before it had ended what it has elsewhere.
            (false, true) => LEFT_RUNNING,
            (false, false) => LEFT,
        };
        match word {
            UNKNOWN if !panicked => self.record.set_unknown(),
            LEFT_RUNNING => self.record.set_outcome(word, None),
            _ => {}
        }
        if let Some(pending) = self.taken() {
            pending.end(word);
        }
    }
}

async fn read_resource(ctx: &Context, params: Params<'_>) -> Result<Outcome, RpcError> {
    let uri = Params::required(params.uri, "resources/read", "uri")?;
    let address = canonical(&uri);
    if let (Some(id), Some(tasks)) = (address.strip_prefix(OPERATION), &ctx.tasks) {
        return task_call::read(tasks, id, &uri).await;
    }
    match ctx.registry.read(ctx, &address).await {
        // The client knows it by the address that it asked for.
        Ok(contents) => {
            let contents = ResourceContents { uri: uri.into_owned(), ..contents };
            Ok(Outcome::Result(contents.to_result()))
        }
        Err(ReadError::NotFound) => {
            let there = relay::request(ctx, "resources/read", params.whole).await;
            Ok(there.unwrap_or_else(|| Outcome::NoResource(uri.into_owned())))
        }
        Err(ReadError::Failed(reason)) => Err(RpcError::new(INTERNAL_ERROR, reason)),
    }
}

async fn get_prompt(ctx: &Context, params: Params<'_>) -> Result<Outcome, RpcError> {
    let name = Params::required(params.name, "prompts/get", "name")?;
    let said = params.arguments.map_or("{}", RawValue::get);
    let Ok(Value::Object(arguments)) = raw::value(said) else {
        return Err(RpcError::new(INVALID_PARAMS, "arguments: expected an object"));
    };
    match ctx.registry.prompt(ctx, &name, &arguments).await {
        Ok(prompt) => Ok(Outcome::Result(prompt.to_json())),
        Err(PromptError::Stopped(stop)) => Ok(Outcome::Stopped(stop)),
        Err(PromptError::Arguments(why)) => Err(RpcError::new(INVALID_PARAMS, why)),
        Err(PromptError::NotFound) => {
            if let Some(outcome) = relay::request(ctx, "prompts/get", params.whole).await {
                return Ok(outcome);
            }
            Err(RpcError::new(INVALID_PARAMS, format!("no prompt `{name}`: see prompts/list")))
        }
    }
}

/// The fields of an object that are texts.
fn texts<const N: usize>(of: Option<&RawValue>, names: [&'static str; N]) -> [Option<String>; N] {
    let found = fields(of.map_or("{}", RawValue::get), names).unwrap_or([None; N]);
    found.map(|raw| raw.and_then(raw::string))
}

async fn complete(ctx: &Context, params: &Params<'_>) -> Result<Outcome, RpcError> {
    let wrong = |what: &str| RpcError::new(INVALID_PARAMS, format!("completion/complete: {what}"));
    let [kind, name, uri] = texts(params.reference, ["type", "name", "uri"]);
    let address = canonical(uri.as_deref().unwrap_or_default());
    let reference = match (kind.as_deref(), &name, &uri) {
        (Some("ref/prompt"), Some(name), _) => Reference::Prompt(name),
        (Some("ref/resource"), _, Some(_)) => Reference::Resource(&address),
        _ => {
            return Err(wrong(
                "`ref` must be a ref/prompt with `name` or a ref/resource with `uri`",
            ));
        }
    };
    let [argument, so_far] = texts(params.argument, ["name", "value"]);
    let argument = argument.ok_or_else(|| wrong("`argument.name` must be a string"))?;
    let so_far = so_far.ok_or_else(|| wrong("`argument.value` must be a string"))?;
    let [known] =
        fields(params.context.map_or("{}", RawValue::get), ["arguments"]).unwrap_or([None]);
    let [site, named] = texts(known, ["site_fqdn", "fqdn"]);
    let asked =
        Completion { reference, argument: &argument, so_far: &so_far, site: site.or(named) };
    let Some(mut values) = ctx.registry.complete(ctx, &asked).await else {
        let outcome = relay::request(ctx, "completion/complete", params.whole).await;
        return outcome
            .ok_or_else(|| wrong("`ref` names no prompt or resource template of this server"));
    };
    let total = values.len();
    values.truncate(MAX_COMPLETIONS);
    let has_more = total > values.len();
    let completion = Object::new()
        .texts("values", values.iter().map(String::as_str))
        .raw("total", &total.to_string())
        .flag("hasMore", has_more)
        .end();
    Ok(Outcome::Result(Object::new().raw("completion", &completion).end()))
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;

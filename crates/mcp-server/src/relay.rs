//! Requests for what other servers behind the same door have: lists that they have a part in, and
//! calls of their tools.
//!
//! Invariant: this server's own tools come first, and keep their names.

use serde_json::value::RawValue;

use crate::{
    context::Context,
    dispatch::{AuditedCall, no_tool},
    outcome::Outcome,
    paged_list::PagedList,
    params::Params,
    remote::{ListKind, Remote},
    toolset::Effect,
};
use mcp_auth::scope::Scopes;
use mcp_protocol::{
    jsonrpc::RpcError,
    object::Object,
    spans,
    stateless::result::{CacheHint, CacheScope},
};

/// The name in `_meta` of a list under which it says what is missing from it: an array of texts.
const INCOMPLETE: &str = "org.sitebay/incomplete";

/// The page of a list that this server and others have a part in.
pub(crate) async fn list(
    ctx: &Context,
    params: &Params<'_>,
    remote: &dyn Remote,
    (kind, own): (ListKind, &PagedList),
) -> Result<Outcome, RpcError> {
    let there = remote.list(ctx, kind).await;
    let items = own.items().map(str::to_owned);
    let items = items.chain(there.items.iter().map(|item| item.to_string())).collect();
    let listing = PagedList::of_items(kind.field(), items);
    let page = listing.page(params.cursor.as_deref(), ctx.page_size)?;
    let mut text = page.unwrap_or_else(|| listing.whole().to_owned());
    if !there.notes.is_empty() {
        let notes = there.notes.iter().map(String::as_str);
        text = spans::with(&text, "_meta", &Object::new().texts(INCOMPLETE, notes).end());
    }
    // What a caller sees of other servers depends on its scopes and credentials.
    let hint = there.hint.unwrap_or(CacheHint::NEVER);
    Ok(Outcome::Hinted(text, CacheHint { scope: CacheScope::Private, ..hint }))
}

/// A call of a tool that this server does not have.
pub(crate) async fn call(
    ctx: &Context,
    remote: &dyn Remote,
    name: &str,
    params: Option<&RawValue>,
) -> Result<Outcome, RpcError> {
    let Some(tool) = remote.tool(ctx, name).await else {
        ctx.record.set_tool(None);
        return Ok(no_tool(name));
    };
    ctx.record.set_upstream(&tool.upstream, &tool.name);
    let noted = AuditedCall::begin(ctx, name, tool.effect, || Some(tool.upstream.to_string()));
    let needs = if tool.effect == Effect::Read { Scopes::READ } else { Scopes::WRITE };
    let outcome = match ctx.principal.scopes.require(needs) {
        Ok(()) => remote.call(ctx, &tool, params.map_or("{}", RawValue::get)).await,
        Err(beyond) => Outcome::Beyond(beyond),
    };
    if let Some(noted) = noted {
        noted.end(&outcome);
    }
    Ok(outcome)
}

/// Another request. None: no other server has what it names.
pub(crate) async fn request(
    ctx: &Context,
    method: &str,
    params: Option<&RawValue>,
) -> Option<Outcome> {
    match (&ctx.remote, params) {
        (Some(remote), Some(params)) => remote.request(ctx, method, params.get()).await,
        _ => None,
    }
}

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
    remote::Remote,
    tasks,
    toolset::Effect,
};
use mcp_auth::scope::Scopes;
use mcp_protocol::{
    jsonrpc::{INVALID_PARAMS, RpcError},
    list_kind::ListKind,
    object::Object,
    spans,
    stateless::{
        method::Method,
        result::{CacheHint, CacheScope},
    },
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
    let tool = match remote.tool(ctx, name).await {
        Ok(Some(tool)) => tool,
        Ok(None) => {
            ctx.record.set_tool(None);
            return Ok(no_tool(name));
        }
        Err(outcome) => {
            ctx.record.set_tool(None);
            return Ok(outcome);
        }
    };
    ctx.record.set_upstream(&tool.upstream, &tool.name);
    let noted = AuditedCall::begin(ctx, name, tool.effect, || Some(tool.upstream.to_string()));
    let needs = if tool.effect == Effect::Read { Scopes::READ } else { Scopes::WRITE };
    let outcome = match ctx.principal.scopes.require(needs) {
        Ok(()) => remote.call(ctx, &tool, params.map_or("{}", RawValue::get)).await,
        Err(beyond) => Outcome::Beyond(beyond),
    };
    noted.end(&outcome);
    Ok(outcome)
}

/// Another request. None: no other server has what it names.
pub(crate) async fn request(
    ctx: &Context,
    method: &str,
    params: Option<&RawValue>,
) -> Option<Outcome> {
    let (Some(remote), Some(params)) = (&ctx.remote, params) else {
        return None;
    };
    match ctx.principal.scopes.require(Scopes::READ) {
        Ok(()) => remote.request(ctx, method, params.get()).await,
        Err(beyond) => Some(Outcome::Beyond(beyond)),
    }
}

/// A request about a task of another server: `tasks/get`, `tasks/update` or `tasks/cancel`. `id`: the one that
/// the parameters name.
pub async fn task(ctx: &Context, method: Method, id: &str, params: Option<&RawValue>) -> Outcome {
    // What is answered or cancelled may change something.
    let needs = if method == Method::TasksGet { Scopes::READ } else { Scopes::WRITE };
    if let Err(beyond) = ctx.principal.scopes.require(needs) {
        return Outcome::Beyond(beyond);
    }
    let there = match (&ctx.remote, params) {
        (Some(remote), Some(params)) => remote.task(ctx, method.as_str(), params.get()).await,
        _ => None,
    };
    there.unwrap_or_else(|| RpcError::new(INVALID_PARAMS, tasks::unknown(id)).into())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use futures_util::{
        FutureExt as _,
        future::{LocalBoxFuture, ready},
    };
    use mcp_auth::principal::Principal;
    use mcp_protocol::jsonrpc::INTERNAL_ERROR;
    use pollster::block_on;

    use super::*;
    use crate::{
        dispatch::dispatch,
        remote::{About, RemoteList, RemoteTool},
        testing::FakePlatform,
    };

    /// A server that has one tool, which claims to read, and answers everything.
    struct Reads;

    impl Remote for Reads {
        fn about<'a>(
            &'a self,
            _ctx: &'a Context,
        ) -> LocalBoxFuture<'a, Result<Option<About>, RpcError>> {
            ready(Ok(None)).boxed_local()
        }

        fn list<'a>(
            &'a self,
            _ctx: &'a Context,
            _kind: ListKind,
        ) -> LocalBoxFuture<'a, RemoteList> {
            ready(RemoteList::default()).boxed_local()
        }

        fn tool<'a>(
            &'a self,
            _ctx: &'a Context,
            name: &'a str,
        ) -> LocalBoxFuture<'a, Result<Option<RemoteTool>, Outcome>> {
            let tool = RemoteTool {
                name: name.into(),
                upstream: "tickets".into(),
                name_there: "get".into(),
                effect: Effect::Read,
                param_headers: Vec::new(),
            };
            let found = match name {
                "tickets_get" => Ok(Some(tool)),
                "away_get" => Err(Outcome::Failed(RpcError::new(INTERNAL_ERROR, "away"))),
                _ => Ok(None),
            };
            ready(found).boxed_local()
        }

        fn call<'a>(
            &'a self,
            _ctx: &'a Context,
            _tool: &'a RemoteTool,
            _params: &'a str,
        ) -> LocalBoxFuture<'a, Outcome> {
            ready(Outcome::Relayed(r#"{"content":[]}"#.to_owned())).boxed_local()
        }

        fn request<'a>(
            &'a self,
            _ctx: &'a Context,
            _method: &'a str,
            _params: &'a str,
        ) -> LocalBoxFuture<'a, Option<Outcome>> {
            ready(Some(Outcome::Relayed("{}".to_owned()))).boxed_local()
        }

        fn task<'a>(
            &'a self,
            _ctx: &'a Context,
            _method: &'a str,
            params: &'a str,
        ) -> LocalBoxFuture<'a, Option<Outcome>> {
            let seen = params.contains("theirs").then(|| Outcome::TaskState("{}".to_owned()));
            ready(seen).boxed_local()
        }
    }

    fn ctx(scopes: Scopes) -> Context {
        let ctx = FakePlatform::new([]).context();
        let principal = Principal { scopes, ..(*ctx.principal).clone() };
        Context { principal: Rc::new(principal), remote: Some(Rc::new(Reads)), ..ctx }
    }

    fn sent(ctx: &Context, method: &str, params: &str) -> Outcome {
        let params: &RawValue = serde_json::from_str(params).unwrap();
        block_on(dispatch(ctx, method, Params::read(Some(params)).unwrap()))
    }

    #[test]
    fn a_tool_that_cannot_be_looked_up_is_not_a_missing_one() {
        let ctx = ctx(Scopes::READ);
        let code = |name: &str| sent(&ctx, "tools/call", &format!(r#"{{"name":"{name}"}}"#)).code();
        assert_eq!(code("away_get"), Some(INTERNAL_ERROR));
        assert_eq!(code("no_get"), Some(mcp_protocol::jsonrpc::INVALID_PARAMS));
    }

    #[test]
    fn other_servers_are_asked_nothing_without_the_scope_to_read() {
        for (method, params) in [
            ("resources/read", r#"{"uri":"tickets+a:1"}"#),
            ("prompts/get", r#"{"name":"tickets_p"}"#),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"tickets_p"},"argument":{"name":"a","value":""}}"#,
            ),
            ("tools/call", r#"{"name":"tickets_get"}"#),
        ] {
            let none = sent(&ctx(Scopes::NONE), method, params);
            assert!(matches!(none, Outcome::Beyond(_)), "{method}: {none:?}");
            let reads = sent(&ctx(Scopes::READ), method, params);
            assert!(matches!(reads, Outcome::Relayed(_)), "{method}: {reads:?}");
        }
    }

    #[test]
    fn a_task_of_another_server_is_looked_at_by_readers_and_changed_by_writers() {
        let params: &RawValue = serde_json::from_str(r#"{"taskId":"theirs"}"#).unwrap();
        for (method, needs) in [
            (Method::TasksGet, Scopes::READ),
            (Method::TasksUpdate, Scopes::WRITE),
            (Method::TasksCancel, Scopes::WRITE),
        ] {
            for scopes in [Scopes::NONE, Scopes::READ, Scopes::READ.with(Scopes::WRITE)] {
                let seen = block_on(task(&ctx(scopes), method, "theirs", Some(params)));
                let may = scopes.has(needs);
                assert_eq!(matches!(seen, Outcome::TaskState(_)), may, "{method:?}: {seen:?}");
                assert_eq!(matches!(seen, Outcome::Beyond(_)), !may, "{method:?}: {seen:?}");
            }
        }
        let others: &RawValue = serde_json::from_str(r#"{"taskId":"others"}"#).unwrap();
        let unknown = block_on(task(&ctx(Scopes::READ), Method::TasksGet, "others", Some(others)));
        assert_eq!(unknown.code(), Some(INVALID_PARAMS));
    }
}

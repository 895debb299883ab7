//! Answering the body of a session's request: the methods that only sessions have, and the form of their responses. All
//! other methods go to [`dispatch`].

use std::rc::Rc;

use serde_json::{json, value::RawValue};

use super::{
    Negotiated, Session,
    batch::batch,
    call::{Call, CallNotifier},
};
use crate::{
    channel::{Channel, Reply},
    client_request::{Stop, StopReason},
    context::Context,
    dispatch::dispatch,
    notifier::Declared,
    outcome::{Outcome, beyond_text},
    params::Params,
    result_size::{MAX_RESULT, too_large, too_large_error},
};
use mcp_auth::refusal::Refusal;
use mcp_protocol::{
    initialize::{InitializeParams, result},
    jsonrpc::{
        Body, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, Message, RESOURCE_NOT_FOUND,
        RequestId, RpcError, decode, error_text, result_text,
    },
    log_level::LoggingLevel,
    raw,
    stateless::result::without_hop,
    version::Version,
    version_schema::adapt_result,
};

/// Answers a body. Refusals are answers too: their text is the same in every transport.
pub async fn serve(
    session: Rc<Session>,
    ctx: Context,
    body: Vec<u8>,
    channel: Rc<Channel>,
) -> Reply {
    let _until_end = ctx.record.end_guard();
    match decode(&body) {
        Ok(Body::Single(message)) => {
            let call = message.request().map(|id| {
                session.name(&channel, id);
                Call::new(id.clone(), channel.clone(), true)
            });
            handle_message(&session, &ctx, message, call).await
        }
        Ok(Body::Batch(messages)) if session.version().batches() => {
            let reply = batch(&session, &ctx, messages, &channel).await;
            ctx.record.set_method("batch");
            reply
        }
        Ok(Body::Batch(_)) => refused(&ctx, &Refusal::Batch),
        Err(error) => refused(&ctx, &Refusal::Body(error)),
    }
}

fn refused(ctx: &Context, refusal: &Refusal) -> Reply {
    ctx.record.refused(refusal);
    Reply::Json { status: refusal.status(), body: refusal.body() }
}

/// The answer to a message; `call`: where it is a request.
pub(super) async fn handle_message(
    session: &Rc<Session>,
    ctx: &Context,
    message: Message<'_>,
    call: Option<Rc<Call>>,
) -> Reply {
    match message {
        Message::Request { id, method, params } => {
            ctx.record.set_method(&method);
            let Some(call) = call else {
                return Reply::Accepted;
            };
            let _running = session.start(call.clone());
            let outcome = handle_request(session, ctx, &method, params, call).await;
            ctx.record.set_outcome(outcome.word(), outcome.code());
            encode(session.version(), &method, &id, outcome)
        }
        Message::Notification { method, params } => {
            ctx.record.set_method(&method);
            if method == "notifications/cancelled" {
                session.cancel(params);
            }
            Reply::Accepted
        }
        Message::Response { id, outcome } => {
            ctx.record.set_method("response");
            if !session.questions.answer(id.as_ref(), outcome) {
                session.keeper.note("ignored a response that matches no pending request");
            }
            Reply::Accepted
        }
    }
}

async fn handle_request(
    session: &Rc<Session>,
    ctx: &Context,
    method: &str,
    params: Option<&RawValue>,
    call: Rc<Call>,
) -> Outcome {
    let raw = params;
    let params = match Params::read(params) {
        Ok(params) if params.is_stateless() => return other_era().into(),
        Ok(params) => params,
        Err(error) => return error.into(),
    };
    ctx.record.set_trace(params.trace());
    match method {
        "ping" => Outcome::List("{}"),
        "initialize" => initialize(session, ctx, raw).await,
        "logging/setLevel" => set_level(session, &params).await.unwrap_or_else(Outcome::from),
        "resources/subscribe" => watch(session, ctx, &params).await.unwrap_or_else(Outcome::from),
        "resources/unsubscribe" => {
            unwatch(session, ctx, &params).await.unwrap_or_else(Outcome::from)
        }
        _ => {
            let back = CallNotifier {
                session: session.clone(),
                call,
                token: params.progress_token(),
                platform: ctx.platform.clone(),
                answered: Rc::default(),
            };
            let ctx = Context {
                // The requests of a batch are calls of their own.
                changes: Rc::default(),
                notifier: Rc::new(back),
                client: Rc::new(session.client()),
                choice: ctx.choice.with(session.settings.borrow().toolsets),
                upstreams: ctx.upstreams.with(&session.settings.borrow().upstreams),
                ..ctx.clone()
            };
            dispatch(&ctx, method, params).await
        }
    }
}

fn other_era() -> RpcError {
    let why = "a request of 2026-07-28 has no session: send it without Mcp-Session-Id";
    RpcError::new(INVALID_REQUEST, why)
}

/// `initialize` inside a session: only one that began with its stream has yet to hear it.
async fn initialize(session: &Session, ctx: &Context, params: Option<&RawValue>) -> Outcome {
    if session.hello.borrow().version != 0 {
        let why = "this session is already initialized: to start a new one, send `initialize` without \
             Mcp-Session-Id";
        return RpcError::new(INVALID_REQUEST, why).into();
    }
    match InitializeParams::read(params) {
        Ok(hello) => {
            let negotiated = Negotiated::of(&hello);
            session.keeper.negotiated(&negotiated);
            session.set_negotiated(negotiated);
            let ctx = Context {
                client: Rc::new(session.client()),
                notifier: Rc::new(Declared::new(hello.capabilities)),
                ..ctx.clone()
            };
            let about = match &ctx.remote {
                Some(remote) => remote.about(&ctx).await,
                None => Ok(None),
            };
            match about {
                Ok(Some(about)) => {
                    Outcome::Result(about.behind_a_door().initialized(hello.version))
                }
                Ok(None) => {
                    let prompts = !ctx.registry.prompts().is_empty() || ctx.remote.is_some();
                    Outcome::Result(result(hello.version, prompts))
                }
                Err(error) => error.into(),
            }
        }
        Err(error) => error.into(),
    }
}

async fn set_level(session: &Session, params: &Params<'_>) -> Result<Outcome, RpcError> {
    let level = Params::required(params.level, "logging/setLevel", "level")?;
    let level = raw::text(level).and_then(|name| LoggingLevel::parse(&name)).ok_or_else(|| {
        let levels = "debug, info, notice, warning, error, critical, alert, emergency";
        RpcError::new(INVALID_PARAMS, format!("`level`: expected one of {levels}; got {level}"))
    })?;
    session.settings.borrow_mut().level = Some(level);
    saved(session).await
}

async fn watch(session: &Session, ctx: &Context, params: &Params<'_>) -> Result<Outcome, RpcError> {
    let uri = Params::required(params.uri.as_deref(), "resources/subscribe", "uri")?;
    session.settings.borrow_mut().subscribe(uri)?;
    let outcome = saved(session).await;
    watch_changes(session, ctx, uri).await;
    outcome
}

async fn unwatch(
    session: &Session,
    ctx: &Context,
    params: &Params<'_>,
) -> Result<Outcome, RpcError> {
    let uri = Params::required(params.uri.as_deref(), "resources/unsubscribe", "uri")?;
    if !session.settings.borrow_mut().unsubscribe(uri) {
        return Ok(Outcome::List("{}"));
    }
    let outcome = saved(session).await;
    watch_changes(session, ctx, uri).await;
    outcome
}

/// Has the hub poll a resource that changes by itself, with the caller's credential, and the Worker watch one of another
/// server.
async fn watch_changes(session: &Session, ctx: &Context, uri: &str) {
    if ctx.remote.is_some() {
        // Where no stream is open, the next one begins with it.
        session.keeper.announce(&session.watching().to_text());
    }
    if ctx.registry.is_watchable(uri) {
        let own = ctx.principal.own_credential;
        let token = ctx.credential.token.clone().filter(|_| own);
        session.keeper.look(ctx.principal.clone(), token).await;
    }
}

async fn saved(session: &Session) -> Result<Outcome, RpcError> {
    let settings = session.settings.borrow().clone();
    session.keeper.clone().save(settings).await;
    if session.is_ended() {
        return Err(RpcError::new(
            INVALID_REQUEST,
            "the session was ended: send `initialize` to \
                                                   start a new one",
        ));
    }
    Ok(Outcome::List("{}"))
}

/// The method whose result says whether it failed.
const TOOLS_CALL: &str = "tools/call";

/// An outcome of a method as the session era says it, in the vocabulary of its version.
pub fn encode(version: Version, method: &str, id: &RequestId, outcome: Outcome) -> Reply {
    let result = |text: &str| result_text(id, &adapt_result(version, method, text));
    let body = match outcome {
        Outcome::Beyond(beyond) => return Reply::Forbidden(beyond, beyond_text(id, beyond)),
        Outcome::List(text) => result(text),
        Outcome::Relayed(text) => result(&without_hop(&text)),
        Outcome::Text(text) | Outcome::Hinted(text, _) | Outcome::TaskState(text) => result(&text),
        // A session waits for its tasks, and is given none.
        Outcome::Task(seen) => result_text(id, &seen.task),
        Outcome::Result(text) if text.len() > MAX_RESULT => {
            error_text(Some(id), &too_large_error(text.len()))
        }
        Outcome::Result(text) => result(&text),
        Outcome::Tool(tool) => bounded(id, result(&tool.to_json())),
        Outcome::NoResource(uri) => {
            let message =
                format!("no resource `{uri}`: see resources/list and resources/templates/list");
            let data = Some(json!({ "uri": uri }));
            error_text(Some(id), &RpcError { code: RESOURCE_NOT_FOUND, message, data })
        }
        Outcome::Failed(error) => error_text(Some(id), &error),
        Outcome::Stopped(Stop(StopReason::Refused(error))) => error_text(Some(id), &error),
        Outcome::Stopped(stop) if method == TOOLS_CALL => result(&stop.into_result().to_json()),
        // Only a tool's result can say that it failed.
        Outcome::Stopped(stop) => {
            error_text(Some(id), &RpcError::new(INTERNAL_ERROR, stop.into_message()))
        }
    };
    Reply::Json { status: 200, body }
}

fn bounded(id: &RequestId, text: Vec<u8>) -> Vec<u8> {
    let size = text.len();
    if size <= MAX_RESULT {
        return text;
    }
    drop(text);
    result_text(id, &too_large(size).to_json())
}

//! Streamable HTTP without sessions: MCP 2026-07-28, `basic/transports/streamable-http`.
//!
//! Invariant: a request says everything that is needed to answer it, and is answered here, in the
//! Worker, without an object, unless it listens or announces. A client that closes the stream takes
//! its request back: the call lives in its body, until it may have changed something, or has work elsewhere
//! that it must end. Then it runs to its end, so that its outcome is known.

use std::{borrow::Cow, rc::Rc};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, select},
};
use serde_json::value::RawValue;

use crate::wiring::{REGISTRY, chosen_registry, registry};
use crate::{
    config::Config,
    error::AppResult as Answered,
    platform::{
        disconnect::Disconnect,
        http::{Request, Response},
        random,
        workers::WorkersPlatform,
    },
    response,
    stubs::{hub, stages::StageObjects, token_check::TokenCheck, upstream::target_at},
    transports::{endpoint::AdmittedRequest, preliminary, single_response::read_response, tasks},
};
use mcp_auth::{
    keys::Keyring,
    refusal::Refusal,
    request_state::{Binding, RequestState},
    scope::Scopes,
};
use mcp_platform::Platform as _;
use mcp_protocol::media;
use mcp_protocol::{
    capabilities::{ClientCapabilities, TASKS_EXTENSION},
    era,
    implementation::Implementation,
    initialize::server_capabilities,
    jsonrpc::{INTERNAL_ERROR, RequestId, RpcError, error_text, result_text},
    log_level::LoggingLevel,
    object::Object,
    stateless::{
        envelope::{Envelope, Trace as Said},
        error::StatelessError,
        headers::{self, HeaderSource},
        listen::{Offered, SubscriptionFilter},
        method::{Method, NamedBy},
        mrtr::InputRequests,
        param_headers,
        params::Params as StatelessParams,
        result::{
            CacheHint, CacheScope, ResultType, complete, input_required, noted, noted_as, relayed,
        },
    },
    version::Version,
};
use mcp_server::{
    call::{AttachedAnswer, run_attached},
    changes::{Changes, HasLeft},
    channel::{Channel, Reply},
    client_request::{Stop, StopReason},
    cold::cold,
    context::Context,
    dispatch::dispatch,
    mrtr::{ConsumeNonce, MakeBinding, ROUND_TTL_S, Round, RoundInput},
    outcome::{Outcome, beyond_text},
    params::OwnedParams,
    relay,
    result_size::{MAX_RESULT, too_large, too_large_error},
    telemetry::trace::Trace,
    upstream_selection::Selection,
};

/// The headers of a request, read when they are asked for.
pub(super) struct RequestHeaders<'a>(pub(super) &'a Request);

impl HeaderSource for RequestHeaders<'_> {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.header(name)
    }
}

/// Answers a request of this era.
pub async fn answer(
    endpoint: AdmittedRequest<'_>,
    http: &Request,
    request: era::Request<'_>,
) -> Answered<Response> {
    let id = request.id.clone();
    endpoint.record.set_method(request.method);
    let opened = validate(&endpoint, http, request);
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return refused(&endpoint, &id, &error),
    };
    let streams = media::accepts_stream(http.header("accept").as_deref());
    let client = Rc::new(opened.envelope.client.clone());
    endpoint.record.set_client(client, Version::V2026_07_28.as_str());
    match opened.method {
        Method::Discover => {
            let text = preliminary::discovered(&endpoint, http, &opened.envelope).await?;
            Ok(response::json(200, &result_text(&id, &text), endpoint.caller)?)
        }
        Method::Listen if !streams => Err(Refusal::AcceptStream.into()),
        Method::Listen => listen(endpoint, http, &id, opened).await,
        Method::TasksGet | Method::TasksUpdate | Method::TasksCancel => {
            tasks::answer(endpoint, id, opened, (http, streams)).await
        }
        _ => {
            let choice = endpoint.choice(http)?;
            let departure = Disconnect::of(http.inner());
            execute(endpoint, id, opened, (choice, http), (streams, departure)).await
        }
    }
}

/// The answer to a request that is not carried out.
pub fn refused(
    endpoint: &AdmittedRequest<'_>,
    id: &RequestId,
    error: &StatelessError,
) -> Answered<Response> {
    endpoint.record.set_outcome("error", Some(error.code()));
    Ok(response::json(error.status(), &error.response(Some(id)), endpoint.caller)?)
}

/// A request that passed validation.
pub(super) struct ValidatedRequest {
    pub(super) method: Method,
    pub(super) envelope: EnvelopeTrace,
    pub(super) params: Rc<OwnedParams>,
    before: Option<RequestState>,
    filter: Option<SubscriptionFilter>,
}

/// The stored part of the envelope.
pub(super) struct EnvelopeTrace {
    pub(super) client: Implementation,
    pub(super) capabilities: ClientCapabilities,
    token: Option<RequestId>,
    log_level: Option<LoggingLevel>,
    pub(super) responses: Option<Box<RawValue>>,
}

/// Checks everything that the specification wants checked, in its order.
fn validate(
    endpoint: &AdmittedRequest<'_>,
    http: &Request,
    request: era::Request<'_>,
) -> Result<ValidatedRequest, StatelessError> {
    let sent = RequestHeaders(http);
    let params = &request.params;
    let envelope = Envelope::open(params, sent.header(headers::VERSION_HEADER).as_deref())?;
    let method = Method::parse(request.method)?;
    headers::check(&sent, method, params)?;
    StatelessError::unless_declared(envelope.capabilities, method.needs())?;
    let name = method.named_by().map(|by| params.name(by)).transpose()?;
    if let (Method::ToolsCall, Some(name)) = (method, &name) {
        let declared = registry(&endpoint.door).param_headers(name);
        param_headers::check(&sent, declared, params.arguments())?;
    }
    let subject = endpoint.principal.subject;
    let target = name.as_deref().filter(|_| method.may_ask());
    let before = match (params.request_state()?, target) {
        (Some(state), Some(target)) => {
            let target = target_at(&endpoint.door, target);
            let binding = Binding::of(method, &target, params.arguments(), subject);
            Some(RequestState::open(&state, &endpoint.keys, &binding, now_s())?)
        }
        _ => None,
    };
    endpoint.record.set_trace(traced(&envelope.trace));
    let filter =
        (method == Method::Listen).then(|| SubscriptionFilter::read(params.notifications()));
    let client =
        envelope.client.map(|said| Implementation { name: said.name, version: said.version });
    Ok(ValidatedRequest {
        method,
        params: Rc::new(OwnedParams {
            whole: endpoint
                .passes_on(method)
                .then(|| params.whole().map(ToOwned::to_owned))
                .flatten(),
            ..owned(method, params, name.as_deref())?
        }),
        envelope: EnvelopeTrace {
            client: client.unwrap_or_default(),
            capabilities: envelope.capabilities,
            token: envelope.progress_token,
            log_level: envelope.log_level,
            responses: params.input_responses().map(ToOwned::to_owned),
        },
        before,
        filter: filter.transpose()?,
    })
}

/// Makes the binding of a request, where its method may ask. Few requests do, and the digest of large
/// arguments takes its time.
fn make_binding(
    method: Method,
    params: Rc<OwnedParams>,
    endpoint: &AdmittedRequest<'_>,
) -> Option<MakeBinding> {
    if !method.may_ask() {
        return None;
    }
    let (subject, door) = (endpoint.principal.subject, endpoint.door.clone());
    Some(Box::new(move || {
        let target = params.name.as_deref().or(params.uri.as_deref()).unwrap_or_default();
        Binding::of(method, &target_at(&door, target), params.arguments.as_deref(), subject)
    }))
}

/// The parameters for dispatch, owned.
fn owned(
    method: Method,
    params: &StatelessParams<'_>,
    target: Option<&str>,
) -> Result<OwnedParams, StatelessError> {
    let target = target.map(str::to_owned);
    let (name, uri) = match method.named_by() {
        Some(NamedBy::Uri) => (None, target),
        _ => (target, None),
    };
    Ok(OwnedParams {
        whole: None,
        name,
        uri,
        arguments: params.arguments().map(ToOwned::to_owned),
        cursor: params.cursor()?.map(Cow::into_owned),
        completion: params.completion().map(|raw| raw.map(ToOwned::to_owned)),
    })
}

/// The trace that the envelope names.
fn traced(said: &Said<'_>) -> Option<Trace> {
    Trace::read(said.parent.as_deref()?, said.state.as_deref().map(str::to_owned))
}

fn now_s() -> u64 {
    WorkersPlatform.now_ms() / 1_000
}

/// The server's capabilities without sessions: the JSON text of an object.
pub fn capabilities(config: &Config) -> String {
    let prompts = !REGISTRY.prompts().is_empty() || !config.upstreams.is_empty();
    let capabilities = server_capabilities(prompts);
    if !config.offers_tasks() && config.upstreams.is_empty() {
        return capabilities.end();
    }
    let extensions = Object::new().raw(TASKS_EXTENSION, "{}").end();
    capabilities.raw("extensions", &extensions).end()
}

async fn listen(
    endpoint: AdmittedRequest<'_>,
    http: &Request,
    id: &RequestId,
    opened: ValidatedRequest,
) -> Answered<Response> {
    let offered = Offered {
        tools: true,
        prompts: !REGISTRY.prompts().is_empty() || !endpoint.config.upstreams.is_empty(),
        resources: true,
        subscribe: true,
        tasks: endpoint.config.offers_tasks(),
    };
    let mut filter = opened.filter.unwrap_or_default().limited_to(&offered);
    // Tasks of upstreams are not announced.
    filter.task_ids.retain(|id| !endpoint.is_task_of_upstream(id));
    let client = (opened.envelope.capabilities, &opened.envelope.client);
    super::listen::listen(&endpoint, http, id, (&filter, client)).await
}

pub(super) async fn execute(
    endpoint: AdmittedRequest<'_>,
    id: RequestId,
    opened: ValidatedRequest,
    (choice, http): (Option<Selection>, &Request),
    (streams, departure): (bool, Disconnect),
) -> Answered<Response> {
    let channel = Channel::of_request(id.clone());
    let record = endpoint.record.clone();
    let hub = Rc::new(endpoint.hub());
    let left = departure.clone();
    let has_left: HasLeft = Rc::new(move || left.is_disconnected());
    let run = Rc::new(Round::new(RoundInput {
        channel: channel.clone(),
        platform: Rc::new(WorkersPlatform),
        has_left: has_left.clone(),
        capabilities: opened.envelope.capabilities,
        token: opened.envelope.token,
        log_level: opened.envelope.log_level,
        bind: make_binding(opened.method, opened.params.clone(), &endpoint),
        before: opened.before,
        responses: opened.envelope.responses,
        now_s: u32::try_from(record.began_s()).unwrap_or(u32::MAX),
        nonce: || random::bytes().ok(),
        consume: nonce_consumer(hub.clone(), endpoint.token_check().map(Rc::new)),
    }));
    let tasks = endpoint.tasks(opened.envelope.client.clone());
    let changes = Rc::new(Changes::in_request(endpoint.wait_until()).of_client(has_left));
    let is_chosen = choice.is_some();
    let choice = choice.unwrap_or_else(|| endpoint.config.choice.clone());
    let ctx = Context {
        principal: Rc::new(endpoint.principal.clone()),
        client: Rc::new(opened.envelope.client),
        credential: endpoint.credential(),
        registry: chosen_registry(&endpoint.door, choice.tools),
        remote: endpoint.remote(http, &choice)?,
        page_size: endpoint.config.page_size,
        consent: endpoint.config.consent,
        choice: choice.tools,
        upstreams: choice.upstreams,
        platform: Rc::new(WorkersPlatform),
        notifier: run.clone(),
        execution: run.clone(),
        audit: endpoint.audit(),
        changes: changes.clone(),
        record: record.clone(),
        tasks,
        result_store: Some(hub.clone()),
        stages: Some(Rc::new(StageObjects(endpoint.env.clone()))),
    };
    let keys = endpoint.keys.clone();
    let (method, params) = (opened.method, opened.params);
    let ended = match preliminary::check_param_headers(&ctx, http, method, &params).await {
        Ok(ended) => ended,
        Err(error) => return refused(&endpoint, &id, &error),
    };
    let until_end = record.end_guard();
    let call = async move {
        let _until_end = until_end;
        let outcome = match (ended, method.named_by(), &params.name) {
            (Some(outcome), ..) => outcome,
            (None, Some(NamedBy::TaskId), Some(id)) => {
                cold(relay::task(&ctx, method, id, params.whole.as_deref())).await
            }
            _ => dispatch(&ctx, method.as_str(), params.as_params()).await,
        };
        ctx.record.set_outcome(outcome.word(), outcome.code());
        hub.announce(&run.take_news()).await;
        let own = is_chosen || !ctx.principal.scopes.has(Scopes::WRITE);
        encode(&id, cache_hint(method, own), outcome, &run, &keys)
    };
    match run_attached(call.boxed_local(), channel, Rc::new(WorkersPlatform), changes).await {
        AttachedAnswer::Whole(reply) => Ok(response::reply(reply, endpoint.caller)?),
        AttachedAnswer::Stream(stream) if !streams => {
            match select(cold(read_response(stream.map(Ok))), departure.wait()).await {
                Either::Left((body, _)) => Ok(response::json(200, &body?, endpoint.caller)?),
                Either::Right(((), rest)) => {
                    // Dropping the stream ends the call, or has it go on without a reader.
                    record.response_streams(200);
                    drop(rest);
                    Ok(response::accepted(endpoint.caller)?)
                }
            }
        }
        AttachedAnswer::Stream(stream) => {
            record.response_streams(200);
            Ok(response::stream(stream.map(Ok), endpoint.caller)?)
        }
    }
}

/// Consumes names of requests in the subject's hub.
fn nonce_consumer(hub: Rc<hub::Hub>, check: Option<Rc<TokenCheck>>) -> ConsumeNonce {
    Box::new(move |nonce| {
        let (hub, check) = (hub.clone(), check.clone());
        let until = now_s().saturating_add(u64::from(ROUND_TTL_S));
        async move {
            if let Some(check) = check {
                check.run().await.map_err(|refusal| refusal.to_string())?;
            }
            hub.consume(nonce, until).await.map_err(|error| error.to_string())
        }
        .boxed_local()
    })
}

/// How long a result may be kept. A list of tools that the caller chose, or that leaves out what it
/// may not use, is its own.
fn cache_hint(method: Method, own: bool) -> Option<CacheHint> {
    let hint = method.cache_hint()?;
    let own = own && method == Method::ToolsList;
    Some(if own { CacheHint { scope: CacheScope::Private, ..hint } } else { hint })
}

/// An outcome as this era says it.
fn encode(
    id: &RequestId,
    hint: Option<CacheHint>,
    outcome: Outcome,
    run: &Round,
    keys: &Keyring,
) -> Reply {
    let done = |text: String| (200, result_text(id, &complete(text, hint)));
    let (status, body) = match outcome {
        Outcome::List(text) => done(text.to_owned()),
        Outcome::Text(text) => done(text),
        Outcome::Relayed(text) => (200, result_text(id, &relayed(&text, hint))),
        Outcome::Hinted(text, hint) => (200, result_text(id, &noted(text, Some(hint)))),
        Outcome::Task(seen) => (200, result_text(id, &noted_as(seen.task, ResultType::Task, None))),
        Outcome::TaskState(text) => (200, result_text(id, &noted(text, None))),
        Outcome::Result(text) if text.len() > MAX_RESULT => {
            (200, error_text(Some(id), &too_large_error(text.len())))
        }
        Outcome::Result(text) => done(text),
        Outcome::Tool(result) => done(bounded(result.to_json())),
        Outcome::NoResource(uri) => failed(id, &StatelessError::ResourceNotFound(uri)),
        Outcome::Failed(error) => (200, error_text(Some(id), &error)),
        Outcome::Beyond(beyond) => return Reply::Forbidden(beyond, beyond_text(id, beyond)),
        Outcome::Stopped(stop) => stopped(id, stop, run, keys),
    };
    Reply::Json { status, body }
}

pub(super) fn failed(id: &RequestId, error: &StatelessError) -> (u16, Vec<u8>) {
    (error.status(), error.response(Some(id)))
}

fn bounded(text: String) -> String {
    if text.len() <= MAX_RESULT { text } else { too_large(text.len()).to_json() }
}

fn stopped(id: &RequestId, Stop(reason): Stop, run: &Round, keys: &Keyring) -> (u16, Vec<u8>) {
    match reason {
        StopReason::Suspended(open) => match run.take_next().map(|state| state.seal(keys)) {
            Some(Ok(state)) => {
                let text = input_required(&InputRequests(&open), Some(&state));
                (200, result_text(id, &text))
            }
            Some(Err(large)) => failed(id, &large.into()),
            None => {
                let error = RpcError::new(INTERNAL_ERROR, "the questions were lost");
                (200, error_text(Some(id), &error))
            }
        },
        StopReason::MissingCapability(needs) => {
            failed(id, &StatelessError::MissingCapability(needs))
        }
        StopReason::Malformed(fault) => failed(id, &fault.into()),
        StopReason::Refused(error) => (200, error_text(Some(id), &error)),
        StopReason::Unanswered(_)
        | StopReason::Moves
        | StopReason::TakenBack(_)
        | StopReason::Held(_) => {
            let text = Stop(reason).into_result().to_json();
            (200, result_text(id, &complete(text, None)))
        }
    }
}

/// The answer to a body of no era.
pub fn no_era(endpoint: &AdmittedRequest<'_>, refused: &era::EraError<'_>) -> Answered<Response> {
    let body = refused.error.response(refused.id);
    Ok(response::json(refused.error.status(), &body, endpoint.caller)?)
}

//! The inputs of a task's run: its access, its credential and its context.
//!
//! Invariant: a task that was begun with a caller's SiteBay token runs with that token or not at all.

use std::{panic::AssertUnwindSafe, rc::Rc};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use thiserror::Error;
use worker::Env;

use crate::{
    config::Config,
    platform::{
        cipher::{self, KeyContext},
        workers::WorkersPlatform,
    },
    state,
    stubs::{
        self, connect::PersonalKeys, grants, hub::Hub, keys, stages::StageObjects,
        upstream::UpstreamStub,
    },
    wiring,
};
use gateway::{door::Place, forwarded::Forwarded};
use mcp_auth::{refusal::Refusal, secret::Secret, subject::Subject};
use mcp_protocol::{
    content::CallToolResult,
    jsonrpc::{INTERNAL_ERROR, RpcError},
};
use mcp_server::{
    client_request::Stop,
    cold::cold,
    context::Context,
    remote::Remote,
    task::{TaskRecord, TaskRun, TaskSpec},
    tasks::TaskCall,
    telemetry::{audit::Audit, record::RequestRecord, trace::Trace},
};

/// Why a task cannot go on for now. The text is for the log.
#[derive(Debug, Error)]
pub enum TaskBlocked {
    /// The OAuth grant it was begun with could not be asked.
    #[error("its grant could not be asked: {0}")]
    Grant(worker::Error),
    /// The keys of this server, under which a person's own are found, could not be had.
    #[error("the server's keys could not be had: {0}")]
    Keys(Refusal),
    /// The SiteBay token it was begun with does not open.
    #[error("its credential cannot be decrypted: {0}")]
    Credential(String),
    /// The object's storage failed.
    #[error("{0}")]
    Storage(#[from] worker::Error),
    /// The run panicked outside of its tool.
    #[error("a panic")]
    Panic,
}

impl TaskBlocked {
    /// The message for its client.
    pub fn why(&self) -> &'static str {
        match self {
            Self::Grant(_) => {
                "the server cannot check whether the access with which it was started is still \
                 valid"
            }
            Self::Keys(_) => "the server cannot read its own keys",
            Self::Credential(_) => {
                "the server cannot decrypt the SiteBay token with which it was started, because \
                 CREDENTIAL_KEY was replaced"
            }
            Self::Storage(_) | Self::Panic => "the server failed",
        }
    }
}

/// Seals a SiteBay token for the task with this id.
///
/// # Errors
/// Where there is no key, or the runtime fails.
pub async fn sealed(env: &Env, id: &str, token: Secret) -> Result<String, String> {
    let config = state::config(env);
    let keys = config.credential_keys.as_ref().ok_or("CREDENTIAL_KEY is not set")?;
    let sealed = cipher::seal(KeyContext { keys, aad: &[] }, id, &token).await;
    sealed.map_err(|error| worker::Error::from(error).to_string())
}

/// Whether the access that the task was begun with is over.
///
/// # Errors
/// Where its grant cannot be asked.
pub async fn is_revoked(env: &Env, order: &TaskSpec) -> Result<bool, TaskBlocked> {
    match &order.principal.grant {
        Some(grant) => grants::goes_on(env, grant).await.map(|on| !on).map_err(TaskBlocked::Grant),
        None => Ok(false),
    }
}

/// The context of a run. `record`, `audit`: where it is noted.
///
/// # Errors
/// Where the task's credential cannot be opened, or the server's keys cannot be had.
pub async fn context(
    env: &Env,
    order: TaskSpec,
    credential: Option<String>,
    run: &Rc<TaskRun>,
    (record, audit): (Rc<RequestRecord>, Rc<dyn Audit>),
) -> Result<Context, TaskBlocked> {
    let config = state::config(env);
    let own_token = match credential {
        Some(sealed) => {
            let keys = config.credential_keys.as_ref();
            let keys =
                keys.ok_or_else(|| TaskBlocked::Credential("CREDENTIAL_KEY is not set".into()))?;
            let opened = cipher::open(KeyContext { keys, aad: &[] }, &order.id, &sealed).await;
            let opened = opened.map_err(|error| worker::Error::from(error).to_string());
            Some(opened.map_err(TaskBlocked::Credential)?.expose().to_owned())
        }
        None => None,
    };
    let result_store = Rc::new(Hub::new(env, order.principal.subject));
    let remote = match wiring::upstream_of(&order.start.tool) {
        Some(upstream) => {
            cold(in_place_of(env, &config, upstream, order.principal.subject)).await?
        }
        None => None,
    };
    let choice = order.start.choice(config.choice.tools);
    Ok(Context {
        client: Rc::new(order.client()),
        choice,
        result_store: Some(result_store),
        stages: Some(Rc::new(StageObjects(env.clone()))),
        remote,
        notifier: run.clone(),
        execution: run.clone(),
        record,
        // For what its tool notes by itself (`note_change`): the call was noted as it became a task, and its end is where
        // it ends.
        audit,
        ..config.background(order.principal, own_token, Rc::new(WorkersPlatform))
    })
}

/// The door of an upstream in whose place this server answers: it has the key of the person whose task it is. None: the
/// tool says that it is not there.
///
/// # Errors
/// Where the keys of this server cannot be had at the moment.
async fn in_place_of(
    env: &Env,
    config: &Config,
    upstream: &str,
    subject: Subject,
) -> Result<Option<Rc<dyn Remote>>, TaskBlocked> {
    let keys = keys::keys(env, config).await.map_err(TaskBlocked::Keys)?;
    let place = || {
        // Nothing is sent there.
        let (env, is_personal) = (env.clone(), true);
        Place::Worker(Rc::new(UpstreamStub { env, subject, is_personal }))
    };
    let connections =
        || PersonalKeys { env: env.clone(), keys: keys.clone(), origin: String::new() };
    let along = (None, Forwarded::default(), connections);
    let door = stubs::upstream::door((env, config), &keys, upstream, place, along);
    Ok(door.ok().flatten().map(|door| door as Rc<dyn Remote>))
}

/// Fills a record with what is known of the task.
pub fn fill_record(record: &RequestRecord, kept: &TaskRecord) {
    let TaskSpec { start, principal, .. } = &kept.order;
    record.set_principal(principal);
    record.set_client(Rc::new(kept.order.client()), "");
    record.set_trace(start.trace.as_deref().and_then(Trace::from_text));
}

/// The tool's run, with its panic turned into a failure.
pub fn call(
    ctx: Context,
    start: TaskCall,
) -> LocalBoxFuture<'static, Result<CallToolResult, Stop>> {
    let called = async move {
        match wiring::find(&start.tool) {
            Some(found) => found.call(&ctx, start.arguments.as_deref()).await,
            None => Err(internal("the tool does not exist any more")),
        }
    };
    AssertUnwindSafe(called)
        .catch_unwind()
        .map(|caught| {
            caught.unwrap_or_else(|_| {
                Err(internal(
                    "the task failed in the server. Some of its changes may have happened: check \
                     before you repeat it",
                ))
            })
        })
        .boxed_local()
}

fn internal(why: &str) -> Stop {
    Stop::refused(RpcError::new(INTERNAL_ERROR, format!("internal error: {why}")))
}

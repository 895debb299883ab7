//! What the toolset `infrastructure` has of this server: its settings, and what of a stage is bound to it.
//!
//! Invariant: an object of this server's own is never reached as one of a stage.

use std::rc::Rc;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use infrastructure::{
    api::Settings,
    bound::Ask,
    host::{BindingError, Host, ObjectAnswer, ObjectMessage},
    manifest::Kind,
};
use mcp_auth::{keys::Purpose, secret::Secret};
use serde_json::Value;
use worker::{Env, Headers};

use crate::platform::{
    bound::{self, AskError, Question},
    object_stub::{CallError, ObjectStub},
    request,
};

/// The bindings of this server's own objects end so.
const OWN: &str = "_AGENT";

/// What keeps the key of cursors apart from other keys.
const CURSORS: &[u8] = b"infrastructure: cursors of lists";

/// This isolate.
pub(super) struct Isolate;

impl Host for Isolate {
    fn settings(&self) -> Rc<Settings> {
        let env = super::env();
        env.map(|env| super::config(&env).infrastructure.api.clone()).unwrap_or_default()
    }

    fn own_stage(&self) -> Option<String> {
        super::config(&super::env()?).infrastructure.own_stage.clone()
    }

    fn cursor_key(&self) -> Option<Secret> {
        let keys = super::kept_keys()?;
        let key = keys.secret(keys.signing_id(), Purpose::RequestState, CURSORS)?;
        let digits: Vec<String> = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Secret::new(digits.concat()))
    }

    fn is_bound(&self, kind: Kind, binding: &str) -> bool {
        super::env().is_some_and(|env| bound::is_bound(&env, kind.name(), binding))
    }

    fn ask<'a>(
        &'a self,
        binding: &'a str,
        ask: Ask<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, BindingError>> {
        async move {
            let none = || BindingError::NoBinding(binding.to_owned());
            let env = super::env().ok_or_else(none)?;
            if !bound::is_bound(&env, ask.kind().name(), binding) {
                return Err(none());
            }
            let (what, values, deadline) = (ask.name(), &ask.values(), ask.deadline());
            let question = Question { what, values, deadline };
            bound::ask(&env, binding, question).await.map_err(|error| match error {
                AskError::TimedOut(deadline) => BindingError::TimedOut(deadline),
                AskError::Failed(text) => BindingError::Failed(text),
            })
        }
        .boxed_local()
    }

    fn send<'a>(
        &'a self,
        message: ObjectMessage<'a>,
    ) -> LocalBoxFuture<'a, Result<ObjectAnswer, BindingError>> {
        async move {
            let none = || BindingError::NoBinding(message.binding.to_owned());
            let env = super::env().ok_or_else(none)?;
            if message.binding.ends_with(OWN) {
                return Err(none());
            }
            sent(&env, message).await
        }
        .boxed_local()
    }
}

async fn sent(env: &Env, message: ObjectMessage<'_>) -> Result<ObjectAnswer, BindingError> {
    let ObjectMessage { binding, object, path, body, deadline, at_least } = message;
    let stub = ObjectStub::named(env, binding, object)
        .map_err(|_| BindingError::NoBinding(binding.to_owned()))?;
    let failed = |error: worker::Error| BindingError::Failed(error.to_string());
    let headers = Headers::new();
    headers.set("content-type", "application/json").map_err(failed)?;
    let url = format!("https://object{path}");
    let request = request::request("POST", &url, &headers, Some(body)).map_err(failed)?;
    match stub.beginning_within(&request, deadline, at_least).await {
        Ok((status, text)) => Ok(ObjectAnswer { status, text }),
        Err(CallError::TimedOut(deadline)) => Err(BindingError::TimedOut(deadline)),
        Err(CallError::Failed(error)) => Err(failed(error)),
    }
}

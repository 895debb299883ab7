//! What the toolset `infrastructure` has of this server: its settings, and the Durable Objects that are bound to it.
//!
//! Invariant: an object of this server's own is never reached as one of a stage.

use std::rc::Rc;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use infrastructure::{
    api::Settings,
    host::{Host, ObjectAnswer, ObjectMessage, SendError},
};
use worker::{Env, Headers};

use crate::platform::{
    object_stub::{CallError, ObjectStub},
    request,
};

/// The bindings of this server's own objects end so.
const OWN: &str = "_AGENT";

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

    fn send<'a>(
        &'a self,
        message: ObjectMessage<'a>,
    ) -> LocalBoxFuture<'a, Result<ObjectAnswer, SendError>> {
        async move {
            let none = || SendError::NoBinding(message.binding.to_owned());
            let env = super::env().ok_or_else(none)?;
            if message.binding.ends_with(OWN) {
                return Err(none());
            }
            sent(&env, message).await
        }
        .boxed_local()
    }
}

async fn sent(env: &Env, message: ObjectMessage<'_>) -> Result<ObjectAnswer, SendError> {
    let ObjectMessage { binding, object, path, body, deadline, at_least } = message;
    let stub = ObjectStub::named(env, binding, object)
        .map_err(|_| SendError::NoBinding(binding.to_owned()))?;
    let failed = |error: worker::Error| SendError::Failed(error.to_string());
    let headers = Headers::new();
    headers.set("content-type", "application/json").map_err(failed)?;
    let url = format!("https://object{path}");
    let request = request::request("POST", &url, &headers, Some(body)).map_err(failed)?;
    match stub.beginning_within(&request, deadline, at_least).await {
        Ok((status, text)) => Ok(ObjectAnswer { status, text }),
        Err(CallError::TimedOut(deadline)) => Err(SendError::TimedOut(deadline)),
        Err(CallError::Failed(error)) => Err(failed(error)),
    }
}

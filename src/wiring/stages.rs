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

use crate::{
    config::Config,
    platform::{
        object_stub::{CallError, ObjectStub},
        request,
    },
    state,
};

use super::INFRASTRUCTURE;

/// The bindings of this server's own objects end so.
const OWN: &str = "_AGENT";

/// This server.
pub(super) struct ThisServer;

fn config() -> Option<Rc<Config>> {
    state::env().map(|env| state::config(&env))
}

impl Host for ThisServer {
    fn settings(&self) -> Rc<Settings> {
        config().map(|config| config.infrastructure.api.clone()).unwrap_or_default()
    }

    fn own_stage(&self) -> Option<String> {
        let config = config()?;
        let named = config.infrastructure.own_stage.clone();
        let default = || INFRASTRUCTURE.manifest()?.default_stage().map(str::to_owned);
        named.or_else(default)
    }

    fn send<'a>(
        &'a self,
        message: ObjectMessage<'a>,
    ) -> LocalBoxFuture<'a, Result<ObjectAnswer, SendError>> {
        async move {
            let none = || SendError::NoBinding(message.binding.to_owned());
            let env = state::env().ok_or_else(none)?;
            if message.binding.ends_with(OWN) {
                return Err(none());
            }
            sent(&env, message).await
        }
        .boxed_local()
    }
}

async fn sent(env: &Env, message: ObjectMessage<'_>) -> Result<ObjectAnswer, SendError> {
    let ObjectMessage { binding, object, path, body, deadline } = message;
    let stub = ObjectStub::named(env, binding, object)
        .map_err(|_| SendError::NoBinding(binding.to_owned()))?;
    let failed = |error: worker::Error| SendError::Failed(error.to_string());
    let headers = Headers::new();
    headers.set("content-type", "application/json").map_err(failed)?;
    let url = format!("https://object{path}");
    let request = request::request("POST", &url, &headers, Some(body)).map_err(failed)?;
    match stub.text_within(&request, deadline).await {
        Ok((status, text)) => Ok(ObjectAnswer { status, text }),
        Err(CallError::TimedOut(deadline)) => Err(SendError::TimedOut(deadline)),
        Err(CallError::Failed(error)) => Err(failed(error)),
    }
}

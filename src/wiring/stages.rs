//! The server around the toolset `infrastructure`: what the isolate installs once it has read the configuration.

use std::{cell::Cell, rc::Rc};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use infrastructure::{
    api::Settings,
    bound::Ask,
    host::{BindingError, Host, ObjectAnswer, ObjectMessage},
    manifest::Kind,
};
use mcp_auth::secret::Secret;
use serde_json::Value;

use super::INFRASTRUCTURE;

thread_local!(static INSTALLED: Cell<Option<&'static dyn Host>> = const { Cell::new(None) });

/// Says who has the settings and the way to objects that are bound.
pub fn install_host(host: &'static dyn Host) {
    INSTALLED.set(Some(host));
}

/// The host that was installed. Without one nothing is set and nothing is bound.
pub(super) struct ThisServer;

impl Host for ThisServer {
    fn settings(&self) -> Rc<Settings> {
        INSTALLED.get().map(|host| host.settings()).unwrap_or_default()
    }

    fn own_stage(&self) -> Option<String> {
        let named = INSTALLED.get().and_then(|host| host.own_stage());
        named.or_else(|| INFRASTRUCTURE.manifest()?.default_stage().map(str::to_owned))
    }

    fn cursor_key(&self) -> Option<Secret> {
        INSTALLED.get()?.cursor_key()
    }

    fn is_bound(&self, kind: Kind, binding: &str) -> bool {
        INSTALLED.get().is_some_and(|host| host.is_bound(kind, binding))
    }

    fn ask<'a>(
        &'a self,
        binding: &'a str,
        ask: Ask<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, BindingError>> {
        match INSTALLED.get() {
            Some(host) => host.ask(binding, ask),
            None => ready(Err(BindingError::NoBinding(binding.to_owned()))).boxed_local(),
        }
    }

    fn send<'a>(
        &'a self,
        message: ObjectMessage<'a>,
    ) -> LocalBoxFuture<'a, Result<ObjectAnswer, BindingError>> {
        match INSTALLED.get() {
            Some(host) => host.send(message),
            None => {
                let none = BindingError::NoBinding(message.binding.to_owned());
                ready(Err(none)).boxed_local()
            }
        }
    }
}

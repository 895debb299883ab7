//! What the server around the toolset has for it: settings, and the ways to what is bound to it.

use std::{rc::Rc, time::Duration};

use futures_util::future::LocalBoxFuture;
use mcp_auth::secret::Secret;
use serde_json::Value;
use thiserror::Error;

use crate::{api::Settings, bound::Ask, manifest::Kind};

/// The server around the toolset.
pub trait Host: Sync {
    /// The account and its tokens.
    fn settings(&self) -> Rc<Settings>;

    /// The stage to which the bindings of this server lead, by its name or alias. None: to none of the manifest.
    fn own_stage(&self) -> Option<String>;

    /// A key for what callers bring back. None: the server has none yet.
    fn cursor_key(&self) -> Option<Secret>;

    /// Whether something of this kind is bound to the server under this name: a D1 database, an R2 bucket or a Workflow.
    fn is_bound(&self, kind: Kind, binding: &str) -> bool;

    /// Asks what is bound under this name, once, and waits for [`Ask::deadline`] at most. The answer has the form that
    /// [`Ask`] describes.
    fn ask<'a>(
        &'a self,
        binding: &'a str,
        ask: Ask<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, BindingError>>;

    /// Sends a message to a Durable Object behind a binding, once.
    fn send<'a>(
        &'a self,
        message: ObjectMessage<'a>,
    ) -> LocalBoxFuture<'a, Result<ObjectAnswer, BindingError>>;
}

/// A message to a Durable Object: a POST with a body of JSON.
#[derive(Debug, Clone, Copy)]
pub struct ObjectMessage<'a> {
    /// The binding that leads to its class.
    pub binding: &'a str,
    /// The name of the object.
    pub object: &'a str,
    /// The path at which it takes messages.
    pub path: &'a str,
    /// The body.
    pub body: &'a str,
    /// How long it may take for its whole answer.
    pub deadline: Duration,
    /// Bytes of its answer that are read at least, where it has them. The rest of a longer one need not be.
    pub at_least: u32,
}

/// What an object answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectAnswer {
    /// The status.
    pub status: u16,
    /// The body, or the beginning of a long one.
    pub text: String,
}

/// Why something that is bound gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BindingError {
    /// There is no such binding, or it is one of this server's own: nothing was sent.
    #[error("this server has no binding `{0}` for it")]
    NoBinding(String),
    /// It did not answer in time. It may have done what was asked of it.
    #[error("it gave no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It failed, or could not be reached. It may have done what was asked of it.
    #[error("it failed: {0}")]
    Failed(String),
}

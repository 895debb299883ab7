//! What the server around the toolset has for it: settings, and the way to objects that are bound to it.

use std::{rc::Rc, time::Duration};

use futures_util::future::LocalBoxFuture;
use thiserror::Error;

use crate::api::Settings;

/// The server around the toolset.
pub trait Host: Sync {
    /// The account and its tokens.
    fn settings(&self) -> Rc<Settings>;

    /// The stage to which the bindings of this server lead, by its name or alias. None: to none of the manifest.
    fn own_stage(&self) -> Option<String>;

    /// Sends a message to a Durable Object behind a binding, once.
    fn send<'a>(
        &'a self,
        message: ObjectMessage<'a>,
    ) -> LocalBoxFuture<'a, Result<ObjectAnswer, SendError>>;
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

/// Why an object gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// There is no such binding, or it is one of this server's own: nothing was sent.
    #[error("this server has no binding `{0}` for it")]
    NoBinding(String),
    /// It did not answer in time. It may have got the message.
    #[error("it gave no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It failed, or could not be reached. It may have got the message.
    #[error("it failed: {0}")]
    Failed(String),
}

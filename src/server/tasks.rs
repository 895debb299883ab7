//! Long work as the rest of the server sees it: started, looked at, answered, cancelled, followed.
//!
//! Invariant: an id that is not the caller's names nothing, and no object hears of it.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    protocol::{capabilities::ClientCapabilities, stateless::request_state::Answered},
    server::notify::Notifier,
};

/// The URI of a task as a resource, before its id.
pub const OPERATION: &str = "sitebay://operation/";

/// When a tool's work becomes a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// Never: it is quick.
    Never,
    /// As soon as it is called, where the client can follow tasks; else when it begins to change
    /// something.
    AtOnce,
    /// When it begins to change something.
    AtBegin,
}

/// How a caller follows its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// It is given the task and looks at it when it wants to.
    Handle,
    /// The call waits; where it is lost, the task goes on.
    Waits,
    /// The call waits; where it is lost, the task is taken back.
    Owns,
}

/// What a task is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Option<Box<RawValue>>,
    /// What the client has answered so far.
    pub answers: Vec<Answered>,
    /// What the client can be asked while the task runs.
    pub capabilities: ClientCapabilities,
    /// Names the request, so that sending it again does not do it again. None: it has no name.
    pub nonce: Option<[u8; 16]>,
}

/// A task and what it looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// The JSON text of the task, an object.
    pub task: String,
}

/// Why a task did not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskFault {
    /// There is no such task, or it is somebody else's, or forgotten.
    Unknown,
    /// What was sent does not fit; the text says why.
    Refused(String),
    /// Its object could not be asked.
    Failed(String),
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// With the text of a result.
    Completed(String),
    /// With an error of the protocol: code and message.
    Failed(i32, String),
    /// The client took it back.
    Cancelled,
}

/// What a task does, or nothing where it could not be asked.
pub type Asked<T> = LocalBoxFuture<'static, Result<T, TaskFault>>;

/// The tasks of one caller.
pub trait Tasks {
    /// Starts a task; it is kept when this is ready.
    fn start(&self, start: Start) -> Asked<Seen>;

    /// Looks at a task: its JSON text.
    fn look(&self, id: &str) -> Asked<String>;

    /// Answers questions of a task: the text of `inputResponses`.
    fn update(&self, id: &str, responses: String) -> Asked<()>;

    /// Takes a task back.
    fn cancel(&self, id: &str) -> Asked<()>;

    /// Waits for the end of a task; what it tells and asks goes through `notifier`. `owner`: it is
    /// taken back when nobody waits any more.
    fn follow(&self, id: &str, owner: bool, notifier: Rc<dyn Notifier>) -> Asked<Ended>;
}

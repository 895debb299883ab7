//! Long work as the rest of the server sees it: started, looked at, answered, cancelled, followed.
//!
//! Invariant: an id that is not the caller's names nothing, and no object hears of it.

use std::rc::Rc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use crate::notify::Notifier;
use mcp_auth::request_state::Answered;
use mcp_protocol::{
    capabilities::ClientCapabilities,
    fields::fields,
    object::{Object, array},
    raw,
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
#[derive(Debug, Clone)]
pub struct Start {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Option<Box<RawValue>>,
    /// What the client has answered so far.
    pub answers: Vec<Answered>,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
    /// Whether it can be asked while the task runs.
    pub can_ask: bool,
    /// The trace that it belongs to, as text.
    pub trace: Option<String>,
    /// Names the request, so that sending it again does not do it again. None: it has no name.
    pub nonce: Option<[u8; 16]>,
}

impl Start {
    /// The JSON text that [`Self::from_json`] reads.
    pub fn to_json(&self) -> String {
        let answers: Vec<String> = self.answers.iter().map(Answered::to_json).collect();
        let nonce = self.nonce.map(|nonce| URL_SAFE_NO_PAD.encode(nonce));
        Object::new()
            .text("tool", &self.tool)
            .raw("arguments", self.arguments.as_deref().map_or("null", RawValue::get))
            .raw("answers", &array(&answers))
            .number("capabilities", self.capabilities.bits().into())
            .flag("can_ask", self.can_ask)
            .text_if("trace", self.trace.as_deref())
            .text_if("nonce", nonce.as_deref())
            .end()
    }

    /// Reads it back.
    pub fn from_json(json: &str) -> Option<Self> {
        let names = ["tool", "arguments", "answers", "capabilities", "can_ask", "trace", "nonce"];
        let [tool, arguments, answers, capabilities, can_ask, trace, nonce] =
            fields(json, names).ok()?;
        let answers = raw::elements(answers?.get()).ok()?;
        let nonce = match nonce {
            Some(nonce) => URL_SAFE_NO_PAD.decode(&*raw::text(nonce)?).ok()?.try_into().ok(),
            None => None,
        };
        Some(Self {
            tool: raw::string(tool?)?,
            arguments: arguments.map(ToOwned::to_owned),
            answers: answers
                .iter()
                .map(|one| Answered::from_json(one.get()))
                .collect::<Option<_>>()?,
            capabilities: ClientCapabilities::from_bits(raw::number(capabilities?)?),
            can_ask: raw::flag(can_ask?)?,
            trace: trace.and_then(raw::string),
            nonce,
        })
    }
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
    /// It was refused before it did anything; the text says why.
    Refused(String),
    /// Its object did not answer: it may have done what was asked of it.
    Failed(String),
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With the text of a result.
    Completed(String),
    /// With an error of the protocol: code and message.
    Failed(i32, String),
    /// The client took it back.
    Cancelled,
}

impl Ended {
    /// The JSON text that [`Self::from_json`] reads.
    pub fn to_json(&self) -> String {
        match self {
            Self::Completed(result) => Object::new().text("completed", result),
            Self::Failed(code, why) => {
                Object::new().text("failed", why).raw("code", &code.to_string())
            }
            Self::Cancelled => Object::new(),
        }
        .end()
    }

    /// Reads it back.
    pub fn from_json(json: &str) -> Option<Self> {
        let [completed, failed, code] = fields(json, ["completed", "failed", "code"]).ok()?;
        Some(match (completed, failed) {
            (Some(result), _) => Self::Completed(raw::string(result)?),
            (None, Some(why)) => Self::Failed(raw::number(code?)?, raw::string(why)?),
            (None, None) => Self::Cancelled,
        })
    }
}

/// What a task does, or nothing where it could not be asked.
pub type Asked<T> = LocalBoxFuture<'static, Result<T, TaskFault>>;

/// The tasks of one caller.
pub trait Tasks {
    /// Signs the id of a task that is to be started. The same nonce names the same task.
    fn name(&self, nonce: Option<[u8; 16]>) -> String;

    /// Starts the task with this id; it is kept when this is ready. Starting it again gives the task
    /// that there is. [`TaskFault::Failed`]: it may have begun.
    fn start(&self, id: &str, start: Start) -> Asked<Seen>;

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

//! A task as it is kept, and how it looks from outside.
//!
//! Invariant: everything that a task knows is in [`TaskRecord`] and its [`TaskOutcome`]; a run is made from them,
//! and may end at any moment. Source: SEP-2663, MCP extension `io.modelcontextprotocol/tasks`.
//!
//! ```text
//!              asks                     answered
//!   working ──────────▶ input_required ──────────▶ working
//!      └──▶ completed │ failed │ cancelled ◀──┘
//! ```

mod backoff;
mod record;
mod request;
mod run;

pub use request::{TaskRequest, TaskResponse};
pub use run::{RunEnd, TaskRun, TaskStore, drive};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    execution::{BOUND, TARGET},
    tasks::{TaskCall, TaskOutcome},
};
use mcp_auth::{principal::Principal, request_state::AnsweredInput};
use mcp_platform::{record::Record, time::rfc3339};
use mcp_protocol::{
    implementation::Implementation,
    jsonrpc::RpcError,
    log_level::LoggingLevel,
    object::quoted,
    stateless::mrtr::{InputRequests, InputResponses, InputResponsesError, KeyedRequest},
};

/// Where the socket of a follower is asked for.
pub const FOLLOW: &str = "/follow";
/// The same for a follower whose leaving takes the task back.
pub const OWN: &str = "/own";
/// Behind the path of a follower that is to hear when nothing is asked any more. A follower that does not
/// say so would take that for a question that cannot be put, and cancel the task.
pub const HEARS_NOTHING_ASKED: &str = "?hears=nothing-asked";

/// The status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the extension")]
pub enum Status {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    /// That of a task that ended like this.
    pub fn of(ended: &TaskOutcome) -> Self {
        match ended {
            TaskOutcome::Completed(_) => Self::Completed,
            TaskOutcome::Failed(..) => Self::Failed,
            TaskOutcome::Cancelled => Self::Cancelled,
        }
    }

    /// The name in the extension.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The specification with which its object starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskSpec {
    /// The task's id.
    pub id: String,
    /// When it is forgotten, in seconds since 1970.
    #[serde(rename = "ends")]
    pub ends_s: u64,
    /// The tool call to run.
    pub start: TaskCall,
    /// The caller.
    pub principal: Principal,
    /// The name of the program that the person uses.
    #[serde(rename = "client", default)]
    pub client_name: String,
    /// The version of that program.
    #[serde(rename = "version", default)]
    pub client_version: String,
}

impl TaskSpec {
    /// The program that the person uses.
    pub fn client(&self) -> Implementation {
        Implementation { name: self.client_name.clone(), version: self.client_version.clone() }
    }
}

impl Record for TaskSpec {}

/// A task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Its specification. The list of responses grows.
    pub order: TaskSpec,
    /// The caller's SiteBay credential, sealed; None: it has none of its own, or the task is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Its status.
    pub status: Status,
    /// How far it is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was made, in milliseconds since 1970.
    #[serde(rename = "created")]
    pub created_ms: u64,
    /// When it changed last.
    #[serde(rename = "updated", default)]
    pub updated_ms: u64,
    /// When the tool runs again; 0: now.
    #[serde(rename = "wake", default)]
    pub wake_ms: u64,
    /// The requests that wait for the client's response.
    #[serde(default)]
    pub asked: Vec<KeyedRequest>,
    /// The recorded steps, by key: `None` for an intent, else the outcome.
    pub steps: Vec<(String, Option<String>)>,
    /// Why it cannot go on for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Runs in a row that ended because it could not go on.
    #[serde(default)]
    pub attempts: u32,
    /// The client took it back: its tool runs no more, and what it began elsewhere is ended.
    #[serde(default, rename = "cancelled", skip_serializing_if = "is_false")]
    pub is_cancelled: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Record for TaskRecord {}

/// An event sent to the followers of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskEvent {
    /// It came further: progress, total, message.
    Progress(f64, Option<f64>, Option<String>),
    /// A message for the log.
    Log(LoggingLevel, String, Value),
    /// The questions that wait for the client's answers; none where they are answered.
    Asks(Vec<KeyedRequest>),
    /// It ended; its object says how.
    Over,
}

/// A task sleeps no longer at a time, in milliseconds: one that was to sleep longer looks at the clock in
/// between, which may have been put right.
const MAX_NAP: u64 = 600_000;
/// Looking again is worth it after so long, in milliseconds.
const POLL: std::ops::RangeInclusive<u64> = 500..=5_000;

impl TaskRecord {
    /// A new task.
    pub fn new(order: TaskSpec, credential: Option<String>, now_ms: u64) -> Self {
        let bound = order.start.bound.clone().map(|bound| (BOUND.to_owned(), Some(bound)));
        Self {
            order,
            credential,
            status: Status::Working,
            message: None,
            created_ms: now_ms,
            updated_ms: now_ms,
            wake_ms: 0,
            asked: Vec::new(),
            steps: bound.into_iter().collect(),
            held: None,
            attempts: 0,
            is_cancelled: false,
        }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        !matches!(self.status, Status::Working | Status::InputRequired)
    }

    /// Has the tool sleep until then.
    pub fn sleeps(&mut self, until_ms: u64, now_ms: u64) {
        self.wake_ms = until_ms.min(now_ms.saturating_add(MAX_NAP));
    }

    /// Whether its tool should be running: it slept enough, or the clock went back meanwhile.
    pub fn is_due(&self, now_ms: u64) -> bool {
        let sleeps = (1..=MAX_NAP).contains(&self.wake_ms.saturating_sub(now_ms));
        self.status == Status::Working && !sleeps
    }

    /// Takes it back: what its tool began elsewhere is ended at once, also where it was to sleep.
    pub fn cancel(&mut self) {
        self.is_cancelled = true;
        self.wake_ms = 0;
    }

    /// What it began elsewhere was ended there, or may go on: this is all that its status says from here on, which is
    /// nothing where nothing ran any more.
    pub fn has_taken_back(&mut self, said: String) {
        self.message = Some(said).filter(|said| !said.is_empty());
    }

    /// The step recorded under a key.
    pub fn step(&self, key: &str) -> Option<&Option<String>> {
        self.steps.iter().find(|(known, _)| known == key).map(|(_, step)| step)
    }

    /// Writes down a step, and returns what stood there.
    pub fn record(&mut self, key: &str, step: Option<String>) -> Option<Option<String>> {
        if let Some((_, known)) = self.steps.iter_mut().find(|(known, _)| known == key) {
            return Some(std::mem::replace(known, step));
        }
        self.steps.push((key.to_owned(), step));
        None
    }

    /// Takes another state.
    pub fn becomes(&mut self, status: Status, now_ms: u64) {
        self.status = status;
        self.updated_ms = now_ms;
        if self.is_over() {
            self.resume();
            self.is_cancelled = false;
            self.credential = None;
            self.asked.clear();
            // The audit says what it changed.
            self.steps.retain(|(key, _)| key == TARGET);
            self.order.start.answers.clear();
        }
    }

    /// Takes the client's answers; true once nothing is asked any more.
    ///
    /// # Errors
    /// Where one is no answer to its question; then none is taken.
    pub fn answer(&mut self, responses: &str) -> Result<bool, InputResponsesError> {
        let responses = InputResponses::parse(responses)?;
        let (mut taken, mut open) = (Vec::new(), Vec::new());
        for keyed in &self.asked {
            match responses.answer(keyed)? {
                Some((_, text)) => taken.push(AnsweredInput {
                    key: keyed.key.clone(),
                    question: keyed.question.digest(),
                    answer: text.to_owned(),
                }),
                None => open.push(keyed.clone()),
            }
        }
        self.order.start.answers.extend(taken);
        self.asked = open;
        Ok(self.asked.is_empty())
    }

    /// The JSON text of the task, as `tasks/get` shows it.
    pub fn view(&self, ended: Option<&TaskOutcome>, now_ms: u64) -> String {
        let ttl = self.order.ends_s.saturating_mul(1_000).saturating_sub(self.created_ms);
        let wait = self.wake_ms.saturating_sub(now_ms).clamp(*POLL.start(), *POLL.end());
        let mut text = format!(
            r#"{{"taskId":"{}","status":"{}","createdAt":"{}","lastUpdatedAt":"{}","ttlMs":{ttl},"pollIntervalMs":{wait}"#,
            self.order.id,
            self.status.as_str(),
            rfc3339(self.created_ms),
            rfc3339(self.updated_ms),
        );
        let mut put = |name: &str, value: &str| {
            text.push_str(",\"");
            text.push_str(name);
            text.push_str("\":");
            text.push_str(value);
        };
        if let Some(message) = self.status_message() {
            put("statusMessage", &quoted(&message));
        }
        match ended {
            Some(TaskOutcome::Completed(result)) => put("result", result),
            Some(TaskOutcome::Failed(code, message)) => {
                put("error", &RpcError::new(*code, message.as_str()).to_json());
            }
            _ if !self.asked.is_empty() => {
                put("inputRequests", &InputRequests(&self.asked).to_json());
            }
            _ => {}
        }
        text.push('}');
        text
    }
}

//! `deploy_infrastructure` and `destroy_infrastructure`: from a call to a plan, from a plan that a person agreed to, to
//! its end.
//!
//! ```text
//!   call ─► read the records, look at the account, plan ─► preview? the plan, and what to send next
//!             │ unlock (protected stages), then the person: the list, the numbers, the stage's name typed
//!             ▼
//!           begin: from here on a task ─► plan again, Begin (bound to the id) ─► steps ─► End ─► look again
//! ```
//!
//! Invariants:
//! - A preview sends nothing that changes; nothing is sent before a person agreed to the very plan that is applied.
//! - Where the client cannot ask, `confirm: true` counts together with the id of a plan that was shown to this person,
//!   and never alone.
//! - Nothing here can unlock a protected stage: an unlock is no [`Request`](crate::state::Request).
//! - A later life of the task asks no question and plans nothing anew once it has the lease: the records of the stage say
//!   what is done.

mod answer;
mod carry_out;
mod consent;
mod desk;
mod journal;
mod place;
mod planned;
mod steps;
#[cfg(test)]
mod tests;

pub use carry_out::take_back;
pub(crate) use desk::check_not_destroyed;
pub use steps::{Cloud, Rest};

use mcp_protocol::content::CallToolResult;
use mcp_server::{
    client_request::Stop, context::Context, execution::Recorded, toolset::CallResult,
};
use serde::{Deserialize, Serialize};

use crate::{
    access::Level,
    manifest::Manifest,
    plan::{Intent, Plan},
};
use place::Place;

/// The key of what the person agreed to.
const AGREED: &str = "agreed";

/// The arguments of a call.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The stage, as it was named.
    pub stage: String,
    /// Only the plan is wanted.
    pub is_preview: bool,
    /// The caller says that the person agreed.
    pub confirm: bool,
    /// The plan that the person agreed to.
    pub plan_id: Option<String>,
    /// Resources that are there under the right names are taken over.
    pub adopt: bool,
    /// Buckets that are emptied.
    pub empty: Vec<String>,
}

/// Which of the two tools it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `deploy_infrastructure`.
    Deploy,
    /// `destroy_infrastructure`.
    Destroy,
}

impl Wish {
    /// The tool.
    pub const fn tool(self) -> &'static str {
        match self {
            Self::Deploy => "deploy_infrastructure",
            Self::Destroy => "destroy_infrastructure",
        }
    }
}

/// One call of one of the two tools.
pub struct Operate<'a, C> {
    /// The call.
    pub ctx: &'a Context,
    /// The stages.
    pub manifest: &'a Manifest,
    /// The account.
    pub cloud: &'a C,
    /// The Worker that this server itself is.
    pub own_worker: Option<&'a str>,
    /// The tool.
    pub wish: Wish,
    /// Its arguments.
    pub asked: &'a Asked,
}

/// The end of a call before the end of its work.
#[derive(Debug)]
enum Ended {
    Stop(Stop),
    Answer(Box<CallToolResult>),
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<CallToolResult> for Ended {
    fn from(result: CallToolResult) -> Self {
        Self::Answer(Box::new(result))
    }
}

/// A failure of the tool in these words.
fn failed<T>(text: impl Into<String>) -> Result<T, Ended> {
    Err(CallToolResult::error(text).into())
}

/// What the person agreed to.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Agreed {
    stage: String,
    plan_id: String,
    /// The plan as they read it.
    text: String,
    /// An operation that did not end is continued.
    continues: bool,
}

impl<C: Cloud> Operate<'_, C> {
    /// Carries the call out.
    ///
    /// # Errors
    /// A [`Stop`] to pass on.
    pub async fn run(&self) -> CallResult {
        match self.ended().await {
            Ok(result) => Ok(result),
            Err(Ended::Answer(result)) => Ok(*result),
            Err(Ended::Stop(stop)) => Err(stop),
        }
    }

    async fn ended(&self) -> Result<CallToolResult, Ended> {
        let place = Place::of(self.manifest, &self.asked.stage, self.wish)?;
        let (agreed, fresh) = match self.earlier() {
            Some(agreed) => (agreed, None),
            None => {
                let planned = self.planned(&place).await?;
                if self.asked.is_preview {
                    return self.preview(planned).await;
                }
                self.check_scope(&planned.plan)?;
                if planned.has_nothing_to_do() {
                    return Ok(answer::nothing_to_do(&planned.plan));
                }
                let agreed = consent::given(self, &planned).await?;
                (agreed, Some(planned))
            }
        };
        let begun = self.ctx.begin().await?;
        let text = serde_json::to_string(&agreed).unwrap_or_default();
        self.ctx.execution.record(AGREED, Some(text)).await?;
        carry_out::carry_out(self, &place, &begun, &agreed, fresh).await
    }

    /// What the person agreed to in an earlier life of the task.
    fn earlier(&self) -> Option<Agreed> {
        match self.ctx.execution.recorded(AGREED) {
            Recorded::Outcome(text) => serde_json::from_str(&text).ok(),
            _ => None,
        }
    }

    /// Destroying, and whatever is done to a protected stage, is for administrators.
    fn check_scope(&self, plan: &Plan) -> Result<(), Ended> {
        if self.wish == Wish::Deploy && !plan.is_protected {
            return Ok(());
        }
        let what = match plan.is_protected {
            true => format!("{} in the protected stage `{}`", self.wish.tool(), plan.stage),
            false => self.wish.tool().to_owned(),
        };
        let level = Level::of(&self.ctx.principal);
        level.require(Level::Admin, &what).or_else(failed)
    }

    /// What the call is for.
    fn intent(&self) -> Intent {
        match self.wish {
            Wish::Deploy => Intent::Deploy { adopt: self.asked.adopt },
            Wish::Destroy => Intent::Destroy {
                empty: self.asked.empty.clone(),
                own_worker: self.own_worker.map(str::to_owned),
            },
        }
    }

    /// Stands for the person who calls.
    fn subject(&self) -> String {
        self.ctx.principal.subject.to_text()
    }
}

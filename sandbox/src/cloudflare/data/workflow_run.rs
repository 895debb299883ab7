//! An instance of a workflow, which moves with the clock: queued, running, then as its plan says.
//!
//! Inferred: the two steps of an instance, each half of its time, and most fields of a step.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::clock::{self, Time, later};

/// How an instance goes.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(default)]
pub struct WorkflowPlan {
    /// The name of the workflow; any without one.
    pub workflow: Option<String>,
    /// How it ends.
    pub end: WorkflowEnd,
    /// How long it runs, in milliseconds; else as the options say.
    pub runs_ms: Option<u64>,
    /// What it gives at its end; without it, `{"ok": true}`.
    pub output: Option<Value>,
    /// The error's message where it fails.
    pub message: Option<String>,
    /// How many instances it is for; all without it.
    pub times: Option<u32>,
}

/// How an instance ends.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum WorkflowEnd {
    /// With its output.
    #[default]
    Complete,
    /// With an error.
    Errored,
    /// It does not.
    Never,
}

/// An instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) created: Time,
    pub(crate) params: Value,
    pub(crate) source: String,
    pub(crate) outline: Outline,
    /// A state that it was put into from outside, and when.
    pub(crate) held: Option<(&'static str, Time)>,
    pub(crate) events: Vec<String>,
}

/// When an instance starts and how it ends.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    pub(crate) starts: Time,
    pub(crate) runs: Duration,
    pub(crate) plan: WorkflowPlan,
}

impl Instance {
    fn ends(&self) -> Option<Time> {
        let plan = &self.outline.plan;
        (plan.end != WorkflowEnd::Never).then(|| later(self.outline.starts, self.outline.runs))
    }

    /// Its state.
    pub(crate) fn status(&self, now: Time) -> &'static str {
        match (self.held, self.ends()) {
            (Some((state, _)), _) => state,
            (None, Some(end)) if end <= now => match self.outline.plan.end {
                WorkflowEnd::Errored => "errored",
                _ => "complete",
            },
            _ if self.outline.starts <= now => "running",
            _ => "queued",
        }
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self, now: Time) -> bool {
        ["complete", "errored", "terminated"].contains(&self.status(now))
    }

    fn ended(&self, now: Time) -> Option<Time> {
        match self.held {
            Some(("terminated", at)) => Some(at),
            _ => self.ends().filter(|_| self.is_over(now)),
        }
    }

    /// As lists show it.
    pub(crate) fn view(&self, workflow: &str, version: &str, now: Time) -> Value {
        let started = (self.outline.starts <= now).then(|| clock::text(self.outline.starts));
        json!({
            "id": self.id,
            "status": self.status(now),
            "created_on": clock::text(self.created),
            "modified_on": clock::text(self.ended(now).unwrap_or(now)),
            "started_on": started,
            "ended_on": self.ended(now).map(clock::text),
            "workflow_id": workflow,
            "version_id": version,
            "trigger_source": self.source,
        })
    }

    /// All about it.
    pub(crate) fn detail(&self, version: &str, now: Time) -> Value {
        let plan = &self.outline.plan;
        let status = self.status(now);
        let output = plan.output.clone().unwrap_or(json!({ "ok": true }));
        let message = plan.message.as_deref().unwrap_or("the workflow failed");
        let is_error = status == "errored";
        let steps = self.steps(now);
        let started = (self.outline.starts <= now).then(|| clock::text(self.outline.starts));
        json!({
            "status": status,
            "params": self.params,
            "queued": clock::text(self.created),
            "start": started,
            "end": self.ended(now).map(clock::text),
            "output": if status == "complete" { output } else { Value::Null },
            "error": is_error.then(|| json!({ "name": "Error", "message": message })),
            "success": self.is_over(now).then_some(status == "complete"),
            "step_count": steps.len(),
            "steps": steps,
            "trigger": { "source": self.source },
            "versionId": version,
        })
    }

    /// The steps that began: the first half of the time, and the second.
    fn steps(&self, now: Time) -> Vec<Value> {
        let half = self.outline.runs.checked_div(2).unwrap_or_default();
        let first = self.outline.starts;
        let second = later(first, half);
        let failed = self.status(now) == "errored";
        let step = |name: &str, start: Time, end: Time, failed: bool| {
            let end = (end <= now && self.held.is_none()).then(|| clock::text(end));
            let success = end.is_some().then_some(!failed);
            json!({
                "name": name,
                "type": "step",
                "start": clock::text(start),
                "success": success,
                "output": Value::Null,
                "attempts": [{ "start": clock::text(start), "end": end, "success": success }],
                "config": {
                    "retries": { "limit": 5, "delay": 1000, "backoff": "exponential" },
                    "timeout": "10 minutes",
                },
                "end": end,
            })
        };
        let all = [
            (first, step("first step-1", first, second, false)),
            (second, step("second step-1", second, later(second, half), failed)),
        ];
        all.into_iter().filter(|(start, _)| *start <= now).map(|(_, view)| view).collect()
    }
}

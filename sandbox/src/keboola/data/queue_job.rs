//! Jobs of the queue: how they are planned, and what they are at a moment.
//!
//! `created → waiting → processing → success | warning | error`; one that is killed while it runs
//! is `terminating` and then `terminated`, one killed before is `cancelled`. All is computed from
//! the moments of a job and the clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::clock::{Time, later};
use crate::engine::json::Fields as _;
use crate::keboola::time;

/// How the next jobs of a component or a configuration go.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct JobPlan {
    /// The component whose jobs it is for; any without one.
    pub component: Option<String>,
    /// The configuration whose jobs it is for; any without one.
    pub config: Option<String>,
    /// How they end.
    pub end: JobEnd,
    /// The message of the result.
    pub message: Option<String>,
    /// How long they run, in milliseconds; without it as the options say.
    pub runs_ms: Option<u64>,
    /// Whether the result is `[]` although the job is done.
    pub empty_result: bool,
    /// How many jobs it is for; `None` is for ever.
    pub times: Option<u32>,
}

/// How a job ends.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum JobEnd {
    /// As it should.
    #[default]
    Success,
    /// With a warning.
    Warning,
    /// With an error.
    Error,
    /// Not at all, until it is killed or all work is finished.
    Never,
}

/// What a caller asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) component: String,
    pub(crate) config: Option<String>,
    pub(crate) mode: String,
    pub(crate) rows: Vec<String>,
    pub(crate) data: Option<Value>,
    pub(crate) branch: Option<u64>,
    pub(crate) tag: Option<String>,
    pub(crate) parent: Option<String>,
    /// The other fields that are shown as they came.
    pub(crate) others: Vec<(&'static str, Value)>,
}

/// A job.
#[derive(Debug, Clone)]
pub(crate) struct QueueJob {
    pub(crate) id: u64,
    pub(crate) wanted: Wanted,
    pub(crate) created: Time,
    pub(crate) starts: Time,
    /// When it ends; none for one that never does.
    pub(crate) ends: Option<Time>,
    pub(crate) plan: JobPlan,
    /// When it was killed.
    pub(crate) killed: Option<Time>,
    /// The id and the description of the token it runs with.
    pub(crate) token: (u64, String),
    /// How many of its events are written.
    pub(crate) told: usize,
}

/// How long a killed job takes to end.
const DYING: Duration = Duration::from_secs(1);

impl QueueJob {
    /// What it is at a moment.
    pub(crate) fn status(&self, now: Time) -> &'static str {
        if let Some(killed) = self.killed {
            return match () {
                () if killed < self.starts => "cancelled",
                () if now < later(killed, DYING) => "terminating",
                () => "terminated",
            };
        }
        match self.ends {
            Some(ends) if ends <= now => match self.plan.end {
                JobEnd::Warning => "warning",
                JobEnd::Error => "error",
                JobEnd::Success | JobEnd::Never => "success",
            },
            _ if self.starts <= now => "processing",
            _ if self.created < now => "waiting",
            _ => "created",
        }
    }

    /// Whether it is over.
    pub(crate) fn is_finished(&self, now: Time) -> bool {
        !["created", "waiting", "processing", "terminating"].contains(&self.status(now))
    }

    /// When it began to run.
    pub(crate) fn began(&self, now: Time) -> Option<Time> {
        let never = self.killed.is_some_and(|killed| killed < self.starts);
        (!never && self.starts <= now).then_some(self.starts)
    }

    /// When it was over.
    pub(crate) fn ended(&self, now: Time) -> Option<Time> {
        let end = match self.killed {
            Some(killed) if killed < self.starts => Some(killed),
            Some(killed) => Some(later(killed, DYING)),
            None => self.ends,
        };
        end.filter(|end| *end <= now)
    }

    /// How long it ran, in seconds.
    pub(crate) fn duration(&self, now: Time) -> Option<i64> {
        let began = self.began(now)?;
        let until = self.ended(now).unwrap_or(now);
        Some(until.signed_duration_since(began).num_seconds())
    }

    /// Ends it now, if it has not.
    pub(crate) fn finish(&mut self, now: Time) {
        self.starts = self.starts.min(now);
        self.ends = Some(self.ends.map_or(now, |ends| ends.min(now)));
        if let Some(killed) = self.killed {
            let before = killed.checked_sub_signed(chrono::TimeDelta::seconds(1));
            self.killed = Some(before.unwrap_or(killed).max(self.starts));
        }
    }

    /// Its run: under that of its parent, where it has one. Its events have its id alone.
    pub(crate) fn run(&self) -> String {
        match &self.wanted.parent {
            Some(parent) => format!("{parent}.{}", self.id),
            None => self.id.to_string(),
        }
    }

    /// What its events say, with their kinds and moments, as far as they have happened.
    pub(crate) fn events(&self, now: Time) -> Vec<(&'static str, String, Time)> {
        let mut events = Vec::new();
        if let Some(began) = self.began(now) {
            events.push(("info", "Job started".to_owned(), began));
            events.push(("info", format!("Running component {}", self.wanted.component), began));
        }
        if let Some(ended) = self.ended(now) {
            let kind = match self.status(now) {
                "success" => "success",
                "error" => "error",
                _ => "warn",
            };
            events.push((kind, self.message(now), ended));
        }
        events
    }

    fn message(&self, now: Time) -> String {
        let usual = match self.status(now) {
            "error" => "The component failed.",
            "warning" => "The component finished with a warning.",
            "cancelled" => "Job cancelled",
            "terminating" | "terminated" => "Job terminated",
            _ => "Component processing finished.",
        };
        self.plan.message.clone().unwrap_or_else(|| usual.to_owned())
    }

    fn result(&self, now: Time) -> Value {
        if !self.is_finished(now) || self.plan.empty_result {
            return json!([]);
        }
        let mut result = json!({ "message": self.message(now), "configVersion": "1" });
        match self.status(now) {
            "error" => result.set("error", json!({ "type": "user" })),
            "success" | "warning" => {
                result.set("images", json!([]));
                result.set("input", json!({ "tables": [], "files": [] }));
                result.set("output", json!({ "tables": [], "files": [] }));
            }
            _ => {}
        }
        result
    }

    /// As the API shows it.
    pub(crate) fn view(&self, project: (u64, &str), url: &str, now: Time) -> Value {
        let wanted = &self.wanted;
        let (token, description) = &self.token;
        let id = self.id.to_string();
        let killed = self.killed.is_some();
        let mut view = json!({
            "id": id,
            "runId": self.run(),
            "parentRunId": wanted.parent.clone().unwrap_or_default(),
            "project": { "id": project.0.to_string(), "name": project.1 },
            "token": { "id": token.to_string(), "description": description },
            "status": self.status(now),
            "desiredStatus": if killed { "terminating" } else { "processing" },
            "mode": wanted.mode,
            "component": wanted.component,
            "config": wanted.config,
            "configData": wanted.data.clone().unwrap_or_else(|| json!([])),
            "configRowIds": wanted.rows,
            "tag": wanted.tag,
            "createdTime": time::text(self.created),
            "startTime": time::text_if(self.began(now)),
            "endTime": time::text_if(self.ended(now)),
            "durationSeconds": self.duration(now),
            "result": self.result(now),
            "usageData": [],
            "isFinished": self.is_finished(now),
            "url": format!("{url}/jobs/{id}"),
            "branchId": wanted.branch.map(|branch| branch.to_string()),
            "variableValuesId": null,
            "variableValuesData": { "values": [] },
            "backend": [],
            "metrics": [],
            "behavior": { "onError": null },
            "parallelism": null,
            "type": "standard",
        });
        for (name, value) in &wanted.others {
            view.set(name, value.clone());
        }
        view
    }
}

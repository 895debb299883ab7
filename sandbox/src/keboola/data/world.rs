//! All projects and tokens of all stacks, and what moves with the clock.

use serde_json::Value;

use crate::engine::clock::{Clock, Time};
use crate::keboola::data::{
    Effect, Event, Grants, JobPlan, Project, SqlRule, StorageJob, Token, samples,
};
use crate::keboola::options::Options;
use crate::keboola::problem::Problem;

/// The moment a clock that stands still starts at.
const START: i64 = 1_786_945_158;

/// Everything the API shows and changes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) projects: Vec<Project>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) grants: Grants,
    /// How the next queue jobs go. The one given last counts.
    pub(crate) plans: Vec<JobPlan>,
    /// What statements give. The one given last counts.
    pub(crate) rules: Vec<SqlRule>,
    last_id: u64,
}

impl World {
    /// The initial data.
    pub(crate) fn new(options: &Options) -> Self {
        let start = Time::from_timestamp(START, 0).unwrap_or_default();
        let clock = if options.frozen { Clock::standing(start) } else { Clock::running() };
        let (projects, tokens) = samples::all(clock.now());
        Self {
            options: options.clone(),
            clock,
            projects,
            tokens,
            grants: Grants::default(),
            plans: samples::plans(),
            rules: samples::rules(),
            last_id: 900_000,
        }
    }

    /// A number that no other thing has.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    /// A project.
    pub(crate) fn project(&self, id: u64) -> Result<&Project, Problem> {
        let found = self.projects.iter().find(|project| project.id == id);
        found.ok_or_else(|| Problem::missing(format!("Project {id} not found")))
    }

    /// A project to change.
    pub(crate) fn project_mut(&mut self, id: u64) -> Result<&mut Project, Problem> {
        let found = self.projects.iter_mut().find(|project| project.id == id);
        found.ok_or_else(|| Problem::missing(format!("Project {id} not found")))
    }

    /// Makes true what became due since the last look.
    pub(crate) fn settle(&mut self) {
        let now = self.clock.now();
        let mut last_id = self.last_id;
        for project in &mut self.projects {
            settle_storage_jobs(project, now);
            write_job_events(project, now, &mut last_id);
        }
        self.last_id = last_id;
    }

    /// Brings all work under way to its end.
    pub(crate) fn finish(&mut self) {
        let now = self.clock.now();
        for project in &mut self.projects {
            project.storage_jobs.iter_mut().for_each(|job| job.due = job.due.min(now));
            project.queue_jobs.iter_mut().for_each(|job| job.finish(now));
            project.query_jobs.iter_mut().for_each(|job| job.finish());
        }
        self.settle();
    }
}

fn settle_storage_jobs(project: &mut Project, now: Time) {
    let due = |job: &&mut StorageJob| job.due <= now;
    let ids: Vec<_> = project.storage_jobs.iter_mut().filter(due).map(|job| job.id).collect();
    for id in ids {
        let job = project.storage_jobs.iter_mut().find(|job| job.id == id);
        let Some(effect) = job.and_then(|job| job.effect.take()) else {
            continue;
        };
        let results = take_effect(project, effect);
        if let Some(job) = project.storage_jobs.iter_mut().find(|job| job.id == id) {
            job.results = results;
        }
    }
}

fn take_effect(project: &mut Project, effect: Effect) -> Value {
    match effect {
        Effect::AddWorkspace(workspace) => {
            let view = workspace.created_view();
            project.workspaces.push(workspace);
            view
        }
        Effect::AddBranch(branch) => {
            let view = branch.view();
            project.branches.push(branch);
            view
        }
        Effect::DropBranch(id) => {
            project.branches.retain(|branch| branch.id != id);
            project.configs.retain(|config| config.branch != id);
            project.buckets.retain(|bucket| bucket.branch != id);
            project.workspaces.retain(|workspace| workspace.branch != id);
            Value::Null
        }
        Effect::AddBucket(bucket, view) => {
            project.buckets.push(*bucket);
            view
        }
        Effect::DropBucket(id) => {
            project.buckets.retain(|bucket| bucket.id != id);
            project.tables.retain(|table| table.bucket() != id);
            Value::Null
        }
        Effect::Results(results) => results,
    }
}

/// Writes the events of queue jobs that have happened since the last look.
fn write_job_events(project: &mut Project, now: Time, last_id: &mut u64) {
    let main = project.default_branch();
    for job in &mut project.queue_jobs {
        let events = job.events(now);
        for (kind, message, created) in events.iter().skip(job.told) {
            *last_id = last_id.saturating_add(1);
            project.events.push(Event {
                id: *last_id,
                event: format!("ext.{}.", job.wanted.component),
                component: job.wanted.component.clone(),
                config: job.wanted.config.clone(),
                message: message.clone(),
                description: String::new(),
                kind: (*kind).to_owned(),
                run: Some(job.id.to_string()),
                created: *created,
                params: Value::Array(vec![]),
                results: Value::Array(vec![]),
                duration: None,
                branch: job.wanted.branch.unwrap_or(main),
                token: job.token.clone(),
            });
        }
        job.told = job.told.max(events.len());
    }
}

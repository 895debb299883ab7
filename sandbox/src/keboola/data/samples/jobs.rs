//! Jobs, a workspace, how further jobs go and what statements give.

use std::time::Duration;

use crate::engine::clock::{later, sample};
use crate::keboola::data::queue_job::Wanted;
use crate::keboola::data::{Cells, JobEnd, JobPlan, Project, QueueJob, SqlRule, Workspace};

/// Gives a project a few jobs of the past, and a person's workspace.
pub(super) fn fill(project: &mut Project) {
    let token = (project.id.saturating_mul(100).saturating_add(1), "master".to_owned());
    let ends = [JobEnd::Success, JobEnd::Error, JobEnd::Warning, JobEnd::Success];
    for (number, end) in (1_u64..).zip(ends) {
        let message = (end == JobEnd::Error).then(|| "Access denied for user 'reader'".to_owned());
        let created = sample(number.saturating_mul(60));
        project.queue_jobs.push(QueueJob {
            id: project.id.saturating_mul(1000).saturating_add(number),
            wanted: Wanted {
                component: "keboola.ex-db-mysql".to_owned(),
                config: Some("236606822".to_owned()),
                mode: "run".to_owned(),
                ..Wanted::default()
            },
            created,
            starts: later(created, Duration::from_secs(5)),
            ends: Some(later(created, Duration::from_secs(65))),
            // The last one's result is an empty list although it is done.
            plan: JobPlan { end, message, empty_result: number == 4, ..JobPlan::default() },
            killed: None,
            token: token.clone(),
            told: 0,
        });
    }
    project.workspaces.push(Workspace {
        id: project.id.saturating_mul(1000).saturating_add(500),
        branch: project.default_branch(),
        project: project.id,
        component: Some("keboola.sandboxes".to_owned()),
        config: Some("workspace-1".to_owned()),
        backend: project.backend,
        login_type: "default".to_owned(),
        size: None,
        is_read_only: false,
        created: sample(45),
        creator: token,
    });
}

/// Jobs of the configuration `always-fails` do.
pub(crate) fn plans() -> Vec<JobPlan> {
    vec![JobPlan {
        config: Some("always-fails".to_owned()),
        end: JobEnd::Error,
        message: Some("The server answered 404".to_owned()),
        ..JobPlan::default()
    }]
}

/// What a few statements give. Any other is looked at by the query service itself.
pub(crate) fn rules() -> Vec<SqlRule> {
    let rule = |sql: &str| SqlRule { sql: sql.to_owned(), ..SqlRule::default() };
    let one = |text: &str| vec![vec![Some(text.to_owned())]];
    let numbers: Vec<Cells> = (1..=12_345).map(|number| vec![Some(number.to_string())]).collect();
    vec![
        SqlRule { columns: vec!["1".to_owned()], rows: one("1"), ..rule("SELECT 1") },
        SqlRule { columns: vec!["N".to_owned()], rows: numbers, ..rule("SELECT n FROM many") },
        SqlRule {
            columns: vec!["A".to_owned(), "A".to_owned()],
            rows: vec![vec![Some("x".to_owned()), None]],
            ..rule("SELECT a, a FROM twins")
        },
        SqlRule {
            columns: vec!["WAITED".to_owned()],
            rows: one("60"),
            takes_ms: Some(60_000),
            ..rule("SELECT waited FROM sleep*")
        },
        SqlRule {
            columns: vec!["1".to_owned()],
            rows: one("1"),
            refusals: 2,
            ..rule("SELECT 1 FROM refused_twice")
        },
    ]
}

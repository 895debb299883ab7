//! The query service.
//!
//! Chosen: the branch must be a number, so `default` is a 400; cancelling a job that is over
//! changes nothing; the results of a statement that is not done are a 400.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{QueryJob, Statement, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get, post};
use crate::keboola::services::sql;

pub(crate) const ROUTES: &[Route] = &[
    post("branches/{of}/workspaces/{workspace}/queries", submit).reads(),
    get("queries/{job}", one),
    get("queries/{job}/{statement}/results", results),
    post("queries/{job}/cancel", cancel).reads(),
];

/// The bounds of a page.
const PAGE: (usize, usize) = (100, 10_000);

fn submit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let branch = ask.argument("of");
    if branch.parse::<u64>().is_err() {
        return Err(Problem::invalid("The branch must be given by its numeric ID"));
    }
    let project = world.project(ask.project)?;
    let branch = project.branch(&branch)?.id;
    let workspace = ask.argument("workspace");
    let fits = |id: u64, of: u64| id.to_string() == workspace && of == branch;
    if !project.workspaces.iter().any(|one| fits(one.id, one.branch)) {
        return Err(Problem::missing(format!("Workspace \"{workspace}\" not found")));
    }
    let body = ask.body()?;
    let statements = body.texts("statements")?;
    if statements.is_empty() || statements.iter().any(|sql| sql.trim().is_empty()) {
        return Err(Problem::invalid("At least one statement is required, and none may be empty"));
    }
    refuse(world, &statements)?;
    let statements: Result<Vec<_>, _> =
        statements.into_iter().map(|sql| statement(world, ask, sql)).collect();
    let job = QueryJob {
        id: Uuid::new_v4().to_string(),
        created: ask.now,
        actor: body.text("actorType")?.unwrap_or("user".to_owned()),
        statements: statements?,
        cancelled: None,
    };
    let view = json!({ "queryJobId": job.id });
    world.project_mut(ask.project)?.query_jobs.push(job);
    Ok(Reply::json(201, &view))
}

/// Refuses as often as the rule of a statement says.
fn refuse(world: &mut World, statements: &[String]) -> Result<(), Problem> {
    for sql in statements {
        let rule = world.rules.iter_mut().rev().find(|rule| rule.fits(sql));
        if let Some(rule) = rule.filter(|rule| rule.refusals > 0) {
            rule.refusals = rule.refusals.saturating_sub(1);
            return Err(Problem::denied("Failed to get workspace credentials"));
        }
    }
    Ok(())
}

fn statement(world: &World, ask: &Ask<'_>, sql: String) -> Result<Statement, Problem> {
    let rule = world.rules.iter().rev().find(|rule| rule.fits(&sql));
    let usual = world.options.statement_takes;
    let takes = rule.and_then(|rule| rule.takes_ms).map_or(usual, Duration::from_millis);
    let given = match rule {
        Some(rule) => match &rule.error {
            Some(error) => Err(error.clone()),
            None => Ok((rule.columns.clone(), rule.rows.clone())),
        },
        None => sql::run(&sql, world.project(ask.project)?, &world.projects),
    };
    let (columns, rows, error) = match given {
        Ok((columns, rows)) => (columns, rows, None),
        Err(error) => (Vec::new(), Vec::new(), Some(error)),
    };
    Ok(Statement { id: Uuid::new_v4().to_string(), sql, takes, columns, rows, error })
}

fn job<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut QueryJob, Problem> {
    let id = ask.argument("job");
    let mut jobs = world.project_mut(ask.project)?.query_jobs.iter_mut();
    let none = || Problem::missing(format!("Query job \"{id}\" not found"));
    jobs.find(|job| job.id == id).ok_or_else(none)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&job(world, ask)?.view(ask.now)))
}

fn results(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    let size = params.whole("pageSize", 1000, PAGE)?;
    let offset = params.whole("offset", 0, (0, usize::MAX))?;
    let id = ask.argument("statement");
    let results = job(world, ask)?.results(&id, (size, offset), ask.now);
    let results =
        results.ok_or_else(|| Problem::missing(format!("Statement \"{id}\" not found")))?;
    Ok(Reply::ok(&results.map_err(Problem::invalid)?))
}

fn cancel(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let reason = ask.body()?.text("reason")?.unwrap_or_default();
    let job = job(world, ask)?;
    if !job.is_finished(ask.now) {
        job.cancelled = Some((ask.now, reason));
    }
    Ok(Reply::ok(&json!({ "queryJobId": job.id })))
}

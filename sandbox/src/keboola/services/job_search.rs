//! The search of queue jobs: filters, order and pages.
//!
//! Chosen: jobs of the default branch, which have no branch of their own, are found by its
//! absence only; an unknown field to sort by is a 400; in descending order jobs without a value
//! come last.

use std::cmp::Ordering;

use crate::engine::clock::Time;
use crate::engine::paging::page;
use crate::keboola::data::QueueJob;
use crate::keboola::params::Params;
use crate::keboola::problem::Problem;
use crate::keboola::time;

/// The fields of a job that can be filtered by, as texts.
fn field(job: &QueueJob, name: &str, now: Time) -> Option<String> {
    match name {
        "id" => Some(job.id.to_string()),
        "runId" => Some(job.run()),
        "branchId" => job.wanted.branch.map(|branch| branch.to_string()),
        "tokenId" => Some(job.token.0.to_string()),
        "tokenDescription" => Some(job.token.1.clone()),
        "componentId" | "component" => Some(job.wanted.component.clone()),
        "configId" | "config" => job.wanted.config.clone(),
        "status" => Some(job.status(now).to_owned()),
        _ => None,
    }
}

const FILTERS: [&str; 10] = [
    "id",
    "runId",
    "branchId",
    "tokenId",
    "tokenDescription",
    "componentId",
    "component",
    "configId",
    "config",
    "status",
];

const TIMES: [&str; 3] = ["created", "start", "end"];

/// The jobs that a search finds.
pub(super) fn search<'a>(
    jobs: &'a [QueueJob],
    params: &Params,
    now: Time,
) -> Result<Vec<&'a QueueJob>, Problem> {
    let (limit, offset) = params.page(100, 500)?;
    let mut found: Vec<&QueueJob> = jobs.iter().collect();
    for name in FILTERS {
        let wanted: Vec<&str> = params.all(name);
        if !wanted.is_empty() {
            let fits = |value: String| wanted.contains(&value.as_str());
            found.retain(|job| field(job, name, now).is_some_and(fits));
        }
    }
    let rows = params.all("configRowIds");
    if !rows.is_empty() {
        found.retain(|job| job.wanted.rows.iter().any(|row| rows.contains(&row.as_str())));
    }
    for name in TIMES {
        let moment = |job: &QueueJob| moment(job, name, now);
        if let Some(from) = bound(params, &format!("{name}TimeFrom"), now)? {
            found.retain(|job| moment(job).is_some_and(|time| time >= from));
        }
        if let Some(to) = bound(params, &format!("{name}TimeTo"), now)? {
            found.retain(|job| moment(job).is_some_and(|time| time <= to));
        }
    }
    order(&mut found, params, now)?;
    Ok(page(found, limit, offset))
}

fn moment(job: &QueueJob, name: &str, now: Time) -> Option<Time> {
    match name {
        "start" => job.began(now),
        "end" => job.ended(now),
        _ => Some(job.created),
    }
}

fn bound(params: &Params, name: &str, now: Time) -> Result<Option<Time>, Problem> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    let time = time::parse(text, now);
    time.map(Some).ok_or_else(|| Problem::invalid(format!("\"{name}\" is not a time")))
}

type Compare<'a> = Box<dyn Fn(&QueueJob, &QueueJob) -> Ordering + 'a>;

fn order(found: &mut [&QueueJob], params: &Params, now: Time) -> Result<(), Problem> {
    let by = params.get("sortBy").unwrap_or("id");
    let is_ascending = match params.get("sortOrder").unwrap_or("desc") {
        "asc" => true,
        "desc" => false,
        other => return Err(Problem::invalid(format!("Unknown sort order \"{other}\""))),
    };
    let compare: Compare<'_> = match by {
        "id" => Box::new(|one, other| one.id.cmp(&other.id)),
        "createdTime" | "updatedTime" => Box::new(|one, other| one.created.cmp(&other.created)),
        "startTime" => Box::new(move |one, other| one.began(now).cmp(&other.began(now))),
        "endTime" => Box::new(move |one, other| one.ended(now).cmp(&other.ended(now))),
        "durationSeconds" => {
            Box::new(move |one, other| one.duration(now).cmp(&other.duration(now)))
        }
        "projectId" => Box::new(|_, _| Ordering::Equal),
        _ if FILTERS.contains(&by) => {
            Box::new(move |one, other| field(one, by, now).cmp(&field(other, by, now)))
        }
        _ => return Err(Problem::invalid(format!("Unknown field \"{by}\" to sort by"))),
    };
    found.sort_by(|one, other| {
        let ordering = compare(one, other).then_with(|| one.id.cmp(&other.id));
        if is_ascending { ordering } else { ordering.reverse() }
    });
    Ok(())
}

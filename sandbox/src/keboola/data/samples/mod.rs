//! What a fresh stand-in holds: two stacks with three projects each.
//!
//! Of the projects of a stack, the first has Snowflake and global search, the second BigQuery,
//! and the third hides conditional flows. `owner.id` is a text in project 101 and a number in
//! all others.

mod configs;
mod jobs;
mod tables;
mod tokens;

use crate::engine::clock::{Time, sample};
use crate::keboola::data::{Backend, Branch, Meta, Project, Token};

pub(crate) use jobs::{plans, rules};
pub(crate) use tokens::text as token_text;

/// All projects and their tokens.
pub(crate) fn all(now: Time) -> (Vec<Project>, Vec<Token>) {
    let mut projects: Vec<_> = [("us", 100, 10), ("eu", 200, 20)]
        .into_iter()
        .flat_map(|(stack, first, organization)| {
            (1_u64..=3).map(move |number| project(stack, first, number, organization))
        })
        .collect();
    let tokens: Vec<_> = projects.iter().flat_map(|project| tokens::all(project, now)).collect();
    for project in &mut projects {
        tables::fill(project);
        configs::fill(project);
        jobs::fill(project);
    }
    (projects, tokens)
}

fn project(stack: &'static str, first: u64, number: u64, organization: u64) -> Project {
    let id = first.saturating_add(number);
    let (name, backend, features) = match number {
        1 => ("Shop", Backend::Snowflake, vec!["global-search", "storage-types"]),
        2 => ("Analytics", Backend::BigQuery, vec![]),
        _ => ("Archive", Backend::Snowflake, vec!["hide-conditional-flows"]),
    };
    Project {
        id,
        stack,
        name: name.to_owned(),
        organization,
        backend,
        features,
        id_is_text: id == 101,
        is_disabled: false,
        created: sample(0),
        branches: branches(id),
        buckets: Vec::new(),
        tables: Vec::new(),
        configs: Vec::new(),
        workspaces: Vec::new(),
        storage_jobs: Vec::new(),
        events: Vec::new(),
        queue_jobs: Vec::new(),
        query_jobs: Vec::new(),
        schedules: Vec::new(),
        apps: Vec::new(),
        objects: Vec::new(),
    }
}

/// The default branch and one to develop in: 1011 and 1012 in project 101.
fn branches(project: u64) -> Vec<Branch> {
    let id = |number: u64| project.saturating_mul(10).saturating_add(number);
    let branch = |number, name: &str, creator| Branch {
        id: id(number),
        name: name.to_owned(),
        description: String::new(),
        created: sample(number),
        is_default: number == 1,
        creator,
        metadata: Vec::new(),
    };
    let mut main = branch(1, "Main", None);
    main.metadata.push(Meta {
        id: id(90),
        key: "KBC.projectDescription".to_owned(),
        value: "What the sandbox sells.".to_owned(),
        provider: None,
        timestamp: sample(5),
    });
    let creator = Some((tokens::id(project, 1), "master".to_owned()));
    vec![main, branch(2, "Development", creator)]
}

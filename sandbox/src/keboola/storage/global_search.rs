//! Search by name over what the token's organization has, where the project has the feature.
//!
//! Chosen: a name is found when it contains the query, without regard to case; without the
//! feature the answer is a 403; the projects searched are those of the token's organization
//! that have the feature.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::engine::json::Fields as _;
use crate::engine::paging::page;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Branch, Project, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get};
use crate::keboola::time;

pub(super) const ROUTES: &[Route] = &[get("global-search", search)];

const FEATURE: &str = "global-search";

/// The components whose configurations have a type of their own.
const TYPES: [(&str, &str); 6] = [
    ("keboola.flow", "flow"),
    ("keboola.orchestrator", "flow"),
    ("keboola.snowflake-transformation", "transformation"),
    ("keboola.google-bigquery-transformation", "transformation"),
    ("keboola.sandboxes", "workspace"),
    ("keboola.shared-code", "shared-code"),
];

struct Wanted<'a> {
    query: String,
    types: Vec<&'a str>,
    projects: Vec<&'a str>,
    branch_types: Vec<&'a str>,
    branches: Vec<&'a str>,
}

fn search(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let own = world.project(ask.project)?;
    if !own.features.contains(&FEATURE) {
        return Err(Problem::denied("Global search is not enabled in this project"));
    }
    let params = ask.params();
    let (limit, offset) = params.page(50, 100)?;
    let query = params.get("query").filter(|query| !query.is_empty());
    let query = query.ok_or_else(|| Problem::invalid("Missing required parameter \"query\""))?;
    let wanted = Wanted {
        query: query.to_lowercase(),
        types: params.all("types"),
        projects: params.all("projectIds"),
        branch_types: params.all("branchTypes"),
        branches: params.all("branchIds"),
    };
    let searched = world.projects.iter().filter(|project| {
        project.organization == own.organization
            && project.features.contains(&FEATURE)
            && fits(&wanted.projects, &project.id.to_string())
    });
    let found: Vec<Value> = searched.flat_map(|project| in_project(project, &wanted)).collect();
    Ok(Reply::ok(&answer(found, limit, offset)))
}

fn fits(wanted: &[&str], value: &str) -> bool {
    wanted.is_empty() || wanted.contains(&value)
}

fn answer(found: Vec<Value>, limit: usize, offset: usize) -> Value {
    let mut types: BTreeMap<String, u64> = BTreeMap::new();
    let mut projects = Map::new();
    for item in &found {
        let kind = item.field("type").as_str().unwrap_or_default().to_owned();
        let count = types.entry(kind).or_default();
        *count = count.saturating_add(1);
        projects.insert(item.field("projectId").to_string(), item.field("projectName").clone());
    }
    let all = found.len();
    types.insert("total".to_owned(), u64::try_from(all).unwrap_or_default());
    // Nothing by project is an empty list: the service is written in PHP.
    let projects = if projects.is_empty() { json!([]) } else { Value::Object(projects) };
    let items = page(found, limit, offset);
    json!({ "all": all, "items": items, "byType": types, "byProject": projects })
}

fn in_project(project: &Project, wanted: &Wanted<'_>) -> Vec<Value> {
    let mut found = Vec::new();
    for branch in &project.branches {
        let kind = if branch.is_default { "production" } else { "development" };
        if fits(&wanted.branch_types, kind) && fits(&wanted.branches, &branch.id.to_string()) {
            found.extend(in_branch(project, branch));
        }
    }
    found.retain(|item| {
        let name = item.field("name").as_str().unwrap_or_default().to_lowercase();
        let kind = item.field("type").as_str().unwrap_or_default();
        name.contains(&wanted.query) && fits(&wanted.types, kind)
    });
    found
}

/// What a branch has of its own.
fn in_branch(project: &Project, branch: &Branch) -> Vec<Value> {
    let mut found = Vec::new();
    for bucket in project.buckets.iter().filter(|bucket| bucket.branch == branch.id) {
        let created = bucket.created;
        let it = ("bucket", bucket.id.as_str(), bucket.display_name.as_str());
        found.push(item(project, branch, it, None, created, &[]));
        let holder = [("bucket", json!({ "id": bucket.id, "name": bucket.display_name }))];
        for table in project.tables.iter().filter(|table| table.bucket() == bucket.id) {
            let it = ("table", table.id.as_str(), table.display_name.as_str());
            found.push(item(project, branch, it, None, table.created, &holder));
        }
    }
    let configs = project.configs.iter().filter(|config| config.branch == branch.id);
    for config in configs.filter(|config| !config.is_deleted) {
        let known = TYPES.iter().find(|(component, _)| *component == config.component);
        let kind = known.map_or("configuration", |(_, kind)| *kind);
        let component = Some(config.component.as_str());
        let it = (kind, config.id.as_str(), config.now.name.as_str());
        found.push(item(project, branch, it, component, config.created, &[]));
        let holder = [("configuration", json!({ "id": config.id, "name": config.now.name }))];
        for row in &config.now.rows {
            let it = ("configuration-row", row.id.as_str(), row.name.as_str());
            found.push(item(project, branch, it, component, row.created, &holder));
        }
    }
    found
}

fn item(
    project: &Project,
    branch: &Branch,
    (kind, id, name): (&str, &str, &str),
    component: Option<&str>,
    created: crate::engine::clock::Time,
    holders: &[(&str, Value)],
) -> Value {
    let mut path = json!({
        "project": { "id": project.id, "name": project.name },
        "branch": {
            "id": branch.id, "name": branch.name, "isDefault": branch.is_default, "isNative": true,
        },
    });
    if let Some(component) = component {
        path.set("component", json!({ "id": component }));
    }
    for (holder, value) in holders {
        path.set(holder, value.clone());
    }
    json!({
        "id": id,
        "type": kind,
        "name": name,
        "fullPath": path,
        "componentId": component,
        "organizationId": project.organization,
        "projectId": project.id,
        "projectName": project.name,
        "created": time::text(created),
    })
}

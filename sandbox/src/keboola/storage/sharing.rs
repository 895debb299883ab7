//! Buckets that other projects of the organization share.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Bucket, Project, Shown, World, bucket_view};
use crate::keboola::route::{Outcome, Route, get};
use crate::keboola::storage::buckets::shared_with;
use crate::keboola::time;

pub(super) const ROUTES: &[Route] = &[get("shared-buckets", list).in_branch()];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let own = world.project(ask.project)?;
    let storage = ask.place.url("connection");
    let shared = shared_with(own, &world.projects);
    let views = shared.map(|(project, bucket)| view(project, bucket, &world.projects, &storage));
    Ok(Reply::ok(&views.collect()))
}

fn view(project: &Project, bucket: &Bucket, projects: &[Project], storage: &str) -> Value {
    let shown = Shown { metadata: false, links: true };
    let mut view = bucket_view(bucket, project, projects, storage, shown);
    let tables = project.tables_of(bucket, projects);
    let tables = tables.iter().map(
        |table| json!({ "id": table.id, "name": table.name(), "displayName": table.display_name }),
    );
    view.set("tables", tables.collect::<Value>());
    view.set("sharingParameters", json!([]));
    let date = time::text(bucket.created);
    view.set("sharedBy", json!({ "id": project.id, "name": "Person 1", "date": date }));
    view.set("project", json!({ "id": project.id, "name": project.name }));
    view
}

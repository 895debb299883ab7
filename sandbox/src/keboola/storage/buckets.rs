//! Buckets: lists, making one, linking a shared one, removing.

use serde_json::json;

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::body::Body;
use crate::keboola::data::{Bucket, Effect, Project, Shown, World, bucket_view};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post};
use crate::keboola::storage::jobs::enqueue;

pub(super) const ROUTES: &[Route] = &[
    get("buckets", list).in_branch(),
    post("buckets", create).in_branch(),
    get("buckets/{bucket}", one).in_branch(),
    delete("buckets/{bucket}", remove).in_branch(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    let include = params.list("include");
    let shown = Shown {
        metadata: include.contains(&"metadata"),
        links: include.contains(&"linkedBuckets"),
    };
    let (token, storage) = (ask.token()?, ask.place.url("connection"));
    let project = world.project(ask.project)?;
    let buckets = project.buckets_in(ask.branch).into_iter();
    let buckets = buckets.filter(|bucket| token.may_read(&bucket.id));
    let views =
        buckets.map(|bucket| bucket_view(bucket, project, &world.projects, &storage, shown));
    Ok(Reply::ok(&views.collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("bucket");
    let project = world.project(ask.project)?;
    let bucket = project.bucket(&id, ask.branch)?;
    ask.may_read(&id)?;
    let shown = Shown { metadata: true, links: true };
    let storage = ask.place.url("connection");
    Ok(Reply::ok(&bucket_view(bucket, project, &world.projects, &storage, shown)))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    ask.may_manage_buckets()?;
    let bucket = new_bucket(world, ask, &body)?;
    let project = world.project(ask.project)?;
    if project.bucket(&bucket.id, ask.branch).is_ok_and(|known| known.branch == ask.branch) {
        let text = format!("The bucket {} already exists.", bucket.id);
        return Err(Problem::new(400, "storage.buckets.alreadyExists", text));
    }
    let shown = Shown { metadata: true, links: false };
    let storage = ask.place.url("connection");
    let view = bucket_view(&bucket, project, &world.projects, &storage, shown);
    if ask.params().flag("async") {
        let params = json!({ "values": { "name": bucket.name(), "stage": bucket.stage() } });
        let effect = Effect::AddBucket(Box::new(bucket), view);
        return enqueue(world, ask, "bucketCreate", params, effect);
    }
    world.project_mut(ask.project)?.buckets.push(bucket);
    Ok(Reply::json(201, &view))
}

/// The bucket that a body describes: an empty one, or a link.
fn new_bucket(world: &World, ask: &Ask<'_>, body: &Body) -> Result<Bucket, Problem> {
    let name = body.required("name")?;
    let stage = body.required("stage")?;
    if !["in", "out"].contains(&stage.as_str()) {
        return Err(Problem::invalid("Parameter \"stage\" must be \"in\" or \"out\""));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 92 || !name.chars().all(is_plain) {
        let text = "Only alphanumeric characters, dash and underscore are allowed in \"name\"";
        return Err(Problem::new(400, "storage.buckets.validation", text));
    }
    Ok(Bucket {
        id: format!("{stage}.c-{name}"),
        branch: ask.branch,
        display_name: body.text("displayName")?.unwrap_or(name),
        description: body.text("description")?.unwrap_or_default(),
        created: ask.now,
        last_change: None,
        sharing: None,
        source: source(world, ask, body)?,
        metadata: Vec::new(),
    })
}

/// The shared bucket that is to be linked, if one is.
fn source(world: &World, ask: &Ask<'_>, body: &Body) -> Result<Option<(u64, String)>, Problem> {
    let Some(id) = body.text("sourceBucketId")? else {
        return Ok(None);
    };
    let owner = body.required("sourceProjectId")?;
    let own = world.project(ask.project)?;
    let mut shared = shared_with(own, &world.projects);
    let found = shared.find(|(project, bucket)| project.id.to_string() == owner && bucket.id == id);
    let (project, bucket) = found.ok_or_else(|| {
        let text = format!("Bucket \"{id}\" of project \"{owner}\" is not shared with you");
        Problem::new(404, "storage.buckets.notFound", text)
    })?;
    Ok(Some((project.id, bucket.id.clone())))
}

/// The buckets that other projects of the same organization share.
pub(super) fn shared_with<'a>(
    own: &'a Project,
    projects: &'a [Project],
) -> impl Iterator<Item = (&'a Project, &'a Bucket)> {
    let others = projects
        .iter()
        .filter(|project| project.id != own.id && project.organization == own.organization);
    others.flat_map(|project| {
        let shared = project.buckets.iter().filter(|bucket| bucket.sharing.is_some());
        shared.map(move |bucket| (project, bucket))
    })
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("bucket");
    ask.may_manage_buckets()?;
    let project = world.project(ask.project)?;
    let bucket = project.bucket(&id, ask.branch)?;
    let params = ask.params();
    let is_full = project.tables.iter().any(|table| table.bucket() == id);
    if is_full && !params.flag("force") {
        let text = format!("Only empty buckets can be deleted. There are tables in \"{id}\".");
        return Err(Problem::new(400, "buckets.deleteNotEmpty", text));
    }
    let source = Some((ask.project, bucket.id.clone()));
    if world.projects.iter().flat_map(|one| &one.buckets).any(|link| link.source == source) {
        let text = format!("The bucket \"{id}\" is linked to other projects");
        return Err(Problem::new(400, "storage.buckets.alreadyLinked", text));
    }
    if params.flag("async") {
        return enqueue(world, ask, "bucketDelete", json!({ "id": id }), Effect::DropBucket(id));
    }
    let project = world.project_mut(ask.project)?;
    project.buckets.retain(|bucket| bucket.id != id);
    project.tables.retain(|table| table.bucket() != id);
    Ok(Reply::empty(204))
}

//! Buckets: own ones, shared ones, and links to those of other projects.

use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::keboola::data::{Backend, Meta, Project, views};
use crate::keboola::time;

/// A bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Such as `in.c-main`.
    pub(crate) id: String,
    pub(crate) branch: u64,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) created: Time,
    pub(crate) last_change: Option<Time>,
    /// How far it is shared, such as `organization`.
    pub(crate) sharing: Option<String>,
    /// The project and the bucket that it is a link to.
    pub(crate) source: Option<(u64, String)>,
    pub(crate) metadata: Vec<Meta>,
}

impl Bucket {
    /// Its stage, `in` or `out`.
    pub(crate) fn stage(&self) -> &str {
        self.id.split_once('.').map_or("", |(stage, _)| stage)
    }

    /// Its name, such as `c-main`.
    pub(crate) fn name(&self) -> &str {
        self.id.split_once('.').map_or("", |(_, name)| name)
    }

    /// Where the backend keeps it.
    pub(crate) fn backend_path(&self, project: &Project) -> Vec<String> {
        // A link is read where its source is.
        let (owner, id) = match &self.source {
            Some((project, bucket)) => (*project, bucket),
            None => (project.id, &self.id),
        };
        match project.backend {
            Backend::Snowflake => vec![format!("KEBOOLA_{owner}"), id.clone()],
            Backend::BigQuery => vec![id.replace(['.', '-'], "_")],
        }
    }
}

/// What a bucket is shown with.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Shown {
    /// Its metadata.
    pub(crate) metadata: bool,
    /// The links to it.
    pub(crate) links: bool,
}

/// A bucket as the API shows it. `projects` are those whose buckets it may be linked with.
pub(crate) fn bucket_view(
    bucket: &Bucket,
    project: &Project,
    projects: &[Project],
    storage: &str,
    shown: Shown,
) -> Value {
    let tables = project.tables_of(bucket, projects);
    let rows: usize = tables.iter().map(|table| table.rows.len()).sum();
    let size: u64 = tables.iter().map(|table| table.size()).sum();
    let path = bucket.backend_path(project);
    let uri = format!("{storage}/v2/storage/buckets/{}", bucket.id);
    let mut view = json!({
        "uri": uri,
        "id": bucket.id,
        "name": bucket.name(),
        "displayName": bucket.display_name,
        "idBranch": bucket.branch,
        "stage": bucket.stage(),
        "description": bucket.description,
        "tables": format!("{uri}/tables"),
        "created": time::text(bucket.created),
        "lastChangeDate": time::text_if(bucket.last_change),
        "updated": time::text_if(bucket.last_change),
        "isReadOnly": bucket.source.is_some(),
        "dataSizeBytes": size,
        "rowsCount": rows,
        "isMaintenance": false,
        "backend": project.backend.name(),
        "sharing": bucket.sharing,
        "hasExternalSchema": false,
        "databaseName": if path.len() > 1 { path.first().cloned() } else { None },
        "path": path.last(),
        "isLinkedBucket": bucket.source.is_some(),
        "backendPath": path,
        "owner": null,
        "color": null,
    });
    if shown.metadata {
        view.set("metadata", views(&bucket.metadata));
    }
    if shown.links && bucket.sharing.is_some() {
        view.set("linkedBy", links(bucket, project, projects));
    }
    if let Some((owner, id)) = &bucket.source {
        view.set("sourceBucket", source(*owner, id, projects));
    }
    view
}

fn links(bucket: &Bucket, project: &Project, projects: &[Project]) -> Value {
    let source = (project.id, bucket.id.clone());
    let links = projects.iter().flat_map(|other| {
        let linked = other.buckets.iter().filter(|link| link.source.as_ref() == Some(&source));
        linked.map(move |link| {
            json!({
                "id": link.id,
                "created": time::text(link.created),
                "project": { "id": other.id, "name": other.name },
            })
        })
    });
    links.collect()
}

fn source(owner: u64, id: &str, projects: &[Project]) -> Value {
    let project = projects.iter().find(|project| project.id == owner);
    let bucket = project.and_then(|project| project.buckets.iter().find(|one| one.id == id));
    json!({
        "id": id,
        "name": bucket.map(Bucket::name),
        "description": bucket.map(|bucket| bucket.description.as_str()),
        "project": { "id": owner, "name": project.map(|project| project.name.as_str()) },
    })
}

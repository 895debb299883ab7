//! A project with all that is in it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::keboola::data::{
    Branch, Bucket, Config, Event, QueryJob, QueueJob, Schedule, StorageJob, Table, Workspace,
};
use crate::keboola::place::Stack;
use crate::keboola::problem::Problem;
use crate::keboola::time;

/// What a project keeps its data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Backend {
    Snowflake,
    BigQuery,
}

impl Backend {
    /// Its name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Snowflake => "snowflake",
            Self::BigQuery => "bigquery",
        }
    }
}

/// A project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) id: u64,
    pub(crate) stack: &'static str,
    pub(crate) name: String,
    pub(crate) organization: u64,
    pub(crate) backend: Backend,
    pub(crate) features: Vec<&'static str>,
    /// Whether `owner.id` is a text.
    pub(crate) id_is_text: bool,
    pub(crate) is_disabled: bool,
    pub(crate) created: Time,
    /// The default branch is the first.
    pub(crate) branches: Vec<Branch>,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) tables: Vec<Table>,
    pub(crate) configs: Vec<Config>,
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) storage_jobs: Vec<StorageJob>,
    /// Oldest first.
    pub(crate) events: Vec<Event>,
    pub(crate) queue_jobs: Vec<QueueJob>,
    pub(crate) query_jobs: Vec<QueryJob>,
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) apps: Vec<App>,
    pub(crate) objects: Vec<Object>,
}

/// A data app.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) branch: Option<u64>,
    pub(crate) config: String,
    pub(crate) config_version: u64,
    pub(crate) kind: String,
    /// Whether it has a Git repository of the service.
    pub(crate) has_repository: bool,
    pub(crate) state: String,
    pub(crate) desired: String,
    pub(crate) started: Option<Time>,
}

/// An object of the metastore.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) attributes: Value,
    /// The attributes of earlier revisions, oldest first.
    pub(crate) earlier: Vec<Value>,
    pub(crate) created: Time,
}

impl Project {
    /// The id of the default branch.
    pub(crate) fn default_branch(&self) -> u64 {
        self.branches.first().map_or(0, |branch| branch.id)
    }

    /// The branch that a path or a parameter names: by its id, or as `default`.
    pub(crate) fn branch(&self, name: &str) -> Result<&Branch, Problem> {
        let mut branches = self.branches.iter();
        let found = match name {
            "default" => branches.next(),
            _ => branches.find(|branch| branch.id.to_string() == name),
        };
        found.ok_or_else(|| Problem::missing(format!("Branch \"{name}\" not found")))
    }

    /// A branch to change.
    pub(crate) fn branch_mut(&mut self, id: u64) -> Result<&mut Branch, Problem> {
        let found = self.branches.iter_mut().find(|branch| branch.id == id);
        found.ok_or_else(|| Problem::missing(format!("Branch \"{id}\" not found")))
    }

    /// The buckets of a branch: its own, and those of the default branch that it has not.
    pub(crate) fn buckets_in(&self, branch: u64) -> Vec<&Bucket> {
        let main = self.default_branch();
        let own = |id: &str| self.buckets.iter().any(|one| one.branch == branch && one.id == id);
        let seen = |bucket: &&Bucket| {
            bucket.branch == branch || (bucket.branch == main && !own(&bucket.id))
        };
        self.buckets.iter().filter(seen).collect()
    }

    /// A bucket as a branch sees it.
    pub(crate) fn bucket(&self, id: &str, branch: u64) -> Result<&Bucket, Problem> {
        let found = self.buckets_in(branch).into_iter().find(|bucket| bucket.id == id);
        found.ok_or_else(|| self.no_bucket(id))
    }

    /// A bucket to change: that of the branch, or where it has none, that of the default branch.
    pub(crate) fn bucket_mut(&mut self, id: &str, branch: u64) -> Result<&mut Bucket, Problem> {
        let branch = self.bucket(id, branch)?.branch;
        let none = self.no_bucket(id);
        let mut buckets = self.buckets.iter_mut();
        buckets.find(|bucket| bucket.id == id && bucket.branch == branch).ok_or(none)
    }

    fn no_bucket(&self, id: &str) -> Problem {
        let text = format!("Bucket \"{id}\" not found in project \"{}\"", self.id);
        Problem::new(404, "storage.buckets.notFound", text)
    }

    /// The tables of a bucket. Those of a link are those of its source, under its own name.
    pub(crate) fn tables_of(&self, bucket: &Bucket, projects: &[Self]) -> Vec<Table> {
        let Some((owner, source)) = &bucket.source else {
            let own = self.tables.iter().filter(|table| table.bucket() == bucket.id);
            return own.map(|table| self.with_rows(table)).collect();
        };
        let Some(other) = projects.iter().find(|project| project.id == *owner) else {
            return Vec::new();
        };
        let shared = other.tables.iter().filter(|table| table.bucket() == source);
        let linked = shared.map(|table| {
            let mut linked = other.with_rows(table);
            linked.id = format!("{}.{}", bucket.id, table.name());
            linked.source = Some((*owner, other.name.clone(), table.id.clone()));
            linked
        });
        linked.collect()
    }

    /// A table, an alias with the rows of the table that it stands for.
    fn with_rows(&self, table: &Table) -> Table {
        let mut table = table.clone();
        if let Some(origin) = &table.alias_of
            && let Some(origin) = self.tables.iter().find(|one| one.id == *origin)
        {
            table.rows.clone_from(&origin.rows);
        }
        table
    }

    /// A table as a branch sees it.
    pub(crate) fn table(&self, id: &str, branch: u64, all: &[Self]) -> Result<Table, Problem> {
        let none = || {
            let text = format!("The table \"{id}\" was not found in the project \"{}\"", self.id);
            Problem::new(404, "storage.tables.notFound", text)
        };
        let (bucket, _) = id.rsplit_once('.').ok_or_else(none)?;
        let bucket = self.bucket(bucket, branch).map_err(|_| none())?;
        let tables = self.tables_of(bucket, all);
        tables.into_iter().find(|table| table.id == id).ok_or_else(none)
    }

    /// A table of its own, to change.
    pub(crate) fn table_mut(&mut self, id: &str) -> Result<&mut Table, Problem> {
        let text = format!("The table \"{id}\" was not found in the project \"{}\"", self.id);
        let found = self.tables.iter_mut().find(|table| table.id == id);
        found.ok_or_else(|| Problem::new(404, "storage.tables.notFound", text))
    }

    /// The project as `tokens/verify` shows the owner of a token.
    pub(crate) fn owner(&self, stack: &Stack) -> Value {
        let is_snowflake = self.backend == Backend::Snowflake;
        let rows: usize = self.tables.iter().map(|table| table.rows.len()).sum();
        let size: u64 = self.tables.iter().map(Table::size).sum();
        let mut owner = json!({
            "name": self.name,
            "type": "production",
            "region": stack.region,
            "created": time::text(self.created),
            "expires": null,
            "features": self.features,
            "dataSizeBytes": size,
            "rowsCount": rows,
            "hasMysql": false,
            "hasSynapse": false,
            "hasRedshift": false,
            "hasSnowflake": is_snowflake,
            "hasBigquery": !is_snowflake,
            "hasExasol": false,
            "hasTeradata": false,
            "defaultBackend": self.backend.name(),
            "limits": {
                "storage.jobsParallelism": { "name": "storage.jobsParallelism", "value": 10 },
            },
            "metrics": {
                "storage.dataSizeBytes": { "name": "storage.dataSizeBytes", "value": size },
            },
            "isDisabled": self.is_disabled,
            "dataRetentionTimeInDays": 7,
            "assignedBackends": [self.backend.name()],
            "fileStorageProvider": stack.provider,
            "payAsYouGo": null,
        });
        let id = if self.id_is_text { json!(self.id.to_string()) } else { json!(self.id) };
        owner.set("id", id);
        owner
    }
}

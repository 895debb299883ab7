//! The shared read-only workspace in which queries run.
//!
//! It belongs to a configuration of [`COMPONENT`], by which every client of a project finds it again.
//! Invariant: it is made at most once in a call, only by the tool that queries, and never for a caller who
//! may only read. That it was made is in the audit and in the answer, as it stays.

use std::time::Duration;

use mcp_platform::Method;
use mcp_server::{
    context::Pace,
    dispatch::note_change,
    execution::{Begun, Step},
    telemetry::record::UNKNOWN,
    toolset::Effect,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::{ApiError, Kept, Path, Service},
    call::{Call, ShortCircuit, failed, id_of, items},
};

/// The component that such workspaces belong to.
const COMPONENT: &str = "keboola.mcp-server-tool";
/// How to find out what is there of it.
const LOOK_UP: &str = "List its configurations with keboola_get_configs (component_ids).";
/// Making one takes up to some minutes.
const PACE: Pace = Pace { every: Duration::from_secs(2), at_most: Duration::from_secs(300) };

thread_local! {
    static WORKSPACES: Kept<Workspace> = const { Kept::new(600_000) };
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Workspace {
    pub(super) id: u64,
    pub(super) is_bigquery: bool,
}

impl Workspace {
    fn read(record: &Value) -> Option<Self> {
        let id = record.get("id")?.as_u64()?;
        let backend = record.pointer("/connection/backend")?.as_str()?;
        let is_readonly = record.get("readOnlyStorageAccess") == Some(&Value::Bool(true));
        is_readonly.then_some(Self { id, is_bigquery: backend == "bigquery" })
    }
}

/// The branch in which the workspace is: older projects have one for all branches.
pub(super) fn segment<'a>(call: &'a Call<'_>) -> &'a str {
    if call.has_storage_branches() { call.branch.segment() } else { "default" }
}

fn configs(call: &Call<'_>) -> Path {
    Path::new("branch").part(segment(call)).then("components").part(COMPONENT).then("configs")
}

/// The workspace, if there is one.
pub(super) async fn find(call: &Call<'_>) -> Result<Option<Workspace>, ApiError> {
    let (key, now) = (call.key(&format!("workspace:{}", segment(call))), call.client.now_ms());
    if let Some(known) = WORKSPACES.with(|kept| kept.get(key, now)) {
        return Ok(Some(known));
    }
    let configurations = match call.storage(configs(call), &[]).await {
        Ok(configurations) => items(configurations)?,
        Err(ApiError::Refused { status: 404, .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    for configuration in configurations {
        let path = configs(call).part(&id_of(&configuration)).then("workspaces");
        let records = items(call.storage(path, &[]).await?)?;
        if let Some(found) = records.iter().find_map(Workspace::read) {
            WORKSPACES.with(|kept| kept.put(key, now, found.clone()));
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Forgets the workspace: it is not there any more.
pub(super) fn forget(call: &Call<'_>) {
    WORKSPACES.with(|kept| kept.forget(call.key(&format!("workspace:{}", segment(call)))));
}

/// Goes on unless there is no workspace, and the caller may make none.
pub(super) async fn require(call: &Call<'_>) -> Result<(), ShortCircuit> {
    match call.reads_only(call.ctx) {
        Some(why) if find(call).await?.is_none() => failed(format!(
            "Nothing was queried: the project has no read-only workspace for queries yet. The first query of a \
             caller who may change the project makes it, and it stays; for this caller nothing is made ({why}). \
             Ask the person to have such a caller run keboola_query_data once. keboola_preview_table shows rows \
             without a workspace."
        )),
        _ => Ok(()),
    }
}

/// The workspace, and a sentence where it was made because there was none.
pub(super) async fn found_or_made(
    call: &Call<'_>,
) -> Result<(Workspace, Option<String>), ShortCircuit> {
    require(call).await?;
    if let Some(found) = find(call).await? {
        return Ok((found, None));
    }
    let begun = call.ctx.begin().await?;
    call.ctx.progress(0.0, None, Some("making the read-only workspace"));
    // One whose answer was lost may be on its way: it is looked for as others are.
    let (job, lost) = match call.ctx.step(&begun, "workspace", make(call, &begun)).await? {
        Step::Done(Made::Job(job)) => (job, String::new()),
        Step::Done(Made::Refused(why)) => {
            return failed(format!("The workspace could not be made. {why}"));
        }
        Step::Done(Made::Lost(why)) => (String::new(), why),
        Step::Unknown => (String::new(), "This server restarted while it was made.".to_owned()),
    };
    let done = call.ctx.poll("workspace-made", PACE, async || look(call, &job).await).await?;
    match done {
        Some(Ok(workspace)) => {
            let made = format!(
                "As the project had none, this query made its shared read-only workspace {}, which stays.",
                workspace.id
            );
            Ok((workspace, Some(made)))
        }
        Some(Err(why)) => failed(format!("The workspace could not be made: {why}")),
        None if job.is_empty() => failed(format!(
            "{lost} The workspace MAY be made all the same, but is not there after five minutes. \
             keboola_get_project_info has its workspace_id once it is there."
        )),
        None => failed("The workspace is still being made after five minutes. Call again later."),
    }
}

/// How the requests that make a workspace ended.
#[derive(Serialize, Deserialize)]
enum Made {
    /// The storage job that makes it.
    Job(String),
    /// There will be none.
    Refused(String),
    /// There may be one: the answer was lost.
    Lost(String),
}

/// Makes a configuration and a workspace of it, and notes that in the audit.
async fn make(call: &Call<'_>, begun: &Begun) -> Made {
    let id = call.ctx.platform.uuid();
    let target = call.target(&format!("{COMPONENT}/{id}"));
    let noted = note_change(call.ctx, call.operation.name, Effect::Write, target);
    let made = made(call, begun, id).await;
    noted.end(match &made {
        Made::Job(_) => "done",
        Made::Refused(_) => "failed",
        Made::Lost(_) => UNKNOWN,
    });
    made
}

async fn made(call: &Call<'_>, begun: &Begun, id: String) -> Made {
    let short = id.split('-').next().unwrap_or_default();
    let body = json!({
        "configurationId": id,
        "name": format!("mcp-workspace-{short}"),
        "description": "The read-only workspace for queries of MCP clients.",
        "configuration": {},
    });
    let (post, storage) = (Method::Post, Service::Storage);
    let made = call.client.change(begun, post, storage, configs(call), &[], Some(&body)).await;
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            let possible = format!("An empty configuration {id} of {COMPONENT} MAY be there now.");
            return Made::Refused(error.told("", &possible, LOOK_UP));
        }
    };
    let is_bigquery = call.project.is_bigquery();
    let login = if is_bigquery { "default" } else { "snowflake-person-sso" };
    let backend = if is_bigquery { "bigquery" } else { "snowflake" };
    let body = json!({"readOnlyStorageAccess": true, "loginType": login, "backend": backend});
    let path = configs(call).part(&id_of(&made));
    let query = [("async", "true".to_owned())];
    let workspaces = path.clone().then("workspaces");
    match call.client.change(begun, post, storage, workspaces, &query, Some(&body)).await {
        Ok(job) => Made::Job(id_of(&job)),
        Err(error) if error.leaves_doubt() => Made::Lost(error.reason()),
        Err(error) => {
            let deleted = call.client.change(begun, Method::Delete, storage, path, &[], None).await;
            let left = deleted.err().map(|error| {
                let denied = format!("The empty configuration {id} of {COMPONENT} stays.");
                let possible = format!("The empty configuration {id} of {COMPONENT} MAY stay.");
                error.told(&denied, &possible, LOOK_UP)
            });
            Made::Refused([error.reason()].into_iter().chain(left).collect::<Vec<_>>().join(" "))
        }
    }
}

/// The workspace once it is made, or why it is not.
async fn look(call: &Call<'_>, job: &str) -> Option<Result<Workspace, String>> {
    call.client.start_look();
    if let Ok(Some(found)) = find(call).await {
        return Some(Ok(found));
    }
    let job = call.storage(Path::new("jobs").part(job), &[]).await.ok()?;
    if job.get("status").and_then(Value::as_str) != Some("error") {
        return None;
    }
    let why = job.pointer("/error/message").and_then(Value::as_str);
    Some(Err(why.unwrap_or("Keboola gives no reason").to_owned()))
}

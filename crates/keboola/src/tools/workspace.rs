//! The shared read-only workspace in which queries run.
//!
//! It belongs to a configuration of [`COMPONENT`], by which every client of a project finds it again.
//! Invariant: it is made at most once in a call, and only by the tool that queries.

use std::time::Duration;

use mcp_platform::Method;
use mcp_server::{context::Pace, execution::Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::{ApiError, Kept, Path, Service},
    call::{Call, ShortCircuit, failed, id_of, items, sentence},
};

/// The component that such workspaces belong to.
const COMPONENT: &str = "keboola.mcp-server-tool";
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

/// The workspace; it is made if there is none.
pub(super) async fn found_or_made(call: &Call<'_>) -> Result<Workspace, ShortCircuit> {
    if let Some(found) = find(call).await? {
        return Ok(found);
    }
    let begun = call.ctx.begin().await?;
    call.ctx.progress(0.0, None, Some("making the read-only workspace"));
    let make = async { make(call, &begun).await.map_err(|error| sentence(&error)) };
    let job = match call.ctx.step(&begun, "workspace", make).await? {
        Step::Done(Ok(job)) => job,
        Step::Done(Err(why)) => return failed(format!("The workspace could not be made. {why}")),
        Step::Unknown => String::new(),
    };
    let done = call.ctx.poll("workspace-made", PACE, async || look(call, &job).await).await?;
    match done {
        Some(Ok(workspace)) => Ok(workspace),
        Some(Err(why)) => failed(format!("The workspace could not be made: {why}")),
        None => failed("The workspace is still being made after five minutes. Call again later."),
    }
}

/// Makes a configuration and a workspace of it; the id of the storage job that does.
async fn make(call: &Call<'_>, begun: &mcp_server::execution::Begun) -> Result<String, ApiError> {
    let id = call.ctx.platform.uuid();
    let short = id.split('-').next().unwrap_or_default();
    let body = json!({
        "configurationId": id,
        "name": format!("mcp-workspace-{short}"),
        "description": "The read-only workspace for queries of MCP clients.",
        "configuration": {},
    });
    let (post, storage) = (Method::Post, Service::Storage);
    let made = call.client.change(begun, post, storage, configs(call), &[], Some(&body)).await?;
    let is_bigquery = call.project.is_bigquery();
    let login = if is_bigquery { "default" } else { "snowflake-person-sso" };
    let backend = if is_bigquery { "bigquery" } else { "snowflake" };
    let body = json!({"readOnlyStorageAccess": true, "loginType": login, "backend": backend});
    let path = configs(call).part(&id_of(&made));
    let query = [("async", "true".to_owned())];
    let job = call
        .client
        .change(begun, post, storage, path.clone().then("workspaces"), &query, Some(&body))
        .await;
    if job.as_ref().is_err_and(|error| !error.leaves_doubt()) {
        // One that stays behind does no harm.
        let _ = call.client.change(begun, Method::Delete, storage, path, &[], None).await;
    }
    Ok(id_of(&job?))
}

/// The workspace once it is made, or why it is not.
async fn look(call: &Call<'_>, job: &str) -> Option<Result<Workspace, String>> {
    call.client.start_over();
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

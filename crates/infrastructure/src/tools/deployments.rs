//! Lists the deployments of a Worker, and the versions that can be deployed.

use catalogue::{CallOutcome, call::data};
use serde_json::{Value, json};

use super::shares::gone;
use crate::{
    api::{Deployment, Version},
    call::Call,
};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let (stage, worker) = (call.state.stage()?, call.state.worker()?);
    let limit = call.arguments.get("limit").and_then(Value::as_u64).unwrap_or(1);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let client = call.state.client(call.ctx);
    let deployments = client.deployments(worker).await.map_err(|why| gone(call, &why))?;
    let versions = client.versions(worker).await.map_err(|why| gone(call, &why))?;
    let truncated = deployments.len() > limit || versions.len() > limit;
    let deployments: Vec<Value> = deployments.iter().take(limit).map(deployment).collect();
    let versions: Vec<Value> = versions.iter().take(limit).map(version).collect();
    let fields = vec![
        ("stage", json!(stage.name)),
        ("worker", json!(worker)),
        ("deployments", json!(deployments)),
        ("versions", json!(versions)),
        ("truncated", json!(truncated)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

fn deployment(deployment: &Deployment) -> Value {
    json!({
        "id": deployment.id,
        "created_on": deployment.created_on,
        "message": deployment.message,
        "versions": deployment.versions,
    })
}

fn version(version: &Version) -> Value {
    json!({
        "version_id": version.id,
        "number": version.number,
        "created_on": version.created_on,
        "tag": version.tag,
        "message": version.message,
    })
}

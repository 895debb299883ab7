//! Creates a configuration under an id of its own, by which it is found where the answer is lost.

use mcp_platform::Method;
use mcp_server::{client_request::Stop, execution::Begun};
use serde_json::{Value, json};

use super::config_write;
use crate::{
    api::{ApiError, Service},
    call::{Call, Outcome, ShortCircuit, failed, id_of, sentence},
    configuration::assemble::Level,
};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let configuration = config_write::assembled(call, Level::Root).await?;
    created(call, call.required("component_id"), configuration).await
}

/// Creates a configuration of a component; the answer of the tool.
pub(super) async fn created(call: &Call<'_>, component: &str, configuration: Value) -> Outcome {
    let sealed = config_write::sealed(call, component, configuration).await?;
    let id = async { Ok::<_, Stop>(new_id(call)) };
    let id = call.ctx.once("id", id).await?;
    let begun = call.ctx.begin().await?;
    let record = sent(call, &begun, component, &id, sealed).await?;
    let path = call.configs(component).part(&id_of(&record));
    let mut notes = Vec::new();
    if let Some(folder) = call.text("folder").filter(|folder| !folder.is_empty()) {
        let key = crate::metadata::FOLDER;
        notes.extend(config_write::mark(call, &begun, path.clone(), key, folder).await);
    }
    notes.extend(config_write::mark(call, &begun, path, "KBC.MCP.createdBy", "true").await);
    Ok(config_write::answer(call, component, &id_of(&record), &record, notes))
}

/// An id that no other configuration has. Storage takes any text.
pub(super) fn new_id(call: &Call<'_>) -> String {
    call.ctx.platform.uuid().replace('-', "")
}

async fn sent(
    call: &Call<'_>,
    begun: &Begun,
    component: &str,
    id: &str,
    configuration: Value,
) -> Result<Value, ShortCircuit> {
    let body = json!({
        "configurationId": id,
        "name": call.required("name"),
        "description": call.required("description"),
        "configuration": configuration,
    });
    let path = call.configs(component);
    let (post, storage) = (Method::Post, Service::Storage);
    let answer = call.client.change(begun, post, storage, path.clone(), &[], Some(&body)).await;
    let error = match answer {
        Ok(record) => return Ok(record),
        Err(error) if error.leaves_doubt() => error,
        Err(error) => return Err(call.unchanged(&error)),
    };
    call.client.start_over();
    match call.storage(path.part(id), &[]).await {
        Ok(record) => Ok(record),
        Err(ApiError::Refused { status: 404, .. }) => failed(call.in_doubt(&format!(
            "{} Keboola shows no configuration {id} so far.",
            sentence(&error)
        ))),
        Err(_) => Err(call.unchanged(&error)),
    }
}

#[cfg(test)]
#[path = "create_config_tests.rs"]
mod tests;

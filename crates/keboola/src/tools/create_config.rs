//! Creates a configuration under an id of its own, by which it is found where the answer is lost.

use mcp_platform::Method;
use mcp_server::{client_request::Stop, execution::Begun};
use serde_json::{Value, json};

use super::{
    config_write,
    variables::{self, Owner},
};
use crate::{
    api::{ApiError, Path, Service},
    call::{Call, Outcome, ShortCircuit, failed, id_of},
    configuration::{assemble::Level, variables::Variable},
};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let configuration = config_write::assembled(call, Level::Root).await?;
    created(call, call.required("component_id"), configuration).await
}

/// Creates a configuration of a component; the answer of the tool.
pub(super) async fn created(call: &Call<'_>, component: &str, configuration: Value) -> Outcome {
    let asked = variables::asked(call)?.filter(|asked| !asked.is_empty());
    let sealed = config_write::sealed(call, component, configuration).await?;
    let id = async { Ok::<_, Stop>(new_id(call)) };
    let id = call.ctx.once("id", id).await?;
    call.ctx.changes_what(call.target(&format!("{component}/{id}"))).await?;
    let begun = call.ctx.begin().await?;
    let mut record = sent(call, &begun, component, &id, sealed.clone()).await?;
    let id = id_of(&record);
    let path = call.configs(component).part(&id);
    let mut notes = Vec::new();
    if let Some(folder) = call.text("folder").filter(|folder| !folder.is_empty()) {
        let key = crate::metadata::FOLDER;
        notes.extend(config_write::mark(call, &begun, path.clone(), key, folder).await);
    }
    let key = "KBC.MCP.createdBy";
    notes.extend(config_write::mark(call, &begun, path.clone(), key, "true").await);
    if let Some(asked) = asked {
        let owner = Owner { component, id: &id };
        match with_variables(call, &begun, &owner, path.clone(), sealed, &asked).await {
            Ok(linked) => {
                let version = config_write::version(&linked);
                notes.extend(config_write::mark_version(call, &begun, path, version).await);
                record = linked;
            }
            Err(ShortCircuit::Failed(why)) => {
                notes.push(why);
            }
            Err(stop) => return Err(stop),
        }
    }
    Ok(config_write::answer(call, component, &id, &record, notes))
}

/// Makes a new configuration use variables; its record then.
async fn with_variables(
    call: &Call<'_>,
    begun: &Begun,
    owner: &Owner<'_>,
    path: Path,
    mut configuration: Value,
    asked: &[Variable],
) -> Outcome {
    let written = variables::write(call, begun, owner, &mut configuration, asked).await;
    written.map_err(|reason| match reason {
        ShortCircuit::Failed(why) => {
            ShortCircuit::Failed(format!("The configuration has no variables yet. {why}"))
        }
        stop => stop,
    })?;
    let body = json!({ "configuration": configuration, "changeDescription": "Link variables" });
    let (put, storage) = (Method::Put, Service::Storage);
    let answer = call.client.change(begun, put, storage, path, &[], Some(&body)).await;
    answer.map_err(|error| {
        ShortCircuit::Failed(error.told(
            "The configuration has no variables yet: they were written, but not linked.",
            "The variables were written; the configuration MAY be linked to them.",
            "Read it with keboola_get_configs.",
        ))
    })
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
        Err(ApiError::Refused { status: 404, .. }) => {
            failed(call.in_doubt(&format!(
                "{} Keboola shows no configuration {id} so far.",
                error.reason()
            )))
        }
        Err(_) => Err(call.unchanged(&error)),
    }
}

#[cfg(test)]
#[path = "create_config_tests.rs"]
mod tests;

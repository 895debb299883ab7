//! Changes parts of a configuration.

use mcp_platform::Method;
use mcp_server::execution::Begun;
use serde_json::Value;

use super::{
    config_write::{self, Draft},
    variables::{self, Owner},
};
use crate::{
    api::{Path, Service},
    call::{Call, Outcome, ShortCircuit, id_of, items, sentence},
    configuration::assemble::Level,
    metadata::FOLDER,
};

fn path(call: &Call<'_>) -> Path {
    call.configs(call.required("component_id")).part(call.required("configuration_id"))
}

/// The change, line by line.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    Draft::of(call, path(call), Level::Root).await?.plan(call).await
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let draft = Draft::of(call, path(call), Level::Root).await?;
    written(call, call.required("component_id"), path(call), draft).await
}

/// Stores a draft and what goes with it; the answer of the tool.
pub(super) async fn written(call: &Call<'_>, component: &str, path: Path, draft: Draft) -> Outcome {
    let mut body = draft.body(call).await?;
    let begun = call.ctx.begin().await?;
    let orphan = linked(call, &begun, component, &draft, &mut body).await?;
    let record = match draft.writes() {
        false => draft.record.clone(),
        true => config_write::stored(call, &begun, path.clone(), &draft, &body).await?,
    };
    let mut notes = vec![draft.summary.clone()];
    if let Some(orphan) = orphan {
        notes.extend(variables::delete(call, &begun, &orphan).await);
    }
    notes.extend(folder(call, &begun, &path).await);
    if draft.writes() {
        let version = config_write::version(&record);
        notes.extend(config_write::mark_version(call, &begun, path, version).await);
    }
    let id = call.required("configuration_id");
    Ok(config_write::answer(call, component, id, &record, notes))
}

/// Writes the variables that are asked for, and the links to them into the body of the request.
async fn linked(
    call: &Call<'_>,
    begun: &Begun,
    component: &str,
    draft: &Draft,
    body: &mut Value,
) -> Result<Option<String>, ShortCircuit> {
    let (Some(asked), Some(configuration)) = (&draft.variables, body.get_mut("configuration"))
    else {
        return Ok(None);
    };
    let owner = Owner { component, id: call.required("configuration_id") };
    let written = variables::write(call, begun, &owner, configuration, asked).await;
    written.map_err(|reason| match reason {
        ShortCircuit::Failed(why) => {
            ShortCircuit::Failed(format!("The configuration itself was not changed. {why}"))
        }
        stop => stop,
    })
}

/// Puts the configuration into the folder that is asked for; a sentence where that failed.
async fn folder(call: &Call<'_>, begun: &Begun, path: &Path) -> Option<String> {
    let folder = call.text("folder")?;
    if !folder.is_empty() {
        return config_write::mark(call, begun, path.clone(), FOLDER, folder).await;
    }
    cleared(call, begun, path).await.err()
}

/// Takes the configuration out of its folder.
async fn cleared(call: &Call<'_>, begun: &Begun, path: &Path) -> Result<(), String> {
    const DENIED: &str = "The folder could not be cleared.";
    let path = path.clone().then("metadata");
    let metadata = call.storage(path.clone(), &[]).await.and_then(items);
    let metadata = metadata.map_err(|error| format!("{DENIED} {}", sentence(&error)))?;
    let is_folder = |item: &&Value| item.get("key").and_then(Value::as_str) == Some(FOLDER);
    for present in metadata.iter().filter(is_folder) {
        let (delete, storage) = (Method::Delete, Service::Storage);
        let path = path.clone().part(&id_of(present));
        let deleted = call.client.change(begun, delete, storage, path, &[], None).await;
        deleted.map_err(|error| {
            let look_up = "Read the configuration with keboola_get_configs.";
            error.told(DENIED, "The folder MAY be cleared.", look_up)
        })?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "update_config_tests.rs"]
mod tests;

//! The variables of a configuration: a configuration of their own, which the other one links to.
//!
//! Invariant: what a configuration links to is written before the link, and deleted after it.

use mcp_platform::Method;
use mcp_server::{client_request::Stop, execution::Begun};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::create_config;
use crate::{
    api::{ApiError, Path, Service, Unconfirmed},
    call::{Call, ShortCircuit, id_of, items},
    configuration::{
        printable::{foreign, foreign_list},
        variables::{self, COMPONENT_ID, DEFAULT_ROW, Variable},
    },
};

/// The variables among the arguments; None where they are not given.
pub(super) fn asked(call: &Call<'_>) -> Result<Option<Vec<Variable>>, ShortCircuit> {
    let refused = |why: String| ShortCircuit::Failed(format!("Nothing was changed. {why}."));
    let Some(given) = call.get("variables") else { return Ok(None) };
    let given =
        Vec::<Variable>::deserialize(given).map_err(|why| refused(format!("variables: {why}")))?;
    variables::check(&given).map_err(|why| refused(why.to_string()))?;
    Ok(Some(given))
}

/// Their names, for a person.
pub(super) fn named(asked: &[Variable]) -> String {
    let names: Vec<&str> = asked.iter().map(|variable| variable.name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { foreign_list(&names) }
}

/// What happens to the configuration that defines them, for a person.
pub(super) async fn effect(
    call: &Call<'_>,
    owner: &Owner<'_>,
    configuration: &Value,
    asked: &[Variable],
) -> Result<String, ShortCircuit> {
    let Some(present) = present(call, owner, variables::linked(configuration)).await? else {
        let effect =
            if asked.is_empty() { "there are none" } else { "a configuration is made for them" };
        return Ok(effect.to_owned());
    };
    let name = present.get("name").and_then(Value::as_str).unwrap_or_default();
    let effect = match (asked.is_empty(), owner.owns(&present)) {
        (false, true) => "is rewritten",
        (false, false) => "is rewritten; by its name it is not this configuration's own",
        (true, true) => "is deleted",
        (true, false) => {
            "is used no more; it stays, as by its name it is not this configuration's own"
        }
    };
    Ok(format!(
        "configuration {} of variables, {}, {effect}",
        foreign(&id_of(&present)),
        foreign(name)
    ))
}

/// A configuration that gets variables.
pub(super) struct Owner<'a> {
    pub(super) component: &'a str,
    pub(super) id: &'a str,
}

impl Owner<'_> {
    /// Whether a configuration of variables is made for this one alone: its name says so.
    fn owns(&self, record: &Value) -> bool {
        let name = variables::configuration_name(self.component, self.id);
        record.get("name").and_then(Value::as_str) == Some(&name)
    }
}

/// The configuration that defines the variables of another one, where there is one.
async fn present(
    call: &Call<'_>,
    owner: &Owner<'_>,
    linked: Option<&str>,
) -> Result<Option<Value>, ApiError> {
    let configs = call.configs(COMPONENT_ID);
    if let Some(linked) = linked {
        match call.storage(configs.clone().part(linked), &[]).await {
            Err(ApiError::Refused { status: 404, .. }) => {}
            found => return found.map(Some),
        }
    }
    let all = items(call.storage(configs.clone(), &[]).await?)?;
    match all.iter().find(|record| owner.owns(record)) {
        Some(found) => call.storage(configs.part(&id_of(found)), &[]).await.map(Some),
        None => Ok(None),
    }
}

async fn send(
    call: &Call<'_>,
    begun: &Begun,
    method: Method,
    path: Path,
    body: Value,
) -> Result<Value, Unconfirmed> {
    call.client.change(begun, method, Service::Storage, path, &[], Some(&body)).await
}

/// Why the definitions were not written, or may have been.
fn unwritten(error: &Unconfirmed, id: &str) -> ShortCircuit {
    ShortCircuit::Failed(error.told(
        "The variables could not be written.",
        "The variables MAY have been written.",
        &look_up(id),
    ))
}

/// How to find out what is there of the variables of this id.
fn look_up(id: &str) -> String {
    format!("Read configuration {} of {COMPONENT_ID} with keboola_get_configs.", foreign(id))
}

/// Writes the variables, and links the configuration to them. The id of the configuration of variables
/// that is to be deleted once the link is gone: the owner's own, as others may use another's.
pub(super) async fn write(
    call: &Call<'_>,
    begun: &Begun,
    owner: &Owner<'_>,
    configuration: &mut Value,
    asked: &[Variable],
) -> Result<Option<String>, ShortCircuit> {
    let linked = variables::linked(configuration).map(str::to_owned);
    let present = present(call, owner, linked.as_deref()).await?;
    let mut none = Map::new();
    let members = configuration.as_object_mut().unwrap_or(&mut none);
    if asked.is_empty() {
        variables::unlink(members);
        return Ok(present.filter(|record| owner.owns(record)).as_ref().map(id_of));
    }
    let id = defined(call, begun, owner, present.as_ref(), asked).await?;
    let row = defaults(call, begun, &id, present.as_ref(), asked).await?;
    variables::link(members, &id, row.as_deref());
    Ok(None)
}

/// Writes the definitions; the id of their configuration.
async fn defined(
    call: &Call<'_>,
    begun: &Begun,
    owner: &Owner<'_>,
    present: Option<&Value>,
    asked: &[Variable],
) -> Result<String, ShortCircuit> {
    let configs = call.configs(COMPONENT_ID);
    let configuration = variables::definitions(asked);
    if let Some(id) = present.map(id_of) {
        let body = json!({
            "configuration": configuration,
            "changeDescription": "Update variable definitions",
        });
        let written = send(call, begun, Method::Put, configs.part(&id), body).await;
        written.map_err(|error| unwritten(&error, &id))?;
        return Ok(id);
    }
    let new = async { Ok::<_, Stop>(create_config::new_id(call)) };
    let id = call.ctx.once("variables", new).await?;
    let body = json!({
        "configurationId": id,
        "name": variables::configuration_name(owner.component, owner.id),
        "description": "",
        "configuration": configuration,
    });
    let written = send(call, begun, Method::Post, configs, body).await;
    written.map_err(|error| unwritten(&error, &id))?;
    Ok(id)
}

/// Writes the default values; the id of their row, where there are some.
async fn defaults(
    call: &Call<'_>,
    begun: &Begun,
    id: &str,
    present: Option<&Value>,
    asked: &[Variable],
) -> Result<Option<String>, ShortCircuit> {
    let rows = call.configs(COMPONENT_ID).part(id).then("rows");
    let stored = present.and_then(|record| record.get("rows")?.as_array());
    let is_it = |row: &&Value| row.get("name").and_then(Value::as_str) == Some(DEFAULT_ROW);
    let row = stored.into_iter().flatten().find(is_it).map(id_of);
    let values = variables::default_values(asked);
    let (row, method, path, body) = match (row, &values) {
        (None, None) => return Ok(None),
        (Some(row), _) => {
            let body = json!({
                "configuration": values.clone().unwrap_or_else(|| json!({ "values": [] })),
                "changeDescription": "Update default variable values",
            });
            (row.clone(), Method::Put, rows.part(&row), body)
        }
        (None, Some(values)) => {
            let new = async { Ok::<_, Stop>(create_config::new_id(call)) };
            let row = call.ctx.once("variables-row", new).await?;
            let body = json!({
                "rowId": row, "name": DEFAULT_ROW, "description": "", "configuration": values,
            });
            (row, Method::Post, rows, body)
        }
    };
    let written = send(call, begun, method, path, body).await;
    written.map_err(|error| {
        ShortCircuit::Failed(error.told(
            "The variables were defined, but their default values were not written.",
            "The variables were defined, and their default values MAY have been written.",
            &look_up(id),
        ))
    })?;
    Ok(values.is_some().then_some(row))
}

/// Deletes the configuration of variables that no configuration links to any more; a sentence where that
/// failed, or may have.
pub(super) async fn delete(call: &Call<'_>, begun: &Begun, id: &str) -> Option<String> {
    let path = call.configs(COMPONENT_ID).part(id);
    let (delete, storage) = (Method::Delete, Service::Storage);
    let deleted = call.client.change(begun, delete, storage, path, &[], None).await;
    deleted.err().map(|error| {
        error.told(
            "The configuration of the variables could not be deleted.",
            "The configuration of the variables MAY have been deleted.",
            &look_up(id),
        )
    })
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;

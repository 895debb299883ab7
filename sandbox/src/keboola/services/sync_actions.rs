//! Sync actions: `testConnection` succeeds unless the host is `unreachable`, `getTables` lists two
//! tables.

use serde_json::{Value, json};

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{World, component};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, post};

pub(crate) const ROUTES: &[Route] = &[post("actions", act)];

fn act(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let id = body.required("componentId")?;
    let action = body.required("action")?;
    ask.may_use(&id)?;
    if let Some(branch) = body.text("branchId")? {
        world.project(ask.project)?.branch(&branch)?;
    }
    let data = body.object("configData")?;
    let data = data.ok_or_else(|| Problem::invalid("Missing required parameter \"configData\""))?;
    let found = component(&id);
    let found = found.ok_or_else(|| Problem::missing(format!("Component \"{id}\" not found")))?;
    if !found.actions.contains(&action.as_str()) {
        let text = format!("Component \"{id}\" has no action \"{action}\"");
        return Err(Problem::invalid(text));
    }
    if data.pointer("/parameters/db/host").and_then(Value::as_str) == Some("unreachable") {
        return Err(Problem::invalid("Could not connect to host \"unreachable\""));
    }
    Ok(Reply::ok(&match action.as_str() {
        "getTables" => json!([{ "name": "orders" }, { "name": "customers" }]),
        _ => json!({ "status": "success" }),
    }))
}

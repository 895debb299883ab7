//! Changes the settings that are given; a call that names none is told which there are.

use crate::{
    call::{Call, Outcome},
    catalogue::Place,
};
use mcp_protocol::content::ToolResult;

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let settings: Vec<&str> = call
        .operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place == Place::Body)
        .map(|parameter| parameter.name)
        .collect();
    if settings.iter().all(|name| call.arguments.get(name).is_none()) {
        return Err(ToolResult::error(format!(
            "There is nothing to change; nothing was sent to SiteBay. Give at least one of: {}.",
            settings.join(", ")
        ))
        .into());
    }
    call.run().await
}

//! Changes the given settings; a call without any returns the list of settings.

use crate::call::{Call, CallOutcome};
use catalogue::Place;
use mcp_protocol::content::CallToolResult;

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let settings: Vec<&str> = call
        .operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place == Place::Body)
        .map(|parameter| parameter.name)
        .collect();
    if settings.iter().all(|name| call.arguments.get(name).is_none()) {
        return Err(CallToolResult::error(format!(
            "There is nothing to change; nothing was sent to SiteBay. Give at least one of: {}.",
            settings.join(", ")
        ))
        .into());
    }
    call.plain().await
}

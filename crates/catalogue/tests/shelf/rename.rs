//! Renames a book, which takes two requests: one that shows the person what changes, one that changes it.

use catalogue::{CallOutcome, ShortCircuit};
use mcp_platform::Method;
use mcp_protocol::content::CallToolResult;
use mcp_server::execution::Step;
use serde_json::{Value, json};

use super::service::{Call, send};

fn url(call: &Call<'_>) -> String {
    let book = call.arguments.text("book").unwrap_or_default();
    format!("https://catalogue.shelf.test/books/{book}")
}

/// The difference that the person is shown.
pub(crate) async fn losses(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let book = send(call, Method::Get, url(call), None).await?;
    let old = book.get("title").and_then(Value::as_str).unwrap_or("(none)");
    let new = call.arguments.text("title").unwrap_or_default();
    Ok(format!("- title: {old}\n+ title: {new}"))
}

pub(crate) async fn run(call: &Call<'_>) -> CallOutcome {
    let begun = call.ctx.begin().await?;
    let body = json!({ "title": call.arguments.get("title") });
    let sent = async { send(call, Method::Put, url(call), Some(body)).await.ok() };
    match call.ctx.step(&begun, "rename", sent).await? {
        Step::Done(Some(Value::Object(book))) => Ok(call.shown(book, Vec::new())),
        Step::Done(_) | Step::Unknown => {
            let check = call.operation.check.unwrap_or_default();
            let text = format!("The title MAY be another one now. {check}");
            Err(CallToolResult::error(text).into())
        }
    }
}

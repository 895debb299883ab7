//! A checkpoint of the present state, before something overwrites it.

use serde_json::Value;

use super::call::{Call, Requests as _, ShortCircuit, data};
use crate::api::{Repeat, Request, encode_part};
use mcp_platform::Method;
use mcp_protocol::content::CallToolResult;
use mcp_server::execution::Step;

/// Makes a checkpoint; where that fails, nothing else is done.
pub(crate) async fn make(call: &Call<'_>) -> Result<(), ShortCircuit> {
    let begun = call.ctx.begin().await?;
    let made = async {
        let client = call.client().map_err(|_| "SiteBay cannot be asked".to_owned())?;
        let part = encode_part(call.arguments.text("fqdn").unwrap_or_default());
        let path = format!("/site/{}/checkpoints", part.unwrap_or_default());
        let url = client.address(&path, &[]).map_err(|error| error.to_string())?;
        let name = format!("Before: {}", call.operation.title);
        let request = Request {
            method: Method::Post,
            body: Some(Value::Object(data(vec![("name", name.into())]))),
            repeat: Repeat::Never,
            ..Request::get(url)
        };
        client.change(&begun, &request).await.map(|_| ()).map_err(|error| error.to_string())
    };
    // Nothing, or a text: why not.
    let made = async { made.await.map_or_else(Value::String, |()| Value::Null) };
    let why = match call.ctx.step(&begun, "checkpoint", made).await? {
        Step::Done(Value::String(why)) => why,
        Step::Done(_) => return Ok(()),
        Step::Unknown => "its answer was lost".to_owned(),
    };
    let text = format!(
        "Nothing was restored: the checkpoint that the person wants first could not be made \
         ({why}). Check sitebay_list_checkpoints, or ask the person whether to continue without \
         one."
    );
    Err(CallToolResult::error(text).into())
}

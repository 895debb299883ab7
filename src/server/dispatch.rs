//! From a request's method to its answer.
//!
//! Invariant: the parameters are scanned once, and every request ends in exactly one answer.

use std::{borrow::Cow, rc::Rc};

use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    protocol::{
        content::ToolResult,
        jsonrpc::{
            INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, RESOURCE_NOT_FOUND,
            RequestId, RpcError, error_text, result_text, result_value,
        },
    },
    server::{context::Context, notify::Notifier, registry},
    toolsets::sitebay::{self, ResourceError},
};

/// Bytes a result may have. A Worker could send more, but no model could read it.
pub const MAX_RESULT: usize = 8 * 1024 * 1024;

/// The parameters of a request, as far as any method here reads them.
#[derive(Deserialize, Default)]
pub struct Params<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cursor: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

/// `params._meta`.
#[derive(Deserialize, Default)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    stateless_version: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Reads the parameters of a request of the session era.
    ///
    /// # Errors
    /// −32602 where a field has the wrong type, −32600 where the request is of the other era.
    pub fn read(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let Some(params) = params else {
            return Ok(Self::default());
        };
        let params: Self = serde_json::from_str(params.get())
            .map_err(|error| RpcError::new(INVALID_PARAMS, format!("params: {error}")))?;
        if params.meta.as_ref().is_some_and(|meta| meta.stateless_version.is_some()) {
            return Err(RpcError::new(
                INVALID_REQUEST,
                "a stateless request inside a session: send it without Mcp-Session-Id",
            ));
        }
        Ok(params)
    }

    /// The JSON text of the progress token: a string or an integer.
    pub fn progress_token(&self) -> Option<RequestId> {
        self.meta.as_ref()?.progress_token.and_then(RequestId::read)
    }
}

/// Answers one request: the text of its response.
pub async fn answer(
    ctx: Context,
    id: &RequestId,
    method: &str,
    params: Result<Params<'_>, RpcError>,
) -> Vec<u8> {
    let params = match params {
        Ok(params) => params,
        Err(error) => return error_text(Some(id), &error),
    };
    let outcome = match method {
        "ping" => Ok(result_text(id, "{}")),
        "tools/list" => listed(id, &params, registry::tools_list()),
        "tools/call" => call_tool(&ctx, id, params).await,
        "resources/list" => listed(id, &params, registry::resources_list()),
        "resources/templates/list" => listed(id, &params, registry::resource_templates_list()),
        "resources/read" => read_resource(&ctx, id, params).await,
        "initialize" => Err(RpcError::new(
            INVALID_REQUEST,
            "this session is initialized: send initialize without Mcp-Session-Id for a new one",
        )),
        _ => Err(RpcError::new(METHOD_NOT_FOUND, format!("no method `{method}`"))),
    };
    outcome.unwrap_or_else(|error| error_text(Some(id), &error))
}

/// A list that fits one page, so that every cursor is unknown.
fn listed(id: &RequestId, params: &Params<'_>, list: &str) -> Result<Vec<u8>, RpcError> {
    match &params.cursor {
        None => Ok(result_text(id, list)),
        Some(cursor) => {
            Err(RpcError::new(INVALID_PARAMS, format!("`cursor`: `{cursor}` is not known")))
        }
    }
}

async fn call_tool(ctx: &Context, id: &RequestId, params: Params<'_>) -> Result<Vec<u8>, RpcError> {
    let name = params
        .name
        .ok_or_else(|| RpcError::new(INVALID_PARAMS, "tools/call: `name` is missing"))?;
    let result = registry::call(ctx, &name, params.arguments).await.ok_or_else(|| {
        RpcError::new(INVALID_PARAMS, format!("no tool `{name}`: see tools/list"))
    })?;
    let text = result_value(id, &result);
    if text.len() <= MAX_RESULT {
        return Ok(text);
    }
    let size = text.len();
    drop(text);
    Ok(result_value(id, &too_large(size)))
}

fn too_large(size: usize) -> ToolResult {
    ToolResult::error(format!(
        "The result is too large to send: {size} bytes, at most {MAX_RESULT}. The call itself was \
         carried out. Ask for less: a filter, a smaller range, fewer items."
    ))
}

async fn read_resource(
    ctx: &Context,
    id: &RequestId,
    params: Params<'_>,
) -> Result<Vec<u8>, RpcError> {
    let uri = params
        .uri
        .ok_or_else(|| RpcError::new(INVALID_PARAMS, "resources/read: `uri` is missing"))?;
    match sitebay::read(ctx, &uri).await {
        Ok(resource) => {
            let contents =
                json!([{ "uri": uri, "mimeType": resource.mime_type, "text": resource.text }]);
            Ok(result_value(id, &json!({ "contents": contents })))
        }
        Err(ResourceError::NotFound) => Err(RpcError {
            code: RESOURCE_NOT_FOUND,
            message: format!("no resource `{uri}`"),
            data: Some(json!({ "uri": uri })),
        }),
        Err(ResourceError::Failed(reason)) => Err(RpcError::new(INTERNAL_ERROR, reason)),
    }
}

/// The context for one request: the session's, with the way back for this request.
pub fn context_with(session: &Context, notifier: Rc<dyn Notifier>) -> Context {
    Context { notifier, ..session.clone() }
}

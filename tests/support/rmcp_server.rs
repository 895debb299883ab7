//! A server of `rmcp`, the official Rust SDK, inside the test's process: sessions and 2026-07-28 at one
//! URL. Its streams begin with an event that has no data.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{Request, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ServerConfig,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig,
        streamable_http_server::{StreamableHttpService, session::local::LocalSessionManager},
    },
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// A running server. Dropping it closes its port and its connections.
pub struct RmcpServer {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for RmcpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RmcpServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let sessions = Arc::new(LocalSessionManager::default());
        let config = StreamableHttpServerConfig::default();
        let service = StreamableHttpService::new(|| Ok(Tools), sessions, config);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                let answer = move |request: Request<_>| {
                    let service = service.clone();
                    async move { Ok::<_, Infallible>(service.handle(request).await) }
                };
                let connection = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                connections.spawn(connection);
            }
        });
        Self { url, task }
    }

    /// The URL of its endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }
}

struct Tools;

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let info = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "rmcp", "version": "1.0" },
        });
        serde_json::from_value(info).unwrap()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
        let tools = json!([tool("echo"), tool("slow"), tool("fail")]);
        Ok(ListToolsResult::with_all_items(serde_json::from_value(tools).unwrap()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let text = match request.name.as_ref() {
            "echo" => arguments["text"].as_str().unwrap_or_default(),
            "slow" => {
                slow(&arguments, &context).await;
                "done"
            }
            _ => return Ok(result("it did not work", true).into()),
        };
        Ok(result(text, false).into())
    }
}

fn result(text: &str, is_error: bool) -> CallToolResult {
    let content = json!([{ "type": "text", "text": text }]);
    let result = json!({ "resultType": "complete", "content": content, "isError": is_error });
    serde_json::from_value(result).unwrap()
}

async fn slow(arguments: &Value, context: &RequestContext<RoleServer>) {
    let steps = arguments["steps"].as_u64().unwrap_or(1);
    let pause = Duration::from_millis(arguments["ms"].as_u64().unwrap_or_default() / steps);
    for step in (1..=steps).map(|step| u32::try_from(step).unwrap()) {
        // Real time: the caller says how long it takes.
        sleep(pause).await;
        if let Some(token) = context.meta.get_progress_token() {
            let progress = ProgressNotificationParam::new(token, step.into());
            // The client may have left.
            let _ = context.peer.notify_progress(progress).await;
        }
    }
}
